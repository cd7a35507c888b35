"""From a person to a session, and from a session to what portals are told, in the shape of Backstage's auth backend."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from api.auth.ownership import Ownership
from api.auth.providers.people import Person
from api.auth.sessions import IN_CATALOG, Session, Sessions
from api.auth.tokens import UserTokens
from graph.conditions import EVERYTHING
from graph.errors import UnauthenticatedError
from graph.refs import Ref
from graph.store import Store

_SCOPE = "scope"
"""What a session's profile holds beside Backstage's fields and IN_CATALOG."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Begins sessions, and tells who they are of."""

    store: Store
    sessions: Sessions
    tokens: UserTokens
    ownership: Ownership

    async def begin(
        self, user: Ref, person: Person, provider: str, *, claims: tuple[Ref, ...] = (), lifetime: timedelta | None = None
    ) -> Session:
        """A session of the user who signed in by the provider. StoreUnavailableError."""
        profile = {**person.profile, _SCOPE: person.scope, IN_CATALOG: await self._is_in_catalog(user)}
        return await self.sessions.begin(user, provider=provider, profile=profile, claims=claims, lifetime=lifetime)

    async def renew(self, secret: str, provider: str) -> Session:
        """The session of a cookie, renewed. UnauthenticatedError if it has ended, is of another provider, or its user has left the
        catalog, by which it ends; StoreUnavailableError.
        """
        found = await self.sessions.find(secret)
        if found.provider != provider:
            raise UnauthenticatedError("The session is of another provider. Sign in by this one.")
        if found.profile.get(IN_CATALOG) and not await self._is_in_catalog(found.user):
            await self.sessions.revoke(found.id)
            raise UnauthenticatedError("The catalog no longer has a user for this session. Sign in again.")
        return await self.sessions.renew(secret)

    async def told(self, session: Session) -> Mapping[str, Any]:
        """What Backstage's frontends read: the profile, the provider's session, and the identity with its token. StoreUnavailableError."""
        claims = await self.ownership.claims_of(session.user)
        claims = (*claims, *(ref for ref in session.claims if ref not in claims))
        issued = await self.tokens.issue(session.user, claims, session=session.id, until=session.expires_at)
        identity = {"type": "user", "userEntityRef": session.user, "ownershipEntityRefs": list(claims)}
        return {
            "profile": {key: value for key, value in session.profile.items() if key not in {IN_CATALOG, _SCOPE}},
            # Tokens of providers are used once and kept nowhere; portals get Callboard's alone.
            "providerInfo": {"accessToken": "", "scope": session.profile.get(_SCOPE, ""), "expiresInSeconds": issued.expires_in_seconds},
            "backstageIdentity": {"token": issued.token, "expiresInSeconds": issued.expires_in_seconds, "identity": identity},
        }

    async def _is_in_catalog(self, user: Ref) -> bool:
        return user in await self.store.entities_by_ref([user], visible=EVERYTHING)
