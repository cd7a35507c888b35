"""Answers to whoever keeps the process running: is it alive, can it answer, and if not, why."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.opening import StoreOpening
from graph.errors import StoreError
from graph.store import Store

_LONGEST_CHECK_SECONDS = 3

_log = logging.getLogger("callboard.health")


def health_routes(store: Store, opening: StoreOpening) -> list[Route]:
    """/livez: 200 while the process serves. /readyz: 200 if the store answers, else 503 naming the part that does not."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> Response:
        problem = await _problem(store, opening)
        if problem:
            return JSONResponse({"status": "not ready", "parts": {"store": problem}}, 503, {"Retry-After": "5"})
        return JSONResponse({"status": "ready", "parts": {"store": "ready"}})

    return [Route("/livez", live), Route("/readyz", ready)]


async def _problem(store: Store, opening: StoreOpening) -> str | None:
    if not opening.opened:
        return "not open yet; it is tried again every few seconds, and the log says why"
    try:
        async with asyncio.timeout(_LONGEST_CHECK_SECONDS):
            await store.check()
    except StoreError as error:
        _log.warning("the store is not ready: %s", error)
        return "does not answer; the log says why"
    except TimeoutError:
        return f"did not answer within {_LONGEST_CHECK_SECONDS} s"
    return None
