"""Entities by their names, uids and refs."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.rest.answers import answering, json_text_answer
from api.rest.catalog.conversion import surroundings_of
from api.rest.catalog.reading import Catalog
from graph.errors import NotFoundError
from graph.refs import EntityRef


def entity_routes(prefix: str, catalog: Catalog) -> Sequence[Route]:
    """The routes that answer with entities that the request names. 404 for one that is missing or hidden."""

    async def by_name(request: Request) -> Response:
        reading = catalog.read_by(request)
        named = EntityRef(**request.path_params)
        found = await reading.store.entities_by_ref([named.ref], visible=reading.visible)
        surroundings = await surroundings_of(reading, [named.ref])
        if named.ref not in found:
            raise NotFoundError(f"No entity named '{named.name}' found, with kind '{named.kind}' in namespace '{named.namespace}'")
        return json_text_answer(surroundings.text_of(found[named.ref]))

    return [Route(prefix + "/entities/by-name/{kind}/{namespace}/{name}", answering(by_name), methods=["GET"])]
