"""What may be run and how: the form of a template, the actions, the filters, and dry runs."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth.admission import access_of
from api.rest.answers import answering, json_answer, json_object
from api.rest.scaffolder.asking import MAX_BODY_BYTES, Asking, mapping_in, secrets_in, telling_refusals
from api.rest.scaffolder.conversion import event_body, step_json
from graph.access import Action
from graph.errors import InputError
from graph.refs import EntityRef
from workers.scaffolder.registry import schemas_of

_MOST_FILES = 10_000


def template_routes(prefix: str, asking: Asking) -> Sequence[Route]:
    """404 for a template that is missing or hidden, 400 for one that can't be run."""
    routes = _Templates(asking)
    form = prefix + "/templates/{namespace}/{kind}/{name}/parameter-schema"
    return [
        Route(form, answering(routes.form), methods=["GET"]),
        Route(prefix + "/actions", answering(routes.actions), methods=["GET"]),
        Route(prefix + "/dry-run", answering(telling_refusals(routes.rehearsed)), methods=["POST"]),
    ]


class _Templates:
    """Answers requests."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def form(self, request: Request) -> Response:
        named = EntityRef(**request.path_params)
        if named.kind.lower() != "template":
            raise InputError("Invalid kind, only 'Template' kind is supported")
        found = await self._asking.scaffolder.template(named.ref, access_of(request))
        template = found.template
        pages = template.pages if found.sees_parameters else ()
        told = {
            "title": template.title,
            "presentation": dict(template.presentation) or None,
            "description": template.metadata.get("description"),
            "ui:options": template.metadata.get("ui:options"),
            "formDecorators": list(template.form_decorators) or None,
        }
        steps = [{"title": page.title, "description": page.description, "when": page.when, "schema": dict(page.schema)} for page in pages]
        return json_answer({**_present(told), "steps": [_present(step) for step in steps]})

    async def actions(self, request: Request) -> Response:
        listed = [
            {
                "id": name,
                "description": action.description,
                "examples": [{"description": one.description, "example": one.example} for one in action.examples],
                "schema": schemas_of(action),
            }
            for action in self._asking.scaffolder.actions.all
            for name in (action.id, *action.aliases)
        ]
        return json_answer(sorted(listed, key=lambda one: str(one["id"])))

    async def rehearsed(self, request: Request) -> Response:
        access = access_of(request)
        with self._asking.doing(request, Action.TEMPLATE_MANAGE, "dry-run", changes=False):
            access.demand(Action.TASK_CREATE)
            access.demand(Action.TEMPLATE_MANAGE)
            body = await json_object(request, MAX_BODY_BYTES)
            document, values = _template(body), mapping_in(body, "values", required=True)
            done = await self._asking.scaffolder.rehearse_document(document, _files(body), values, secrets_in(body), access)
        if done.error is not None:
            raise InputError(done.error)
        files = [
            {"path": file.path, "executable": file.executable, "base64Content": base64.b64encode(file.content).decode()}
            for file in done.files
        ]
        return json_answer(
            {
                "log": [{"body": event_body(event)} for event in done.events],
                "directoryContents": files,
                "output": dict(done.output),
                "steps": [step_json(step, sees_input=True) for step in done.spec.steps],
            }
        )


def _template(body: Mapping[str, object]) -> Mapping[str, Any]:
    template = mapping_in(body, "template", required=True)
    metadata = template.get("metadata")
    named = isinstance(metadata, dict) and isinstance(cast("dict[str, Any]", metadata).get("name"), str)
    if not named or not isinstance(template.get("spec"), dict):
        raise InputError("Input template is not a template")
    return template


def _files(body: Mapping[str, object]) -> Mapping[str, bytes]:
    given = body.get("directoryContents")
    if not isinstance(given, list) or len(cast("list[object]", given)) > _MOST_FILES:
        raise InputError(f"Malformed request: `directoryContents` has to be a list of at most {_MOST_FILES:,} files")
    files: dict[str, bytes] = {}
    for one in cast("list[object]", given):
        file: Mapping[str, object] = cast("dict[str, object]", one) if isinstance(one, dict) else {}
        path, content = file.get("path"), file.get("base64Content")
        if not isinstance(path, str) or not isinstance(content, str):
            raise InputError("Malformed request: a file has to have `path` and `base64Content`")
        try:
            files[path] = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise InputError(f"Malformed request: the content of {path} is no Base64") from error
    return files


def _present(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: below for key, below in value.items() if below is not None}
