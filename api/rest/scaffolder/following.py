"""The log of a task as it is written: as server-sent events, and by asking again and again."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.auth.admission import admittance_of
from api.auth.expiry import ended
from api.rest.answers import answering, json_answer
from api.rest.catalog.reading import whole_number
from api.rest.scaffolder.asking import Asking
from api.rest.scaffolder.conversion import event_json
from workers.scaffolder.port import Scaffolder
from workers.scaffolder.tasks import EventType

_LOOK_SECONDS = 0.5
_LONGEST_POLL_SECONDS = 30.0
_LONGEST_STREAM_SECONDS = 3600.0
_KEEP_ALIVE_SECONDS = 15.0
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


def following_routes(prefix: str, asking: Asking) -> Sequence[Route]:
    """A stream ends with the completion of its task, or after an hour; clients connect again by Last-Event-ID or `after`."""
    routes, one = _Following(asking), prefix + "/tasks/{id}"
    return [
        Route(one + "/eventstream", answering(routes.streamed), methods=["GET"]),
        Route(one + "/events", answering(routes.polled), methods=["GET"]),
    ]


class _Following:
    """Answers requests."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def streamed(self, request: Request) -> Response:
        task_id: str = request.path_params["id"]
        scaffolder, access = self._asking.scaffolder, self._asking.reading(request, task_id)
        await scaffolder.task(task_id, access)
        told = request.headers.get("last-event-id", "")
        after = whole_number(request, "after") or (int(told) if told.isascii() and told.isdecimal() and len(told) < 10 else 0)
        events = _events(scaffolder, task_id, after, ended(admittance_of(request), access))
        return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

    async def polled(self, request: Request) -> Response:
        task_id: str = request.path_params["id"]
        scaffolder, access = self._asking.scaffolder, self._asking.reading(request, task_id)
        await scaffolder.task(task_id, access)
        after, loop = whole_number(request, "after") or 0, asyncio.get_running_loop()
        ends = loop.time() + _LONGEST_POLL_SECONDS
        while not (events := await scaffolder.events(task_id, after)) and loop.time() < ends:
            if await request.is_disconnected():
                break
            await asyncio.sleep(_LOOK_SECONDS)
        return json_answer([event_json(task_id, event) for event in events])


async def _events(scaffolder: Scaffolder, task_id: str, after: int, ended: Coroutine[Any, Any, object]) -> AsyncGenerator[bytes]:
    """The events; `ended` returns when whoever asked may no longer have them."""
    loop = asyncio.get_running_loop()
    ends, told = loop.time() + _LONGEST_STREAM_SECONDS, loop.time()
    ending = asyncio.create_task(ended)
    try:
        # At once, so that clients and proxies know that it has begun.
        yield b":\n\n"
        while loop.time() < ends and not ending.done():
            for event in await scaffolder.events(task_id, after):
                after, told = event.id, loop.time()
                yield b"id: %d\nevent: %b\ndata: %b\n\n" % (event.id, event.type.encode(), orjson.dumps(event_json(task_id, event)))
                if event.type is EventType.COMPLETION:
                    return
            if loop.time() - told > _KEEP_ALIVE_SECONDS:
                told = loop.time()
                yield b":\n\n"
            await asyncio.wait([ending], timeout=_LOOK_SECONDS)
    finally:
        ending.cancel()
