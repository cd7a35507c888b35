"""Lets requests in: finds out who asks before anything else is done, and answers 401 for them where that fails."""

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.refusals import refuse
from graph.access import GUEST_PRINCIPAL, Access, Principal
from graph.errors import CallboardError

_KEY = "callboard.access"


class Authenticator(Protocol):
    """Finds out who asks."""

    async def principal_of(self, connection: HTTPConnection) -> Principal:
        """Who sent the request. UnauthenticatedError if nobody is signed in, or by something that is not valid (any more); ForbiddenError
        for a request that a page of another site made a browser send.
        """
        ...


class EveryoneIsGuest:
    """Asks nobody to sign in."""

    async def principal_of(self, connection: HTTPConnection) -> Principal:
        return GUEST_PRINCIPAL


Policy = Callable[[Principal], Access]
"""What each principal may do."""


class Admission:
    """Admits requests to everything but the `open_paths`, which are served to anybody; one that ends in `/*` stands for all below."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, policy: Policy, open_paths: Sequence[str]) -> None:
        self._app = app
        self._authenticator = authenticator
        self._policy = policy
        self._exact = frozenset(path for path in open_paths if not path.endswith("/*"))
        self._below = tuple(path[:-1] for path in open_paths if path.endswith("/*"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and not self._is_open(scope["path"]):
            try:
                scope[_KEY] = self._policy(await self._authenticator.principal_of(HTTPConnection(scope)))
            except CallboardError as error:
                await refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._exact or path.startswith(self._below)


def access_of(connection: HTTPConnection) -> Access:
    """What whoever sent the admitted request may do."""
    return cast("Access", connection.scope[_KEY])


def is_admitted(scope: Scope) -> bool:
    """Whether it is known who sent the request: it is to no open path, and was not refused."""
    return _KEY in scope
