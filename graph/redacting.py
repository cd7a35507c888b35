"""The store as one principal sees it: with the fields and references taken out that a policy redacts."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from graph.access import Access, Redaction
from graph.conditions import EVERYTHING, Condition
from graph.entities import Document, Edge, Entity
from graph.errors import InputError, LimitExceededError
from graph.history import MOST_ENTRIES, documents_around
from graph.patches import patch_between, patch_of_removal
from graph.redaction import RedactedConditions, references_of, unredactable, without, without_references
from graph.refs import Ref
from graph.relations import RelationRegistry, Step
from graph.sources import CatalogError, Claim, ErrorFilter, Location, LocationCounts, SourceFile, StateRow, StateWrite
from graph.store import (
    Batch,
    Change,
    Closure,
    ClosureQuery,
    Counts,
    EdgeEnd,
    FacetCount,
    Operation,
    Order,
    Page,
    PathStep,
    RelatedRow,
    Store,
    Window,
)

_AT_ONCE = 500
_RELATIONS = "relations."
_UNTOLD = "What is wrong is not told, because fields of the entity are redacted."
_REMEDY = "Ask somebody who sees all of the entity, or look into the file."


def seen_by(store: Store, access: Access, registry: RelationRegistry) -> Store:
    """The store itself where the principal sees entities whole; else one whose reads tell what is redacted as if it was not there.

    InputError for a redaction of what can't be redacted.
    """
    if not access.redactions and not access.hides_references:
        return store
    for path in (path for redaction in access.redactions for path in redaction.paths):
        if reason := unredactable(path, registry):
            raise InputError(f"`{path}` can't be redacted: {reason}")
    return RedactingStore(store, access.redactions, registry, hides_references=access.hides_references)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of some entities: not the fields at the paths; of references all, or those to some refs."""

    registry: RelationRegistry
    paths: Mapping[Ref, AbstractSet[str]]
    refs: AbstractSet[Ref] | None

    def document(self, ref: Ref, document: Document) -> Document:
        kept = without(document, self.paths.get(ref, frozenset()))
        return kept if self.refs is None else without_references(kept, self.registry, self.refs)

    def maybe(self, ref: Ref, document: Document | None) -> Document | None:
        return None if document is None else self.document(ref, document)

    def entity(self, entity: Entity) -> Entity:
        origin = entity.origin
        if self.refs is not None and origin.parent is not None and origin.parent not in self.refs:
            origin = replace(origin, parent=None)
        return replace(entity, document=self.document(entity.ref, entity.document), origin=origin)


