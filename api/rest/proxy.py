"""What portals reach through this server, at /api/proxy: configured systems, with credentials that only the configuration knows."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from functools import partial
from urllib.parse import unquote_to_bytes

import httpcore
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.audit import Audit
from api.auth.admission import access_of, is_admitted
from api.rest.answers import answering
from config.proxy import HOP_BY_HOP, Proxy, ProxyEndpoint
from graph.errors import ForbiddenError, InputError, UnauthenticatedError
from plugins.contract import SourceError, SourceReason
from plugins.outbound.answers import sends_credentials
from plugins.outbound.client import Outbound, following
from plugins.outbound.guard import HttpUrl, http_url

PREFIX = "/api/proxy"

_SAFE_HEADERS = frozenset(
    {
        "accept",
        "accept-language",
        "cache-control",
        "content-language",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
        "user-agent",
    }
)
"""What is passed on both ways without being configured, as in Backstage."""

_ANYBODY = "dangerously-allow-unauthenticated"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_LONGEST_PATH = 16 * 1024
_DECODINGS = 3
_REPLACED = re.compile(r"\$(\$|&|\d{1,2})")
# A page of another system is served under this server's address: it must not act as one of its own pages.
_SANDBOX = "default-src 'none'; frame-ancestors 'none'; sandbox"

_log = logging.getLogger("callboard.proxy")


def proxy_routes(proxy: Proxy, outbound: Outbound, audit: Audit) -> list[Route]:
    """One route for all endpoints; none without any.

    400 for a path that tries to leave its target, 401 and 403 for whoever may not ask, 404 for a path of no endpoint, 405, 413, 502 for a
    target that answers what can't be passed on and 504 for one that does not answer.
    """
    if not proxy.endpoints:
        return []
    endpoints = [_Endpoint(route.rstrip("/"), endpoint) for route, endpoint in proxy.endpoints.items()]

    async def passed_on(request: Request) -> Response:
        path, query = _path_of(request)
        endpoint = _endpoint_of(endpoints, path)
        if endpoint.settings.credentials != _ANYBODY:
            _demand_whole_credentials(request)
        if request.method not in endpoint.settings.allowed_methods:
            raise HTTPException(
                405, f"{request.method} is not passed on to {endpoint.route}.", {"Allow": ", ".join(endpoint.settings.allowed_methods)}
            )
        url = endpoint.url(path, query)
        with _recorded(audit, request, endpoint.route):
            return await _Passing(proxy, outbound, endpoint, request).answer(url)

    return [Route(PREFIX + "/{path:path}", answering(passed_on), methods=list(_METHODS))]


def open_proxy_paths(proxy: Proxy) -> list[str]:
    """The paths that anybody may ask for, whoever they are."""
    open_routes = [PREFIX + route.rstrip("/") for route, endpoint in proxy.endpoints.items() if endpoint.credentials == _ANYBODY]
    return [path for route in open_routes for path in (route, f"{route}/*")]


class _Endpoint:
    """A configured endpoint: which paths are its, and where they lead."""

    def __init__(self, route: str, settings: ProxyEndpoint) -> None:
        self.route = route
        self.settings = settings
        self.target = http_url(settings.target)
        self.headers = {name.lower(): value.get_secret_value() for name, value in settings.headers.items()}
        allowed = _SAFE_HEADERS | {name.lower() for name in settings.allowed_headers}
        self.from_target = allowed
        self.from_client = allowed | ({"authorization"} if settings.credentials == "forward" else set[str]())
        self._prefix = f"{PREFIX}{route}"
        rules = settings.path_rewrite
        self._rules = None if rules is None else [(re.compile(pattern), replacement) for pattern, replacement in rules.items()]

    def covers(self, path: str) -> bool:
        """Whether the path is the endpoint's, without regard to case, as in Backstage."""
        beginning = path[: len(self._prefix) + 1].lower()
        return beginning.removesuffix("/") == self._prefix.lower()

    def url(self, path: str, query: str) -> HttpUrl:
        """Where the request goes. InputError if that would be outside of the target."""
        asked = self._rewritten(path + (f"?{query}" if query else ""))
        beyond, mark, rest = asked.partition("?")
        joined = re.sub("/{2,}", "/", f"{self.target.path}/{beyond}")
        if _is_devious(joined):
            raise _devious()
        try:
            url = http_url(f"{self.target.origin}{joined}{mark}{rest}")
        except SourceError as error:
            raise _devious() from error
        if url.origin != self.target.origin or not f"{url.path}/".startswith(self.target.path.rstrip("/") + "/"):
            raise _devious()
        return url

    def _rewritten(self, asked: str) -> str:
        if self._rules is None:
            return asked[len(self._prefix) :]
        for pattern, replacement in self._rules:
            if pattern.search(asked):
                return pattern.sub(partial(_replacement, replacement), asked, count=1)
        return asked


