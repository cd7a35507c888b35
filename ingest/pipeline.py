"""Keeping the graph in step with its locations: one location read and written, and all configured locations together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from config import Config
from graph.conditions import EVERYTHING
from graph.entities import content_hash
from graph.errors import StaleWriteError
from graph.relations import RelationRegistry
from graph.store import Batch, Cause, ErrorFilter, Location, LocationCounts, StateWrite, Store
from ingest.changes import FileChange
from ingest.crew import Crew
from ingest.files import FileContext, FileJob, FileReading, failed_reading
from ingest.infer.gathering import gather
from ingest.infer.keeping import keep_inferred
from ingest.locations import Traversal
from ingest.progress import Progress, Progressed
from ingest.provided import ENTITY_SET
from ingest.releases import grace_among, remove_released
from ingest.remote import SOURCES, RemoteFiles, remote_files
from ingest.settings import IngestSettings, context_of, local_context, settings_from
from ingest.settle import Settler, groups
from ingest.targets import Target, decoded, type_of
from plugins.hosts import opened_hosts

CONFIGURED = "configuration"
"""The `origin` of locations that the configuration names; they go when it no longer does."""

READ_AT_GRANULARITY = timedelta(minutes=10)
"""A read that finds nothing new is written down only when the last one written down is older than this."""

_BATCH = 1000
_LARGEST_BATCH = 4000
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did. `unchanged` entities were read, or known to be as before; `errors` are all present errors of the location.

    `retry_after_seconds` is how long a host asks not to be read again, None if none does.
    """

    location: Location
    files: int
    created: int
    updated: int
    removed: int
    orphaned: int
    unchanged: int
    errors: int
    retry_after_seconds: float | None = None

    @property
    def written(self) -> int:
        """How many entities changed."""
        return self.created + self.updated + self.removed + self.orphaned


def location_of(type: str, target: str, *, origin: str = CONFIGURED, order: int = 0) -> Location:
    """The location of a target; the same type and target give the same id."""
    return Location(content_hash(f"{type}:{target}".encode()), type, target, origin, order)


async def refresh(
    location: Location,
    store: Store,
    settings: IngestSettings,
    progress: Progress | None = None,
    cause: Cause | None = None,
    *,
    processes: int | None = None,
) -> RefreshReport:
    """Read the location's files and write what changed, and only that. The location has to be stored, see `add_locations`.

    What could not be read is reported in the store and never removes anything. An entity set is not read: its provider writes it.
    `processes` limits those that help to read; None takes the spare processors. StaleWriteError if others kept writing the same
    entities, StoreUnavailableError if the store can't be reached: what was written by then stays, and the next refresh goes on from there.
    """
    if location.type == ENTITY_SET:
        return await _untouched(location, store)
    for attempt in range(1, _ATTEMPTS + 1):
        run = _Refresh(location, store, settings, progress, cause or Cause("location", f"{location.type}:{location.target}"))
        try:
            return await run.report(processes)
        except StaleWriteError:
            if attempt == _ATTEMPTS:
                raise
            location = next((stored for stored in await store.locations() if stored.id == location.id), location)
    raise AssertionError("the loop returns or raises")


async def rehearse(location: Location, store: Store, settings: IngestSettings) -> tuple[RefreshReport, Sequence[Batch]]:
    """What a first refresh of a location that is not stored would do, and what it would write; nothing is written."""
    batches: list[Batch] = []
    run = _Refresh(location, store, settings, None, Cause("location", f"{location.type}:{location.target}"), rehearsed=batches)
    return await run.report(None), batches


async def synchronise(
    config: Config, store: Store, registry: RelationRegistry, progress: Progress | None = None
) -> Sequence[RefreshReport]:
    """Take over the configured locations and refresh every stored one, in the configured order. Errors as of `refresh`.

    What no location declares when all have been read goes without a further grace.
    """
    async with opened_hosts(config) as hosts:
        return await _synchronised(config, store, settings_from(config, registry, hosts), progress)


async def _synchronised(config: Config, store: Store, settings: IngestSettings, progress: Progress | None) -> Sequence[RefreshReport]:
    await reconcile(config, store, settings)
    reports = [await refresh(location, store, settings, progress) for location in await store.locations()]
    await remove_released(store, at_once=True)
    if settings.infers:
        await keep_inferred(store)
    return reports


async def reconcile(config: Config, store: Store, settings: IngestSettings) -> None:
    """Store the configured locations, and remove those that the configuration no longer names, with what only they led to."""
    wanted: dict[str, Location] = {}
    for order, configured in enumerate(config.catalog.locations):
        location = location_of(configured.type, configured.target, order=order)
        wanted.setdefault(location.id, location)
    stored = await store.locations()
    await add_locations(store, list(wanted.values()))
    for location in stored:
        if location.origin == CONFIGURED and location.id not in wanted:
            await remove_location(location, store, settings)


