"""The jobs of refreshing: all configured locations when a process starts, one location when it is due or was touched."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arq import cron
from arq.cron import CronJob
from arq.worker import Function

from config import Config
from config.backend import SqliteDatabase
from graph.errors import StoreUnavailableError
from graph.relations import RelationRegistry
from graph.store import Cause, Location, Store
from ingest.pipeline import CONFIGURED, RefreshReport, add_locations, location_of, refresh, remove_location
from ingest.progress import Progress
from ingest.settings import IngestSettings, settings_from
from plugins.hosts import Hosts
from workers.jobs import job
from workers.leases import BusyError, drop_lease, held_names, holding
from workers.queue import Queue
from workers.schedules import due_ids, forget, note_read, schedules

TICK_SECONDS = 5
_READ_LIMIT_SECONDS = 3600
_START_LIMIT_SECONDS = 6 * 3600
_BUSY_SECONDS = 1

_log = logging.getLogger("callboard.refresh")


@dataclass(slots=True)
class Refreshing:
    """What the jobs work with. `progress` is told about the first read of each location; without `hosts` no URL is read."""

    config: Config
    store: Store
    registry: RelationRegistry
    progress: Progress | None = None
    hosts: Hosts | None = None
    settings: IngestSettings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = settings_from(self.config, self.registry, self.hosts)

    @property
    def configured(self) -> Sequence[Location]:
        """The locations that the configuration names, in its order."""
        named = (location_of(named.type, named.target, order=order) for order, named in enumerate(self.config.catalog.locations))
        first: dict[str, Location] = {}
        for location in named:
            first.setdefault(location.id, location)
        return list(first.values())

    @property
    def database_file(self) -> Path | None:
        """The file of an embedded store, which no change of matters."""
        database = self.config.backend.database
        return database.connection.filename if isinstance(database, SqliteDatabase) else None

    @property
    def interval_seconds(self) -> float | None:
        """How long a location may go unread, at least; None if it is never read again by itself."""
        interval = self.config.catalog.processing_interval
        return None if interval is None else interval.total_seconds()


def functions() -> Sequence[Function]:
    """The jobs, by the names under which they are asked for."""
    return [
        job(synchronise_catalog, time_limit_seconds=_START_LIMIT_SECONDS),
        job(refresh_location, time_limit_seconds=_READ_LIMIT_SECONDS),
    ]


def cron_jobs() -> Sequence[CronJob]:
    """The one tick that asks for what is due."""
    return [cron(request_due, name="request_due", second=set(range(0, 60, TICK_SECONDS)))]


async def synchronise_catalog(ctx: Mapping[str, Any]) -> None:
    """Take over the configured locations and refresh them, in the configured order, which decides who gets a ref that several declare.

    Other locations are read when they are due.
    """
    refreshing: Refreshing = ctx["refreshing"]
    configured = refreshing.configured
    await add_locations(refreshing.store, configured)
    wanted = {location.id for location in configured}
    for location in await refreshing.store.locations():
        if location.origin == CONFIGURED and location.id not in wanted:
            await _waiting(refreshing.store, location, lambda location=location: _remove(refreshing, location))
    for location in await refreshing.store.locations():
        if location.id in wanted:
            await _waiting(refreshing.store, location, lambda location=location: _refresh(refreshing, location))


async def refresh_location(ctx: Mapping[str, Any], location_id: str, user: str = "") -> None:
    """Refresh one location, as the `user` asked if one did. One that is gone by now needs nothing."""
    refreshing: Refreshing = ctx["refreshing"]
    location = await _stored(refreshing.store, location_id)
    cause = Cause("user", user) if user else None
    if location:
        await holding(refreshing.store, lease_name(location_id), lambda: _refresh(refreshing, location, cause))
    else:
        await forget(refreshing.store, [location_id])
        await drop_lease(refreshing.store, lease_name(location_id))


async def request_due(ctx: Mapping[str, Any]) -> None:
    """Ask for every location whose time has come and that nobody reads now; for all of them if the queue forgot what it held."""
    refreshing: Refreshing = ctx["refreshing"]
    queue: Queue = ctx["queue"]
    await queue.sweep()
    if await queue.is_new():
        await queue.request(synchronise_catalog.__name__)
    try:
        due = await due_ids(refreshing.store)
        held = await held_names(refreshing.store, [lease_name(each) for each in due]) if due else set[str]()
    except StoreUnavailableError as error:
        _log.warning("what is due is not known: %s", error)
        return
    for location_id in due:
        if lease_name(location_id) not in held:
            await queue.request(refresh_location.__name__, location_id)


def lease_name(location_id: str) -> str:
    """The lease that whoever reads or removes the location holds meanwhile."""
    return f"location:{location_id}"


async def _waiting(store: Store, location: Location, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work as soon as nobody else works on the location."""
    while True:
        try:
            return await holding(store, lease_name(location.id), work)
        except BusyError:
            await asyncio.sleep(_BUSY_SECONDS)


async def _stored(store: Store, location_id: str) -> Location | None:
    return next((location for location in await store.locations() if location.id == location_id), None)


async def _remove(refreshing: Refreshing, location: Location) -> None:
    await remove_location(location, refreshing.store, refreshing.settings)
    await forget(refreshing.store, [location.id])


async def _refresh(refreshing: Refreshing, location: Location, cause: Cause | None = None) -> None:
    # It may have been read, or be gone, since it was looked up: only who holds the lease knows.
    current = await _stored(refreshing.store, location.id)
    if current is None:
        return
    begun = (await schedules(refreshing.store, [location.id])).get(location.id)
    progress = refreshing.progress if current.read_at is None else None
    report = await refresh(current, refreshing.store, refreshing.settings, progress, cause)
    await note_read(refreshing.store, location.id, begun, report.location.error, refreshing.interval_seconds, report.retry_after_seconds)
    if report.written or report.location.error != current.error:
        _log.info("%s", _told(report))


def _told(report: RefreshReport) -> str:
    counts = f"{report.created} created, {report.updated} updated, {report.removed} removed, {report.orphaned} orphaned"
    errors = f", {report.errors} errors" if report.errors else ""
    return f"read {report.location.target}: {report.files} files, {counts}{errors}" + (f"; {e}" if (e := report.location.error) else "")