class _Passing:
    """One request passed on."""

    def __init__(self, proxy: Proxy, outbound: Outbound, endpoint: _Endpoint, request: Request) -> None:
        self._proxy = proxy
        self._outbound = outbound
        self._endpoint = endpoint
        self._request = request
        self._deadline = asyncio.get_running_loop().time() + proxy.timeout.total_seconds()

    async def answer(self, url: HttpUrl) -> Response:
        """The target's answer, whose body follows. HTTPException if there is none."""
        try:
            return await self._answer(url)
        except SourceError as error:
            _log.warning("%s of %s: %s", self._request.method, self._endpoint.route, error)
            status = 504 if error.reason is SourceReason.UNAVAILABLE else 502
            raise HTTPException(status, f"The target of {self._endpoint.route} can't be reached. The server's log says more.") from error

    async def _answer(self, at: HttpUrl) -> Response:
        headers, content = self._headers(), self._content()
        async with AsyncExitStack() as opened:
            for _ in range(_MOST_REDIRECTS + 1):
                response = await opened.enter_async_context(
                    self._outbound.forward(self._request.method, at, headers, content, self._deadline)
                )
                redirect = self._redirect(response)
                if redirect is None:
                    return _Passed(self._given_back(response), self._bounded(response), opened.pop_all())
                await opened.aclose()
                next_url = following(at, redirect)
                if next_url.origin != self._endpoint.target.origin:
                    self._outbound.guard.check_url(next_url)
                if next_url.origin != at.origin:
                    headers = {name: value for name, value in headers.items() if self._is_harmless(name)}
                at = next_url
        raise HTTPException(502, f"The target of {self._endpoint.route} redirects in a circle, or too often.")

    def _is_harmless(self, name: str) -> bool:
        return not sends_credentials(name) and name not in self._endpoint.headers

    def _headers(self) -> dict[str, str]:
        given = self._request.headers
        sent = {name: ", ".join(given.getlist(name)) for name in sorted(self._endpoint.from_client) if name in given}
        # The body is passed on as it comes, so it has to come in no encoding that only the client was asked about.
        sent.setdefault("accept-encoding", "identity")
        return {**sent, **self._framing(), **self._endpoint.headers}

    def _framing(self) -> dict[str, str]:
        """How long the body is; nothing where there is none."""
        length = self._request.headers.get("content-length")
        if length is not None:
            if not length.isdecimal() or int(length) > self._proxy.max_request_bytes:
                raise self._too_large()
            return {"content-length": length}
        return {"transfer-encoding": "chunked"} if "transfer-encoding" in self._request.headers else {}

    def _content(self) -> AsyncIterator[bytes] | None:
        return self._body() if self._framing() else None

    async def _body(self) -> AsyncIterator[bytes]:
        total = 0
        try:
            async for chunk in self._request.stream():
                total += len(chunk)
                if total > self._proxy.max_request_bytes:
                    raise self._too_large()
                if chunk:
                    yield chunk
        except ClientDisconnect as error:
            raise HTTPException(400, "The body did not arrive whole.") from error

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The body is larger than {self._proxy.max_request_bytes:,} bytes (proxy.maxRequestBytes).")

    def _redirect(self, response: httpcore.Response) -> str | None:
        followed = self._endpoint.settings.follow_redirects and self._request.method in {"GET", "HEAD"}
        if not followed or response.status not in _REDIRECTS:
            return None
        return next((value.decode("latin-1") for name, value in response.headers if name.lower() == b"location"), None)

    def _given_back(self, response: httpcore.Response) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Status and headers of the answer: those that may be passed on, and what keeps it apart from this server's own."""
        there = [(name.lower(), value) for name, value in response.headers]
        names = {name for name, _ in there}
        length = next((value for name, value in there if name == b"content-length"), b"")
        if length.isdigit() and int(length) > self._proxy.max_response_bytes and self._request.method != "HEAD":
            most = f"{self._proxy.max_response_bytes:,} bytes (proxy.maxResponseBytes)"
            raise HTTPException(502, f"The target of {self._endpoint.route} answers more than {most}.")
        kept = self._endpoint.from_target - HOP_BY_HOP - {"cache-control", "content-security-policy"} | {"content-encoding"}
        headers = [(name, value) for name, value in there if name.decode("latin-1") in kept]
        if length and b"transfer-encoding" not in names:
            headers.append((b"content-length", length))
        cached = b", ".join(value for name, value in there if name == b"cache-control") or b"no-store"
        private = cached if b"no-store" in cached or b"private" in cached else b"private, " + cached
        return response.status, [*headers, (b"cache-control", private), (b"content-security-policy", _SANDBOX.encode())]

    async def _bounded(self, response: httpcore.Response) -> AsyncIterator[bytes]:
        """The body. HTTPException, SourceError's kin or a time limit end it before its end."""
        total = 0
        stream = response.aiter_stream()
        while True:
            async with asyncio.timeout_at(self._deadline):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            total += len(chunk)
            if total > self._proxy.max_response_bytes:
                raise _BrokenOffError(f"the answer is larger than {self._proxy.max_response_bytes:,} bytes")
            yield chunk


