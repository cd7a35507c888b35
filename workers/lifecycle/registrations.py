"""Registered locations as Backstage's clients know them, on top of the locations that the store holds."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from graph.access import Access, Action
from graph.entities import content_hash
from graph.errors import ConflictError, InputError, NotFoundError
from graph.refs import Ref
from graph.state_rows import rows_of
from graph.store import Cause, Location, StateWrite, Store
from ingest.analysis import catalog_files, suggested
from ingest.lifecycle import REGISTERED
from ingest.pipeline import add_locations, remove_location
from ingest.previews import declared_by, shown_to
from ingest.registering import location_to_register
from ingest.registrations import Analysis, Preview, Registration, ref_of_registration
from ingest.settings import IngestSettings
from workers.leases import holding
from workers.lifecycle.deletion import delete_entity
from workers.refresh.jobs import lease_name
from workers.schedules import ask_for_reads, forget

if TYPE_CHECKING:
    from workers.lifecycle.actions import CatalogActions

NAMES = "registrations"
"""The collection of states of registrations whose target was changed, by their ids, which are no longer those of the location."""

MOVES = "moves"
"""The collection of states of locations that are kept until the one that takes their place was read. By id of the location that goes."""

_RETRY = timedelta(seconds=10)
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class _Registered:
    """A registration and the location that it stands for."""

    shown: Registration
    location: Location


class LocationRegistrations:
    """The registrations of one catalog."""

    def __init__(self, actions: "CatalogActions") -> None:
        self._actions = actions
        self._store = actions.store

    async def all(self, access: Access) -> Sequence[Registration]:
        if not access.may(Action.LOCATION_READ):
            return []
        return sorted((one.shown for one in await self._registered()), key=lambda shown: shown.id)

    async def of_entity(self, ref: Ref, access: Access) -> Registration:
        if access.may(Action.LOCATION_READ):
            registered = await self._registered()
            found = await self._store.entities_by_ref([ref], visible=access.visible)
            led_from = await self._successor_of(found[ref].origin.location_id) if ref in found else None
            for one in registered:
                if one.shown.ref == ref or one.location.id == led_from:
                    return one.shown
        raise NotFoundError(f"Found no registered location of {ref}")

    async def preview(self, type: str, target: str, access: Access) -> Preview:
        access.demand(Action.LOCATION_CREATE)
        location = await self._location(type, target)
        return await self._preview(location, access)

    async def add(self, type: str, target: str, access: Access, *, again: bool) -> Registration:
        access.demand(Action.LOCATION_CREATE)
        location = await self._location(type, target)
        known = await self._known(location)
        if known is not None and not again:
            raise ConflictError(f"Location {location.type}:{location.target} already exists")
        if known is None:
            await stay(self._store, location.id)
            await add_locations(self._store, [location])
        await self._read_soon(location, access)
        return known or await self._shown(location)

    async def move(self, id: str, type: str, target: str, access: Access) -> Registration:
        # What came from the old target goes.
        access.demand(Action.LOCATION_DELETE)
        access.demand(Action.LOCATION_CREATE)
        location = await self._location(type, target)
        old = await self._of_id(id)
        if old.location.id == location.id:
            return old.shown
        if await self._known(location) is not None:
            raise ConflictError(f"Location {location.type}:{location.target} already exists")
        await add_locations(self._store, [location])
        now = datetime.now(UTC)
        await self._store.write_states(
            [
                StateWrite(NAMES, id, {"location": location.id, "ref": old.shown.ref}),
                StateWrite(MOVES, old.location.id, {"to": location.id, "principal": access.principal.ref}, due=now),
                StateWrite(MOVES, location.id, None),
            ]
        )
        await self._read_soon(location, access)
        return replace(old.shown, type=location.type, target=location.target)

    async def remove(self, id: str, access: Access) -> None:
        access.demand(Action.LOCATION_DELETE)
        found = await self._of_id(id)
        going = [old for old in await rows_of(self._store, MOVES) if await self._successor_of(old) == found.location.id]
        for location_id in (*going, found.location.id):
            if await self._actions.stored(location_id):
                await self._actions.unregister(location_id, access)
        await self._store.write_states([StateWrite(NAMES, id, None), *(StateWrite(MOVES, old, None) for old in going)])

    async def refresh(self, ref: Ref, access: Access) -> None:
        access.demand(Action.ENTITY_REFRESH)
        registered = await self._registered() if access.may(Action.LOCATION_READ) else []
        text = next((one.location.id for one in registered if one.shown.ref == ref), ref)
        if (await self._actions.refresh([text], access)).unknown:
            raise NotFoundError(f"Found no entity {ref}")

    async def delete_entity(self, ref: Ref, access: Access) -> None:
        await delete_entity(self._actions, ref, access)

    async def analyze(self, url: str, filename: str, access: Access) -> Analysis:
        access.demand(Action.LOCATION_ANALYZE)
        hosts = self._actions.settings.hosts
        found: list[Preview] = []
        refused: InputError | None = None
        registered = [one.location.target for one in await self._registered() if one.location.type == "url"]
        for target in await catalog_files(url, filename, hosts, registered):
            try:
                preview = await self._preview(await self._location("url", target), access)
            except InputError as error:
                # Skeletons of templates are no descriptors, and no reason to show nothing of the rest.
                refused = refused or error
            else:
                # A file of which nothing may be seen is as one that is not there.
                found += [preview] if preview.documents else []
        if refused and not found:
            raise refused
        return Analysis(found, None if found else suggested(url, hosts))

    async def _preview(self, location: Location, access: Access) -> Preview:
        known, settings = await self._known(location), self._actions.settings
        declared = await declared_by(location, self._store, settings)
        documents = await shown_to(access, declared, self._store, settings.reading.registry)
        return Preview(location.type, location.target, known is not None, documents)

    async def _location(self, type: str, target: str) -> Location:
        return await asyncio.to_thread(location_to_register, type, target, self._actions.file_roots)

    async def _known(self, location: Location) -> Registration | None:
        """The registration of the location, or what stands for it if it came otherwise; None if it is not known, or about to go."""
        for stored in await self._store.locations():
            if stored.id == location.id:
                found = next((one.shown for one in await self._registered() if one.location.id == stored.id), None)
                return found or (None if stored.origin == REGISTERED else _unnamed(stored))
        return None

    async def _shown(self, location: Location) -> Registration:
        return next((one.shown for one in await self._registered() if one.location.id == location.id), _unnamed(location))

    async def _of_id(self, id: str) -> _Registered:
        found = next((one for one in await self._registered() if one.shown.id == id), None)
        if found is None:
            raise NotFoundError(f"Found no location with ID {id}")
        return found

    async def _registered(self) -> list[_Registered]:
        names = await rows_of(self._store, NAMES)
        going = await rows_of(self._store, MOVES)
        named = {row.value["location"]: row for row in names.values()}
        found: list[_Registered] = []
        for location in await self._store.locations():
            if location.origin != REGISTERED or location.id in going:
                continue
            row = named.get(location.id)
            if row is not None:
                shown = Registration(row.id, location.type, location.target, Ref(row.value["ref"]))
            elif location.id in names:
                # Its own id names another by now, whose target this once was.
                shown = replace(_unnamed(location), id=content_hash(location.id.encode()))
            else:
                shown = _unnamed(location)
            found.append(_Registered(shown, location))
        return found

    async def _successor_of(self, location_id: str) -> str:
        """The location that takes the place of this one, if one does; else this one."""
        going = await rows_of(self._store, MOVES)
        while location_id in going:
            location_id = going.pop(location_id).value["to"]
        return location_id

    async def _read_soon(self, location: Location, access: Access) -> None:
        await ask_for_reads(self._store, [location.id])
        await self._actions.request_read(location.id, access.principal.ref)


async def stay(store: Store, location_id: str) -> None:
    """Keep a location that was about to go."""
    if await store.states(MOVES, ids=[location_id]):
        await store.write_states([StateWrite(MOVES, location_id, None)])


async def finish_moves_of(store: Store, settings: IngestSettings) -> Sequence[Location]:
    """Remove the locations whose place another took, once that was read without an error, and return them; the others wait."""
    gone: list[Location] = []
    locations = {location.id: location for location in await store.locations()}
    for row in await store.states(MOVES, due_by=datetime.now(UTC), limit=_AT_ONCE):
        old, new = locations.get(row.id), locations.get(row.value["to"])
        if old is not None and new is not None and (new.read_at is None or new.error) and await _holds_anything(store, old):
            await store.write_states([StateWrite(MOVES, row.id, row.value, due=datetime.now(UTC) + _RETRY)])
            continue
        if old is not None:
            await _remove(store, settings, old, Cause("user", row.value["principal"]))
            gone.append(old)
        await store.write_states([StateWrite(MOVES, row.id, None)])
    return gone


async def _holds_anything(store: Store, location: Location) -> bool:
    counts = (await store.location_counts([location.id])).get(location.id)
    return counts is not None and counts.entities > 0


async def _remove(store: Store, settings: IngestSettings, location: Location, cause: Cause) -> None:
    await holding(store, lease_name(location.id), lambda: remove_location(location, store, settings, cause, at_once=True))
    await forget(store, [location.id])


def _unnamed(location: Location) -> Registration:
    return Registration(location.id, location.type, location.target, ref_of_registration(location.type, location.target))
