"""Catalog errors: what could not be read, where, and what its author has to do."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import PageArguments, argument, refs_given
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.listing import ListedRow, Listing, Slice, slice_of
from api.graphql.past import of_now
from api.graphql.types.connections import PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.fields import attribute, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.locations import Location, location_of
from graph.access import Action
from graph.entities import Entity
from graph.store import CatalogError as StoredError
from graph.store import ErrorFilter
from graph.store import Location as StoredLocation

_SCOPE = "errors"

Source = strawberry.Parent[StoredError]


async def _entity(root: Source, info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref) if root.ref else None


async def _location(root: Source, info: Info) -> StoredLocation | None:
    return await location_of(info.context, root.location_id)


@strawberry.type(description="Something that could not be read. What was read before stays as it was.")
class CatalogError:
    id: strawberry.ID = attribute("Stable while the same thing is wrong at the same place.")
    code: str = attribute("What sort of error it is, from a fixed list.")
    message: str = attribute("What is wrong.")
    remedy: str = attribute("What the author of the file has to do.")
    path: str = attribute("The file, by its full path or URL.")
    document: int | None = attribute("Which document of the file it is, counted from 0; null if the file as a whole is concerned.")
    line: int | None = attribute("The line, counted from 1; null if there is none to name.")
    column: int | None = attribute("The column, counted from 1; null if there is none to name.")
    ref: str | None = attribute("The ref of the entity concerned; null if it could not be told.")
    entity: LazyEntity | None = resolved(_entity, "The entity concerned, as it was last read; null if it is missing.")
    location: Location | None = resolved(_location, "The root of reading that led to the file.")


@strawberry.type(
    description="A page of catalog errors, ordered by file, line and column; for whoever may not read locations only those of entities."
)
class CatalogErrorConnection:
    edges: list[RowEdge[CatalogError]] = resolved(rows_of, "The rows of this page.")
    nodes: list[CatalogError] = resolved(nodes_of, "The errors of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(count_of, "How many errors the whole list has. Counted only if asked for.")


def catalog_errors(
    info: Info,
    page: PageArguments,
    of: Annotated[list[str] | None, argument("Only errors of the entities with these refs. An empty list means none.")] = UNSET,
    locations: Annotated[
        list[strawberry.ID] | None, argument("Only errors that these roots of reading led to, by id. An empty list means none.")
    ] = UNSET,
    codes: Annotated[list[str] | None, argument("Only errors with these codes. An empty list means none.")] = UNSET,
) -> Listing[StoredError]:
    store, visible = info.context.store, info.context.visible
    window = page.window(_SCOPE)
    refs = given(of)
    # What is wrong in a file of which no entity is known is a matter of whoever may read locations.
    of_entities = not info.context.access.may(Action.LOCATION_READ)
    which = ErrorFilter(None if refs is None else refs_given("of", refs), given(locations), given(codes), of_entities)

    async def load() -> Slice[StoredError]:
        found = await store.errors(which, window, visible=visible)
        return slice_of(found, lambda keyset, error: ListedRow(_SCOPE, keyset, error.ref or "", error))

    async def count() -> int:
        return await store.error_count(which, visible=visible)

    return Listing(load, count)


async def errors_of(root: strawberry.Parent[Entity], info: Info) -> list[StoredError]:
    return list(await info.context.loaders.errors_by_ref.load(of_now(root, "errors").ref))
