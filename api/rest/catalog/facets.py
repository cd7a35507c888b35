"""Facets: the values under some keys, and how many entities have each."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.rest.answers import answering, json_answer, json_object
from api.rest.catalog.members import object_of, texts_in
from api.rest.catalog.predicates import predicate_of_filters
from api.rest.catalog.reading import MAX_BODY_BYTES, Catalog, Reading
from graph.errors import InputError, LimitExceededError

_MOST_FACETS = 50


def facet_routes(prefix: str, catalog: Catalog) -> Sequence[Route]:
    """GET, and POST with a predicate. 400 without a facet, and for filters that are none."""

    async def by_parameters(request: Request) -> Response:
        given = request.query_params
        facets = [facet for facet in given.getlist("facet") if facet]
        if not facets:
            raise InputError("Missing facet parameter")
        return await _answer(catalog.read_by(request), facets, predicate_of_filters(given.getlist("filter")))

    async def by_body(request: Request) -> Response:
        body = await json_object(request, MAX_BODY_BYTES)
        facets = [facet for facet in texts_in(body, "facets") or () if facet]
        if not facets:
            raise InputError("Missing or empty facets parameter")
        return await _answer(catalog.read_by(request), facets, object_of(body, "query"))

    path = prefix + "/entity-facets"
    return [Route(path, answering(by_parameters), methods=["GET"]), Route(path, answering(by_body), methods=["POST"])]


async def _answer(reading: Reading, facets: Sequence[str], query: object) -> Response:
    if len(facets) > _MOST_FACETS:
        raise LimitExceededError(f"A request may ask for {_MOST_FACETS} facets. Ask in parts.")
    condition = await reading.condition_of(query)
    paths = list(dict.fromkeys(facet.lower() for facet in facets))
    counted = await reading.store.facets(paths, condition, visible=reading.visible)
    values = {path: sorted((found.value, found.count) for found in counted[path]) for path in paths}
    return json_answer(
        {"facets": {facet: [{"value": value, "count": count} for value, count in values[facet.lower()]] for facet in facets}}
    )
