"""Bounds of each HTTP request: how long its body may be and take, when its answer has to begin, and what a client leaves unread."""

import asyncio
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.refusals import refuse
from config.limits import Limits

_LONG_WORK = 10


class RequestLimits:
    """Refuses with 413 what is too long, with 408 what comes too slowly, and with 503 what takes too long to be answered.

    Routes below `own_limits` bound their bodies themselves. Answers below `long_work` may take ten times as long.
    A client whose body was not read to its end is told that the connection closes, so that it does not go on sending.
    """

    def __init__(self, app: ASGIApp, settings: Limits, own_limits: tuple[str, ...] = (), long_work: tuple[str, ...] = ()) -> None:
        self._app = app
        self._settings = settings
        self._own_limits = own_limits
        self._long_work = long_work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        settings, path = self._settings, scope["path"]
        seconds = settings.answer_seconds * (_LONG_WORK if path.startswith(self._long_work) else 1)
        exchange = _Exchange(scope, receive, send, settings, seconds, is_bounded=not path.startswith(self._own_limits))
        deadline = exchange.answering
        try:
            async with deadline:
                if exchange.is_too_large(exchange.announced):
                    await refuse(exchange.too_large(), scope, receive, exchange.send)
                else:
                    await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if exchange.has_begun or not deadline.expired():
                raise
            message = f"The answer took longer than {seconds} s to begin (backend.limits.answerSeconds). Ask for less, or later."
            await refuse(HTTPException(503, message, {"Retry-After": "5"}), scope, receive, exchange.send)


class _Exchange:
    """One request and its answer. `has_begun` says that the answer has."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Limits, answer_seconds: int, *, is_bounded: bool) -> None:
        headers = dict(scope["headers"])
        announced: bytes = headers.get(b"content-length", b"")
        self.announced = int(announced) if announced.isdigit() and len(announced) < 20 else 0
        self.has_begun = False
        self._receive, self._send = receive, send
        self._is_bounded = is_bounded
        self._settings = settings
        self._length = 0
        self._is_whole = not announced.strip(b"0") and b"transfer-encoding" not in headers
        self._body_deadline = asyncio.get_running_loop().time() + settings.body_seconds
        self._answer_seconds = answer_seconds
        # What a slow client takes to send is no time that its answer takes.
        self.answering = asyncio.timeout(answer_seconds if self._is_whole else settings.body_seconds + answer_seconds)

    async def receive(self) -> Message:
        """The next part of the body. HTTPException, once it is too long or too late, or if it never comes."""
        if self._is_whole or self.has_begun:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._body_deadline):
                message = await self._receive()
        except TimeoutError:
            message = f"The body did not arrive within {self._settings.body_seconds} s (backend.limits.bodySeconds)."
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, message) from None
        if message["type"] == "http.disconnect":
            raise HTTPException(HTTPStatus.BAD_REQUEST, "The body did not arrive whole.")
        if message["type"] == "http.request":
            self._length += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            if self.is_too_large(self._length):
                raise self.too_large()
            if self._is_whole:
                self._count_from_now()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            if self.answering.when() is not None and not self.answering.expired():
                self.answering.reschedule(None)
            if not self._is_whole:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await self._send(message)

    def is_too_large(self, length: int) -> bool:
        return self._is_bounded and length > self._settings.max_body_bytes

    def too_large(self) -> HTTPException:
        message = f"The body is larger than {self._settings.max_body_bytes:,} bytes (backend.limits.maxBodyBytes)."
        return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)

    def _count_from_now(self) -> None:
        if self.answering.when() is not None and not self.answering.expired():
            self.answering.reschedule(asyncio.get_running_loop().time() + self._answer_seconds)