async def add_locations(store: Store, locations: Sequence[Location]) -> None:
    """Store the locations, unless they are stored just so; what is known of their last read stays."""
    stored = {location.id: location for location in await store.locations()}
    now = [replace(new, read_at=old.read_at, error=old.error) if (old := stored.get(new.id)) else new for new in locations]
    changed = [location for location in now if stored.get(location.id) != location]
    if changed:
        await store.apply(Batch(Cause("location", "configuration"), locations=changed))


async def remove_location(
    location: Location,
    store: Store,
    settings: IngestSettings,
    cause: Cause | None = None,
    *,
    at_once: bool = False,
    told: Callable[[Batch], None] | None = None,
) -> None:
    """Forget the location and its files. What nothing else declares is kept as an orphan, or removed: after the grace, or `at_once`, as for
    an entity set.

    `told` gets what is written.
    """
    cause = cause or Cause("location", f"{location.type}:{location.target} is no longer configured")
    for attempt in range(1, _ATTEMPTS + 1):
        settler = await _settler(location, store, settings, cause)
        settler.told = told
        if at_once or location.type == ENTITY_SET:
            settler.grace = timedelta(0)
        gone = [FileChange(location.id, path, None, record) for path, record in settler.records.items()]
        try:
            for group in groups(gone, _BATCH):
                await settler.settle(group)
            await settler.settle_rest({ref for change in gone for ref in change.previous})
        except StaleWriteError:
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    await store.apply(Batch(cause, removed_locations=(location.id,)))
    if await store.states(SOURCES, ids=[location.id]):
        await store.write_states([StateWrite(SOURCES, location.id, None)])


def _is_lost(change: FileChange, remote: RemoteFiles | None) -> bool:
    """Whether a file that declared something is missing because its whole repository is: more often a right withdrawn than a removal."""
    return remote is not None and type_of(change.path) == "url" and bool(change.previous) and remote.reader.is_failed(change.path)


async def _untouched(location: Location, store: Store) -> RefreshReport:
    counts = (await store.location_counts([location.id])).get(location.id, LocationCounts(0, 0, 0))
    return RefreshReport(location, counts.files, 0, 0, 0, 0, counts.entities, counts.errors)


async def _settler(location: Location, store: Store, settings: IngestSettings, cause: Cause) -> Settler:
    records = dict(await store.files(location.id))
    order = {stored.id: place for place, stored in enumerate(await store.locations())}
    settler = Settler(store, location, records, order, cause, settings.keep_orphans)
    settler.grace = grace_among(len(order), settings.removal_grace)
    return settler


