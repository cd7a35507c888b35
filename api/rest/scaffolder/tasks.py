"""Tasks: started, listed, shown, cancelled and retried."""

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth.admission import access_of
from api.rest.answers import answering, json_answer, json_object
from api.rest.catalog.reading import whole_number
from api.rest.scaffolder.asking import MAX_BODY_BYTES, Asking, mapping_in, secrets_in, telling_refusals
from api.rest.scaffolder.conversion import task_json
from graph.access import Action
from graph.errors import InputError
from graph.refs import Ref, parse_ref
from workers.scaffolder.tasks import Task

_MOST_TASKS = 1_000
_ORDERS: Mapping[str, Callable[[Task], str]] = {
    "created_at": lambda task: task.created_at.isoformat(),
    "status": lambda task: task.status.value,
    "created_by": lambda task: task.created_by,
}


def task_routes(prefix: str, asking: Asking) -> Sequence[Route]:
    """404 for a task that is missing or not seen, 409 for one that can't be retried."""
    routes, one = _Tasks(asking), prefix + "/tasks/{id}"
    return [
        Route(prefix + "/tasks", answering(telling_refusals(routes.started)), methods=["POST"]),
        Route(prefix + "/tasks", answering(routes.listed), methods=["GET"]),
        Route(one, answering(routes.shown), methods=["GET"]),
        Route(one + "/cancel", answering(routes.cancelled), methods=["POST"]),
        Route(one + "/retry", answering(telling_refusals(routes.retried)), methods=["POST"]),
    ]


class _Tasks:
    """Answers requests."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def started(self, request: Request) -> Response:
        body = await json_object(request, MAX_BODY_BYTES)
        text = body.get("templateRef")
        if not isinstance(text, str):
            raise InputError("Malformed request: `templateRef` has to be the ref of a template")
        ref = parse_ref(text, default_kind="template").ref
        with self._asking.doing(request, Action.TASK_CREATE, ref):
            values = mapping_in(body, "values", required=True)
            task = await self._asking.scaffolder.start(ref, values, secrets_in(body), access_of(request))
        return json_answer({"id": task.id}, 201)

    async def listed(self, request: Request) -> Response:
        access, asked = self._asking.reading(request, "tasks"), request.query_params
        limit, offset = whole_number(request, "limit"), whole_number(request, "offset") or 0
        orders = [_order(text) for text in asked.getlist("order")]
        creators = [Ref(text.lower()) for text in asked.getlist("createdBy")] or None
        scaffolder = self._asking.scaffolder
        found = [task async for task in scaffolder.tasks(access, created_by=creators, status=asked.getlist("status") or None)]
        for name, descending in reversed(orders):
            found.sort(key=_ORDERS[name], reverse=descending)
        page = found[offset : offset + min(_MOST_TASKS if limit is None else limit, _MOST_TASKS)]
        return json_answer({"tasks": [task_json(seen) for seen in await scaffolder.shown(page, access)], "totalTasks": len(found)})

    async def shown(self, request: Request) -> Response:
        task_id: str = request.path_params["id"]
        return json_answer(task_json(await self._asking.scaffolder.task(task_id, self._asking.reading(request, task_id))))

    async def cancelled(self, request: Request) -> Response:
        task_id: str = request.path_params["id"]
        with self._asking.doing(request, Action.TASK_CANCEL, task_id):
            await self._asking.scaffolder.cancel(task_id, access_of(request))
        return json_answer({"status": "cancelled"})

    async def retried(self, request: Request) -> Response:
        task_id: str = request.path_params["id"]
        with self._asking.doing(request, Action.TASK_CREATE, task_id):
            body = await json_object(request, MAX_BODY_BYTES)
            await self._asking.scaffolder.retry(task_id, secrets_in(body), access_of(request))
        return json_answer({"id": task_id}, 201)


def _order(text: str) -> tuple[str, bool]:
    direction, colon, name = text.partition(":")
    if not colon or direction not in ("asc", "desc"):
        raise InputError(f'Invalid order parameter "{text}", expected "<asc or desc>:<field name>"')
    if name not in _ORDERS:
        raise InputError(f'Invalid order field "{name}"')
    return name, direction == "desc"
