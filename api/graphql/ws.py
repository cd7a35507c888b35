"""GraphQL over a WebSocket: the protocol graphql-transport-ws, with limits on everything that a client could leave open.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, cast

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth.admission import access_of, admit, admittance_of, is_admitted
from api.auth.authorization import bearer_in
from api.auth.expiry import Ending, ended
from api.errors import request_error
from api.graphql.context import Context
from api.graphql.feed import FeedClosedError, LogFeed
from api.graphql.requests import GraphQLRequest, request_of_parameters
from api.graphql.schema import CatalogSchema
from api.graphql.streams import answers
from api.graphql.trusted import Documents
from config.graphql import GraphQL
from graph.access import PrincipalKind
from graph.errors import CallboardError, LimitExceededError, StoreUnavailableError, UnauthenticatedError

PROTOCOL = "graphql-transport-ws"

_INIT_SECONDS = 10.0
_IDLE_SECONDS = 300.0
_SEND_SECONDS = 30.0
_PING_SECONDS = 25.0

_GOING_AWAY = 1001
_TRY_AGAIN = 1013
_BAD_REQUEST = 4400
_UNAUTHORIZED = 4401
_FORBIDDEN = 4403
_NOT_ACCEPTABLE = 4406
_INIT_TIMEOUT = 4408
_ALREADY_THERE = 4409
_IDLE = 4410
_TOO_MANY_INITS = 4429


class _CloseError(Exception):
    """The connection ends, with the code and the reason that the protocol has for it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class GraphQLSocket:
    """One connection, from the handshake to its end. `context` makes that of one operation."""

    def __init__(
        self,
        socket: WebSocket,
        schema: CatalogSchema,
        settings: GraphQL,
        feed: LogFeed,
        context: Callable[[], Context],
        documents: Documents,
    ) -> None:
        self._socket = socket
        self._schema = schema
        self._settings = settings
        self._feed = feed
        self._context = context
        self._documents = documents
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._ended: asyncio.Task[Ending] | None = None
        self._initialised = False
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Return when the connection has ended, with everything that went on over it."""
        if PROTOCOL not in self._socket.scope.get("subprotocols", ()):
            await self._socket.accept()
            await self._socket.close(_NOT_ACCEPTABLE, f"Only the subprotocol {PROTOCOL} is spoken here")
            return
        await self._socket.accept(PROTOCOL)
        pinging = asyncio.create_task(self._ping())
        try:
            await self._receive_all()
        except _CloseError as close:
            with suppress(RuntimeError, OSError):
                await self._socket.close(close.code, close.reason)
        except WebSocketDisconnect:
            pass
        finally:
            tasks: list[asyncio.Task[Any]] = [pinging, *self._operations.values(), *self._watching()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive_all(self) -> None:
        while True:
            message = await self._message()
            match message.get("type"):
                case "connection_init":
                    await self._initialise(message)
                case "ping":
                    await self._send({"type": "pong"})
                case "pong":
                    pass
                case "subscribe":
                    await self._subscribe(message)
                case "complete":
                    await self._complete(message.get("id"))
                case _:
                    raise _CloseError(_BAD_REQUEST, "Unknown type of message")

    async def _message(self) -> Mapping[str, Any]:
        """The next message. _CloseError if it is none, if none comes in time, or if the server stops."""
        seconds = _IDLE_SECONDS if self._initialised else _INIT_SECONDS
        receiving = asyncio.ensure_future(self._socket.receive_text())
        try:
            while True:
                closing = asyncio.ensure_future(self._feed.wait_closed())
                waited = {receiving, closing, *self._watching()}
                done, _ = await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                closing.cancel()
                self._refuse_if_ended()
                if receiving in done:
                    return _parsed(receiving.result())
                if closing in done:
                    raise _CloseError(_GOING_AWAY, "The server stops")
                if not self._initialised:
                    raise _CloseError(_INIT_TIMEOUT, "Connection initialisation timeout")
                if not self._operations:
                    raise _CloseError(_IDLE, f"Nothing was asked for in {_IDLE_SECONDS:g} s")
        except KeyError as error:
            raise _CloseError(_BAD_REQUEST, "Messages have to be text") from error
        finally:
            receiving.cancel()

    async def _initialise(self, message: Mapping[str, Any]) -> None:
        if self._initialised:
            raise _CloseError(_TOO_MANY_INITS, "Too many initialisation requests")
        if not isinstance(message.get("payload"), dict | None):
            raise _CloseError(_BAD_REQUEST, "The payload of connection_init has to be an object")
        await self._authenticate(message.get("payload") or {})
        self._ended = asyncio.create_task(ended(admittance_of(self._socket), access_of(self._socket)))
        self._initialised = True
        await self._send({"type": "connection_ack"})

    async def _authenticate(self, payload: Mapping[str, Any]) -> None:
        """Find out who asks by the payload's `Authorization`, as of the header, where one is given: browsers let pages set no header."""
        given = next((value for name, value in payload.items() if name.lower() == "authorization"), None)
        try:
            if given is not None:
                access = await admittance_of(self._socket).by_token(bearer_in(given if isinstance(given, str) else ""))
                before = access_of(self._socket).principal if is_admitted(self._socket.scope) else None
                if before and before.kind is not PrincipalKind.GUEST and before.ref != access.principal.ref:
                    raise _CloseError(_FORBIDDEN, "The connection has credentials of different principals")
                admit(self._socket, access)
        except UnauthenticatedError as error:
            raise _CloseError(_UNAUTHORIZED, str(error)) from error
        except StoreUnavailableError as error:
            raise _CloseError(_TRY_AGAIN, "The store can't be reached at the moment") from error
        if not is_admitted(self._socket.scope):
            raise _CloseError(_UNAUTHORIZED, "Unauthorized: send a token as Authorization in the payload of connection_init")

    def _watching(self) -> list[asyncio.Task[Ending]]:
        return [self._ended] if self._ended else []

    def _refuse_if_ended(self) -> None:
        if self._ended and self._ended.done():
            ending = self._ended.result()
            raise _CloseError(_UNAUTHORIZED if ending is Ending.SIGNED_OUT else _GOING_AWAY, ending.value)

    async def _subscribe(self, message: Mapping[str, Any]) -> None:
        if not self._initialised:
            raise _CloseError(_UNAUTHORIZED, "Unauthorized")
        operation_id, payload = message.get("id"), message.get("payload")
        if not isinstance(operation_id, str) or not operation_id or not isinstance(payload, dict):
            raise _CloseError(_BAD_REQUEST, "subscribe needs an id and a payload")
        if operation_id in self._operations:
            raise _CloseError(_ALREADY_THERE, f"Subscriber for {operation_id[:50]} already exists")
        try:
            if len(self._operations) >= self._settings.max_subscriptions_per_connection:
                most = self._settings.max_subscriptions_per_connection
                raise LimitExceededError(
                    f"A connection may have {most} operations at once (graphql.maxSubscriptionsPerConnection). Complete one first."
                )
            asked = request_of_parameters(cast("dict[str, object]", payload), self._documents)
        except CallboardError as error:
            await self._send({"id": operation_id, "type": "error", "payload": [request_error(error)]})
            return
        self._operations[operation_id] = asyncio.create_task(self._run(operation_id, asked))

    async def _complete(self, id: object) -> None:
        if not isinstance(id, str):
            raise _CloseError(_BAD_REQUEST, "complete needs an id")
        task = self._operations.pop(id, None)
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, id: str, asked: GraphQLRequest) -> None:
        try:
            async with aclosing(answers(self._schema, asked, self._context(), self._settings)) as stream:
                async for answer in stream:
                    if "data" not in answer:
                        self._forget(id)
                        await self._send({"id": id, "type": "error", "payload": answer["errors"]})
                        return
                    await self._send({"id": id, "type": "next", "payload": answer})
            self._forget(id)
            await self._send({"id": id, "type": "complete"})
        except (WebSocketDisconnect, FeedClosedError, RuntimeError, OSError):
            # Whoever receives closes the connection, or notices that it has gone.
            return
        finally:
            self._forget(id)

    def _forget(self, id: str) -> None:
        """Free the id of the operation that calls this. Another one may have it already: its client was told that this one is over."""
        if self._operations.get(id) is asyncio.current_task():
            del self._operations[id]

    async def _ping(self) -> None:
        """Keep proxies from taking a silent connection for a dead one."""
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            while True:
                await asyncio.sleep(_PING_SECONDS)
                if self._initialised:
                    await self._send({"type": "ping"})

    async def _send(self, message: Mapping[str, Any]) -> None:
        """Send the message. A client that takes nothing for long is cut off: it can go on later, from its last cursor."""
        try:
            async with asyncio.timeout(_SEND_SECONDS), self._sending:
                await self._socket.send_text(orjson.dumps(message).decode())
        except TimeoutError:
            with suppress(RuntimeError, OSError):
                await self._socket.close(_IDLE, "Nothing was taken in time")
            raise WebSocketDisconnect(_IDLE) from None


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _CloseError(_BAD_REQUEST, "Messages have to be JSON") from error
    if not isinstance(message, dict):
        raise _CloseError(_BAD_REQUEST, "Messages have to be objects")
    return cast("dict[str, Any]", message)
