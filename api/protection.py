"""What protects browsers: security headers on every response, and a refusal of requests for hosts that this server is not."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.refusals import refuse
from config.backend import Backend
from config.cors import Cors
from config.load import is_loopback

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_LONGEST_HOST = 253
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


_OPENED_BY_OTHERS = "/api/auth/"
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})
_OPENER_POLICY = (b"cross-origin-opener-policy", b"same-origin")
_NOT_CACHED = (b"cache-control", b"private, no-cache")
_PROTECTED = "callboard.protected"
_YEAR_SECONDS = 365 * 24 * 3600


def security_headers(base_url: str) -> dict[str, str]:
    """The headers of an answer that says nothing else. Only a server that is reached by https tells browsers to use nothing else."""
    if urlsplit(base_url).scheme != "https":
        return dict(_HEADERS)
    return {**_HEADERS, "Strict-Transport-Security": f"max-age={_YEAR_SECONDS}"}


class SecurityHeaders:
    """Adds the headers that a response does not set itself, also to the refusal of a WebSocket. Around itself it does nothing more."""

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in security_headers(base_url).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _PROTECTED in scope:
            await self._app(scope, receive, send)
            return
        scope[_PROTECTED] = True
        is_accepted = False

        async def send_protected(message: Message) -> None:
            nonlocal is_accepted
            kind = message["type"]
            if kind in _STARTS:
                message["headers"] = self._protected(scope, message.get("headers", ()))
            elif kind == "websocket.accept":
                is_accepted = True
            elif kind == "websocket.close" and not is_accepted and "websocket.http.response" in scope.get("extensions", {}):
                headers = self._protected(scope, [(b"content-length", b"0")])
                await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
                await send({"type": "websocket.http.response.body", "body": b""})
                return
            await send(message)

        await self._app(scope, receive, send_protected)

    def _protected(self, scope: Scope, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        own = list(headers)
        said = {name.lower() for name, _ in own}
        path: str = scope["path"]
        own.extend(header for header in self._headers if header[0] not in said)
        # A portal of another origin opens the pages of signing in, and waits for what they say.
        if not path.startswith(_OPENED_BY_OTHERS) and _OPENER_POLICY[0] not in said:
            own.append(_OPENER_POLICY)
        # What is answered depends on who asks, and no cache between may keep it for somebody else.
        if path.startswith("/api/") and _NOT_CACHED[0] not in said:
            own.append(_NOT_CACHED)
        return own


def cross_origin(cors: Cors | None) -> list[Middleware]:
    """What lets pages of the configured origins ask; without any, browsers keep all others from it."""
    if cors is None:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=["*"] if "*" in cors.origin else [],
            allow_origin_regex=cors.pattern,
            allow_methods=cors.methods,
            allow_headers=cors.allowed_headers,
            expose_headers=cors.exposed_headers,
            allow_credentials=cors.credentials,
            max_age=cors.max_age,
        )
    ]


class KnownHosts:
    """Refuses other hosts than `names`: a page elsewhere whose name was made to resolve to loopback must not read the catalog.

    https://owasp.org/www-community/attacks/DNS_Rebinding
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or _host(scope) in self._names:
            await self._app(scope, receive, send)
            return
        named = HTTPConnection(scope).headers.get("host", "")[:_LONGEST_HOST]
        message = f"This server is not {named!r}; set backend.baseUrl to the address that clients use."
        await refuse(HTTPException(421, message), scope, receive, send)


def _host(scope: Scope) -> str | None:
    try:
        return HTTPConnection(scope).url.hostname
    except ValueError:
        return None


def is_own_origin(connection: HTTPConnection, base_url: str) -> bool:
    """Whether who opens a WebSocket is no page at all, or a page of this server: browsers let any page open one, with the user's cookies.

    https://owasp.org/www-community/attacks/csrf
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    own = urlsplit(base_url)
    try:
        named = urlsplit(origin)
    except ValueError:
        # A host that begins with a bracket and does not end with one.
        return False
    return named.netloc == connection.headers.get("host") or (named.scheme, named.netloc) == (own.scheme, own.netloc)


def protected(app: ASGIApp, backend: Backend) -> ASGIApp:
    """The application with security headers whatever fails, answering only for its own names while it listens on loopback, where it asks
    nobody to sign in.
    """
    names = (*_LOCAL_NAMES, backend.listen.host, urlsplit(backend.base_url).hostname or "")
    inner = KnownHosts(app, names) if is_loopback(backend.listen.host) else app
    return SecurityHeaders(inner, backend.base_url)
