"""What the API may do to the catalog, done under the leases that readers of locations take."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from graph.access import Access, Action
from graph.conditions import EVERYTHING, all_of
from graph.entities import Entity, canonical_json, content_hash
from graph.errors import ConflictError, ForbiddenError, InvalidRefError, NotFoundError
from graph.refs import Ref, parse_ref
from graph.store import Batch, Cause, Location, LocationCounts, Operation, Store
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
from ingest.problems import ErrorCode
from ingest.registering import Rehearsal, location_to_register, rehearsed, validated
from ingest.settings import IngestSettings
from workers.leases import BusyError, holding
from workers.lifecycle.registrations import LocationRegistrations, stay
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

    @property
    def registrations(self) -> LocationRegistrations:
        return LocationRegistrations(self)

    async def register(self, type: str, target: str, access: Access, *, dry_run: bool, cause: Cause | None = None) -> Registered:
        access.demand(Action.LOCATION_CREATE)
        location = await asyncio.to_thread(location_to_register, type, target, self.file_roots)
        stored = await self.stored(location.id)
        if stored is not None:
            await stay(self.store, location.id)
            if stored.read_at is None:
                # Whoever registered it may have been killed before it was to be read.
                await ask_for_reads(self.store, [location.id])
            return Registered(stored, existed=True)
        rehearsal = await self._seen_of(await rehearsed(location, self.store, self.settings), access)
        if dry_run or rehearsal.failure or not rehearsal.entities:
            return Registered(None, False, rehearsal.entities, rehearsal.problems)
        read = asyncio.create_task(self.holding(location, lambda: self._first_read(location, cause or _cause(access.principal.ref))))
        # A request that runs into its time limit leaves a location that is read to the end.
        await asyncio.shield(read)
        return Registered(await self.stored(location.id) or location, False, rehearsal.entities, rehearsal.problems)

    async def _seen_of(self, rehearsal: Rehearsal, access: Access) -> Rehearsal:
        """The rehearsal as it would be if what is hidden from the principal was not there."""
        hidden = await self._hidden_of([entity.ref for entity in rehearsal.entities], access)
        entities = [replace(one, operation=Operation.CREATED) if one.ref in hidden else one for one in rehearsal.entities]
        problems = [error for error in rehearsal.problems if error.code != ErrorCode.CONFLICT or error.ref not in hidden]
        return replace(rehearsal, entities=entities, problems=problems)

    async def _first_read(self, location: Location, cause: Cause) -> None:
        await add_locations(self.store, [location])
        # Scheduled before it is read: whoever goes on after a crash finds it.
        await ask_for_reads(self.store, [location.id])
        await refresh(location, self.store, self.settings, None, cause)

    async def unregister(self, location_id: str, access: Access) -> Unregistered:
        access.demand(Action.LOCATION_DELETE)
        location = await self.stored(location_id)
        if location is None:
            raise NotFoundError(f"there is no location with the id {location_id!r}")
        if location.origin == CONFIGURED:
            named = f"{location.type}:{location.target}"
            raise ConflictError(f"{named} comes from the configuration; take it out of catalog.locations to have it removed")
        if location.type == ENTITY_SET or location.origin.startswith(("provider:", f"{ENTITY_SET}:")):
            raise ConflictError(f"{location.target} belongs to {location.origin}, and goes when that no longer provides it")
        return await self.holding(location, lambda: self._unregistered(location, access))

    async def _unregistered(self, location: Location, access: Access) -> Unregistered:
        # What was hidden reads as if it had not been there, so it is asked for before it goes.
        if access.visible == EVERYTHING:
            return await self._removed(location, _cause(access.principal.ref))
        refs = {ref for file in (await self.store.files(location.id)).values() for ref in (*file.claims, *file.kept)}
        seen = await self.store.entities_by_ref(sorted(refs), visible=access.visible)
        gone = await self._removed(location, _cause(access.principal.ref))
        return Unregistered(location, [ref for ref in gone.removed if ref in seen], [ref for ref in gone.orphaned if ref in seen])

    async def refresh(self, of: Sequence[str], access: Access) -> Refreshing:
        access.demand(Action.ENTITY_REFRESH)
        locations = {location.id: location for location in await self.store.locations()}
        by_id = locations if access.may(Action.LOCATION_READ) else {}
        refs = {text: ref for text in of if text not in locations and (ref := _ref(text))}
        entities = await self._refreshable(sorted(set(refs.values())), access)
        chosen: dict[str, Location] = {}
        unknown: list[str] = []
        for text in dict.fromkeys(of):
            entity = entities.get(refs[text]) if text in refs else None
            location = locations.get(entity.origin.location_id) if entity else by_id.get(text)
            if location is None:
                unknown.append(text)
            else:
                chosen[location.id] = location
        sources = [location.id for location in chosen.values() if location.type != ENTITY_SET]
        await ask_for_reads(self.store, sources)
        for location_id in sources if self.requests else ():
            await self.request_read(location_id, access.principal.ref)
        # A set has nothing to be read: what gave it is asked, if it can be.
        for location in chosen.values():
            if location.type == ENTITY_SET and not _is_pushed(location):
                await ask_for_run(self.store, location.target)
        return Refreshing([location for location in chosen.values() if location.id in by_id], unknown)

    async def _refreshable(self, refs: Sequence[Ref], access: Access) -> Mapping[Ref, Entity]:
        """The entities that the principal sees. ForbiddenError if one of them is not the principal's to refresh."""
        seen = await self.store.entities_by_ref(refs, visible=access.visible)
        on = access.on(Action.ENTITY_REFRESH)
        allowed = seen if on == EVERYTHING else await self.store.entities_by_ref(refs, visible=all_of((access.visible, on)))
        refused = next((ref for ref in refs if ref in seen and ref not in allowed), None)
        if refused is not None:
            raise ForbiddenError(f"{access.principal.ref} may not have {refused} read again: the permission policy does not allow it.")
        return seen

    async def validate(self, document: str, location: str | None, access: Access) -> ValidatedDocuments:
        access.demand(Action.ENTITY_VALIDATE)
        return await asyncio.to_thread(validated, document, location, self.settings)

    async def sets(self, access: Access) -> Sequence[PushedSet]:
        access.demand(Action.ENTITY_CREATE)
        stored = [location for location in await self.store.locations() if _is_pushed(location)]
        counts = await self.store.location_counts([location.id for location in stored]) if access.visible == EVERYTHING else None
        nothing = LocationCounts(0, 0, 0)
        found = [
            PushedSet(
                location.target.removeprefix(PUSHED),
                await self._tag(location),
                None if counts is None else counts.get(location.id, nothing).entities,
                None if counts is None else counts.get(location.id, nothing).errors,
                location.read_at,
            )
            for location in stored
        ]
        return sorted(found, key=lambda one: one.name)

    async def push(
        self,
        name: str,
        documents: Sequence[Mapping[str, Any]],
        access: Access,
        *,
        full: bool,
        removed: Sequence[Ref],
        demand: Demand,
        dry_run: bool,
    ) -> Pushed:
        access.demand(Action.ENTITY_CREATE)
        location = entity_set_location(PUSHED + name)
        entities = [ProvidedEntity(document, "") for document in documents]

        async def put() -> Pushed:
            await self._demand(location, demand)
            await self._demand_removal(name, access, entities, full=full, removed=removed)
            cause, held = _cause(access.principal.ref), await self.store.files(location.id)
            report = await put_entities(
                self.store, self.settings, PUSHED + name, entities, full=full, cause=cause, removed=removed, dry_run=dry_run
            )
            problems = [PushedProblem(p.index, p.ref, p.pointer, p.code, p.message, p.remedy) for p in report.problems]
            stored = await self.stored(location.id)
            tag = await self._tag(stored) if stored else None
            hidden = await self._hidden_of([error.ref for error in report.conflicts if error.ref], access)
            conflicts = [error for error in report.conflicts if error.ref not in hidden]
            # What another location holds is told of as if the set had got it.
            new = hidden - {ref for file in held.values() for ref in file.claims} - {*report.created}
            created, unchanged = sorted({*report.created, *new}), report.unchanged - len(new)
            return Pushed(tag, created, report.updated, report.removed, unchanged, problems, conflicts)

        return await put() if dry_run else await self.holding(location, put)

    async def _demand_removal(
        self, name: str, access: Access, entities: Sequence[ProvidedEntity], *, full: bool, removed: Sequence[Ref] = ()
    ) -> None:
        """ForbiddenError, which names none of them, if the set would lose an entity that the principal may not delete."""
        deletable = access.on(Action.ENTITY_DELETE)
        if deletable == EVERYTHING or not (full or removed):
            return
        cause = _cause(access.principal.ref)
        plan = await put_entities(self.store, self.settings, PUSHED + name, entities, full=full, cause=cause, removed=removed, dry_run=True)
        allowed = await self.store.entities_by_ref(plan.removed, visible=deletable)
        if any(ref not in allowed for ref in plan.removed):
            raise ForbiddenError(
                f"The set would lose entities that {access.principal.ref} may not remove: the permission policy does not allow "
                f"{Action.ENTITY_DELETE} for them."
            )

    async def _hidden_of(self, refs: Sequence[Ref], access: Access) -> frozenset[Ref]:
        """Those of the refs whose entities are there and hidden from the principal."""
        if access.visible == EVERYTHING:
            return frozenset()
        there = await self.store.entities_by_ref(refs, visible=EVERYTHING)
        seen = await self.store.entities_by_ref(refs, visible=access.visible)
        return frozenset(there.keys() - seen.keys())

    async def drop_set(self, name: str, access: Access, *, demand: Demand) -> Unregistered:
        access.demand(Action.ENTITY_CREATE)
        access.demand(Action.ENTITY_DELETE)
        location = await self.stored(entity_set_location(PUSHED + name).id)
        if location is None:
            raise NotFoundError(f"there is no entity set named {name!r}")

        async def drop() -> Unregistered:
            await self._demand(location, demand)
            await self._demand_removal(name, access, (), full=True)
            return await self._removed(location, _cause(access.principal.ref))

        return await self.holding(location, drop)

    async def _demand(self, location: Location, demand: Demand) -> None:
        stored = await self.stored(location.id)
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

    async def stored(self, location_id: str) -> Location | None:
        """The location as it is stored; None if there is none."""
        return next((location for location in await self.store.locations() if location.id == location_id), None)

    async def holding(self, location: Location, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do the work as soon as nobody else works on the location. BusyError if somebody does for long."""
        for _ in range(_BUSY_TRIES):
            try:
                return await holding(self.store, lease_name(location.id), work)
            except BusyError:
                await asyncio.sleep(_BUSY_SECONDS)
        raise BusyError(f"{location.target} is being read; try again in a moment")

    async def request_read(self, location_id: str, principal: Ref) -> None:
        """Ask the workers for a read of the location, if there is a way to ask them; else they find that it is due."""
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
