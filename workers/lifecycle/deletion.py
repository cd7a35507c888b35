"""Deleting single entities: what declares one brings it back when it is read next."""

from dataclasses import replace
from typing import TYPE_CHECKING

from graph.access import Access, Action
from graph.conditions import EVERYTHING, all_of
from graph.entities import Entity
from graph.errors import ForbiddenError, StaleWriteError
from graph.refs import Ref
from graph.store import Batch, CatalogError, Cause, Claim, ErrorFilter, Location, SourceFile, StateWrite, Store, Window
from ingest.diff import removal_of
from ingest.entity_sets import ENTITY_SET, put_entities
from ingest.lifecycle import RELEASES
from ingest.remote import SOURCES

if TYPE_CHECKING:
    from workers.lifecycle.actions import CatalogActions

_ATTEMPTS = 5
_ERRORS_AT_ONCE = 1000


async def delete_entity(actions: "CatalogActions", ref: Ref, access: Access) -> None:
    """Remove the entity as the principal asked. ForbiddenError if it may not; nothing happens where the entity is missing or hidden."""
    access.demand(Action.ENTITY_DELETE)
    store, cause = actions.store, Cause("user", access.principal.ref)
    seen = await store.entities_by_ref([ref], visible=access.visible)
    allowed = await store.entities_by_ref([ref], visible=all_of((access.visible, access.on(Action.ENTITY_DELETE))))
    if ref not in seen:
        return
    if ref not in allowed:
        raise ForbiddenError(
            f"{access.principal.ref} may not delete {ref}: the permission policy does not allow {Action.ENTITY_DELETE} there."
        )
    location = await actions.stored(seen[ref].origin.location_id)
    if location is None:
        await _delete(store, None, ref, cause)
    elif location.type == ENTITY_SET and not seen[ref].orphan:

        async def drop() -> None:
            await put_entities(store, actions.settings, location.target, (), full=False, removed=[ref], cause=cause)

        await actions.holding(location, drop)
    else:
        await actions.holding(location, lambda: _delete(store, location, ref, cause))


async def _delete(store: Store, location: Location | None, ref: Ref, cause: Cause) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        entity = (await store.entities_by_ref([ref], visible=EVERYTHING)).get(ref)
        if entity is None:
            return
        record = (await store.files(location.id)).get(entity.origin.path) if location else None
        try:
            await _apply(store, entity, record, cause)
        except StaleWriteError:
            if attempt == _ATTEMPTS:
                raise
        else:
            return


async def _apply(store: Store, entity: Entity, record: SourceFile | None, cause: Cause) -> None:
    """Remove the entity, and have its file read as if it was new the next time. What else the file declares stays as it is."""
    if record is None:
        await store.apply(Batch(cause, removals=[removal_of(entity)]))
    else:
        if await store.states(SOURCES, ids=[record.location_id]):
            # First: a crash in between costs a read of what did not change.
            await store.write_states([StateWrite(SOURCES, record.location_id, None)])
        await store.apply(
            Batch(
                cause,
                removals=[removal_of(entity)],
                files=[replace(record, digest="")],
                claims=await _claims_of(store, record),
                errors=await _errors_of(store, record),
                expected={(record.location_id, record.path): record.digest},
            )
        )
    if await store.states(RELEASES, ids=[entity.ref]):
        await store.write_states([StateWrite(RELEASES, entity.ref, None)])


async def _claims_of(store: Store, record: SourceFile) -> list[Claim]:
    stored = await store.claims(sorted({*record.claims, *record.kept}))
    place = (record.location_id, record.path)
    return [claim for claims in stored.values() for claim in claims if (claim.location_id, claim.path) == place]


async def _errors_of(store: Store, record: SourceFile) -> list[CatalogError]:
    found: list[CatalogError] = []
    window = Window(_ERRORS_AT_ONCE)
    while True:
        page = await store.errors(ErrorFilter(location_ids=(record.location_id,)), window, visible=EVERYTHING)
        found += [error for error in page.rows if error.path == record.path]
        if not page.has_next:
            return found
        window = Window(_ERRORS_AT_ONCE, after=page.keysets[-1])
