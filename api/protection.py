"""What protects browsers: security headers on every response, and a refusal of requests for hosts that this server is not."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from api.errors import http_error
from config.backend import Backend
from config.load import is_loopback

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class SecurityHeaders:
    """Adds the headers that a response does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_protected)


class KnownHosts:
    """Refuses other hosts than `names`: a page elsewhere whose name was made to resolve to loopback must not read the catalog.

    https://owasp.org/www-community/attacks/DNS_Rebinding
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or HTTPConnection(scope).url.hostname in self._names:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close()
            return
        request = Request(scope, receive)
        message = f"This server is not {request.headers.get('host')!r}; set backend.baseUrl to the address that clients use."
        response = await http_error(request, HTTPException(421, message))
        await response(scope, receive, send)


def is_own_origin(connection: HTTPConnection, base_url: str) -> bool:
    """Whether who opens a WebSocket is no page at all, or a page of this server: browsers let any page open one, with the user's cookies.

    https://owasp.org/www-community/attacks/csrf
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    named = urlsplit(origin)
    own = urlsplit(base_url)
    return named.netloc == connection.headers.get("host") or (named.scheme, named.netloc) == (own.scheme, own.netloc)


def protected(app: ASGIApp, backend: Backend) -> ASGIApp:
    """The application, answering only for its own names while it listens on loopback, where it asks nobody to sign in."""
    if not is_loopback(backend.listen.host):
        return app
    return KnownHosts(app, (*_LOCAL_NAMES, backend.listen.host, urlsplit(backend.base_url).hostname or ""))
