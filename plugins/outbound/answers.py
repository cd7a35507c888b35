"""Answers of other systems: their bodies, taken in within bounds, and what their statuses mean."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpcore
import orjson

from plugins.contract import SourceError, SourceReason
from plugins.outbound.guard import HttpUrl

_CHUNK = 256 * 1024
_HARMLESS_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "content-type",
        "if-none-match",
        "if-modified-since",
        "user-agent",
        "x-github-api-version",
    }
)


def sends_credentials(header: str) -> bool:
    """Whether a header may hold credentials, so that it must not go to another host."""
    return header not in _HARMLESS_HEADERS


class Answer:
    """An answer whose status and headers are there. `moved` says that a permanent redirect led to it."""

    def __init__(self, at: HttpUrl, response: httpcore.Response, max_bytes: int, deadline: float, moved: bool = False) -> None:
        self.at, self.moved = at, moved
        self.status: int = response.status
        self.headers: Mapping[str, str] = _headers(response.headers)
        self._response = response
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._rest: AsyncIterator[bytes] | None = None
        self._read: list[bytes] = []

    @property
    def url(self) -> str:
        """The URL that answered, behind all redirects."""
        return str(self.at)

    async def body(self) -> bytes:
        """The whole body. SourceError (TOO_LARGE, MALFORMED, UNAVAILABLE) if it can't be had."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def json(self) -> Any:
        """The body as JSON; None if it is empty. SourceError (MALFORMED) if it is no JSON."""
        content = await self.body()
        try:
            return orjson.loads(content) if content else None
        except orjson.JSONDecodeError as error:
            raise unreadable(self.at, "answered what is no JSON") from error

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in parts, unpacked. Errors as of `body`."""
        total = 0
        for chunk in self._read:
            total += len(chunk)
            yield chunk
        self._read = []
        async for chunk in self._content():
            total += len(chunk)
            if total > self._max_bytes:
                raise self._too_large()
            yield chunk

    async def beginning(self, most: int) -> bytes:
        """About the first `most` bytes of the body, or what can be had of them; `body` and `chunks` begin with them all the same."""
        try:
            while sum(map(len, self._read)) < most:
                self._read.append(await anext(self._content()))
        except (StopAsyncIteration, SourceError):
            pass
        return b"".join(self._read)[:most]

    async def close(self) -> None:
        """Give the connection back, or end it if the body was not read to its end."""
        await self._response.aclose()

    def _content(self) -> AsyncIterator[bytes]:
        if self._rest is None:
            length = self.headers.get("content-length", "")
            if length.isdecimal() and int(length) > self._max_bytes:
                raise self._too_large()
            self._rest = self._unpacked(self.headers.get("content-encoding", "").strip().lower())
        return self._rest

    async def _unpacked(self, encoding: str) -> AsyncIterator[bytes]:
        if encoding in {"", "identity"}:
            async for chunk in self._received():
                yield chunk
            return
        if encoding not in {"gzip", "x-gzip", "deflate"}:
            raise unreadable(self.at, f"answered in the encoding {encoding[:20]}, which was not asked for")
        decoder = zlib.decompressobj(47)
        try:
            async for chunk in self._received():
                pending = chunk
                while pending and not decoder.eof:
                    yield decoder.decompress(pending, _CHUNK)
                    pending = decoder.unconsumed_tail
        except zlib.error as error:
            raise unreadable(self.at, "answered a damaged body") from error
        if not decoder.eof:
            raise _broken_off(self.at)

    async def _received(self) -> AsyncIterator[bytes]:
        stream = self._response.aiter_stream()
        try:
            while True:
                async with asyncio.timeout_at(self._deadline):
                    chunk = await anext(stream, None)
                if chunk is None:
                    return
                yield chunk
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise _broken_off(self.at, "did not finish its answer in time") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _broken_off(self.at) from error

    def _too_large(self) -> SourceError:
        message = f"{self.at} is larger than {self._max_bytes:,} bytes"
        return SourceError(SourceReason.TOO_LARGE, str(self.at), message, "Make it smaller, or leave it out of what is read.")


def unreadable(at: HttpUrl, what: str) -> SourceError:
    """The error of an answer that makes no sense; `what` continues a sentence that begins with the URL."""
    remedy = "Check that the address is meant, and that no proxy or sign-in page answers in its place."
    return SourceError(SourceReason.MALFORMED, str(at), f"{at} {what}", remedy)


def _broken_off(at: HttpUrl, what: str = "broke its answer off") -> SourceError:
    remedy = "It is tried again by itself; if it stays so, check the host and what lies between."
    return SourceError(SourceReason.UNAVAILABLE, str(at), f"{at.host} {what}", remedy)


def status_error(answer: Answer, retry_after_seconds: float | None = None) -> SourceError:
    """What a status from 400 on means."""
    status, at = answer.status, answer.at
    match status:
        case 401:
            reason, what = SourceReason.UNAUTHORIZED, "the credentials are missing, expired or wrong"
            remedy = f"Renew the credentials of {at.host} under integrations."
        case 403 | 407 | 451:
            reason, what = SourceReason.UNAUTHORIZED, "the credentials may not read it"
            remedy = f"Give the credentials of {at.host} under integrations the right to read it."
        case 404 | 410:
            reason, what = SourceReason.NOT_FOUND, "there is no such thing, or the credentials may not see it"
            remedy = f"Check the address, and that the credentials of {at.host} under integrations may see it."
        case 408 | 425 | 500 | 501 | 502 | 503 | 504:
            reason, what = SourceReason.UNAVAILABLE, "the host is out of order"
            remedy = "It is tried again by itself; if it stays so, ask those who run the host."
        case _ if status > 504:
            reason, what = SourceReason.UNAVAILABLE, "the host is out of order"
            remedy = "It is tried again by itself; if it stays so, ask those who run the host."
        case _:
            reason, what = SourceReason.MALFORMED, "the host does not understand the request"
            remedy = "Check the address, and that the host is what integrations say it is."
    return SourceError(reason, str(at), f"{at} answered {status}: {what}", remedy, retry_after_seconds=retry_after_seconds)


def _headers(raw: list[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """By lower-case names; of those that stand several times, the values joined by commas."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
