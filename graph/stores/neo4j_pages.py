"""Reads of entities: by ref, by page, counted, and counted by value."""

from collections.abc import Mapping, Sequence

from graph.conditions import EVERYTHING, All, AnyOf, Condition, Not, OnWholeGraph, RefIn, Related
from graph.entities import Entity
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import FacetCount, Keyset, Order, Page, Window
from graph.stores.neo4j_composer import ALWAYS, Composer, Ordering, joined, pattern
from graph.stores.neo4j_connections import Transaction
from graph.stores.neo4j_records import PROPERTIES, entity_from, fact_prefix
from graph.stores.windows import fitting

_RELATIONS = "relations."
_FIRST = "e.ref >= ''"
"""True of every entity, and makes Neo4j read them by the index of refs, in its order."""


async def resolved(transaction: Transaction, condition: Condition, visible: Condition = EVERYTHING) -> Condition:
    """The condition with what it says of chains replaced by the refs that it means. `visible` must be resolved itself."""
    match condition:
        case Related(transitive=True, targets=targets) if targets is not None:
            return RefIn(tuple(await _chained(transaction, condition, targets, visible)))
        case All(of):
            return All(tuple([await resolved(transaction, part, visible) for part in of]))
        case AnyOf(of):
            return AnyOf(tuple([await resolved(transaction, part, visible) for part in of]))
        case Not(of):
            return Not(await resolved(transaction, of, visible))
        case OnWholeGraph(of):
            return OnWholeGraph(await resolved(transaction, of))
        case _:
            return condition


async def _chained(transaction: Transaction, condition: Related, targets: Sequence[Ref], visible: Condition) -> Sequence[Ref]:
    """The refs from which a chain of the condition's edges leads to a target, level by level from the targets back."""
    composer = Composer(visible)
    step = pattern("e", "edge", condition.relation, condition.direction.opposite, "other")
    # Followed back from the targets, an edge leads from `e`, where it would arrive.
    declared = joined("AND", [composer.declared("edge"), composer.there("e") if condition.seen else ALWAYS])
    found: set[Ref] = set()
    frontier = list(targets)
    while frontier:
        parameters = {**composer.parameters, "refs": frontier}
        reached: list[Ref] = await transaction.value("chain_step", parameters, pattern=step, declared=declared)
        frontier = [ref for ref in reached if ref not in found]
        found.update(frontier)
    return sorted(found)


async def entities_by_ref(transaction: Transaction, refs: Sequence[Ref], visible: Condition) -> Mapping[Ref, Entity]:
    composer = Composer(visible)
    fragment = composer.visible("e")
    parameters = {**composer.parameters, "refs": list(dict.fromkeys(refs))}
    records = await transaction.value("entities_by_ref", parameters, visible=fragment)
    return {record[0]: entity_from(record) for record in records}


async def visible_refs(transaction: Transaction, refs: Sequence[Ref], visible: Condition) -> frozenset[Ref]:
    """Those of the refs that are entities that may be seen."""
    composer = Composer(visible)
    fragment = composer.visible("e")
    return frozenset(await transaction.value("visible_refs", {**composer.parameters, "refs": list(refs)}, visible=fragment))


async def count(transaction: Transaction, filter: Condition, visible: Condition) -> int:
    composer = Composer(visible)
    matches = chosen(composer, filter)
    return await transaction.value("count", composer.parameters, matches=matches)


