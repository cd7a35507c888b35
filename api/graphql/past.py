"""The catalog as it was at an earlier moment, for the fields of entities that can be answered then.

Every entity of the past brings a context of its own, in which the loaders read that moment, so that fields lead on within it. Edges
are those of now, with what has changed since put back: each entity's own declarations as its descriptor of then has them.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from api.graphql.context import Context
from api.graphql.listing import page_within
from api.graphql.loaders import UNLIMITED
from graph.conditions import EVERYTHING, NOTHING, All, AnyOf, Condition, Not, Related
from graph.entities import Document, Edge, Entity, Evidence, Origin
from graph.errors import InputError, StoreUnavailableError
from graph.history import changes_since, past_documents
from graph.matching import passes
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step
from graph.store import CatalogError, Change, ErrorFilter, Keyset, Location, LocationCounts, Operation, Page, RelatedRow, Store, Window
from ingest.relate import relations_of
from ingest.survey import Path

_NOWHERE = Origin("", "", 0, 0)
_ATTEMPTS = 5
_RELATING = frozenset({"", "/spec", "/kind", "/metadata", "/metadata/namespace"})
"""What decides about edges, beside the fields of relations."""

Key = tuple[Ref, str, Ref]
"""An edge's source, relation and target."""


@dataclass(frozen=True, slots=True)
class PastEntity(Entity):
    """An entity as it was. Of its origin the log tells nothing."""

    context: Context | None = None


@dataclass(slots=True)
class _Since:
    """What is different now, as far as the log was read: all entities written since in a way that edges depend on, and the edges that
    those of them declared which were there then.
    """

    head: int
    refs: set[Ref] = field(default_factory=set[Ref])
    edges: dict[Key, Edge] = field(default_factory=dict[Key, Edge])


class _NoLines:
    """The log keeps descriptors, not files."""

    def spec_line(self, steps: Path) -> int:
        return 0


def context_of(entity: Entity, context: Context) -> Context:
    """The context in which an entity's fields are answered: its own for one of the past."""
    return entity.context or context if isinstance(entity, PastEntity) else context


def of_now(entity: Entity, field: str) -> Entity:
    """The entity itself. InputError, naming the field, for one of the past."""
    if isinstance(entity, PastEntity):
        raise InputError(f"`{field}` can't be told of an entity of the past, because the log does not hold it; ask for it without `at`")
    return entity


def context_at(context: Context, sequence: int) -> Context:
    """The context in which the catalog is as it was right after the sequence number, none before the horizon."""
    store = PastStore(context.store, context.registry, sequence)
    # The loaders of entities' fields are all that reads from it.
    store.context = replace(context, store=cast("Store", store))
    return store.context


def edges_declared(ref: Ref, document: Document | None, registry: RelationRegistry) -> Mapping[Key, Edge]:
    """The edges that a document of an earlier moment declares; their evidence names no file. None has none."""
    found = () if document is None else relations_of(document, ref, "", registry, _NoLines()).edges
    return {(edge.source, edge.relation, edge.target): edge for edge in found}


def passes_then(condition: Condition, ref: Ref, document: Document, declared: Iterable[Key]) -> bool:
    """Whether a document of an earlier moment passes; of edges those that it declares itself count. InputError where that can't be told."""
    known = frozenset(declared)
    found = passes(_decided(condition, ref, known), ref, document, known)
    if found is None:
        raise InputError(
            "`filter`: `orphan`, `hasErrors`, `system`, `domain` and transitive relations can't be told of the past; leave them out"
        )
    return found


def _decided(condition: Condition, ref: Ref, declared: frozenset[Key]) -> Condition:
    match condition:
        case Related(relation=relation, direction=direction, targets=targets, transitive=False):
            ends = {key[2 if direction is Direction.OUT else 0] for key in declared if _leads(key, ref, Step(relation, direction))}
            return EVERYTHING if ends and (targets is None or not ends.isdisjoint(targets)) else NOTHING
        case All(of):
            return All(tuple(_decided(part, ref, declared) for part in of))
        case AnyOf(of):
            return AnyOf(tuple(_decided(part, ref, declared) for part in of))
        case Not(of):
            return Not(_decided(of, ref, declared))
        case _:
            return condition


def _leads(key: Key, ref: Ref, step: Step) -> bool:
    return key[1] == step.relation and key[0 if step.direction is Direction.OUT else 2] == ref


