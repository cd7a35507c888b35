"""GraphQL over server-sent events: one operation for each connection, as graphql-sse has it.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md#distinct-connections-mode
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from api.graphql.feed import FeedClosedError

_KEEP_ALIVE_SECONDS = 15.0
_SEND_SECONDS = 30.0
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """The response that sends each answer as an event `next`, and `complete` once there will be no more.

    `ended` returns when whoever asked may no longer have it; the response ends then as if the server stopped.
    """

    def __init__(self, stream: AsyncGenerator[dict[str, Any]], ended: Callable[[], Awaitable[object]]) -> None:
        self._stream = stream
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        telling = asyncio.create_task(self._tell(send))
        leaving = asyncio.create_task(_left(receive))
        ending: asyncio.Future[Any] = asyncio.ensure_future(self._ended())
        try:
            await asyncio.wait({telling, leaving, ending}, return_when=asyncio.FIRST_COMPLETED)
            is_cut = ending.done() and not telling.done()
            if telling.done():
                telling.result()
        finally:
            tasks: list[asyncio.Future[Any]] = [telling, leaving, ending]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if is_cut:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send) -> None:
        async with aclosing(self._stream) as stream:
            # Told at once, so that clients and proxies know that it has begun.
            await _send(send, b":\n\n")
            # A server that stops ends the response without saying that it is complete, so that clients connect again.
            with suppress(FeedClosedError):
                await self._tell_answers(stream, send)
                await _send(send, b"event: complete\ndata:\n\n")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell_answers(self, stream: AsyncGenerator[dict[str, Any]], send: Send) -> None:
        while True:
            waiting = asyncio.ensure_future(anext(stream, None))
            try:
                while not (await asyncio.wait({waiting}, timeout=_KEEP_ALIVE_SECONDS))[0]:
                    await _send(send, b":\n\n")
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            answer = waiting.result()
            if answer is None:
                return
            await _send(send, b"event: next\ndata: " + orjson.dumps(answer) + b"\n\n")


async def _send(send: Send, chunk: bytes) -> None:
    """Send it. A client that takes nothing for long is cut off: it can go on later, from its last cursor."""
    async with asyncio.timeout(_SEND_SECONDS):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _left(receive: Receive) -> None:
    """Return when the client has gone."""
    with suppress(OSError):
        while (await receive())["type"] != "http.disconnect":
            pass
