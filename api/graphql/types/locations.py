"""The roots of reading, and where in their files an entity was read."""

from datetime import datetime
from typing import cast

import strawberry

from api.graphql.arguments import PageArguments
from api.graphql.context import Context, Info
from api.graphql.listing import ListedRow, Listing, Slice, page_within, slice_of
from api.graphql.types.connections import PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from graph.access import Action
from graph.conditions import EVERYTHING
from graph.entities import Entity, Origin
from graph.store import Claim, Keyset, LocationCounts
from graph.store import Location as StoredLocation

_SCOPE = "locations"


async def _counts(root: strawberry.Parent[StoredLocation], info: Info) -> LocationCounts | None:
    # The numbers are of everything, so whoever may not see everything would learn from them what is hidden.
    if info.context.visible != EVERYTHING:
        return None
    return await info.context.loaders.location_counts_by_id.load(root.id)


async def _last_read_at(root: strawberry.Parent[StoredLocation], info: Info) -> datetime | None:
    row = await info.context.loaders.schedule_by_location_id.load(root.id)
    return datetime.fromisoformat(row.value["readAt"]) if row and "readAt" in row.value else root.read_at


async def _next_read_at(root: strawberry.Parent[StoredLocation], info: Info) -> datetime | None:
    row = await info.context.loaders.schedule_by_location_id.load(root.id)
    return row.due if row else None


async def _last_look_error(root: strawberry.Parent[StoredLocation], info: Info) -> str | None:
    row = await info.context.loaders.schedule_by_location_id.load(root.id)
    return row.value.get("error") if row else root.error


@strawberry.type(name="LocationCounts", description="What a root of reading led to.")
class LocationNumbers:
    files: int = attribute("Files read.")
    entities: int = attribute("Entities held.")
    errors: int = attribute("Catalog errors found.")


@strawberry.type(description="A root of reading: configured or registered. Entities of the kind Location are of type `LocationEntity`.")
class Location:
    id: strawberry.ID = attribute("Stable while the location stays the same.")
    type: str = attribute("How it is read, such as `file`.")
    target: str = attribute("The path or URL where reading begins.")
    origin: str = attribute("How it came here, such as by configuration.")
    read_at: datetime | None = attribute("When it was last read completely; null if never.")
    error: str | None = attribute("Why the last read failed as a whole; null if it did not.")
    last_read_at: datetime | None = resolved(_last_read_at, "When it was last looked at, whether or not anything was new; null if never.")
    next_read_at: datetime | None = resolved(
        _next_read_at, "When it is read next unless something asks for it earlier; null if that is not planned."
    )
    last_error: str | None = resolved(_last_look_error, "Why the last look at it failed as a whole; null if it did not.")
    counts: LocationNumbers | None = resolved(_counts, "What it led to; null for whoever may not see everything.")


@strawberry.type(
    description="A page of the roots of reading, in the order in which they take precedence; empty for whoever may not read them."
)
class LocationConnection:
    edges: list[RowEdge[Location]] = resolved(rows_of, "The rows of this page.")
    nodes: list[Location] = resolved(nodes_of, "The locations of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(count_of, "How many locations there are.")


def locations(info: Info, page: PageArguments) -> Listing[StoredLocation]:
    window, store = page.window(_SCOPE), info.context.store
    may_read = info.context.access.may(Action.LOCATION_READ)

    def row(keyset: Keyset, location: StoredLocation) -> ListedRow[StoredLocation]:
        return ListedRow(_SCOPE, keyset, location.id, location)

    async def load() -> Slice[StoredLocation]:
        found = [(_keyset(location), location) for location in await store.locations() if may_read]
        return slice_of(page_within(found, window), row)

    async def count() -> int:
        return len(await store.locations()) if may_read else 0

    return Listing(load, count)


def _keyset(location: StoredLocation) -> Keyset:
    return f"{location.order:09}", location.id


async def location_of(context: Context, id: str) -> StoredLocation | None:
    """The location; None if it has gone, or for whoever may not read locations."""
    return await context.loaders.location_by_id.load(id) if context.access.may(Action.LOCATION_READ) else None


async def _origin_location(root: strawberry.Parent[Origin], info: Info) -> StoredLocation | None:
    return await location_of(info.context, root.location_id)


async def _provider(root: strawberry.Parent[Origin], info: Info) -> str | None:
    location = await location_of(info.context, root.location_id)
    return provider_of(location) if location else None


async def _read_at(root: strawberry.Parent[Origin], info: Info) -> datetime | None:
    location = await location_of(info.context, root.location_id)
    return location.read_at if location else None


async def _error_of_location(root: strawberry.Parent[Origin], info: Info) -> str | None:
    location = await location_of(info.context, root.location_id)
    return location.error if location else None


def provider_of(location: StoredLocation) -> str | None:
    """The name of the provider that the location came from; None if no provider did."""
    kind, colon, name = location.origin.partition(":")
    return name if kind == "provider" and colon else None


async def _parent(root: strawberry.Parent[Origin], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.parent) if root.parent else None


@strawberry.type(name="Origin", description="Where an entity was read.")
class EntityOrigin:
    location: Location | None = resolved(
        _origin_location, "The root of reading that led here; null if it has just gone, or for whoever may not read locations."
    )
    provider: str | None = resolved(_provider, "The name of the provider that found the location or gave the entity; null if none did.")
    path: str = attribute("The file, by its full path or URL.")
    document: int = attribute("Which document of that file it is, counted from 0.")
    line: int = attribute("The line in which the document begins, counted from 1.")
    read_at: datetime | None = resolved(_read_at, "When the location was last read completely; null if never, or if it has just gone.")
    error: str | None = resolved(_error_of_location, "Why the location's last read failed as a whole; null if it did not.")
    parent_ref: str | None = reading(
        lambda origin: origin.parent, "The ref of the Location entity that led to the file; null if the root did so itself."
    )
    parent: LazyEntity | None = resolved(_parent, "That Location entity; null if there is none or it is missing.")


async def ancestors(root: strawberry.Parent[Entity], info: Info) -> list[Entity]:
    found: list[Entity] = []
    seen = {root.ref}
    entity: Entity | None = root
    while entity and entity.origin.parent and entity.origin.parent not in seen:
        seen.add(entity.origin.parent)
        entity = await info.context.loaders.entity_by_ref.load(entity.origin.parent)
        if entity:
            found.append(entity)
    return found


async def _entity_location(root: strawberry.Parent[Entity], info: Info) -> StoredLocation | None:
    return await location_of(info.context, root.origin.location_id)


@strawberry.type(description="Why an entity is here: what led to its file.")
class Ancestry:
    location: Location | None = resolved(_entity_location, "The root of reading that everything began with.")
    ancestors: list[LazyEntity] = resolved(ancestors, "The Location entities on the way, the one that led to the entity's file first.")


async def _claim_location(root: strawberry.Parent[Claim], info: Info) -> StoredLocation | None:
    return await location_of(info.context, root.location_id)


@strawberry.type(name="Claim", description="A document that declares a ref. Of several, one holds it and the others wait.")
class RefClaim:
    location: Location | None = resolved(_claim_location, "The root of reading that led to the document.")
    path: str = attribute("The file, by its full path or URL.")
    document: int = attribute("Which document of that file it is, counted from 0.")
    line: int = attribute("The line in which the document begins, counted from 1.")
    holds: bool = reading(lambda claim: cast("Claim", claim).reading is None, "Whether the entity is read from this document.")
