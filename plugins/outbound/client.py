"""The one way out: requests to other systems, checked, bounded, paced, and with every failure as a SourceError."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import certifi
import httpcore

from config import Config
from config.backend import Reading
from plugins.contract import SourceError, SourceReason
from plugins.outbound.answers import Answer, sends_credentials, status_error, unreadable
from plugins.outbound.budget import Budget
from plugins.outbound.guard import Guard, HttpUrl, Resolve, SystemResolver, http_url

LONGEST_WAIT_SECONDS = 10.0
"""A request that the budget holds back longer is refused at once, with the time to wait."""

_MOST_BYTES = 32 * 1024 * 1024
_TIMEOUT_SECONDS = 60.0
_CONNECT_SECONDS = 15.0
_MOST_REDIRECTS = 5
_MOST_CONNECTIONS = 50
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_EXPLAINED_BYTES = 16 * 1024


class Outbound:
    """Sends requests. Build it with `outbound_from`, use it on one event loop, and close it."""

    def __init__(
        self,
        reading: Reading,
        reached: Collection[str] = (),
        *,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.time,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        """`reached` are hosts that are allowed beside those of `reading`."""
        self.guard = Guard(reading, frozenset(host.lower() for host in reached), resolve or SystemResolver())
        self.budget = Budget(clock)
        self._longest_wait = longest_wait_seconds
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def close(self) -> None:
        """End every connection. Safe to call twice."""
        pool, self._pool = self._pool, None
        if pool:
            await pool.aclose()

    async def check_host(self, host: str, port: int) -> str:
        """The address of the host to connect to, for protocols other than HTTP, whose hosts the configuration names itself.

        SourceError as of `Guard.addresses`.
        """
        return (await self.guard.addresses(host, port))[0]

    async def get_json(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = _MOST_BYTES,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        expected: Collection[int] = (),
        any_host: bool = False,
    ) -> tuple[Any, Answer]:
        """What a GET answers, as JSON, None for an answer without content, and the answer. Errors, and `any_host`, as of `request`."""
        asked = {"accept": "application/json", **(headers or {})}
        async with self.request(
            "GET", url, headers=asked, max_bytes=max_bytes, timeout_seconds=timeout_seconds, expected=expected, any_host=any_host
        ) as answer:
            return await answer.json(), answer

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int = _MOST_BYTES,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        credentials_host: str | None = None,
        expected: Collection[int] = (),
        any_host: bool = False,
    ) -> AsyncGenerator[Answer]:
        """The answer, whose body is read while this is entered. Header names are lower case.

        Redirects of GET and HEAD are followed, each checked anew; headers that may hold credentials stay on their origin, and with
        `credentials_host` on that host. SourceError for a host or address that is not allowed, a status from 400 on that is not
        `expected`, a host that can't be reached or wants to be left alone, and a body that is too large, broken or too slow;
        `timeout_seconds` is for all of it. `any_host` is for a URL that the configuration itself names: its host needs no leave then.
        """
        deadline, at, moved = asyncio.get_running_loop().time() + timeout_seconds, http_url(url), False
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        sent = _without_credentials(sent) if credentials_host and at.host != credentials_host.lower() else sent
        for hop in range(_MOST_REDIRECTS + 1):
            if hop or not any_host:
                self.guard.check_url(at)
            account = _account(at, sent)
            await self._wait(account, at)
            answer = Answer(at, await self._send(method, at, sent, content, deadline), max_bytes, deadline, moved)
            try:
                next_url = await self._judged(answer, method, expected, account)
                if next_url is None:
                    yield answer
                    return
                moved = moved or answer.status in _PERMANENT
            finally:
                await answer.close()
            origin, at = at.origin, following(at, next_url)
            sent = sent if at.origin == origin else _without_credentials(sent)
        raise unreadable(at, "redirects in a circle, or too often")

    @asynccontextmanager
    async def forward(
        self, method: str, at: HttpUrl, headers: Mapping[str, str], content: AsyncIterable[bytes] | None, deadline: float
    ) -> AsyncGenerator[httpcore.Response]:
        """The answer to exactly this request, as it comes and whatever its status; `deadline` is a time of the event loop.

        Which host may be asked is for the caller to know; its addresses are checked all the same. SourceError (NOT_ALLOWED, UNAVAILABLE) if
        no answer begins in time.
        """
        response = await self._send(method, at, headers, content, deadline)
        try:
            yield response
        finally:
            await response.aclose()

    async def _wait(self, account: str, at: HttpUrl) -> None:
        delay = self.budget.delay(account)
        if delay > self._longest_wait:
            raise _rate_limited(at, delay)
        if delay:
            await asyncio.sleep(delay)
        self.budget.take(account)

    async def _judged(self, answer: Answer, method: str, expected: Collection[int], account: str) -> str | None:
        """Where the answer redirects to, None if it is the last. SourceError for one that is an error."""
        limited = answer.status == 403 and b"rate limit" in (await answer.beginning(_EXPLAINED_BYTES)).lower()
        wait = self.budget.learn(account, answer.status, answer.headers, limited=limited)
        if answer.status in expected:
            return None
        if wait is not None and answer.status != 503:
            raise _rate_limited(answer.at, wait)
        if answer.status in _REDIRECTS:
            target = answer.headers.get("location")
            if target is None or method not in {"GET", "HEAD"}:
                raise unreadable(answer.at, f"answered {answer.status}, a redirect that can't be followed")
            return target
        if answer.status >= 400:
            raise status_error(answer, wait)
        return None

    async def _send(
        self, method: str, at: HttpUrl, headers: Mapping[str, str], content: bytes | AsyncIterable[bytes] | None, deadline: float
    ) -> httpcore.Response:
        own = {"host": at.host, "user-agent": "callboard", "accept-encoding": "gzip", **headers}
        if isinstance(content, bytes):
            own["content-length"] = str(len(content))
        target = httpcore.URL(scheme=at.scheme.encode(), host=at.name.encode(), port=at.port, target=at.target.encode())
        request = httpcore.Request(
            method, target, headers=list(own.items()), content=content, extensions={"timeout": {"connect": _CONNECT_SECONDS}}
        )
        repeatable = method in {"GET", "HEAD"} and (content is None or isinstance(content, bytes))
        try:
            async with asyncio.timeout_at(deadline):
                try:
                    return await self._connections().handle_async_request(request)
                except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
                    # Most likely a kept connection that the other side closed meanwhile: a new one tells.
                    if not repeatable:
                        raise
                    return await self._connections().handle_async_request(request)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise _silent(at, "does not answer in time") from error
        except httpcore.ConnectError as error:
            reason = "the certificate is not trusted" if isinstance(error.__cause__, ssl.SSLError) else "no connection"
            raise _silent(at, f"can't be reached: {reason}") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise _silent(at, "broke the connection off, or answered no HTTP") from error

    def _connections(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            trusted = ssl.create_default_context()
            trusted.load_verify_locations(certifi.where())
            self._pool = httpcore.AsyncConnectionPool(
                trusted, max_connections=_MOST_CONNECTIONS, keepalive_expiry=30, network_backend=_CheckedConnections(self.guard)
            )
        return self._pool


class _CheckedConnections(httpcore.AsyncNetworkBackend):
    """Connects to the very address that was checked, so that a name that resolves otherwise a moment later changes nothing."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(self, host: str, port: int, *rest: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        addresses = await self._guard.addresses(host, port)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, *rest, **named)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(addresses[-1], port, *rest, **named)

    async def connect_unix_socket(self, path: str, *rest: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError(f"{path} is no host")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


def outbound_from(config: Config, *, resolve: Resolve | None = None) -> Outbound:
    """The way out that a configuration allows: `backend.reading`, and the hosts of `integrations`."""
    reached = [host for integration in config.integrations.all for host in integration.reached_hosts]
    return Outbound(config.backend.reading, reached, resolve=resolve)


def _without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not sends_credentials(name)}


