"""The store in one SQLite file: the embedded default."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from graph.conditions import Condition
from graph.entities import Edge, Entity
from graph.refs import Ref
from graph.relations import RelationRegistry, Step
from graph.store import (
    Batch,
    CatalogError,
    Change,
    Claim,
    Closure,
    ClosureQuery,
    Counts,
    EdgeEnd,
    ErrorFilter,
    FacetCount,
    Location,
    LocationCounts,
    Order,
    Page,
    PathStep,
    RelatedRow,
    SourceFile,
    StateRow,
    StateWrite,
    Window,
)
from graph.stores import sqlite_edges, sqlite_log, sqlite_pages, sqlite_state_rows, sqlite_states, sqlite_traversals
from graph.stores.sqlite_connections import BUSY_SECONDS, Connections
from graph.stores.sqlite_writes import BatchWriter


class SqliteStore:
    """The port on SQLite; graph.store.Store says what its methods answer.

    Each read sees one snapshot. Several processes may share the file: a writer waits `busy_seconds` for the others.
    """

    def __init__(self, filename: Path, registry: RelationRegistry, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._connections = Connections(filename, busy_seconds)
        self._registry = registry

    async def open(self) -> None:
        await self._connections.open()

    async def close(self) -> None:
        await self._connections.close()

    async def check(self) -> None:
        await self._connections.check()

    async def counts(self) -> Counts:
        return await self._connections.read(sqlite_states.counts)

    async def entities_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, Entity]:
        return await self._connections.read(lambda session: sqlite_pages.entities_by_ref(session, refs, visible))

    async def page(self, filter: Condition, order: Sequence[Order], window: Window, *, visible: Condition) -> Page[Entity]:
        return await self._connections.read(lambda session: sqlite_pages.EntityList(session, filter, order, visible).page(window))

    async def count(self, filter: Condition, *, visible: Condition) -> int:
        return await self._connections.read(lambda session: sqlite_pages.count(session, filter, visible))

    async def facets(self, paths: Sequence[str], filter: Condition, *, visible: Condition) -> Mapping[str, Sequence[FacetCount]]:
        return await self._connections.read(lambda session: sqlite_pages.facets(session, self._registry, paths, filter, visible))

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
        return await self._connections.read(
            lambda session: sqlite_edges.Surroundings(session, refs, steps, visible, filter).pages(window, with_nodes=with_nodes)
        )

    async def related_counts(
        self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition, filter: Condition | None = None
    ) -> Mapping[Ref, int]:
        return await self._connections.read(lambda session: sqlite_edges.Surroundings(session, refs, steps, visible, filter).counts())

    async def edges_of(self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition) -> Mapping[Ref, Sequence[EdgeEnd]]:
        return await self._connections.read(lambda session: sqlite_edges.edges_of(session, refs, steps, visible))

    async def closure(self, query: ClosureQuery, *, visible: Condition) -> Closure:
        return await self._connections.read(lambda session: sqlite_traversals.closure(session, self._registry, query, visible))

    async def shortest_paths(
        self, source: Ref, target: Ref, steps: Sequence[Step], limit: int, *, visible: Condition
    ) -> Sequence[Sequence[PathStep]]:
        return await self._connections.read(
            lambda session: sqlite_traversals.shortest_paths(session, source, target, steps, limit, visible)
        )

    async def edges(self, relations: Sequence[str], *, visible: Condition) -> Sequence[tuple[Ref, str, Ref]]:
        return await self._connections.read(lambda session: sqlite_edges.edges(session, relations, visible))

    async def dangling(self, window: Window, *, visible: Condition) -> Page[Edge]:
        return await self._connections.read(lambda session: sqlite_edges.dangling(session, window, visible))

    async def dangling_count(self, *, visible: Condition) -> int:
        return await self._connections.read(lambda session: sqlite_edges.dangling_count(session, visible))

    async def head(self) -> int:
        return await self._connections.read(sqlite_states.head)

    async def changes(
        self, after: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, backward: bool = False
    ) -> Sequence[Change]:
        return await self._connections.read(lambda session: sqlite_states.changes(session, after, limit, visible, refs, backward=backward))

    async def change_counts(self, refs: Sequence[Ref] | None, *, visible: Condition) -> int:
        return await self._connections.read(lambda session: sqlite_states.change_counts(session, refs, visible))

    async def change_counts_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, int]:
        return await self._connections.read(lambda session: sqlite_log.change_counts_by_ref(session, refs, visible))

    async def changed_refs(
        self, after: int, until: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, beyond: str = ""
    ) -> Sequence[Ref]:
        return await self._connections.read(lambda session: sqlite_log.changed_refs(session, after, until, visible, refs, beyond, limit))

    async def changed_ref_count(self, after: int, until: int, *, visible: Condition, refs: Sequence[Ref] | None = None) -> int:
        return await self._connections.read(lambda session: sqlite_log.changed_ref_count(session, after, until, visible, refs))

    async def merge_changes(self, merged: Sequence[Change], dropped: Sequence[int]) -> None:
        await self._connections.write(lambda session: sqlite_log.merge_changes(session, merged, dropped))

    async def sequence_at(self, at: datetime) -> int | None:
        return await self._connections.read(lambda session: sqlite_state_rows.sequence_at(session, at))

    async def horizon(self) -> int:
        return await self._connections.read(sqlite_state_rows.horizon)

    async def cut_log(self, until: int) -> int:
        return await self._connections.write(lambda session: sqlite_state_rows.cut_log(session, until))

    async def states(
        self, collection: str, *, ids: Sequence[str] | None = None, due_by: datetime | None = None, after: str = "", limit: int = 1000
    ) -> Sequence[StateRow]:
        return await self._connections.read(lambda session: sqlite_state_rows.states(session, collection, ids, due_by, after, limit))

    async def write_states(self, writes: Sequence[StateWrite]) -> None:
        await self._connections.write(lambda session: sqlite_state_rows.write_states(session, writes))

    async def errors(self, filter: ErrorFilter, window: Window, *, visible: Condition) -> Page[CatalogError]:
        return await self._connections.read(lambda session: sqlite_states.errors(session, filter, window, visible))

    async def error_count(self, filter: ErrorFilter, *, visible: Condition) -> int:
        return await self._connections.read(lambda session: sqlite_states.error_count(session, filter, visible))

    async def locations(self) -> Sequence[Location]:
        return await self._connections.read(sqlite_states.locations)

    async def location_counts(self, ids: Sequence[str]) -> Mapping[str, LocationCounts]:
        return await self._connections.read(lambda session: sqlite_states.location_counts(session, ids))

    async def files(self, location_id: str) -> Mapping[str, SourceFile]:
        return await self._connections.read(lambda session: sqlite_states.files(session, location_id))

    async def claims(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Claim]]:
        return await self._connections.read(lambda session: sqlite_states.claims(session, refs))

    async def declared_by(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Edge]]:
        return await self._connections.read(lambda session: sqlite_states.declared_by(session, refs))

    async def apply(self, batch: Batch) -> Sequence[Change]:
        return await self._connections.write(lambda session: BatchWriter(session, batch).write())
