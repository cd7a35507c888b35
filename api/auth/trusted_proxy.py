"""Sign-in by a proxy in front that says by headers who asks: believed only of proxies that prove themselves.

The headers are those of oauth2-proxy. https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview
"""

import hmac

from starlette.requests import HTTPConnection

from api.auth.clock import Clock, utc_now
from api.auth.origins import Origins
from api.auth.ownership import Ownership
from api.auth.peers import peer_of
from api.auth.providers.people import Person
from api.auth.resolvers import Resolution
from config.auth import Auth, TrustedProxy
from graph.access import Principal, PrincipalKind
from graph.errors import UnauthenticatedError
from graph.refs import Ref
from graph.store import Store
from plugins.outbound.addresses import is_within, parsed

NAME = "oauth2Proxy"

_USER, _EMAIL, _PREFERRED = "x-forwarded-user", "x-forwarded-email", "x-forwarded-preferred-username"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_REMEMBERED = 1_000


class ProxyProof:
    """Finds out who asks by the headers of a trusted proxy."""

    def __init__(
        self,
        settings: TrustedProxy,
        auth: Auth,
        store: Store,
        resolution: Resolution,
        ownership: Ownership,
        origins: Origins,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings
        self.lasts = auth.backstage_token_expiration
        self._store = store
        self._resolution = resolution
        self._ownership = ownership
        self._origins = origins
        self._clock = clock
        self._head = -1
        self._known: dict[Person, Ref] = {}

    async def __call__(self, connection: HTTPConnection) -> Principal | None:
        """Who the proxy says it is; None without its headers. UnauthenticatedError for headers that are not from a trusted proxy, or name
        nobody that the catalog has; ForbiddenError for a request that a page of another site made a browser send; StoreUnavailableError.
        """
        person = self.person_of(connection)
        if person is None:
            return None
        if connection.scope["type"] == "websocket" or connection.scope["method"] not in _SAFE:
            # The proxy knows people by a cookie, which browsers send along whichever page asks.
            self._origins.check_own(connection)
        user = await self.user_of(person)
        claims = await self._ownership.claims_of(user)
        return Principal(user, PrincipalKind.USER, claims, expires_at=self._clock() + self.lasts)

    def person_of(self, connection: HTTPConnection) -> Person | None:
        """Who the headers name; None without any. UnauthenticatedError if they are not from a trusted proxy, or there are several."""
        told = {name: connection.headers.getlist(name) for name in (_USER, _EMAIL, _PREFERRED)}
        if not any(told.values()):
            return None
        if any(len(values) > 1 for values in told.values()):
            raise UnauthenticatedError("The headers of the proxy name several people.")
        self._check_proxy(connection)
        user, email, preferred = (values[0].strip() or None if values else None for values in told.values())
        return Person(id=user or "", username=preferred, email=email, display_name=preferred or user)

    def _check_proxy(self, connection: HTTPConnection) -> None:
        settings = self._settings
        if settings.trusted_proxies and not _is_among(peer_of(connection), settings.trusted_proxies):
            raise UnauthenticatedError("The headers that say who asks come from an address that is not among oauth2Proxy.trustedProxies.")
        if settings.shared_secret is not None:
            given = connection.headers.getlist(settings.shared_secret.header)
            expected = settings.shared_secret.value.get_secret_value()
            if len(given) != 1 or not hmac.compare_digest(given[0].encode(), expected.encode()):
                raise UnauthenticatedError("The headers that say who asks come without the secret of oauth2Proxy.sharedSecret.")

    async def user_of(self, person: Person) -> Ref:
        """The person's user, looked for anew when the catalog has changed. SignInError if there is none; StoreUnavailableError."""
        head = await self._store.head()
        if head != self._head or len(self._known) >= _MOST_REMEMBERED:
            self._head, self._known = head, {}
        known = self._known
        if person not in known:
            known[person] = await self._resolution.user_of(person)
        return known[person]


def _is_among(peer: str | None, networks: tuple[str, ...]) -> bool:
    try:
        return peer is not None and is_within(parsed(peer), networks)
    except ValueError:
        return False