def _account(at: HttpUrl, headers: Mapping[str, str]) -> str:
    """Whose limit a request counts against. GitHub has one for search and one for GraphQL beside that of the rest."""
    kinds = {"search", "graphql"}.intersection(at.path.split("/"))
    credentials = tuple(sorted(value for name, value in headers.items() if sends_credentials(name)))
    return f"{at.host} {hash(credentials)} {min(kinds, default='')}"


def following(at: HttpUrl, target: str) -> HttpUrl:
    """Where a redirect leads to. SourceError (NOT_ALLOWED) for one that is no URL or leaves https."""
    found = http_url(target if "://" in target else _joined(at, target))
    if at.scheme == "https" and found.scheme != "https":
        message = f"{at} is not read: it redirects from https to http"
        raise SourceError(SourceReason.NOT_ALLOWED, str(at), message, "Name the address that it redirects to, if it can be trusted.")
    return found


def _joined(at: HttpUrl, target: str) -> str:
    if target.startswith("//"):
        return f"{at.scheme}:{target}"
    return f"{at.origin}{target}" if target.startswith("/") else f"{at.origin}{at.path.rpartition('/')[0]}/{target}"


def _rate_limited(at: HttpUrl, wait: float) -> SourceError:
    remedy = "Nothing needs to be done: it is read again when the host allows. Credentials under integrations usually raise the limit."
    message = f"{at.host} asks to be left alone for a while, most often because its rate limit is used up"
    return SourceError(SourceReason.RATE_LIMITED, str(at), message, remedy, retry_after_seconds=wait)


def _silent(at: HttpUrl, what: str) -> SourceError:
    remedy = "It is tried again by itself; if it stays so, check the host, the network and the address."
    return SourceError(SourceReason.UNAVAILABLE, str(at), f"{at.host} {what}", remedy)