class _BrokenOffError(Exception):
    """The body can't be passed on to its end."""


class _Passed(Response):
    """An answer that is passed on while it comes. One that breaks off is left unfinished, so that clients see that it did."""

    def __init__(self, head: tuple[int, list[tuple[bytes, bytes]]], body: AsyncIterator[bytes], opened: AsyncExitStack) -> None:
        super().__init__()
        self.status_code, self.raw_headers = head
        self._content = body
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._opened:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            gone = asyncio.create_task(_disconnected(receive))
            try:
                async for chunk in self._content:
                    if gone.done():
                        return
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except (_BrokenOffError, TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
                _log.warning("an answer to %s was broken off: %s", scope["path"].encode("unicode_escape").decode(), error or "too slow")
                return
            finally:
                gone.cancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    """Return once the client is gone, to whom servers would go on sending in silence."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _demand_whole_credentials(request: Request) -> None:
    """That whoever asks is let in, and by something that is for more than some actions."""
    if not is_admitted(request.scope):
        raise UnauthenticatedError("Sign in first, or send a token.")
    if access_of(request).principal.actions is not None:
        raise ForbiddenError("The token is for some actions only, and reaching other systems is none of them.")


def _recorded(audit: Audit, request: Request, route: str) -> AbstractContextManager[None]:
    """Record what may change something there, as far as whoever asks is known."""
    if request.method in _READING or not is_admitted(request.scope):
        return nullcontext()
    return audit.doing(access_of(request), "proxy.request", route, cause=f"{request.method} {request.url.path}")


def _path_of(request: Request) -> tuple[str, str]:
    """Path and query as they were sent. InputError for what servers are known to read in more than one way."""
    sent: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    if len(sent) + len(query) > _LONGEST_PATH:
        raise InputError(f"The address is longer than {_LONGEST_PATH:,} bytes.")
    if any(not 0x20 < byte < 0x7F for byte in sent + query) or b"#" in sent:
        raise InputError("The address holds characters that have to be percent-encoded.")
    path = sent.decode("ascii")
    if _is_devious(path):
        raise _devious()
    return path, query.decode("ascii")


def _is_devious(path: str) -> bool:
    """Whether a server may read the path as one above it, however often it decodes it, or as two requests."""
    decoded = path.encode()
    for _ in range(_DECODINGS):
        decoded = unquote_to_bytes(decoded)
        segments = decoded.replace(b"\\", b"/").split(b"/")
        if any(segment.partition(b";")[0] in {b".", b".."} for segment in segments):
            return True
        if any(byte < 0x20 or byte == 0x7F for byte in decoded):
            return True
    return False


def _devious() -> InputError:
    return InputError("The path holds segments such as `..`, or control characters, and is not passed on.")


def _endpoint_of(endpoints: Sequence[_Endpoint], path: str) -> _Endpoint:
    for endpoint in endpoints:
        if endpoint.covers(path):
            return endpoint
    raise HTTPException(404)


def _replacement(replacement: str, found: re.Match[str]) -> str:
    """The replacement with what `$1` and the like stand for in JavaScript."""

    def meant(mark: re.Match[str]) -> str:
        name = mark[1]
        if name == "$":
            return "$"
        if name == "&":
            return found[0]
        return found[int(name)] or "" if 0 < int(name) <= (found.re.groups) else mark[0]

    return _REPLACED.sub(meant, replacement)