class RedactingStore:
    """A store whose reads for a principal leave out what is redacted for them. What knows no visibility is answered as it is.

    Filters and facets read as if what is redacted was not there; an ordering by it, and with `hides_references` the text of references
    in filters, facets and orderings, is refused with InputError.
    """

    def __init__(self, store: Store, redactions: Sequence[Redaction], registry: RelationRegistry, *, hides_references: bool) -> None:
        self._store = store
        self._registry = registry
        self._hides_references = hides_references
        self._conditions = RedactedConditions(redactions, registry, hides_references=hides_references)
        self._paths: dict[Condition, frozenset[str]] = {}
        for redaction in redactions:
            self._paths[redaction.of] = self._paths.get(redaction.of, frozenset()).union(redaction.paths)

    # Entities

    async def entities_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, Entity]:
        found = await self._store.entities_by_ref(refs, visible=visible)
        shown = await self._entities(found.values(), visible)
        return {entity.ref: entity for entity in shown}

    async def page(self, filter: Condition, order: Sequence[Order], window: Window, *, visible: Condition) -> Page[Entity]:
        for by in order:
            self._conditions.refuse_order(by.path)
        page = await self._store.page(self._conditions.of(filter), order, window, visible=visible)
        return replace(page, rows=await self._entities(page.rows, visible))

    async def count(self, filter: Condition, *, visible: Condition) -> int:
        return await self._store.count(self._conditions.of(filter), visible=visible)

    async def facets(self, paths: Sequence[str], filter: Condition, *, visible: Condition) -> Mapping[str, Sequence[FacetCount]]:
        wanted = self._conditions.of(filter)
        found: dict[str, Sequence[FacetCount]] = {}
        for condition, group in self._groups(paths, wanted).items():
            found.update(await self._store.facets(group, condition, visible=visible))
        return await self._facets(found, visible)

    # Edges

    async def related(
        self,
        refs: Sequence[Ref],
        steps: Sequence[Step],
        window: Window,
        *,
        visible: Condition,
        filter: Condition | None = None,
        with_nodes: bool = True,
    ) -> Mapping[Ref, Page[RelatedRow]]:
        ends = self._ends(filter)
        pages = await self._store.related(refs, steps, window, visible=visible, filter=ends, with_nodes=with_nodes)
        nodes = {row.node.ref: row.node for page in pages.values() for row in page.rows if row.node}
        shown = {entity.ref: entity for entity in await self._entities(nodes.values(), visible)}
        return {
            ref: replace(
                page, rows=[replace(row, edge=self._edge(row.edge), node=shown[row.node.ref] if row.node else None) for row in page.rows]
            )
            for ref, page in pages.items()
        }

    async def related_counts(
        self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition, filter: Condition | None = None
    ) -> Mapping[Ref, int]:
        return await self._store.related_counts(refs, steps, visible=visible, filter=self._ends(filter))

    async def edges_of(self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition) -> Mapping[Ref, Sequence[EdgeEnd]]:
        found = await self._store.edges_of(refs, steps, visible=visible)
        if not self._hides_references:
            return found
        seen = await self._seen({other for ends in found.values() for *_, other in ends}, visible)
        return {ref: [end for end in ends if end[2] in seen] for ref, ends in found.items()}

    async def closure(self, query: ClosureQuery, *, visible: Condition) -> Closure:
        wanted = self._conditions.of(query.filter or EVERYTHING)
        groups = self._groups(query.facets, wanted)
        closure = await self._store.closure(replace(query, filter=wanted, facets=groups[wanted]), visible=visible)
        facets = dict(closure.facets)
        for condition, paths in [(condition, paths) for condition, paths in groups.items() if condition != wanted]:
            counting = replace(query, filter=condition, facets=paths, window=Window(0))
            facets.update((await self._store.closure(counting, visible=visible)).facets)
        rows = closure.page.rows
        shown = {entity.ref: entity for entity in await self._entities((row.entity for row in rows), visible)}
        told = [replace(row, entity=shown[row.entity.ref], path=self._path(row.path)) for row in rows]
        page = replace(closure.page, rows=told)
        return replace(closure, page=page, facets=await self._facets(facets, visible))

    async def shortest_paths(
        self, source: Ref, target: Ref, steps: Sequence[Step], limit: int, *, visible: Condition
    ) -> Sequence[Sequence[PathStep]]:
        paths = await self._store.shortest_paths(source, target, steps, limit, visible=visible)
        return [self._path(path) for path in paths]

    async def edges(self, relations: Sequence[str], *, visible: Condition) -> Sequence[tuple[Ref, str, Ref]]:
        return await self._store.edges(relations, visible=visible)

    async def dangling(self, window: Window, *, visible: Condition) -> Page[Edge]:
        if self._hides_references:
            return Page((), (), has_previous=False, has_next=False)
        return await self._store.dangling(window, visible=visible)

    async def dangling_count(self, *, visible: Condition) -> int:
        return 0 if self._hides_references else await self._store.dangling_count(visible=visible)

    # The log

    async def changes(
        self, after: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, backward: bool = False
    ) -> Sequence[Change]:
        """As the port has it; what changed nothing that is shown is left out. LimitExceededError if too many entries would be read."""
        found: list[Change] = []
        position, looked_at = after, 0
        while len(found) < limit:
            wanted = min(max(limit - len(found), 50), _AT_ONCE)
            read = await self._store.changes(position, wanted, visible=visible, refs=refs, backward=backward)
            found += await self._changes(read, visible)
            looked_at += len(read)
            if len(read) < wanted:
                break
            if looked_at > MOST_ENTRIES:
                raise LimitExceededError(
                    f"more than {MOST_ENTRIES:,} changes would have to be looked through; ask for fewer, or later ones"
                )
            position = read[-1].sequence
        return found[:limit]

    async def change_counts(self, refs: Sequence[Ref] | None, *, visible: Condition) -> int:
        return len(await self._all_changes(0, refs, visible))

    async def change_counts_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, int]:
        counts: dict[Ref, int] = {}
        for change in await self._all_changes(0, refs, visible):
            counts[change.ref] = counts.get(change.ref, 0) + 1
        return counts

    async def changed_refs(
        self, after: int, until: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, beyond: str = ""
    ) -> Sequence[Ref]:
        changed = await self._changed_refs(after, until, refs, visible)
        return sorted(ref for ref in changed if ref > beyond)[:limit]

    async def changed_ref_count(self, after: int, until: int, *, visible: Condition, refs: Sequence[Ref] | None = None) -> int:
        return len(await self._changed_refs(after, until, refs, visible))

    async def head(self) -> int:
        return await self._store.head()

    async def sequence_at(self, at: datetime) -> int | None:
        return await self._store.sequence_at(at)

    async def horizon(self) -> int:
        return await self._store.horizon()

    # Errors

    async def errors(self, filter: ErrorFilter, window: Window, *, visible: Condition) -> Page[CatalogError]:
        """As the port has it. Of an entity with redacted fields it is not told what is wrong, because that may quote them."""
        page = await self._store.errors(filter, window, visible=visible)
        named = {error.ref for error in page.rows if error.ref}
        paths = await self._redacted(named, await self._seen(named, EVERYTHING))
        rows = [replace(error, message=_UNTOLD, remedy=_REMEDY) if error.ref in paths else error for error in page.rows]
        keysets = [(*keyset[:-1], error.id) for keyset, error in zip(page.keysets, rows, strict=True)]
        return replace(page, rows=rows, keysets=keysets)

    async def error_count(self, filter: ErrorFilter, *, visible: Condition) -> int:
        return await self._store.error_count(filter, visible=visible)

    # What knows no visibility

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    async def check(self) -> None:
        await self._store.check()

    async def counts(self) -> Counts:
        return await self._store.counts()

    async def merge_changes(self, merged: Sequence[Change], dropped: Sequence[int]) -> None:
        await self._store.merge_changes(merged, dropped)

    async def cut_log(self, until: int) -> int:
        return await self._store.cut_log(until)

    async def states(
        self, collection: str, *, ids: Sequence[str] | None = None, due_by: datetime | None = None, after: str = "", limit: int = 1000
    ) -> Sequence[StateRow]:
        return await self._store.states(collection, ids=ids, due_by=due_by, after=after, limit=limit)

    async def write_states(self, writes: Sequence[StateWrite]) -> None:
        await self._store.write_states(writes)

    async def locations(self) -> Sequence[Location]:
        return await self._store.locations()

    async def location_counts(self, ids: Sequence[str]) -> Mapping[str, LocationCounts]:
        return await self._store.location_counts(ids)

    async def files(self, location_id: str) -> Mapping[str, SourceFile]:
        return await self._store.files(location_id)

    async def claims(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Claim]]:
        return await self._store.claims(refs)

    async def declared_by(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Edge]]:
        return await self._store.declared_by(refs)

    async def apply(self, batch: Batch) -> Sequence[Change]:
        return await self._store.apply(batch)

    # What is shown

    async def _seen(self, refs: Iterable[Ref], visible: Condition) -> AbstractSet[Ref]:
        """Those of the refs that are visible entities."""
        wanted = sorted(set(refs))
        return (await self._store.related_counts(wanted, (), visible=visible)).keys() if wanted else frozenset[Ref]()

    async def _redacted(self, refs: AbstractSet[Ref], present: AbstractSet[Ref]) -> Mapping[Ref, AbstractSet[str]]:
        """What is redacted of each of the refs of which anything is. Of what is not there any more, it is all that may have been."""
        paths: dict[Ref, AbstractSet[str]] = {}
        for of, hidden in self._paths.items():
            concerned = present & refs if of == EVERYTHING else await self._seen(refs & present, of)
            for ref in (*concerned, *(refs - present)):
                paths[ref] = paths.get(ref, frozenset()) | hidden
        return paths

    async def _shown(
        self,
        documents: Iterable[tuple[Ref, Document]],
        visible: Condition,
        *,
        present: AbstractSet[Ref] | None = None,
        more: Iterable[Ref] = (),
    ) -> _Shown:
        """What is shown of the documents; `present` are the refs that are entities now, if not all are. `more` are further references."""
        told = list(documents)
        refs = {ref for ref, _ in told}
        paths = await self._redacted(refs, refs if present is None else present)
        if not self._hides_references:
            return _Shown(self._registry, paths, None)
        named = {ref for _, document in told for ref in references_of(document, self._registry)}
        return _Shown(self._registry, paths, await self._seen(named.union(more), visible))

    async def _entities(self, entities: Iterable[Entity], visible: Condition) -> Sequence[Entity]:
        found = list(entities)
        if not found:
            return ()
        parents = [entity.origin.parent for entity in found if entity.origin.parent]
        shown = await self._shown(((entity.ref, entity.document) for entity in found), visible, more=parents)
        return [shown.entity(entity) for entity in found]

    def _edge(self, edge: Edge) -> Edge:
        """The edge, without the place of a reference among others, some of which may be hidden."""
        if not self._hides_references:
            return edge
        fields = (replace(each, field=each.field.partition("[")[0]) for each in edge.evidence)
        return replace(edge, evidence=tuple(dict.fromkeys(fields)))

    def _path(self, path: Sequence[PathStep]) -> Sequence[PathStep]:
        return [replace(step, edge=self._edge(step.edge)) for step in path]

    def _ends(self, filter: Condition | None) -> Condition | None:
        """What the other ends of edges have to be: entities, where references to what is missing are hidden."""
        if filter is None:
            return EVERYTHING if self._hides_references else None
        return self._conditions.of(filter)

    def _groups(self, paths: Sequence[str], filter: Condition) -> Mapping[Condition, list[str]]:
        """The paths of facets by the condition of the entities among which they may be counted."""
        groups: dict[Condition, list[str]] = {filter: []}
        for path in paths:
            counted = filter if path.startswith(_RELATIONS) else self._conditions.where_shown(filter, path)
            groups.setdefault(counted, []).append(path)
        return groups

    async def _facets(self, facets: Mapping[str, Sequence[FacetCount]], visible: Condition) -> Mapping[str, Sequence[FacetCount]]:
        if not self._hides_references:
            return facets
        of_relations = {path: values for path, values in facets.items() if path.startswith(_RELATIONS)}
        seen = await self._seen({Ref(each.value) for values in of_relations.values() for each in values}, visible)
        return {**facets, **{path: [each for each in values if each.value in seen] for path, values in of_relations.items()}}

    async def _changes(self, changes: Sequence[Change], visible: Condition) -> Sequence[Change]:
        """The entries as they would be, had what is redacted never been there: without those that changed nothing else."""
        refs = {change.ref for change in changes}
        present = await self._seen(refs, visible)
        concerned = refs if self._hides_references else (await self._redacted(refs, present)).keys()
        moved = [change for change in changes if change.ref in concerned and change.patch]
        around = await documents_around(self._store, moved, visible=visible)
        told = [(change.ref, document) for change in moved for document in around[change.sequence] if document is not None]
        shown = await self._shown(told, visible, present=present)
        redacted = {change.sequence: _redacted_change(change, around[change.sequence], shown) for change in moved}
        found = [redacted.get(change.sequence, change) for change in changes]
        return [change for change in found if change.patch or change.operation is not Operation.UPDATED]

    async def _all_changes(self, after: int, refs: Sequence[Ref] | None, visible: Condition) -> Sequence[Change]:
        return await self.changes(after, MOST_ENTRIES + 1, visible=visible, refs=refs)

    async def _changed_refs(self, after: int, until: int, refs: Sequence[Ref] | None, visible: Condition) -> AbstractSet[Ref]:
        return {change.ref for change in await self._all_changes(after, refs, visible) if change.sequence <= until}


def _redacted_change(change: Change, around: tuple[Document | None, Document | None], shown: _Shown) -> Change:
    before, after = (shown.maybe(change.ref, document) for document in around)
    if before is None:
        return change
    return replace(change, patch=patch_of_removal(before) if after is None else patch_between(before, after))
