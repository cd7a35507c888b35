"""Who a connection really comes from, whatever headers say that it comes from."""

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

_KEY = "callboard.peer"


class Peers:
    """Remembers the address at the other end of the connection. It stands before what believes headers of proxies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            client = scope.get("client")
            scope[_KEY] = client[0] if client else None
        await self._app(scope, receive, send)


def peer_of(connection: HTTPConnection) -> str | None:
    """The address at the other end of the connection; None where there is none, such as on a local socket."""
    if _KEY in connection.scope:
        return connection.scope[_KEY]
    return connection.client.host if connection.client else None
