"""The jobs of refreshing: all configured locations when a process starts, one location when it is due or was touched."""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arq import Retry, cron, func
from arq.cron import CronJob
from arq.worker import Function

from config import Config
from config.backend import SqliteDatabase
from graph.errors import StaleWriteError, StoreUnavailableError
from graph.relations import RelationRegistry
from graph.store import Location, Store
from ingest.pipeline import RefreshReport, location_of, reconcile, refresh
from ingest.progress import Progress
from ingest.settings import IngestSettings, settings_from
from workers.queue import Queue

_TICK_SECONDS = 5
_UNAVAILABLE_SECONDS = 5
_TRIES = 1_000_000

_log = logging.getLogger("callboard.refresh")


@dataclass(slots=True)
class Refreshing:
    """What the jobs work with. `progress` is told about the first read of each location."""

    config: Config
    store: Store
    registry: RelationRegistry
    progress: Progress | None = None
    settings: IngestSettings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = settings_from(self.config, self.registry)

    @property
    def configured(self) -> Sequence[Location]:
        """The locations that the configuration names."""
        return [location_of(location.type, location.target) for location in self.config.catalog.locations]

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
    return [func(job, name=job.__name__, max_tries=_TRIES) for job in (synchronise_catalog, refresh_location)]


def cron_jobs() -> Sequence[CronJob]:
    """The one tick that asks for what is due."""
    return [cron(request_due, name="request_due", second=set(range(0, 60, _TICK_SECONDS)))]


async def synchronise_catalog(ctx: Mapping[str, Any]) -> None:
    """Take over the configured locations and refresh all, in the configured order, which decides who gets a ref that several declare."""
    refreshing: Refreshing = ctx["refreshing"]
    try:
        await reconcile(refreshing.config, refreshing.store, refreshing.settings)
        locations = await refreshing.store.locations()
        for location in locations:
            await _is_due(ctx["queue"], location, refreshing)
        for location in locations:
            await _refresh(refreshing, location)
    except (StoreUnavailableError, StaleWriteError) as error:
        raise _again(error) from error


async def refresh_location(ctx: Mapping[str, Any], location_id: str) -> None:
    """Refresh one location. One that is gone by now needs nothing."""
    refreshing: Refreshing = ctx["refreshing"]
    try:
        for location in await refreshing.store.locations():
            if location.id == location_id:
                await _refresh(refreshing, location)
    except (StoreUnavailableError, StaleWriteError) as error:
        raise _again(error) from error


async def request_due(ctx: Mapping[str, Any]) -> None:
    """Ask for every location whose interval is over."""
    refreshing: Refreshing = ctx["refreshing"]
    queue: Queue = ctx["queue"]
    await queue.sweep()
    if refreshing.interval_seconds is None:
        return
    try:
        locations = await refreshing.store.locations()
    except StoreUnavailableError as error:
        _log.warning("what is due is not known: %s", error)
        return
    for location in locations:
        if await _is_due(queue, location, refreshing):
            await queue.request(refresh_location.__name__, location.id)


async def _is_due(queue: Queue, location: Location, refreshing: Refreshing) -> bool:
    """Whether the location's interval is over; if so, the next begins: between one and one and a half times as long, as in Backstage."""
    interval = refreshing.interval_seconds
    if interval is None:
        return False
    milliseconds = int(interval * random.uniform(1, 1.5) * 1000)  # noqa: S311 - spreads load, guards nothing
    return await queue.first_in(f"callboard:read:{location.id}", milliseconds)


async def _refresh(refreshing: Refreshing, location: Location) -> None:
    progress = refreshing.progress if location.read_at is None else None
    report = await refresh(location, refreshing.store, refreshing.settings, progress)
    if report.written or report.location.error != location.error:
        _log.info("%s", _told(report))


def _told(report: RefreshReport) -> str:
    counts = f"{report.created} created, {report.updated} updated, {report.removed} removed, {report.orphaned} orphaned"
    errors = f", {report.errors} errors" if report.errors else ""
    return f"read {report.location.target}: {report.files} files, {counts}{errors}" + (f"; {e}" if (e := report.location.error) else "")


def _again(error: Exception) -> Retry:
    _log.warning("%s; refreshing again in %d s", error, _UNAVAILABLE_SECONDS)
    return Retry(defer=_UNAVAILABLE_SECONDS)
