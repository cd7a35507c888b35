"""Finds out who asks by what a request brings: a token in its header, the cookie of a session, or what a trusted proxy says."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from starlette.requests import HTTPConnection

from api.auth.admission import MissingCredentialsError
from api.auth.authorization import bearer_of
from api.auth.clock import Clock, utc_now
from api.auth.ownership import Ownership
from api.auth.personal import PERSONAL, PREFIX, PersonalToken, PersonalTokens
from api.auth.service import ServiceAccess
from api.auth.sessions import IN_CATALOG, SESSION, Session, Sessions
from api.auth.tokens import UserTokens
from api.protection import is_own_origin
from graph.access import Principal, PrincipalKind
from graph.errors import ForbiddenError, UnauthenticatedError

Proof = Callable[[HTTPConnection], Awaitable[Principal | None]]
"""Another way to find out who asks: None if the request has nothing of the sort, UnauthenticatedError if it is not valid."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class CredentialsAuthenticator:
    """Asks everybody for credentials. Several that name different principals are refused; without any, `guest` asks, if there is one.

    Without `takes_guests`, sessions that guests began under another configuration count no more.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        tokens: UserTokens,
        personal: PersonalTokens,
        services: ServiceAccess,
        ownership: Ownership,
        cookie: str,
        base_url: str,
        proofs: Sequence[Proof] = (),
        guest: Principal | None = None,
        takes_guests: bool = True,
        clock: Clock = utc_now,
    ) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._personal = personal
        self._services = services
        self._ownership = ownership
        self._cookie = cookie
        self._base_url = base_url
        self._proofs = proofs
        self._guest = guest
        self._takes_guests = takes_guests
        self._clock = clock

    async def principal_of(self, connection: HTTPConnection) -> Principal:
        """As of Authenticator; MissingCredentialsError where there is nothing to go by."""
        token, cookie = bearer_of(connection), connection.cookies.get(self._cookie)
        found = [] if token is None else [await self.principal_of_token(token)]
        if cookie:
            if token is None:
                self._refuse_foreign(connection)
            found.extend(await self._of_cookie(cookie, needed=token is None))
        for proof in self._proofs:
            principal = await proof(connection)
            found.extend(() if principal is None else (principal,))
        if not found:
            if self._guest is None:
                raise MissingCredentialsError(
                    "Nobody is signed in. Sign in, or send a token in the header `Authorization: Bearer <token>`."
                )
            return self._guest
        if len({principal.ref for principal in found}) > 1:
            raise UnauthenticatedError("The request has credentials of different principals. Send those of one.")
        return found[0]

    async def principal_of_token(self, token: str) -> Principal:
        """Whose token it is. UnauthenticatedError if it is not valid; StoreUnavailableError."""
        if token.startswith(PREFIX):
            found = await self._personal.find(token)
            return await self._of_personal(found)
        service = await self._services.principal_of(token)
        if service is not None:
            return service
        claims = await self._tokens.verify(token)
        session = await self._sessions.by_id(claims.session)
        if session.user != claims.user:
            raise UnauthenticatedError("The token is of another session. Sign in again.")
        principal = await self._of_session(session)
        return replace(principal, expires_at=min(claims.expires_at, session.expires_at))

    async def renewed(self, principal: Principal) -> Principal:
        """The principal as it is now, with the claims of this moment. UnauthenticatedError if what it signed in by has ended since."""
        if principal.expires_at is not None and principal.expires_at <= self._clock():
            raise UnauthenticatedError("The token has expired. Sign in again.")
        held = principal.session or ""
        if held.startswith(SESSION):
            session = await self._sessions.by_id(held.removeprefix(SESSION))
            return replace(await self._of_session(session), expires_at=principal.expires_at)
        if held.startswith(PERSONAL):
            found = await self._personal.by_id(held.removeprefix(PERSONAL))
            return await self._of_personal(found)
        return principal

    async def _of_cookie(self, cookie: str, *, needed: bool) -> Sequence[Principal]:
        try:
            return [await self._of_session(await self._sessions.find(cookie))]
        except UnauthenticatedError:
            if needed:
                raise
            return []

    async def _of_session(self, session: Session) -> Principal:
        kind = PrincipalKind.GUEST if session.provider == "guest" else PrincipalKind.USER
        if kind is PrincipalKind.GUEST and not self._takes_guests:
            raise UnauthenticatedError("Guests are not let in any more. Sign in.")
        principal = Principal(session.user, kind, session.claims, expires_at=session.expires_at)
        return await self._of_user(principal, SESSION + session.id, needs_entity=bool(session.profile.get(IN_CATALOG)))

    async def _of_personal(self, found: PersonalToken) -> Principal:
        return await self._of_user(self._personal.principal(found), PERSONAL + found.id, needs_entity=found.was_in_catalog)

    async def _of_user(self, principal: Principal, held: str, *, needs_entity: bool) -> Principal:
        told, is_there = await self._ownership.look(principal.ref)
        if needs_entity and not is_there:
            # Who leaves is taken out of the catalog, and out of it alone.
            raise UnauthenticatedError("The catalog no longer has the user who signed in.")
        more = [ref for ref in principal.claims if ref not in told]
        return replace(principal, claims=(*told, *more), session=held)

    def _refuse_foreign(self, connection: HTTPConnection) -> None:
        """Browsers send cookies with what pages of other sites make them send. https://owasp.org/www-community/attacks/csrf"""
        if connection.scope["type"] == "http" and connection.scope["method"] in _SAFE:
            return
        origin, site = connection.headers.get("origin"), connection.headers.get("sec-fetch-site")
        is_own = is_own_origin(connection, self._base_url) if origin is not None else site in {"same-origin", "none"}
        if not is_own or site not in {None, "same-origin", "none"}:
            raise ForbiddenError(
                "The request comes with a session's cookie, but from no page of this server. Send a token in the header Authorization."
            )
