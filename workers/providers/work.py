"""What providers have done with locations: through the same jobs and leases by which all locations are read."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graph.store import Cause, Location
from ingest.pipeline import remove_location
from workers.leases import BusyError, drop_lease, holding
from workers.queue import Queue
from workers.refresh.jobs import Refreshing, lease_name, refresh_location
from workers.schedules import ask_for_reads, forget

_BUSY_SECONDS = 0.5
_READ_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class QueuedLocations:
    """Reads and removes locations in a job's context. `ctx` is what the jobs of refreshing work with."""

    ctx: Mapping[str, Any]

    async def read_soon(self, location_ids: Sequence[str]) -> None:
        """Have the locations read by the next free worker; what the queue loses is found in the store."""
        queue: Queue = self.ctx["queue"]
        await ask_for_reads(self._refreshing.store, location_ids)
        for location_id in location_ids:
            await queue.request(refresh_location.__name__, location_id)

    async def read_now(self, locations: Sequence[Location]) -> bool:
        """Read the locations, some at once. Whether all could be read."""
        ids = [location.id for location in locations]
        await ask_for_reads(self._refreshing.store, ids)
        some = asyncio.Semaphore(_READ_AT_ONCE)

        async def read(location_id: str) -> None:
            async with some:
                await _waiting(lambda: refresh_location(self.ctx, location_id))

        await asyncio.gather(*(read(location_id) for location_id in ids))
        now = {location.id: location.error for location in await self._refreshing.store.locations()}
        return all(location_id in now and now[location_id] is None for location_id in ids)

    async def remove(self, locations: Sequence[Location], cause: Cause, *, at_once: bool = False) -> None:
        """Remove the locations, each as soon as nobody reads it. What a provider gave is never kept as an orphan, as in Backstage."""
        store, settings = self._refreshing.store, replace(self._refreshing.settings, keep_orphans=False)

        async def removed(location: Location) -> None:
            await remove_location(location, store, settings, cause, at_once=at_once)

        for location in locations:
            lease = lease_name(location.id)
            await _waiting(lambda lease=lease, location=location: holding(store, lease, lambda: removed(location)))
            await forget(store, [location.id])
            await drop_lease(store, lease)

    @property
    def _refreshing(self) -> Refreshing:
        return self.ctx["refreshing"]


async def _waiting(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work as soon as nobody else holds what it needs."""
    while True:
        try:
            return await work()
        except BusyError:
            await asyncio.sleep(_BUSY_SECONDS)
