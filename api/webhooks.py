"""Webhooks of repository hosts: checked, kept in the store, and answered at once; what follows from them is done by a worker."""

import logging
from collections.abc import Mapping
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.errors import UNAVAILABLE
from api.opening import StoreOpening
from graph.errors import StoreUnavailableError
from graph.store import Store
from plugins.receivers import Reception
from workers.webhooks.events import add_event

MOST_BYTES = 25 * 1024 * 1024
"""As much as GitHub sends at most (docs.github.com, webhook events and payloads)."""

_LONGEST_ID = 200
_RETRY = {"Retry-After": "5"}

_log = logging.getLogger("callboard.webhooks")


def webhook_routes(receptions: Mapping[str, Reception], store: Store, opening: StoreOpening) -> list[Route]:
    """POST /webhooks/{provider}: 202 once the event is kept, or was before, or says nothing of interest.

    404 for a provider that is not configured, 413 above 25 MiB, 401 if the sender does not know the secret, 400 for a body that is no
    event, 503 while the store can't keep it. Neither body nor headers are ever logged.
    """

    async def receive(request: Request) -> Response:
        name = request.path_params["provider"]
        reception = receptions.get(name)
        if reception is None:
            raise HTTPException(404, f"No webhooks are taken here; configure catalog.webhooks.{name}.secret if {name} is a provider.")
        body = await _body(request)
        headers = dict(request.headers)
        if not reception.is_authentic(headers, body):
            _log.warning("a webhook of %s was refused: it is not signed with the configured secret", name)
            raise HTTPException(401, f"The webhook is not signed with the secret of catalog.webhooks.{name}.")
        touched = reception.touched(headers, body)
        if not touched:
            return _accepted("ignored")
        if not opening.opened:
            raise HTTPException(503, UNAVAILABLE, _RETRY)
        delivery = reception.receiver.delivery_id(headers) or str(uuid4())
        try:
            new = await add_event(store, f"{name}:{delivery[:_LONGEST_ID]}", touched)
        except StoreUnavailableError as error:
            raise HTTPException(503, UNAVAILABLE, _RETRY) from error
        return _accepted("accepted" if new else "known")

    return [Route("/webhooks/{provider}", receive, methods=["POST"])]


def _accepted(status: str) -> Response:
    return JSONResponse({"status": status}, 202)


async def _body(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MOST_BYTES:
        raise HTTPException(413, f"The body is larger than {MOST_BYTES} bytes.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise HTTPException(413, f"The body is larger than {MOST_BYTES} bytes.")
    except ClientDisconnect as error:
        raise HTTPException(400, "The body did not arrive whole.") from error
    return bytes(body)