@dataclass(slots=True)
class _Refresh:
    """One read of one location."""

    location: Location
    store: Store
    settings: IngestSettings
    progress: Progress | None
    cause: Cause
    read: int = 0
    known: int = 0
    declared: int = 0
    error: str | None = None
    rehearsed: list[Batch] | None = None
    roots: frozenset[str] = frozenset()
    entangled: list[FileChange] = field(default_factory=list[FileChange])
    absent: list[FileChange] = field(default_factory=list[FileChange])

    async def report(self, processes: int | None) -> RefreshReport:
        """Read, write, and tell what was done."""
        settler = await _settler(self.location, self.store, self.settings, self.cause)
        if self.rehearsed is not None:
            settler.told, settler.rehearses = self.rehearsed.append, True
        async with remote_files(self.location, self.store, self.settings) as remote:
            if remote and self.location.type == "url" and await remote.all_unchanged():
                self.error = self.location.error
                await self._write_location(settler)
                return await _untouched(self.location, self.store)
            context = await asyncio.to_thread(context_of, self.location, self.settings, remote.reader if remote else None)
            traversal = Traversal(context, dict(settler.records))
            try:
                async with Crew(local_context(context), processes) as crew:
                    await self._read_all(traversal, crew, settler, remote)
                await settler.flush()
            finally:
                await settler.abandon()
            await self._settle_entangled(traversal, settler)
            if self.settings.infers and self.rehearsed is None:
                await gather(self.location, self.store, settler.records, self.settings.hosts, remote)
            location = await self._write_location(settler)
            retry_after = await remote.finished(write=self.rehearsed is None) if remote else None
        if self.progress:
            self._tell(traversal, settler, finished=True)
        errors = await self.store.error_count(ErrorFilter(location_ids=(location.id,)), visible=EVERYTHING)
        tally = settler.tally
        unchanged = self.known + self.declared - tally.created - tally.updated
        done = (tally.created, tally.updated, tally.removed, tally.orphaned, max(0, unchanged), errors)
        return RefreshReport(location, len(settler.records), *done, retry_after)

    async def _read_all(self, traversal: Traversal, crew: Crew, settler: Settler, remote: RemoteFiles | None) -> None:
        """Wave by wave: the files that targets lead to, then what their Location entities lead to."""
        batch: list[FileChange] = []
        weight = 0
        targets: list[Target] = [Target(self.location.type, self.location.target, optional=self._is_optional)]
        while targets:
            jobs = await (remote.in_thread if remote else asyncio.to_thread)(traversal.follow, targets)
            if self.read == 0 and self.location.type == "url":
                self.roots = frozenset({self.location.target, *(job.path for job in jobs if len(jobs) == 1)})
            targets = list[Target]()
            async for job, reading in self._readings(jobs, traversal, crew, remote):
                self.read += 1
                change = FileChange(self.location.id, job.path, reading, settler.records.get(job.path))
                targets += self._targets(change, traversal)
                if reading is None:
                    self.known += len(change.previous)
                elif reading.failure and reading.failure.missing and traversal.leads[job.path].optional and not _is_lost(change, remote):
                    self.absent.append(change)
                else:
                    batch.append(change)
                    weight += len(change.declared) + 1
                # Large indexes are written in large pieces: each batch touches most of their pages.
                if weight >= min(max(_BATCH, self.declared // 4), _LARGEST_BATCH):
                    await self._write(batch, settler, traversal)
                    batch, weight = [], 0
        await self._write(batch, settler, traversal)

    @property
    def _is_optional(self) -> bool:
        """Whether the location may lead to nothing: many of the repositories that a provider discovers have no catalog file."""
        return self.location.type == "url" and self.location.origin.startswith(f"{ENTITY_SET}:")

    async def _readings(
        self, jobs: Sequence[FileJob], traversal: Traversal, crew: Crew, remote: RemoteFiles | None
    ) -> AsyncIterator[tuple[FileJob, FileReading | None]]:
        """The readings of the jobs. Those that failed already when they were looked for come first."""
        near: list[FileJob] = []
        far: list[FileJob] = []
        for job in jobs:
            failure = traversal.failures.get(job.path)
            far_away = type_of(job.path) == "url"
            if failure and not (far_away and remote is None and job.path in traversal.known):
                yield job, failed_reading(job, failure, traversal.context.fingerprint)
            else:
                (far if far_away else near).append(job)
        async for job, reading in crew.readings(near):
            yield job, reading
        if remote and far:
            async for job, reading in remote.readings(far, traversal.context, traversal.known):
                yield job, reading
        elif far:
            # Where no URL can be read, those that were read elsewhere stay as they are.
            for job in far:
                yield job, None

    def _targets(self, change: FileChange, traversal: Traversal) -> list[Target]:
        if change.path in self.roots or change.path == self.location.target:
            self._note_root(change.reading, traversal.context)
        record = change.record if change.reading else change.before
        return [decoded(text) for text in record.targets] if record else []

    def _note_root(self, reading: FileReading | None, context: FileContext) -> None:
        """A root that can't be read is an error of the location as a whole; one that still can't is the same error."""
        if reading is None:
            self.error = self.location.error
        elif reading.failure and not (reading.failure.missing and self._is_optional):
            self.error = reading.failure.message

    async def _write(self, batch: Sequence[FileChange], settler: Settler, traversal: Traversal) -> None:
        if batch:
            self.declared += sum(len(change.declared) for change in batch)
            self.entangled += await settler.settle_plain(batch)
        if self.progress:
            self._tell(traversal, settler)

    async def _settle_entangled(self, traversal: Traversal, settler: Settler) -> None:
        """What shares refs with other files, or lets some go, once all files are known: a ref may only have moved."""
        missed = [change for change in self.absent if not traversal.leads[change.path].optional]
        present = traversal.leads.keys() - {change.path for change in self.absent} | {change.path for change in missed}
        gone = [FileChange(self.location.id, path, None, record) for path, record in settler.records.items() if path not in present]
        changes = [*self.entangled, *missed, *gone]
        for group in groups(changes, _BATCH):
            await settler.settle(group)
        await settler.settle_rest({ref for change in changes for ref in (*change.declared, *change.previous)})

    async def _write_location(self, settler: Settler) -> Location:
        now = datetime.now(UTC)
        last = self.location.read_at
        location = replace(self.location, read_at=now, error=self.error)
        if self.rehearsed is not None:
            return location
        if settler.wrote or self.error != self.location.error or last is None or now - last >= READ_AT_GRANULARITY:
            await self.store.apply(Batch(self.cause, locations=(location,)))
            return location
        return self.location

    def _tell(self, traversal: Traversal, settler: Settler, *, finished: bool = False) -> None:
        if self.progress:
            written = settler.tally.created + settler.tally.updated
            self.progress(Progressed(self.location.target, len(traversal.leads), self.read, written, finished))
