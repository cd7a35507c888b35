"""Providers: what a provider writes, and the errors of the provider itself, kept as a part of the catalog under its name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from graph.conditions import EVERYTHING
from graph.store import Batch, CatalogError, Cause, ErrorFilter, Location, SourceFile, Store, Window
from ingest.entity_sets import ENTITY_SET, LAST, entity_set_location, put_entities
from ingest.pipeline import add_locations, location_of
from ingest.problems import ErrorCode, remedy_for
from ingest.settings import IngestSettings
from plugins.contract import DeltaMutation, FullMutation, ProvidedLocation, SourceError


class LocationWork(Protocol):
    """What is done with locations, one worker at a time for each."""

    async def read_soon(self, location_ids: Sequence[str]) -> None:
        """Have the locations read as soon as a worker can."""
        ...

    async def read_now(self, locations: Sequence[Location]) -> bool:
        """Read the locations before going on. Whether all of them could be read."""
        ...

    async def remove(self, locations: Sequence[Location], cause: Cause, *, at_once: bool = False) -> None:
        """Remove the locations with what only they led to: after the grace that entities on their way elsewhere get, or `at_once`."""
        ...


def origin_of(name: str) -> str:
    """The `origin` of the locations that the provider found, and of the set of its entities."""
    return f"{ENTITY_SET}:{name}"


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """Writes what one provider provides. Every method raises StoreUnavailableError, and StaleWriteError if others kept writing the same."""

    store: Store
    settings: IngestSettings
    name: str
    work: LocationWork

    @property
    def cause(self) -> Cause:
        """Why its entities change."""
        return Cause("location", origin_of(self.name))

    async def apply(self, mutation: FullMutation | DeltaMutation) -> None:
        """Write the mutation, and only what it changes. Entities of locations that go move to new ones first, where those declare them."""
        full = isinstance(mutation, FullMutation)
        stored = await self.locations()
        given = {location.id: location for location in (_location(self.name, one) for one in mutation.locations)}
        known = {location.id for location in await self.store.locations()}
        # What is configured or registered already stays what it is.
        new = [location for location in given.values() if location.id not in known]
        if isinstance(mutation, FullMutation):
            gone = [location for location in stored if location.id not in given]
        else:
            removed = {_location(self.name, one).id for one in mutation.removed_locations}
            gone = [location for location in stored if location.id in removed - given.keys()]
        if new:
            await add_locations(self.store, new)
        if full or mutation.entities or mutation.removed_entities:
            removed_entities = () if isinstance(mutation, FullMutation) else mutation.removed_entities
            await put_entities(
                self.store, self.settings, self.name, mutation.entities, full=full, cause=self.cause, removed=removed_entities
            )
        await self._settle_locations(new, gone)

    async def _settle_locations(self, new: Sequence[Location], gone: Sequence[Location]) -> None:
        if new and gone:
            # A repository may only have another name: where the new one can't be read yet, the old one goes with the next mutation.
            if not await self.work.read_now(new):
                return
        elif new:
            await self.work.read_soon([location.id for location in new])
        if gone:
            await self.work.remove(gone, self.cause)

    async def refresh(self, locations: Sequence[ProvidedLocation]) -> None:
        """Have the locations read soon; those that the provider did not provide are left out."""
        wanted = {_location(self.name, one).id for one in locations}
        await self.work.read_soon([location.id for location in await self.locations() if location.id in wanted])

    async def locations(self) -> Sequence[Location]:
        """The locations that the provider found, without the set of its entities."""
        origin = origin_of(self.name)
        return [location for location in await self.store.locations() if location.origin == origin and location.type != ENTITY_SET]

    async def remove_everything(self) -> None:
        """Remove all that the provider gave, its errors included."""
        entity_set = entity_set_location(self.name).id
        everything = [location for location in await self.store.locations() if location.origin == origin_of(self.name)]
        everything.sort(key=lambda location: location.id == entity_set)
        await self.work.remove(everything, Cause("location", f"{origin_of(self.name)} is no longer configured"), at_once=True)

    async def report(self, failure: CatalogError | None) -> None:
        """Show why the provider could not read, in the catalog's errors and on its location; None: it could. What it gave stays."""
        location = await self._entity_set()
        path = origin_of(self.name)
        stored = await self.store.errors(ErrorFilter(location_ids=(location.id,)), Window(1000), visible=EVERYTHING)
        before = [error for error in stored.rows if error.path == path]
        message = failure.message if failure else None
        if [error.id for error in before] == ([failure.id] if failure else []) and location.error == message:
            return
        record = [SourceFile(location.id, path, failure.id)] if failure else []
        await self.store.apply(
            Batch(
                self.cause,
                files=record,
                errors=[failure] if failure else [],
                forgotten=[(location.id, path)] if before and not failure else [],
                locations=(replace(location, error=message),),
            )
        )

    async def _entity_set(self) -> Location:
        location = entity_set_location(self.name)
        return next((stored for stored in await self.store.locations() if stored.id == location.id), location)


def source_failure(name: str, error: SourceError) -> CatalogError:
    """The catalog error of a provider whose source could not be read."""
    message = f"{origin_of(name)}: {error.message}"
    return CatalogError(entity_set_location(name).id, origin_of(name), error.reason.value, message, error.remedy)


def other_failure(name: str, message: str) -> CatalogError:
    """The catalog error of a provider that failed otherwise."""
    code = ErrorCode.PROVIDER_FAILED
    return CatalogError(entity_set_location(name).id, origin_of(name), code, f"{origin_of(name)}: {message}", remedy_for(code))


def _location(name: str, provided: ProvidedLocation) -> Location:
    return location_of(provided.type, provided.target, origin=origin_of(name), order=LAST)
