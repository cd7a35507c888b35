"""Loaders: what the resolvers of one request ask for at the same time becomes one call of the store."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from strawberry.dataloader import DataLoader

from graph.conditions import EVERYTHING, Condition
from graph.entities import Entity
from graph.refs import Ref
from graph.relations import Step
from graph.store import CatalogError, Change, ErrorFilter, Location, LocationCounts, Page, RelatedRow, StateRow, Store, Window
from workers.schedules import schedules

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

UNLIMITED = 2**31 - 1
BEYOND_ANY = "\U0010ffff"
"""A text that comes after any ref and relation."""

AFTER_THE_LOG = 2**62
"""A sequence number greater than any."""

Steps = tuple[Step, ...]
RelatedKey = tuple[Steps, Window, Condition | None, bool]
CountKey = tuple[Steps, Condition | None]
HistoryKey = tuple[int, int, bool]
"""(sequence number to start from, how many, backward)"""

NO_ROWS: Page[RelatedRow] = Page((), (), has_previous=False, has_next=False)


class Loaders:
    """The loaders of one request; a second question for the same key is answered from memory."""

    def __init__(self, store: Store, visible: Condition) -> None:
        self._store = store
        self._visible = visible
        self._related: dict[RelatedKey, DataLoader[Ref, Page[RelatedRow]]] = {}
        self._related_counts: dict[CountKey, DataLoader[Ref, int]] = {}
        self._reached: dict[Steps, DataLoader[Ref, Sequence[Ref]]] = {}
        self._histories: dict[HistoryKey, DataLoader[Ref, Sequence[Change]]] = {}
        self.entity_by_ref: DataLoader[Ref, Entity | None] = DataLoader(self._entities_by_ref)
        self.change_count_by_ref: DataLoader[Ref, int] = DataLoader(self._change_counts_by_ref)
        self.errors_by_ref: DataLoader[Ref, Sequence[CatalogError]] = DataLoader(self._errors_by_ref)
        self.location_by_id: DataLoader[str, Location | None] = DataLoader(self._locations_by_id)
        self.schedule_by_location_id: DataLoader[str, StateRow | None] = DataLoader(self._schedules_by_location_id)
        self.location_counts_by_id: DataLoader[str, LocationCounts | None] = DataLoader(self._location_counts_by_id)

    def related_by_ref(
        self, steps: Steps, window: Window, filter: Condition | None = None, *, with_nodes: bool = True
    ) -> DataLoader[Ref, Page[RelatedRow]]:
        """The edges of an entity along the steps; no rows for a missing one. One store call for all refs asked for together."""

        async def load(refs: list[Ref]) -> Sequence[Page[RelatedRow]]:
            found = await self._store.related(refs, steps, window, visible=self._visible, filter=filter, with_nodes=with_nodes)
            return _in_order(refs, found, NO_ROWS)

        return _kept(self._related, (steps, window, filter, with_nodes), lambda: DataLoader(load))

    def related_count_by_ref(self, steps: Steps, filter: Condition | None) -> DataLoader[Ref, int]:
        """How many edges an entity has along the steps, to entities that the filter lets through; without one, to missing ones as well."""

        async def load(refs: list[Ref]) -> Sequence[int]:
            return _in_order(refs, await self._store.related_counts(refs, steps, visible=self._visible, filter=filter), 0)

        return _kept(self._related_counts, (steps, filter), lambda: DataLoader(load))

    def reached_by_ref(self, steps: Steps) -> DataLoader[Ref, Sequence[Ref]]:
        """The entities that any number of the steps lead to, the first one left out. One store call a level, for all refs together."""

        async def load(refs: list[Ref]) -> Sequence[Sequence[Ref]]:
            nexts: dict[Ref, Sequence[Ref]] = {}
            level = set(refs)
            while level:
                ordered = sorted(level)
                window = Window(UNLIMITED)
                pages = await self._store.related(ordered, steps, window, visible=self._visible, filter=EVERYTHING, with_nodes=False)
                nexts.update({ref: [row.ref for row in pages[ref].rows] if ref in pages else () for ref in ordered})
                level = {ref for ends in nexts.values() for ref in ends} - nexts.keys()
            return [_all_reached(ref, nexts) for ref in refs]

        return _kept(self._reached, steps, lambda: DataLoader(load))

    def history_by_ref(self, start: int, limit: int, *, backward: bool) -> DataLoader[Ref, Sequence[Change]]:
        """At most `limit` log entries of an entity beyond sequence number `start`, as the store orders them."""

        async def load(refs: list[Ref]) -> Sequence[Sequence[Change]]:
            found: dict[Ref, list[Change]] = defaultdict(list)
            wanting, position, chunk = list(refs), start, len(refs) * limit
            while wanting and chunk:
                entries = await self._store.changes(position, chunk, visible=self._visible, refs=wanting, backward=backward)
                for entry in entries:
                    found[entry.ref].append(entry)
                if len(entries) < chunk:
                    break
                position = entries[-1].sequence
                wanting = [ref for ref in wanting if len(found[ref]) < limit]
            return [found[ref][:limit] for ref in refs]

        return _kept(self._histories, (start, limit, backward), lambda: DataLoader(load))

    async def _entities_by_ref(self, refs: list[Ref]) -> Sequence[Entity | None]:
        return _in_order(refs, await self._store.entities_by_ref(refs, visible=self._visible), None)

    async def _change_counts_by_ref(self, refs: list[Ref]) -> Sequence[int]:
        return _in_order(refs, await self._store.change_counts_by_ref(refs, visible=self._visible), 0)

    async def _errors_by_ref(self, refs: list[Ref]) -> Sequence[Sequence[CatalogError]]:
        found: dict[Ref, list[CatalogError]] = defaultdict(list)
        page = await self._store.errors(ErrorFilter(refs=refs), Window(UNLIMITED), visible=self._visible)
        for error in page.rows:
            if error.ref is not None:
                found[error.ref].append(error)
        return [found[ref] for ref in refs]

    async def _locations_by_id(self, ids: list[str]) -> Sequence[Location | None]:
        found = {location.id: location for location in await self._store.locations()}
        return _in_order(ids, found, None)

    async def _schedules_by_location_id(self, ids: list[str]) -> Sequence[StateRow | None]:
        return _in_order(ids, await schedules(self._store, ids), None)

    async def _location_counts_by_id(self, ids: list[str]) -> Sequence[LocationCounts | None]:
        return _in_order(ids, await self._store.location_counts(ids), None)


def _in_order(keys: Sequence[K], found: Mapping[K, V], missing: D) -> list[V | D]:
    return [found.get(key, missing) for key in keys]


def _kept(known: dict[K, V], key: K, make: Callable[[], V]) -> V:
    if key not in known:
        known[key] = make()
    return known[key]


def _all_reached(start: Ref, nexts: Mapping[Ref, Sequence[Ref]]) -> Sequence[Ref]:
    seen = {start}
    waiting = [start]
    while waiting:
        fresh = set(nexts[waiting.pop()]) - seen
        seen |= fresh
        waiting.extend(fresh)
    return sorted(seen - {start})
