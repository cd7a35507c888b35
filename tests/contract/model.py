"""The store port as plain Python over dictionaries: slow, obvious, and what both adapters are compared with."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime
from functools import cmp_to_key
from itertools import chain
from typing import Any, TypeVar

from graph.conditions import (
    EVERYTHING,
    All,
    AnyOf,
    Condition,
    FactContains,
    FactExists,
    FactHasPrefix,
    FactIn,
    HasErrors,
    IsOrphan,
    Not,
    OnWholeGraph,
    RefIn,
    Related,
    TextContains,
)
from graph.entities import Edge, Entity, Evidence, canonical_json, content_hash, facts_of
from graph.errors import StaleWriteError
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step
from graph.store import (
    Batch,
    CatalogError,
    Change,
    Closure,
    ClosureQuery,
    Counts,
    EdgeEnd,
    ErrorFilter,
    FacetCount,
    Keyset,
    Operation,
    Order,
    Page,
    PathStep,
    ReachedRow,
    RelatedRow,
    Window,
)

Row = TypeVar("Row")
Key = tuple[Ref, str, Ref]
Seen = frozenset[Ref]


def hash_of(entity: Entity) -> str:
    return content_hash(canonical_json(entity.document))


class Model:
    """The graph, its log and its errors."""

    def __init__(self, registry: RelationRegistry | None = None) -> None:
        self.registry = registry or RelationRegistry()
        self.entities: dict[Ref, Entity] = {}
        self.declares: dict[Ref, Sequence[Edge]] = {}
        self.log: list[Change] = []
        self.found_errors: dict[str, CatalogError] = {}

    def apply(self, batch: Batch) -> Sequence[Change]:
        expected = [(w.entity.ref, w.previous_hash) for w in batch.writes] + [(r.ref, r.previous_hash) for r in batch.removals]
        for ref, previous in expected:
            if (hash_of(self.entities[ref]) if ref in self.entities else None) != previous:
                raise StaleWriteError(ref)
        entries: list[tuple[Ref, Operation, Sequence[Any]]] = []
        for write in batch.writes:
            if write.previous_hash is None:
                entries.append((write.entity.ref, Operation.CREATED, ()))
            elif write.patch:
                entries.append((write.entity.ref, Operation.UPDATED, write.patch))
            self.entities[write.entity.ref] = write.entity
            self.declares[write.entity.ref] = write.declares
        for removal in batch.removals:
            entries.append((removal.ref, Operation.REMOVED, removal.patch))
            del self.entities[removal.ref], self.declares[removal.ref]
        at = datetime.now(UTC)
        changes = [Change(len(self.log) + i, at, *entry, batch.cause) for i, entry in enumerate(entries, 1)]
        self.log += changes
        places = {(file.location_id, file.path) for file in batch.files} | set(batch.forgotten)
        self.found_errors = {e.id: e for e in self.found_errors.values() if (e.location_id, e.path) not in places}
        self.found_errors.update({error.id: error for error in batch.errors})
        return changes

    # What is seen

    def _edges(self, seen: Iterable[Ref]) -> Mapping[Key, Edge]:
        evidence: dict[Key, list[Evidence]] = {}
        for declarer in seen:
            for edge in self.declares[declarer]:
                evidence.setdefault((edge.source, edge.relation, edge.target), []).extend(edge.evidence)
        return {key: Edge(*key, tuple(sorted(of, key=lambda e: (e.declarer, e.field)))) for key, of in evidence.items()}

    def seen(self, visible: Condition) -> Seen:
        whole = self._edges(self.entities)
        return frozenset(ref for ref in self.entities if self._holds(visible, ref, whole, self.entities.keys()))

    def _facts(self, ref: Ref, path: str) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for (fact_path, value), shown in facts_of(self.entities[ref].document).items():
            if fact_path == path:
                found[value] = min(found.get(value, shown), shown)
        return found

    def _holds(self, condition: Condition, ref: Ref, edges: Mapping[Key, Edge], seen: AbstractSet[Ref]) -> bool:
        match condition:
            case FactIn(path, values):
                return any(value in values for value in self._facts(ref, path))
            case FactExists(path):
                return bool(self._facts(ref, path))
            case FactHasPrefix(path, prefix):
                return any(value.startswith(prefix) for value in self._facts(ref, path))
            case FactContains(path, part):
                return any(part in value for value in self._facts(ref, path))
            case RefIn(refs):
                return ref in refs
            case Related():
                return self._related(condition, ref, edges, seen)
            case TextContains(words, ref_alone):
                return all(any(word in text for text in ([ref] if ref_alone else self._texts(ref))) for word in words)
            case IsOrphan():
                return self.entities[ref].orphan
            case HasErrors():
                return any(error.ref == ref for error in self.found_errors.values())
            case All(of):
                return all(self._holds(part, ref, edges, seen) for part in of)
            case AnyOf(of):
                return any(self._holds(part, ref, edges, seen) for part in of)
            case Not(of):
                return not self._holds(of, ref, edges, seen)
            case OnWholeGraph(of):
                return self._holds(of, ref, self._edges(self.entities), self.entities.keys())

    def _texts(self, ref: Ref) -> Sequence[str]:
        metadata = self.entities[ref].metadata
        texts = [ref, metadata.get("title", ""), metadata.get("description", ""), *metadata.get("tags", ())]
        return [text.lower() for text in texts]

    def _related(self, condition: Related, ref: Ref, edges: Mapping[Key, Edge], seen: AbstractSet[Ref]) -> bool:
        met: set[Ref] = set()
        level = {ref}
        while level:
            level = {other for at in level for _, other in _along(edges, at, [Step(condition.relation, condition.direction)])} - met
            if condition.seen:
                level &= seen
            met |= level
            if not condition.transitive:
                break
        return bool(met) if condition.targets is None else not met.isdisjoint(condition.targets)

    def _filtered(self, filter: Condition, seen: Seen) -> Sequence[Ref]:
        edges = self._edges(seen)
        return [ref for ref in sorted(seen) if self._holds(filter, ref, edges, seen)]

    # What the port answers

    async def counts(self) -> Counts:
        edges = self._edges(self.entities)
        ends = {end for source, _, target in edges for end in (source, target)}
        return Counts(len(self.entities), len(ends - self.entities.keys()), len(edges), len(self.found_errors), len(self.log))

    async def entities_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, Entity]:
        seen = self.seen(visible)
        return {ref: self.entities[ref] for ref in refs if ref in seen}

    async def page(self, filter: Condition, order: Sequence[Order], window: Window, *, visible: Condition) -> Page[Entity]:
        rows = [
            ((*(min(self._facts(ref, by.path), default=None) for by in order), ref), self.entities[ref])
            for ref in self._filtered(filter, self.seen(visible))
        ]
        return _windowed(rows, window, lambda one, other: _compare_ordered(one, other, order))

    async def count(self, filter: Condition, *, visible: Condition) -> int:
        return len(self._filtered(filter, self.seen(visible)))

    async def facets(self, paths: Sequence[str], filter: Condition, *, visible: Condition) -> Mapping[str, Sequence[FacetCount]]:
        seen = self.seen(visible)
        return self._facets(paths, self._filtered(filter, seen), seen)

    def _facets(self, paths: Sequence[str], chosen: Iterable[Ref], seen: Seen) -> Mapping[str, Sequence[FacetCount]]:
        return {path: _counted([self._facet_values(path, ref, self._edges(seen)) for ref in chosen]) for path in paths}

    def _facet_values(self, path: str, ref: Ref, edges: Mapping[Key, Edge]) -> Mapping[str, str]:
        if not path.startswith("relations."):
            return self._facts(ref, path)
        named = self.registry.by_either_name.get(path.removeprefix("relations."))
        return {} if named is None else {other: other for _, other in _along(edges, ref, [Step(named[0].name, named[1])])}

    def _rows(self, ref: Ref, steps: Sequence[Step], seen: Seen, filter: Condition | None) -> Sequence[tuple[PathStep, Keyset]]:
        edges = self._edges(seen)
        rows = [
            (PathStep(edges[key], direction, other), (other, key[1], direction))
            for (key, direction), other in _along(edges, ref, steps)
            if filter is None or (other in seen and self._holds(filter, other, edges, seen))
        ]
        return sorted(rows, key=lambda row: row[1])

    async def related(
        self, refs: Sequence[Ref], steps: Sequence[Step], window: Window, *, visible: Condition, filter: Condition | None = None,
        with_nodes: bool = True,
    ) -> Mapping[Ref, Page[RelatedRow]]:  # fmt: skip
        seen = self.seen(visible)
        nodes = {ref: self.entities[ref] for ref in seen} if with_nodes else {}
        pages: dict[Ref, Page[RelatedRow]] = {}
        for ref in seen.intersection(refs):
            rows = [
                (keyset, RelatedRow(step.edge, step.ref, step.direction, nodes.get(step.ref)))
                for step, keyset in self._rows(ref, steps, seen, filter)
            ]
            pages[ref] = _windowed(rows, window)
        return pages

    async def related_counts(
        self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition, filter: Condition | None = None
    ) -> Mapping[Ref, int]:
        seen = self.seen(visible)
        return {ref: len(self._rows(ref, steps, seen, filter)) for ref in seen.intersection(refs)}

    async def edges_of(self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition) -> Mapping[Ref, Sequence[EdgeEnd]]:
        seen = self.seen(visible)
        return {
            ref: sorted((step.edge.relation, step.direction, step.ref) for step, _ in self._rows(ref, steps, seen, None))
            for ref in seen.intersection(refs)
        }

    async def closure(self, query: ClosureQuery, *, visible: Condition) -> Closure:
        seen = self.seen(visible)
        edges = self._edges(seen)
        paths: dict[Ref, Sequence[PathStep]] = dict.fromkeys(seen.intersection(query.roots), ())
        depths = dict.fromkeys(paths, 0)
        level, truncated = sorted(paths), False
        while level and not truncated:
            depth = depths[level[0]] + 1
            arrivals: dict[Ref, list[tuple[Keyset, PathStep]]] = {}
            for at in level:
                for (key, direction), other in _along(edges, at, query.steps):
                    if other in seen and other not in depths:
                        arrivals.setdefault(other, []).append(((at, key[1], direction), PathStep(edges[key], direction, other)))
            level = sorted(arrivals)
            room = len(level) if query.max_nodes is None else query.max_nodes - sum(1 for d in depths.values() if d)
            if query.max_depth is not None and depth > query.max_depth:
                room = 0
            truncated = room < len(level)
            level = level[:room]
            for ref in level:
                (previous, *_), step = min(arrivals[ref], key=lambda arrival: arrival[0])
                depths[ref], paths[ref] = depth, [*paths[Ref(str(previous))], step]
        chosen = [
            ref for ref, depth in depths.items() if depth and (query.filter is None or self._holds(query.filter, ref, edges, seen))
        ]  # fmt: skip
        rows = sorted(((f"{depths[ref]:06d}", ref), ReachedRow(self.entities[ref], depths[ref], paths[ref])) for ref in chosen)
        deepest = max((depths[ref] for ref in chosen), default=0)
        return Closure(len(rows), deepest, truncated, self._facets(query.facets, chosen, seen), _windowed(rows, query.window))

    async def shortest_paths(
        self, source: Ref, target: Ref, steps: Sequence[Step], limit: int, *, visible: Condition
    ) -> Sequence[Sequence[PathStep]]:
        seen = self.seen(visible)
        edges = self._edges(seen)
        if source == target or source not in seen:
            return []
        chains: list[list[PathStep]] = [[]]
        met = {source}
        while chains:
            longer = [
                [*steps_so_far, PathStep(edges[key], direction, other)]
                for steps_so_far in chains
                for (key, direction), other in _along(edges, steps_so_far[-1].ref if steps_so_far else source, steps)
                if other in seen and other not in met
            ]
            found = [way for way in longer if way[-1].ref == target]
            if found:
                return sorted(found, key=lambda way: [(step.ref, step.edge.relation, step.direction) for step in way])[:limit]
            met |= {way[-1].ref for way in longer}
            chains = longer
        return []

    async def edges(self, relations: Sequence[str], *, visible: Condition) -> Sequence[Key]:
        seen = self.seen(visible)
        return sorted(key for key in self._edges(seen) if key[1] in relations and key[0] in seen and key[2] in seen)

    async def dangling(self, window: Window, *, visible: Condition) -> Page[Edge]:
        return _windowed(self._dangling(visible), window)

    async def dangling_count(self, *, visible: Condition) -> int:
        return len(self._dangling(visible))

    def _dangling(self, visible: Condition) -> Sequence[tuple[Keyset, Edge]]:
        seen = self.seen(visible)
        edges = self._edges(seen).items()
        rows = [((target, source, relation), edge) for (source, relation, target), edge in edges if not {target, source} <= seen]
        return sorted(rows, key=lambda row: row[0])

    async def head(self) -> int:
        return len(self.log)

    def _listed(self, visible: Condition, refs: Sequence[Ref] | None) -> Sequence[Change]:
        seen = self.seen(visible)
        return [
            change
            for change in self.log
            if (visible == EVERYTHING or change.ref in seen) and (refs is None or change.ref in refs)
        ]  # fmt: skip

    async def changes(
        self, after: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, backward: bool = False
    ) -> Sequence[Change]:
        listed = self._listed(visible, refs)
        if backward:
            return [change for change in reversed(listed) if change.sequence < after][:limit]
        return [change for change in listed if change.sequence > after][:limit]

    async def change_counts(self, refs: Sequence[Ref] | None, *, visible: Condition) -> int:
        return len(self._listed(visible, refs))

    async def change_counts_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, int]:
        return Counter(change.ref for change in self._listed(visible, refs))

    async def changed_refs(
        self, after: int, until: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, beyond: str = ""
    ) -> Sequence[Ref]:
        changed = {change.ref for change in self._listed(visible, refs) if after < change.sequence <= until}
        return sorted(ref for ref in changed if ref > beyond)[:limit]

    async def changed_ref_count(self, after: int, until: int, *, visible: Condition, refs: Sequence[Ref] | None = None) -> int:
        return len(await self.changed_refs(after, until, len(self.log), visible=visible, refs=refs))

    def _errors(self, filter: ErrorFilter, visible: Condition) -> Sequence[tuple[Keyset, CatalogError]]:
        seen = self.seen(visible)
        rows = [
            ((error.path, _padded(error.line), _padded(error.column), error.id), error)
            for error in self.found_errors.values()
            if (error.ref is None or error.ref in seen or error.ref not in self.entities)
            and (filter.refs is None or error.ref in filter.refs)
            and (filter.location_ids is None or error.location_id in filter.location_ids)
            and (filter.codes is None or error.code in filter.codes)
            and (error.ref in seen or not filter.of_entities)
        ]
        return sorted(rows, key=lambda row: row[0])

    async def errors(self, filter: ErrorFilter, window: Window, *, visible: Condition) -> Page[CatalogError]:
        return _windowed(self._errors(filter, visible), window)

    async def error_count(self, filter: ErrorFilter, *, visible: Condition) -> int:
        return len(self._errors(filter, visible))

    async def declared_by(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Edge]]:
        found: dict[Ref, Sequence[Edge]] = {}
        for ref in refs:
            if self.declares.get(ref):
                edges = [replace(edge, evidence=tuple(sorted(edge.evidence, key=lambda e: e.field))) for edge in self.declares[ref]]
                found[ref] = sorted(edges, key=lambda edge: (edge.source, edge.relation, edge.target))
        return found


def _along(edges: Mapping[Key, Edge], ref: Ref, steps: Sequence[Step]) -> list[tuple[tuple[Key, Direction], Ref]]:
    """The edges that lead on from a ref, with the direction followed and where they lead."""
    return list(
        chain(
            (((key, Direction.OUT), key[2]) for key in edges if key[0] == ref and Step(key[1], Direction.OUT) in steps),
            (((key, Direction.IN), key[0]) for key in edges if key[2] == ref and Step(key[1], Direction.IN) in steps),
        )
    )


def _counted(of_each: Sequence[Mapping[str, str]]) -> Sequence[FacetCount]:
    counts: dict[str, int] = {}
    shown: dict[str, str] = {}
    for values in of_each:
        for value, spelling in values.items():
            counts[value] = counts.get(value, 0) + 1
            shown[value] = min(shown.get(value, spelling), spelling)
    return [FacetCount(shown[value], count) for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _windowed(rows: Sequence[tuple[Any, Row]], window: Window, compare: Callable[[Any, Any], int] | None = None) -> Page[Row]:
    """The window of rows, given in any order if there is a comparison."""
    if compare is None:
        compare = lambda one, other: (one > other) - (one < other)  # noqa: E731
    rows = sorted(rows, key=cmp_to_key(lambda one, other: compare(one[0], other[0])))
    lower = 0 if window.after is None else sum(compare(keyset, window.after) <= 0 for keyset, _ in rows)
    upper = len(rows) if window.before is None else sum(compare(keyset, window.before) < 0 for keyset, _ in rows)
    places = list(range(lower, upper))
    places = places[: max(len(places) - window.skip, 0)] if window.backward else places[window.skip :]
    places = places[max(len(places) - window.limit, 0) :] if window.backward else places[: window.limit]
    empty_at = upper if window.backward else lower
    start, stop = (places[0], places[-1] + 1) if places else (empty_at, empty_at)
    inside = rows[start:stop]
    return Page([row for _, row in inside], [keyset for keyset, _ in inside], start > 0, stop < len(rows))


def _compare_ordered(one: Keyset, other: Keyset, order: Sequence[Order]) -> int:
    for mine, theirs, by in zip(one, other, [*order, Order("ref")], strict=True):
        if mine == theirs:
            continue
        if mine is None or theirs is None:
            return 1 if mine is None else -1
        less = mine > theirs if by.descending else mine < theirs
        return -1 if less else 1
    return 0


def _padded(number: int | None) -> str:
    return "" if number is None else f"{number:09d}"
