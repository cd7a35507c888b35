"""The routes of Backstage's catalog API, under one prefix."""

from starlette.routing import Route

from api.rest.catalog.acting import Acting
from api.rest.catalog.by_query import by_query_routes
from api.rest.catalog.changing import changing_routes
from api.rest.catalog.description import description_routes
from api.rest.catalog.entities import entity_routes
from api.rest.catalog.facets import facet_routes
from api.rest.catalog.listing import listing_routes
from api.rest.catalog.locations import location_routes
from api.rest.catalog.reading import Catalog
from graph.relations import RelationRegistry
from graph.store import Store

PREFIX = "/api/catalog"


def catalog_routes(store: Store, registry: RelationRegistry, acting: Acting) -> list[Route]:
    """All of them. Errors have the one shape of HTTP errors, which is Backstage's."""
    catalog = Catalog(store, registry)
    return [
        *entity_routes(PREFIX, catalog),
        *by_query_routes(PREFIX, catalog),
        *facet_routes(PREFIX, catalog),
        *listing_routes(PREFIX, catalog),
        *description_routes(PREFIX),
        *location_routes(PREFIX, acting),
        *changing_routes(PREFIX, acting, catalog),
    ]