class PastStore:
    """The part of the store port that loaders read, answered for the moment right after a sequence number."""

    def __init__(self, store: Store, registry: RelationRegistry, sequence: int) -> None:
        self._store = store
        self._registry = registry
        self._sequence = sequence
        self._fields = {declaration.field for relation in registry for declaration in relation.declarations}
        self._since = _Since(sequence)
        self._catching_up = asyncio.Lock()
        self.context: Context | None = None

    async def entities_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, Entity]:
        found = await past_documents(self._store, refs, [self._sequence], visible=visible)
        return {ref: PastEntity(ref, of[0], _NOWHERE, context=self.context) for ref, of in found.items() if of[0] is not None}

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
        rows = await self._rows(refs, steps, visible, filter, with_nodes=with_nodes)
        return {ref: page_within([(_keyset(row), row) for row in of], window) for ref, of in rows.items()}

    async def related_counts(
        self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition, filter: Condition | None = None
    ) -> Mapping[Ref, int]:
        rows = await self._rows(refs, steps, visible, filter, with_nodes=False)
        return {ref: len(of) for ref, of in rows.items()}

    async def changes(
        self, after: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, backward: bool = False
    ) -> Sequence[Change]:
        return await self._store.changes(after, limit, visible=visible, refs=refs, backward=backward)

    async def change_counts_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, int]:
        return await self._store.change_counts_by_ref(refs, visible=visible)

    async def locations(self) -> Sequence[Location]:
        return await self._store.locations()

    async def location_counts(self, ids: Sequence[str]) -> Mapping[str, LocationCounts]:
        return await self._store.location_counts(ids)

    async def errors(self, filter: ErrorFilter, window: Window, *, visible: Condition) -> Page[CatalogError]:
        raise InputError("`errors` can't be told of the past; ask for them without `at`")

    async def _rows(
        self, refs: Sequence[Ref], steps: Sequence[Step], visible: Condition, filter: Condition | None, *, with_nodes: bool
    ) -> Mapping[Ref, Sequence[RelatedRow]]:
        """For each entity that was there, its edges along the steps, in their order."""
        there = list(await self.entities_by_ref(refs, visible=visible))
        edges = await self._edges(there, steps, visible)
        ends = {row.ref for rows in edges.values() for row in rows}
        nodes = await self.entities_by_ref(sorted(ends) if with_nodes or filter is not None else (), visible=visible)
        chosen = ends if filter is None else {ref for ref, node in nodes.items() if self._passes(filter, node)}
        return {
            ref: [replace(row, node=nodes.get(row.ref) if with_nodes else None) for row in edges[ref] if row.ref in chosen] for ref in there
        }

    def _passes(self, filter: Condition, entity: Entity) -> bool:
        return passes_then(filter, entity.ref, entity.document, edges_declared(entity.ref, entity.document, self._registry))

    async def _edges(self, refs: Sequence[Ref], steps: Sequence[Step], visible: Condition) -> Mapping[Ref, list[RelatedRow]]:
        await self._catch_up(visible)
        for _ in range(_ATTEMPTS):
            stored = await self._stored_edges(refs, steps, visible)
            # What was written before these edges were read, and not known of yet, would show through.
            if not await self._catch_up(visible):
                return {ref: sorted(_seen_from(ref, steps, self._since, stored.get(ref, ())), key=_keyset) for ref in refs}
        raise StoreUnavailableError("the catalog changes faster than its past can be read; try again in a few seconds")

    async def _stored_edges(self, refs: Sequence[Ref], steps: Sequence[Step], visible: Condition) -> Mapping[Ref, Sequence[Edge]]:
        """The edges of now along the steps, those at refs that are missing now included."""
        pages = await self._store.related(refs, steps, Window(UNLIMITED), visible=visible, with_nodes=False)
        found = {ref: [row.edge for row in page.rows] for ref, page in pages.items()}
        gone = tuple(ref for ref in refs if ref not in pages)
        if gone:
            back = tuple(Step(step.relation, step.direction.opposite) for step in steps)
            leading = AnyOf(tuple(Related(step.relation, step.direction, gone) for step in back))
            pointing = (await self._store.page(leading, (), Window(UNLIMITED), visible=visible)).rows
            there = await self._store.related(
                [entity.ref for entity in pointing], back, Window(UNLIMITED), visible=visible, with_nodes=False
            )
            for row in (row for page in there.values() for row in page.rows if row.ref in gone):
                found.setdefault(row.ref, []).append(row.edge)
        return found

    async def _catch_up(self, visible: Condition) -> bool:
        """Read on in the log. Whether anything was written that edges depend on."""
        async with self._catching_up:
            since, head = self._since, await self._store.head()
            if head == since.head:
                return False
            changes = await changes_since(self._store, since.head, None, visible=visible)
            refs = {change.ref for change in changes if self._moves_edges(change)} - since.refs
            documents = await past_documents(self._store, sorted(refs), [self._sequence], visible=visible)
            for ref, of in documents.items():
                for key, edge in edges_declared(ref, of[0], self._registry).items():
                    known = since.edges[key].evidence if key in since.edges else ()
                    since.edges[key] = replace(edge, evidence=_merged(known, edge.evidence))
            since.refs |= refs
            since.head = max(head, changes[-1].sequence) if changes else head
            return bool(refs)

    def _moves_edges(self, change: Change) -> bool:
        """Whether other edges may be declared after the change than before it."""
        return change.operation is not Operation.UPDATED or any(self._relates(str(step["path"])) for step in change.patch)

    def _relates(self, path: str) -> bool:
        return path in _RELATING or (path.startswith("/spec/") and path.split("/")[2] in self._fields)


def _seen_from(ref: Ref, steps: Sequence[Step], since: _Since, stored: Sequence[Edge]) -> Iterable[RelatedRow]:
    """The edges of an entity: those stored, without what changed entities declare of them, and what these declared then."""
    edges = {key: edge for key, edge in since.edges.items() if any(_leads(key, ref, step) for step in steps)}
    for edge in stored:
        key = (edge.source, edge.relation, edge.target)
        kept = tuple(evidence for evidence in edge.evidence if evidence.declarer not in since.refs)
        if kept:
            edges[key] = replace(edge, evidence=_merged(kept, edges[key].evidence if key in edges else ()))
    for key, edge in edges.items():
        for step in steps:
            if _leads(key, ref, step):
                yield RelatedRow(edge, edge.target if step.direction is Direction.OUT else edge.source, step.direction, None)


def _merged(one: Sequence[Evidence], other: Sequence[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted((*one, *other), key=lambda evidence: (evidence.declarer, evidence.field)))


def _keyset(row: RelatedRow) -> Keyset:
    return row.ref, row.edge.relation, row.direction
