"""Lets requests in: finds out who asks before anything else is done, and answers 401 for them where that fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api.refusals import refuse
from graph.access import GUEST_PRINCIPAL, Access, Principal
from graph.errors import CallboardError, UnauthenticatedError

_KEY = "callboard.access"
_ADMITTANCE = "callboard.admittance"
_PROVES_LATER = frozenset({"/graphql"})
"""WebSockets that may say who they are by their first message, since browsers let pages set no header of theirs."""


class MissingCredentialsError(UnauthenticatedError):
    """The request has nothing by which it could be known who sent it."""


class Authenticator(Protocol):
    """Finds out who asks."""

    async def principal_of(self, connection: HTTPConnection) -> Principal:
        """Who sent the request. UnauthenticatedError if nobody is signed in, or by something that is not valid (any more); ForbiddenError
        for a request that a page of another site made a browser send. MissingCredentialsError where there is nothing to go by.
        """
        ...

    async def principal_of_token(self, token: str) -> Principal:
        """Whose token it is. UnauthenticatedError if it is not valid (any more)."""
        ...

    async def renewed(self, principal: Principal) -> Principal:
        """The principal as it is now. UnauthenticatedError if what it signed in by has ended since."""
        ...


class EveryoneIsGuest:
    """Asks nobody to sign in."""

    async def principal_of(self, connection: HTTPConnection) -> Principal:
        return GUEST_PRINCIPAL

    async def principal_of_token(self, token: str) -> Principal:
        return GUEST_PRINCIPAL

    async def renewed(self, principal: Principal) -> Principal:
        return principal


Policy = Callable[[Principal], Access]
"""What each principal may do."""


@dataclass(frozen=True, slots=True)
class Admittance:
    """How it is found out who asks, for connections that last."""

    authenticator: Authenticator
    policy: Policy

    async def by_token(self, token: str) -> Access:
        """What whoever has the token may do. UnauthenticatedError if it is not valid."""
        return self.policy(await self.authenticator.principal_of_token(token))

    async def renewed(self, access: Access) -> Access:
        """What the same principal may do now. UnauthenticatedError if what it signed in by has ended."""
        return self.policy(await self.authenticator.renewed(access.principal))


class Admission:
    """Admits requests to everything but the `open_paths`, which are served to anybody; one that ends in `/*` stands for all below."""

    def __init__(
        self, app: ASGIApp, authenticator: Authenticator, policy: Policy, open_paths: Sequence[str], sign_in_page: str | None = None
    ) -> None:
        """`sign_in_page` is the path that browsers are sent to where they ask for a page and nobody is signed in; None for nowhere."""
        self._app = app
        self._sign_in_page = sign_in_page
        self._admittance = Admittance(authenticator, policy)
        self._exact = frozenset(path for path in open_paths if not path.endswith("/*"))
        self._below = tuple(path[:-1] for path in open_paths if path.endswith("/*"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and not self._is_open(scope["path"]):
            scope[_ADMITTANCE] = self._admittance
            try:
                scope[_KEY] = self._admittance.policy(await self._admittance.authenticator.principal_of(HTTPConnection(scope)))
            except CallboardError as error:
                if not _may_prove_later(error, scope):
                    await self._refuse(error, scope, receive, send)
                    return
        await self._app(scope, receive, send)

    async def _refuse(self, error: CallboardError, scope: Scope, receive: Receive, send: Send) -> None:
        if self._sign_in_page is None or not isinstance(error, UnauthenticatedError) or not _wants_page(scope):
            await refuse(error, scope, receive, send)
            return
        prefix = self._sign_in_page.partition("/api/auth/")[0]
        asked = prefix + quote(scope["path"]) + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        address = f"{self._sign_in_page}?{urlencode({'redirectTo': asked})}"
        await RedirectResponse(address, 302, {"Cache-Control": "no-store", "Vary": "Accept, Cookie"})(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._exact or path.startswith(self._below)


def _wants_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        return False
    headers = Headers(scope=scope)
    return "authorization" not in headers and "text/html" in headers.get("accept", "")


def _may_prove_later(error: CallboardError, scope: Scope) -> bool:
    return isinstance(error, MissingCredentialsError) and scope["type"] == "websocket" and scope["path"] in _PROVES_LATER


def access_of(connection: HTTPConnection) -> Access:
    """What whoever sent the admitted request may do."""
    return cast("Access", connection.scope[_KEY])


def admittance_of(connection: HTTPConnection) -> Admittance:
    """How it is found out who asks, for a request to no open path."""
    return cast("Admittance", connection.scope[_ADMITTANCE])


def admit(connection: HTTPConnection, access: Access) -> None:
    """From now on this is what whoever opened the connection may do."""
    connection.scope[_KEY] = access


def is_admitted(scope: Scope) -> bool:
    """Whether it is known who sent the request: it is to no open path, and was not refused."""
    return _KEY in scope
