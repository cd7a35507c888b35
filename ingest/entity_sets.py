"""Entity sets: entities that come as documents, from a provider or a client, kept under a name as if each were a file of its own."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from graph.conditions import EVERYTHING
from graph.entities import content_hash
from graph.errors import StaleWriteError
from graph.refs import Ref
from graph.store import Batch, CatalogError, Cause, ErrorFilter, Location, SourceFile, Store, Window
from ingest.changes import FileChange
from ingest.problems import ErrorCode
from ingest.provided import ENTITY_SET, EntityProblem, GivenEntity, read_provided, source_of
from ingest.settings import IngestSettings
from ingest.settle import Settler, groups
from plugins.contract import ProvidedEntity

__all__ = ["ENTITY_SET", "EntityProblem", "EntitySetReport", "ProvidedEntity", "entity_set_location", "put_entities"]

LAST = 1_000_000
"""The `order` of locations that no configuration names: among claims new at one time, configured locations come first."""

_BATCH = 1000
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class EntitySetReport:
    """What became of the entities given, or in a dry run would. An entity with a problem stays as it was before.

    `conflicts` tell of refs that others declare as well.
    """

    created: Sequence[Ref] = ()
    updated: Sequence[Ref] = ()
    removed: Sequence[Ref] = ()
    unchanged: int = 0
    problems: Sequence[EntityProblem] = ()
    conflicts: Sequence[CatalogError] = ()

    @property
    def written(self) -> int:
        """How many entities changed."""
        return len(self.created) + len(self.updated) + len(self.removed)


def entity_set_location(name: str) -> Location:
    """The location that stands for the entity set of that name."""
    return Location(content_hash(f"{ENTITY_SET}:{name}".encode()), ENTITY_SET, name, f"{ENTITY_SET}:{name}", LAST)


async def put_entities(
    store: Store,
    settings: IngestSettings,
    name: str,
    entities: Sequence[ProvidedEntity],
    *,
    full: bool,
    cause: Cause,
    removed: Sequence[Ref] = (),
    dry_run: bool = False,
) -> EntitySetReport:
    """Have the set hold the entities: all that it holds if `full`, else beside what it holds, without those `removed`.

    Only what changes is written. An invalid entity is told of in the report and in the catalog's errors, and what the set held for it
    stays. StaleWriteError if others kept writing the same entities, StoreUnavailableError if the store can't be reached: what was written
    by then stays, and the next call goes on from there.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await _Put(store, settings, name, entities, full, tuple(removed), cause, dry_run).report()
        except StaleWriteError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("the loop returns or raises")


@dataclass(slots=True)
class _Put:
    """One writing of one set."""

    store: Store
    settings: IngestSettings
    name: str
    entities: Sequence[ProvidedEntity]
    full: bool
    removed: Sequence[Ref]
    cause: Cause
    dry_run: bool
    batches: list[Batch] = field(default_factory=list[Batch])

    async def report(self) -> EntitySetReport:
        """Write, and tell what was done."""
        locations = await self.store.locations()
        location = next((stored for stored in locations if stored.id == entity_set_location(self.name).id), None)
        records = dict(await self.store.files(location.id)) if location else {}
        given = await asyncio.to_thread(read_provided, self.entities, self.name, records, self.settings)
        location = location or await self._added()
        order = {stored.id: place for place, stored in enumerate((*locations, location))}
        settler = Settler(self.store, location, dict(records), order, self.cause, keep_orphans=False)
        settler.told, settler.rehearses = self.batches.append, self.dry_run
        changes = [*self._changes(given, records, location.id)]
        for group in groups(changes, _BATCH):
            await settler.settle(group)
        if not self.dry_run:
            await settler.settle_rest({ref for change in changes for ref in (*change.declared, *change.previous)})
            await self._note_read(location, settler.wrote)
        return await self._told(location, given)

    async def _added(self) -> Location:
        location = entity_set_location(self.name)
        if not self.dry_run:
            await self.store.apply(Batch(self.cause, locations=(location,)))
        return location

    def _changes(self, given: Sequence[GivenEntity], records: Mapping[str, SourceFile], location_id: str) -> Iterator[FileChange]:
        for one in given:
            before = records.get(one.path)
            if before is None or before.digest != one.reading.digest:
                yield FileChange(location_id, one.path, one.reading, before)
        present = {one.path for one in given}
        for path, record in records.items():
            if path not in present and self._is_gone(path, record, given):
                yield FileChange(location_id, path, None, record)

    def _is_gone(self, path: str, record: SourceFile, given: Sequence[GivenEntity]) -> bool:
        """Whether the set no longer holds the file. While an entity can't be told by its ref, it may be any of those of its source."""
        if not self.full:
            again = {one.ref for one in given if one.ref}
            return any(ref in self.removed or ref in again for ref in (*record.claims, *record.kept))
        unknown = {source_of(one.path) for one in given if one.ref is None}
        return not (record.claims or record.kept) or source_of(path) not in unknown

    async def _note_read(self, location: Location, wrote: bool) -> None:
        now = datetime.now(UTC)
        if wrote or location.read_at is None:
            await self.store.apply(Batch(self.cause, locations=(replace(location, read_at=now),)))

    async def _told(self, location: Location, given: Sequence[GivenEntity]) -> EntitySetReport:
        writes = [write for batch in self.batches for write in batch.writes]
        created = {write.entity.ref for write in writes if write.previous_hash is None}
        updated = {write.entity.ref for write in writes if write.previous_hash is not None and write.patch}
        removed = {removal.ref for batch in self.batches for removal in batch.removals}
        changed = created | updated
        return EntitySetReport(
            sorted(created),
            sorted(updated),
            sorted(removed),
            sum(not one.problems and one.ref not in changed for one in given),
            [problem for one in given for problem in one.problems],
            await self._conflicts(location),
        )

    async def _conflicts(self, location: Location) -> Sequence[CatalogError]:
        """The conflicts that the set is in, those that this writing would bring included."""
        wanted = ErrorFilter(location_ids=(location.id,), codes=(ErrorCode.CONFLICT,))
        stored = (await self.store.errors(wanted, Window(_BATCH), visible=EVERYTHING)).rows
        settled = {(file.location_id, file.path) for batch in self.batches for file in batch.files}
        settled |= {place for batch in self.batches for place in batch.forgotten}
        new = [error for batch in self.batches for error in batch.errors if error.location_id == location.id]
        here = [error for error in stored if (error.location_id, error.path) not in settled]
        return [*here, *(error for error in new if error.code == ErrorCode.CONFLICT)]