class EntityList:
    """The entities that a filter lets through, in an ordering."""

    def __init__(self, transaction: Transaction, filter: Condition, order: Sequence[Order], visible: Condition) -> None:
        self._transaction = transaction
        self._composer = Composer(visible)
        self._order = order
        self._matches = chosen(self._composer, filter)
        self._ordering = Ordering(self._composer, order)
        self._keys = self._ordering.keys()

    async def page(self, window: Window) -> Page[Entity]:
        """The window's rows. InvalidCursorError if one of its keysets does not fit the ordering."""
        for bound in (window.after, window.before):
            if bound is not None:
                fitting(bound, len(self._order) + 1, nullable=len(self._order))
        bounds = [self._ordering.after(window.after)] if window.after is not None else []
        bounds += [self._ordering.before(window.before)] if window.before is not None else []
        found = await self._rows(joined("AND", bounds), window.limit + 1, window.skip, backward=window.backward)
        rows = found[: window.limit]
        if window.backward:
            rows.reverse()
        keysets: list[Keyset] = [(*row[8:], row[0]) for row in rows]
        has_previous, has_next = await self._beside(window, keysets, more=len(found) > window.limit)
        return Page([entity_from(row[:8]) for row in rows], keysets, has_previous, has_next)

    async def _beside(self, window: Window, keysets: Sequence[Keyset], *, more: bool) -> tuple[bool, bool]:
        """Whether rows lie before and after those of the window; of an empty window, before and after its place."""
        ordering = self._ordering
        if not keysets:
            bound = window.before if window.backward else window.after
            if bound is None:
                some = await self._exists(ALWAYS)
                return (some, False) if window.backward else (False, some)
            return (
                await self._exists(ordering.before(bound, inclusive=not window.backward)),
                await self._exists(ordering.after(bound, inclusive=window.backward)),
            )
        previous, following = (more, False) if window.backward else (False, more)
        if not previous and (window.after is not None or window.skip):
            previous = await self._exists(ordering.before(keysets[0]))
        if not following and (window.before is not None or window.skip):
            following = await self._exists(ordering.after(keysets[-1]))
        return previous, following

    async def _exists(self, bounds: str) -> bool:
        return bool(await self._rows(bounds, 1, 0, backward=False))

    async def _rows(self, bounds: str, limit: int, skip: int, *, backward: bool) -> list[list[str | None]]:
        parameters = {**self._composer.parameters, "limit": limit, "skip": skip}
        ordering = self._ordering.text(backward=backward)
        if self._order:
            keys, names = self._keys, self._ordering.names
            return await self._transaction.value(
                "page_by_order", parameters, matches=self._matches, bounds=bounds, ordering=ordering, keys=keys, names=names
            )
        if bounds == ALWAYS and self._matches == ALWAYS:
            bounds = _FIRST
        return await self._transaction.value("page_by_ref", parameters, matches=self._matches, bounds=bounds, ordering=ordering)


class Facets:
    """Values counted among the entities that `entities` matches as `e`; the composer has its parameters."""

    def __init__(self, transaction: Transaction, registry: RelationRegistry, composer: Composer, entities: str) -> None:
        self._transaction = transaction
        self._registry = registry
        self._composer = composer
        self._entities = entities

    async def of(self, paths: Sequence[str], **parameters: object) -> Mapping[str, Sequence[FacetCount]]:
        """For each path its values, most frequent first, then by value; empty for an unknown path."""
        return {path: await self._facet(path, parameters) for path in paths}

    async def _facet(self, path: str, parameters: Mapping[str, object]) -> Sequence[FacetCount]:
        found: list[tuple[str, str, int]]
        if path.startswith(_RELATIONS):
            found = await self._of_relation(path.removeprefix(_RELATIONS), parameters)
        else:
            given = {**self._composer.parameters, **parameters, "prefix": fact_prefix(path)}
            if path in PROPERTIES:
                found = await self._transaction.value("facet_of_property", given, entities=self._entities, property=PROPERTIES[path])
            else:
                found = await self._transaction.value("facet_of_facts", given, entities=self._entities)
        found.sort(key=lambda row: (-row[2], row[0]))
        return [FacetCount(spelled, entities) for _, spelled, entities in found]

    async def _of_relation(self, name: str, parameters: Mapping[str, object]) -> list[tuple[str, str, int]]:
        named = self._registry.by_either_name.get(name)
        if named is None:
            return []
        relation, direction = named
        step = pattern("e", "edge", relation.name, direction, "other")
        declared = self._composer.declared("edge")
        given = {**self._composer.parameters, **parameters}
        return await self._transaction.value("facet_of_relation", given, entities=self._entities, pattern=step, declared=declared)


async def facets(
    transaction: Transaction, registry: RelationRegistry, paths: Sequence[str], filter: Condition, visible: Condition
) -> Mapping[str, Sequence[FacetCount]]:
    composer = Composer(visible)
    entities = f"MATCH (e:Ref:Entity) WHERE {chosen(composer, filter)}"
    return await Facets(transaction, registry, composer, entities).of(paths)


def chosen(composer: Composer, filter: Condition, node: str = "e") -> str:
    """The entity is visible and the filter lets it through."""
    return joined("AND", [composer.visible(node), composer.matches(filter, node)])
