"""The store in Neo4j.

Every node that an edge can end at carries `Ref`; one that exists is an `Entity` with its kind as a further label, one that is missing
a `Placeholder`. Relationships have the relation's stored name and hold their evidence. What ingestion and history keep are nodes of
their own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

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
from graph.stores import neo4j_edges, neo4j_log, neo4j_pages, neo4j_sources, neo4j_state_rows, neo4j_traversals
from graph.stores.neo4j_connections import Connections, Transaction
from graph.stores.neo4j_pages import EntityList, resolved
from graph.stores.neo4j_writes import BatchWriter

Result = TypeVar("Result")


class Neo4jStore:
    """The graph, its log and the state of ingestion in one Neo4j database; graph.store.Store says what its methods answer.

    Each method is one transaction. Neo4j isolates them as "read committed": each query sees what is committed when it runs, so that a
    read of several queries may mix the states before and after a batch that is written meanwhile. Rows that were removed in between are
    left out. A write sees nothing of others: writers queue at the counter of the log.
    """

    def __init__(
        self,
        uri: str,
        user: str | None = None,
        password: str | None = None,
        database: str | None = None,
        registry: RelationRegistry | None = None,
    ) -> None:
        self._connections = Connections(uri, user, password, database)
        self._registry = registry or RelationRegistry()

    async def open(self) -> None:
        await self._connections.open()

    async def close(self) -> None:
        await self._connections.close()

    async def check(self) -> None:
        await self._connections.check()

    async def counts(self) -> Counts:
        return Counts(*await self._connections.read(lambda transaction: transaction.record("counts")))

    async def entities_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, Entity]:
        return await self._read(visible, lambda transaction, seen: neo4j_pages.entities_by_ref(transaction, refs, seen))

    async def page(self, filter: Condition, order: Sequence[Order], window: Window, *, visible: Condition) -> Page[Entity]:
        async def work(transaction: Transaction, seen: Condition) -> Page[Entity]:
            wanted = await resolved(transaction, filter, seen)
            return await EntityList(transaction, wanted, order, seen).page(window)

        return await self._read(visible, work)

    async def count(self, filter: Condition, *, visible: Condition) -> int:
        async def work(transaction: Transaction, seen: Condition) -> int:
            return await neo4j_pages.count(transaction, await resolved(transaction, filter, seen), seen)

        return await self._read(visible, work)

    async def facets(self, paths: Sequence[str], filter: Condition, *, visible: Condition) -> Mapping[str, Sequence[FacetCount]]:
        async def work(transaction: Transaction, seen: Condition) -> Mapping[str, Sequence[FacetCount]]:
            wanted = await resolved(transaction, filter, seen)
            return await neo4j_pages.facets(transaction, self._registry, paths, wanted, seen)

        return await self._read(visible, work)

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
        async def work(transaction: Transaction, seen: Condition) -> Mapping[Ref, Page[RelatedRow]]:
            wanted = await _resolved(transaction, filter, seen)
            return await neo4j_edges.related(transaction, refs, steps, window, visible=seen, filter=wanted, with_nodes=with_nodes)

        return await self._read(visible, work)

    async def related_counts(
        self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition, filter: Condition | None = None
    ) -> Mapping[Ref, int]:
        async def work(transaction: Transaction, seen: Condition) -> Mapping[Ref, int]:
            return await neo4j_edges.related_counts(transaction, refs, steps, seen, await _resolved(transaction, filter, seen))

        return await self._read(visible, work)

    async def edges_of(self, refs: Sequence[Ref], steps: Sequence[Step], *, visible: Condition) -> Mapping[Ref, Sequence[EdgeEnd]]:
        return await self._read(visible, lambda transaction, seen: neo4j_edges.edges_of(transaction, refs, steps, seen))

    async def closure(self, query: ClosureQuery, *, visible: Condition) -> Closure:
        async def work(transaction: Transaction, seen: Condition) -> Closure:
            wanted = await _resolved(transaction, query.filter, seen)
            return await neo4j_traversals.closure(transaction, self._registry, replace(query, filter=wanted), seen)

        return await self._read(visible, work)

    async def shortest_paths(
        self, source: Ref, target: Ref, steps: Sequence[Step], limit: int, *, visible: Condition
    ) -> Sequence[Sequence[PathStep]]:
        return await self._read(
            visible, lambda transaction, seen: neo4j_traversals.shortest_paths(transaction, source, target, steps, limit, visible=seen)
        )

    async def edges(self, relations: Sequence[str], *, visible: Condition) -> Sequence[tuple[Ref, str, Ref]]:
        return await self._read(visible, lambda transaction, seen: neo4j_edges.edges(transaction, relations, seen))

    async def dangling(self, window: Window, *, visible: Condition) -> Page[Edge]:
        return await self._read(visible, lambda transaction, seen: neo4j_edges.dangling(transaction, window, seen))

    async def dangling_count(self, *, visible: Condition) -> int:
        return await self._read(visible, neo4j_edges.dangling_count)

    async def head(self) -> int:
        return await self._connections.read(lambda transaction: transaction.value("head"))

    async def changes(
        self, after: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, backward: bool = False
    ) -> Sequence[Change]:
        return await self._read(
            visible, lambda transaction, seen: neo4j_sources.changes(transaction, after, limit, seen, refs, backward=backward)
        )

    async def change_counts(self, refs: Sequence[Ref] | None, *, visible: Condition) -> int:
        return await self._read(visible, lambda transaction, seen: neo4j_sources.change_counts(transaction, refs, seen))

    async def change_counts_by_ref(self, refs: Sequence[Ref], *, visible: Condition) -> Mapping[Ref, int]:
        return await self._read(visible, lambda transaction, seen: neo4j_log.change_counts_by_ref(transaction, refs, seen))

    async def changed_refs(
        self, after: int, until: int, limit: int, *, visible: Condition, refs: Sequence[Ref] | None = None, beyond: str = ""
    ) -> Sequence[Ref]:
        return await self._read(
            visible, lambda transaction, seen: neo4j_log.changed_refs(transaction, after, until, seen, refs, beyond, limit)
        )

    async def changed_ref_count(self, after: int, until: int, *, visible: Condition, refs: Sequence[Ref] | None = None) -> int:
        return await self._read(visible, lambda transaction, seen: neo4j_log.changed_ref_count(transaction, after, until, seen, refs))

    async def merge_changes(self, merged: Sequence[Change], dropped: Sequence[int]) -> None:
        await self._connections.write(lambda transaction: neo4j_log.merge_changes(transaction, merged, dropped))

    async def sequence_at(self, at: datetime) -> int | None:
        return await self._connections.read(lambda transaction: neo4j_state_rows.sequence_at(transaction, at))

    async def horizon(self) -> int:
        return await self._connections.read(neo4j_state_rows.horizon)

    async def cut_log(self, until: int) -> int:
        return await self._connections.write(lambda transaction: neo4j_state_rows.cut_log(transaction, until))

    async def states(
        self, collection: str, *, ids: Sequence[str] | None = None, due_by: datetime | None = None, after: str = "", limit: int = 1000
    ) -> Sequence[StateRow]:
        return await self._connections.read(lambda transaction: neo4j_state_rows.states(transaction, collection, ids, due_by, after, limit))

    async def write_states(self, writes: Sequence[StateWrite]) -> None:
        await self._connections.write(lambda transaction: neo4j_state_rows.write_states(transaction, writes))

    async def errors(self, filter: ErrorFilter, window: Window, *, visible: Condition) -> Page[CatalogError]:
        return await self._read(visible, lambda transaction, seen: neo4j_sources.errors(transaction, filter, window, seen))

    async def error_count(self, filter: ErrorFilter, *, visible: Condition) -> int:
        return await self._read(visible, lambda transaction, seen: neo4j_sources.error_count(transaction, filter, seen))

    async def locations(self) -> Sequence[Location]:
        return await self._connections.read(neo4j_sources.locations)

    async def location_counts(self, ids: Sequence[str]) -> Mapping[str, LocationCounts]:
        return await self._connections.read(lambda transaction: neo4j_sources.location_counts(transaction, ids))

    async def files(self, location_id: str) -> Mapping[str, SourceFile]:
        return await self._connections.read(lambda transaction: neo4j_sources.files(transaction, location_id))

    async def claims(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Claim]]:
        return await self._connections.read(lambda transaction: neo4j_sources.claims(transaction, refs))

    async def declared_by(self, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Edge]]:
        return await self._connections.read(lambda transaction: neo4j_edges.declared_by(transaction, refs))

    async def apply(self, batch: Batch) -> Sequence[Change]:
        return await self._connections.write(lambda transaction: BatchWriter(transaction, batch).write())

    async def _read(self, visible: Condition, work: Callable[[Transaction, Condition], Awaitable[Result]]) -> Result:
        """What `work` answers, given the condition of visibility without chains, which are decided on the whole graph."""

        async def seeing(transaction: Transaction) -> Result:
            return await work(transaction, await resolved(transaction, visible))

        return await self._connections.read(seeing)


async def _resolved(transaction: Transaction, filter: Condition | None, visible: Condition) -> Condition | None:
    return None if filter is None else await resolved(transaction, filter, visible)
