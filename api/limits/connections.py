"""Bounds of each connection: how long the head of a request may be and take, and how long what is sent may stay unread."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.limits import Limits

_MESSAGES = {
    HTTPStatus.BAD_REQUEST: "What was sent is no request of HTTP/1.1.",
    HTTPStatus.REQUEST_TIMEOUT: "The headers did not arrive within {header_seconds} s (backend.limits.headerSeconds).",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are longer than {max_header_bytes:,} bytes (backend.limits.maxHeaderBytes).",
    HTTPStatus.SERVICE_UNAVAILABLE: "There are {max_connections:,} connections, and no more are taken (backend.limits.maxConnections).",
}
_RETRY_SECONDS = "5"
_NAMES = {
    HTTPStatus.BAD_REQUEST: "InputError",
    HTTPStatus.REQUEST_TIMEOUT: "RequestTimeoutError",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "RequestHeaderFieldsTooLargeError",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailableError",
}


class _RefusedError(Exception):
    """The head of the request is longer than it may be, or names two hosts, or there are too many connections."""


class BoundedHttp(HttpToolsProtocol):
    """HTTP with bounds, which uvicorn leaves to a proxy in front: 431 and 408 for a head that is too long or too late.

    What is refused here has not become a request, and is answered with `headers`.
    """

    limits: ClassVar[Limits]
    answer_headers: ClassVar[Mapping[str, str]]

    _head_bytes = 0
    _in_head = True
    _refusal = HTTPStatus.BAD_REQUEST
    _head_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # A header without an end reaches no callback of the parser, which keeps all of it.
        self._head_bytes += len(data) if self._in_head else 0
        super().data_received(data)
        has_become_a_websocket = self.transport.get_protocol() is not self
        if not self._in_head or has_become_a_websocket or self.transport.is_closing():
            return
        if self._head_bytes > self.limits.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._head_timer is None:
            # Empty lines before a request are none, and end uvicorn's own waiting for one.
            self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._stop_timers()
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.limits.max_header_bytes:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _RefusedError
        if len(self.connections) > self.limits.max_connections:
            self._refusal = HTTPStatus.SERVICE_UNAVAILABLE
            raise _RefusedError
        if sum(name == b"host" for name, _ in self.headers) > 1:
            raise _RefusedError
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(self.limits.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer:
            self._unread_timer.cancel()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal)

    def _await_head(self) -> None:
        self._in_head = True
        self._stop_timers()
        self._head_timer = self.loop.call_later(self.limits.header_seconds, self._give_up)

    def _give_up(self) -> None:
        if self._is_answering():
            self._await_head()
        elif not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        self._stop_timers()
        if not self._is_answering() or not self.cycle.response_started:
            self.transport.write(_answer(status, self.limits, self.answer_headers))
        self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison] none at first

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._unread_timer):
            if timer:
                timer.cancel()
        self._head_timer = self._unread_timer = None


def bounded_http(limits: Limits, answer_headers: Mapping[str, str]) -> type[BoundedHttp]:
    """The protocol with these limits, as uvicorn makes one for each connection."""
    return type("BoundedHttp", (BoundedHttp,), {"limits": limits, "answer_headers": answer_headers})


def _answer(status: HTTPStatus, limits: Limits, headers: Mapping[str, str]) -> bytes:
    error = {"name": _NAMES[status], "message": _MESSAGES[status].format(**limits.model_dump())}
    body = orjson.dumps({"error": error, "response": {"statusCode": status.value}})
    sent = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        sent["Retry-After"] = _RETRY_SECONDS
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join((*lines, "", "")).encode() + body
