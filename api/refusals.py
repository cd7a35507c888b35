"""Refuses a request or a WebSocket before any route is asked, in the one shape of HTTP errors."""

from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from api.errors import http_error


async def refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the error. A WebSocket is refused before it is accepted, with the same answer where the server can give one."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await WebSocket(scope, receive, send).close()
        return
    asked = scope if scope["type"] == "http" else {**scope, "type": "http", "method": "GET"}
    response = await http_error(Request(asked, receive), error)
    await response(scope, receive, send)
