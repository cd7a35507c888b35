"""What the API may do to the catalog, done under the leases that readers of locations take."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from graph.conditions import Condition
from graph.entities import canonical_json, content_hash
from graph.errors import ConflictError, InvalidRefError, NotFoundError
from graph.refs import Ref, parse_ref
from graph.store import Batch, Cause, Location, Store
from ingest.entity_sets import ENTITY_SET, ProvidedEntity, entity_set_location, put_entities
from ingest.lifecycle import (
    Demand,
    PreconditionError,
    Pushed,
    PushedProblem,
    PushedSet,
    Refreshing,
    Registered,
    Unregistered,
    ValidatedDocuments,
)
from ingest.pipeline import CONFIGURED, add_locations, refresh, remove_location
from ingest.registering import location_to_register, rehearsed, validated
from ingest.settings import IngestSettings
from workers.leases import BusyError, holding
from workers.providers.jobs import ask_for_run
from workers.refresh.jobs import lease_name, refresh_location
from workers.schedules import ask_for_reads, forget

PUSHED = "pushed:"
"""What the names of pushed sets begin with in the store, where those of providers do not."""

_BUSY_SECONDS = 0.2
_BUSY_TRIES = 100

Result = TypeVar("Result")


class Requests(Protocol):
    """Where jobs are asked for."""

    async def request(self, function: str, *args: str) -> None:
        """Have the job run soon."""
        ...


@dataclass(slots=True)
class CatalogActions:
    """The actions on one catalog. Without `requests`, what is due is found by the workers' next look at the store."""

    store: Store
    settings: IngestSettings
    file_roots: Sequence[str]
    requests: Requests | None = None

    async def register(self, type: str, target: str, principal: Ref, *, dry_run: bool) -> Registered:
        location = await asyncio.to_thread(location_to_register, type, target, self.file_roots)
        stored = await self._stored(location.id)
        if stored is not None:
            return Registered(stored, existed=True)
        rehearsal = await rehearsed(location, self.store, self.settings)
        if dry_run or rehearsal.failure or not rehearsal.entities:
            return Registered(None, False, rehearsal.entities, rehearsal.problems)
        read = asyncio.create_task(self._holding(location, lambda: self._first_read(location, _cause(principal))))
        # A request that runs into its time limit leaves a location that is read to the end.
        await asyncio.shield(read)
        return Registered(await self._stored(location.id) or location, False, rehearsal.entities, rehearsal.problems)

    async def _first_read(self, location: Location, cause: Cause) -> None:
        await add_locations(self.store, [location])
        # Scheduled before it is read: whoever goes on after a crash finds it.
        await ask_for_reads(self.store, [location.id])
        await refresh(location, self.store, self.settings, None, cause)

    async def unregister(self, location_id: str, principal: Ref) -> Unregistered:
        location = await self._stored(location_id)
        if location is None:
            raise NotFoundError(f"there is no location with the id {location_id!r}")
        if location.origin == CONFIGURED:
            named = f"{location.type}:{location.target}"
            raise ConflictError(f"{named} comes from the configuration; take it out of catalog.locations to have it removed")
        if location.type == ENTITY_SET or location.origin.startswith(("provider:", f"{ENTITY_SET}:")):
            raise ConflictError(f"{location.target} belongs to {location.origin}, and goes when that no longer provides it")
        return await self._holding(location, lambda: self._removed(location, _cause(principal)))

    async def refresh(self, of: Sequence[str], principal: Ref, *, visible: Condition) -> Refreshing:
        locations = {location.id: location for location in await self.store.locations()}
        refs = {text: ref for text in of if text not in locations and (ref := _ref(text))}
        entities = await self.store.entities_by_ref(sorted(set(refs.values())), visible=visible)
        chosen: dict[str, Location] = {}
        unknown: list[str] = []
        for text in dict.fromkeys(of):
            entity = entities.get(refs[text]) if text in refs else None
            location = locations.get(entity.origin.location_id if entity else text)
            if location is None:
                unknown.append(text)
            else:
                chosen[location.id] = location
        sources = [location.id for location in chosen.values() if location.type != ENTITY_SET]
        await ask_for_reads(self.store, sources)
        for location_id in sources if self.requests else ():
            await self._request(location_id, principal)
        # A set has nothing to be read: what gave it is asked, if it can be.
        for location in chosen.values():
            if location.type == ENTITY_SET and not _is_pushed(location):
                await ask_for_run(self.store, location.target)
        return Refreshing(list(chosen.values()), unknown)

    async def validate(self, document: str, location: str | None) -> ValidatedDocuments:
        return await asyncio.to_thread(validated, document, location, self.settings)

    async def sets(self) -> Sequence[PushedSet]:
        stored = [location for location in await self.store.locations() if _is_pushed(location)]
        counts = await self.store.location_counts([location.id for location in stored])
        found = [
            PushedSet(
                location.target.removeprefix(PUSHED),
                await self._tag(location),
                counts[location.id].entities if location.id in counts else 0,
                counts[location.id].errors if location.id in counts else 0,
                location.read_at,
            )
            for location in stored
        ]
        return sorted(found, key=lambda one: one.name)

    async def push(
        self,
        name: str,
        documents: Sequence[Mapping[str, Any]],
        principal: Ref,
        *,
        full: bool,
        removed: Sequence[Ref],
        demand: Demand,
        dry_run: bool,
    ) -> Pushed:
        location = entity_set_location(PUSHED + name)
        entities = [ProvidedEntity(document, "") for document in documents]

        async def put() -> Pushed:
            await self._demand(location, demand)
            cause = _cause(principal)
            report = await put_entities(
                self.store, self.settings, PUSHED + name, entities, full=full, cause=cause, removed=removed, dry_run=dry_run
            )
            problems = [PushedProblem(p.index, p.ref, p.pointer, p.code, p.message, p.remedy) for p in report.problems]
            stored = await self._stored(location.id)
            tag = await self._tag(stored) if stored else None
            return Pushed(tag, report.created, report.updated, report.removed, report.unchanged, problems, report.conflicts)

        return await put() if dry_run else await self._holding(location, put)

    async def drop_set(self, name: str, principal: Ref, *, demand: Demand) -> Unregistered:
        location = await self._stored(entity_set_location(PUSHED + name).id)
        if location is None:
            raise NotFoundError(f"there is no entity set named {name!r}")

        async def drop() -> Unregistered:
            await self._demand(location, demand)
            return await self._removed(location, _cause(principal))

        return await self._holding(location, drop)

    async def _demand(self, location: Location, demand: Demand) -> None:
        stored = await self._stored(location.id)
        if not demand.holds(await self._tag(stored) if stored else None):
            raise PreconditionError("the set is not as If-Match or If-None-Match demands; read it again and decide anew")

    async def _tag(self, location: Location) -> str:
        files = await self.store.files(location.id)
        return content_hash(canonical_json(sorted((file.path, file.digest) for file in files.values())))

    async def _removed(self, location: Location, cause: Cause) -> Unregistered:
        batches: list[Batch] = []
        await remove_location(location, self.store, self.settings, cause, at_once=True, told=batches.append)
        await forget(self.store, [location.id])
        removed = [removal.ref for batch in batches for removal in batch.removals]
        orphaned = [write.entity.ref for batch in batches for write in batch.writes if write.entity.orphan]
        return Unregistered(location, sorted(removed), sorted(orphaned))

    async def _stored(self, location_id: str) -> Location | None:
        return next((location for location in await self.store.locations() if location.id == location_id), None)

    async def _holding(self, location: Location, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do the work as soon as nobody else works on the location. BusyError if somebody does for long."""
        for _ in range(_BUSY_TRIES):
            try:
                return await holding(self.store, lease_name(location.id), work)
            except BusyError:
                await asyncio.sleep(_BUSY_SECONDS)
        raise BusyError(f"{location.target} is being read; try again in a moment")

    async def _request(self, location_id: str, principal: Ref) -> None:
        if self.requests:
            await self.requests.request(refresh_location.__name__, location_id, principal)


def _cause(principal: Ref) -> Cause:
    return Cause("user", principal)


def _is_pushed(location: Location) -> bool:
    return location.type == ENTITY_SET and location.target.startswith(PUSHED)


def _ref(text: str) -> Ref | None:
    try:
        return parse_ref(text).ref
    except InvalidRefError:
        return None
