"""Registered locations: added, tried, listed, found, moved and removed."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.rest.answers import answering, json_answer, json_object
from api.rest.catalog.acting import Acting, access, location_input, location_json, preview_entity, preview_location
from api.rest.catalog.location_queries import page_of
from api.rest.catalog.reading import MAX_BODY_BYTES
from graph.access import Action
from graph.errors import InputError, NotFoundError
from graph.refs import EntityRef

_YES = frozenset({"true", "t", "yes", "y", "1", "on"})
_ON_CONFLICT = ("reject", "refresh")


def location_routes(prefix: str, acting: Acting) -> Sequence[Route]:
    """Shapes and statuses are Backstage's. Registering reads nothing: a location that leads nowhere is told of in the catalog's errors."""
    routes = _Locations(acting)
    one = prefix + "/locations/{id}"
    return [
        Route(prefix + "/locations", answering(routes.listed), methods=["GET"]),
        Route(prefix + "/locations", answering(routes.added), methods=["POST"]),
        Route(prefix + "/locations/by-query", answering(routes.queried), methods=["POST"]),
        Route(prefix + "/locations/by-entity/{kind}/{namespace}/{name}", answering(routes.by_entity), methods=["GET"]),
        Route(one, answering(routes.shown), methods=["GET"]),
        Route(one, answering(routes.moved), methods=["PUT"]),
        Route(one, answering(routes.removed), methods=["DELETE"]),
    ]


class _Locations:
    """Answers requests."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    async def listed(self, request: Request) -> Response:
        found = await self._acting.registrations.all(access(request))
        return json_answer([{"data": location_json(one)} for one in found])

    async def added(self, request: Request) -> Response:
        type_, target = location_input(await json_object(request, MAX_BODY_BYTES))
        again = _on_conflict(request) == "refresh"
        if request.query_params.get("dryRun", "").lower() in _YES:
            preview = await self._acting.registrations.preview(type_, target, access(request))
            entities = [preview_entity(document) for document in preview.documents]
            return json_answer({"exists": preview.exists, "location": preview_location(preview), "entities": entities}, 201)
        with self._acting.doing(request, Action.LOCATION_CREATE, f"{type_}:{target}"):
            added = await self._acting.registrations.add(type_, target, access(request), again=again)
        return json_answer({"location": location_json(added), "entities": []}, 201)

    async def queried(self, request: Request) -> Response:
        body = await json_object(request, MAX_BODY_BYTES) if await _has_body(request) else {}
        found = await self._acting.registrations.all(access(request))
        return json_answer(page_of([location_json(one) for one in found], body))

    async def by_entity(self, request: Request) -> Response:
        ref = EntityRef(**request.path_params).ref
        return json_answer(location_json(await self._acting.registrations.of_entity(ref, access(request))))

    async def shown(self, request: Request) -> Response:
        for found in await self._acting.registrations.all(access(request)):
            if found.id == request.path_params["id"]:
                return json_answer(location_json(found))
        raise NotFoundError(f"Found no location with ID {request.path_params['id']}")

    async def moved(self, request: Request) -> Response:
        type_, target = location_input(await json_object(request, MAX_BODY_BYTES))
        id_: str = request.path_params["id"]
        with self._acting.doing(request, Action.LOCATION_CREATE, f"{id_} to {type_}:{target}"):
            moved = await self._acting.registrations.move(id_, type_, target, access(request))
        return json_answer(location_json(moved))

    async def removed(self, request: Request) -> Response:
        id_: str = request.path_params["id"]
        with self._acting.doing(request, Action.LOCATION_DELETE, id_):
            await self._acting.registrations.remove(id_, access(request))
        return Response(status_code=204)


def _on_conflict(request: Request) -> str:
    given = request.query_params.get("onConflict", "reject")
    if given not in _ON_CONFLICT:
        raise InputError(f"`onConflict` is {' or '.join(_ON_CONFLICT)}")
    return given


async def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
