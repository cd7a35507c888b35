"""What is done to single entities: read again, deleted, validated, and looked for in repositories."""

from collections.abc import Sequence
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.rest.answers import answering, json_answer, json_object
from api.rest.catalog.acting import Acting, access, as_json_text, location_input, preview_entity
from api.rest.catalog.reading import MAX_BODY_BYTES, Catalog
from graph.access import Action
from graph.conditions import fact_in
from graph.errors import InputError, InvalidRefError, NotFoundError
from graph.refs import parse_ref
from graph.store import Window
from ingest.lifecycle import ValidatedDocuments
from ingest.registrations import Preview

_CATALOG_FILE = "catalog-info.yaml"


def changing_routes(prefix: str, acting: Acting, catalog: Catalog) -> Sequence[Route]:
    """Shapes and statuses are Backstage's; deleting an entity is 204 whether or not there is one to be seen."""
    routes = _Changes(acting, catalog)
    return [
        Route(prefix + "/refresh", answering(routes.refreshed), methods=["POST"]),
        Route(prefix + "/entities/by-uid/{uid}", answering(routes.deleted), methods=["DELETE"]),
        Route(prefix + "/validate-entity", answering(routes.validated), methods=["POST"]),
        Route(prefix + "/analyze-location", answering(routes.analyzed), methods=["POST"]),
    ]


class _Changes:
    """Answers requests."""

    def __init__(self, acting: Acting, catalog: Catalog) -> None:
        self._acting = acting
        self._catalog = catalog

    async def refreshed(self, request: Request) -> Response:
        text = (await json_object(request, MAX_BODY_BYTES)).get("entityRef")
        if not isinstance(text, str):
            raise InputError("`entityRef` has to be the ref of an entity")
        with self._acting.doing(request, Action.ENTITY_REFRESH, text):
            try:
                ref = parse_ref(text).ref
            except InvalidRefError as error:
                raise NotFoundError(f"Found no entity {text}") from error
            await self._acting.registrations.refresh(ref, access(request))
        return Response(status_code=200)

    async def deleted(self, request: Request) -> Response:
        uid: str = request.path_params["uid"]
        reading = self._catalog.read_by(request)
        with self._acting.doing(request, Action.ENTITY_DELETE, uid):
            access(request).demand(Action.ENTITY_DELETE)
            page = await reading.store.page(fact_in("metadata.uid", [uid]), [], Window(1), visible=reading.visible)
            for entity in page.rows:
                await self._acting.registrations.delete_entity(entity.ref, access(request))
        return Response(status_code=204)

    async def validated(self, request: Request) -> Response:
        access(request).demand(Action.ENTITY_VALIDATE)
        try:
            body = await json_object(request, MAX_BODY_BYTES)
            found = await self._acting.actions.validate(_entity(body), _location(body), access(request))
        except InputError as error:
            return _refused([str(error)])
        return _refused(_problems(found)) if found.problems or not found.refs else Response(status_code=200)

    async def analyzed(self, request: Request) -> Response:
        body = await json_object(request, MAX_BODY_BYTES)
        _, target = location_input(body.get("location"))
        filename = body.get("catalogFilename", body.get("catalogFileName", _CATALOG_FILE))
        if not isinstance(filename, str) or not filename or "/" in filename:
            raise InputError("`catalogFilename` has to be the name of a file")
        found = await self._acting.registrations.analyze(target, filename, access(request))
        files = [entity for file in found.files for entity in _existing(file)]
        suggestions: list[dict[str, Any]] = [] if found.suggestion is None else [{"entity": found.suggestion, "fields": []}]
        return json_answer({"existingEntityFiles": files, "generateEntities": suggestions})


def _existing(file: Preview) -> list[dict[str, Any]]:
    location = {"type": file.type, "target": file.target}
    return [{"location": location, "isRegistered": file.exists, "entity": preview_entity(document)} for document in file.documents]


def _entity(body: dict[str, object]) -> str:
    entity = body.get("entity")
    if not isinstance(entity, dict):
        raise InputError("Malformed request: `entity` has to be an object")
    return as_json_text(cast("dict[str, object]", entity))


def _location(body: dict[str, object]) -> str:
    location = body.get("location")
    if not isinstance(location, str):
        raise InputError("Malformed request: `location` has to be a text")
    if not location.startswith("url:") or len(location) == len("url:"):
        raise InputError(f"Invalid location ref {location}, only 'url:<target>' is supported, e.g. url:https://host/path")
    return location


def _problems(found: ValidatedDocuments) -> list[str]:
    return [f"{problem.message} {problem.remedy}".strip() for problem in found.problems] or ["The entity declares nothing"]


def _refused(messages: list[str]) -> Response:
    return json_answer({"errors": [{"name": "InputError", "message": message} for message in messages]}, 400)
