"""Composes by what people sign in: providers, a trusted proxy, guests, and the routes and pages of all of them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from api.audit import Audit
from api.auth.attempts import Attempts
from api.auth.authenticator import Proof
from api.auth.cookies import Cookies
from api.auth.direct import GUEST, guest_of, guest_routes, proxy_routes
from api.auth.identity import Identity
from api.auth.origins import Origins
from api.auth.pages import Choice
from api.auth.providers.registry import TITLES, providers_from
from api.auth.resolvers import Resolution, resolvers_of
from api.auth.routes import SIGN_IN, Offered, SignInRoutes
from api.auth.trusted_proxy import NAME as PROXY
from api.auth.trusted_proxy import ProxyProof
from config.auth import Auth
from config.model import Config
from plugins.outbound.client import Outbound

_PUBLIC = frozenset({"github", "gitlab", "google", "bitbucket", "auth0"})
_log = logging.getLogger("callboard.signin")


@dataclass(frozen=True, slots=True)
class Offer:
    """What people can sign in by: the routes, proofs that a request may bring, and the path of the page that lists the ways to sign in."""

    routes: Sequence[Route]
    proofs: Sequence[Proof]
    page: str

    @property
    def open_paths(self) -> Sequence[str]:
        """The paths of the routes, which everybody reaches who is about to sign in."""
        return tuple({route.path for route in self.routes})


def offer_from(config: Config, auth: Auth, identity: Identity, outbound: Outbound, audit: Audit) -> Offer:
    """The ways to sign in of the configured environment."""
    origins, cookies, store = Origins(config), Cookies(config.backend.base_url), identity.store
    offered = {
        name: Offered(
            provider,
            Resolution(store, TITLES[name], resolvers_of(name, auth.clients[name].sign_in.resolvers, auth.clients[name])),
            auth.clients[name].session_duration,
        )
        for name, provider in providers_from(auth, outbound, config.backend.base_url).items()
    }
    _warn_of_public_local_parts(auth)
    guest = guest_of(auth.providers.guest) if auth.providers.guest is not None else None
    routes = SignInRoutes(
        offered,
        attempts=Attempts(store),
        identity=identity,
        cookies=cookies,
        origins=origins,
        audit=audit,
        environment=auth.environment,
        choices=[Choice("Continue as a guest", f"{origins.prefix}/api/auth/{GUEST}/start")] if guest else [],
    )
    made, proofs = routes.routes(), list[Proof]()
    if guest is not None:
        made += guest_routes(guest, routes, identity, cookies, origins)
    if auth.providers.oauth2_proxy is not None:
        settings = auth.providers.oauth2_proxy
        resolution = Resolution(store, "The proxy", resolvers_of(PROXY, settings.sign_in.resolvers))
        proof = ProxyProof(settings, auth, store, resolution, identity.ownership, origins)
        made += proxy_routes(proof, routes, identity)
        proofs.append(proof)
    return Offer(made, proofs, origins.prefix + SIGN_IN)


def _warn_of_public_local_parts(auth: Auth) -> None:
    """Says where anybody could sign in as anybody, by an email of some domain."""
    for name, client in auth.clients.items():
        for one in client.sign_in.resolvers:
            if name in _PUBLIC and one.resolver == "emailLocalPartMatchingUserEntityName" and one.allowed_domains is None:
                _log.warning(
                    "auth.providers.%s: %s without allowedDomains takes emails of all domains for the user that they begin with",
                    name,
                    one.resolver,
                )
