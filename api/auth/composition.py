"""Composes signing in from the configuration. Imported only where it is configured."""

from api.audit import Audit
from api.auth.authenticator import CredentialsAuthenticator
from api.auth.device import DeviceLogins
from api.auth.device_routes import DEVICE_OPEN_PATHS, DeviceRoutes
from api.auth.discovery import discovery_paths, discovery_routes
from api.auth.identity import Identity
from api.auth.keys import Keys
from api.auth.offer import offer_from
from api.auth.ownership import Ownership
from api.auth.personal import PersonalTokens
from api.auth.service import ServiceAccess
from api.auth.sessions import Sessions, session_cookie
from api.auth.sign_in import SignIn
from api.auth.tokens import UserTokens
from config.auth import Auth
from config.model import Config
from graph.access import GUEST_PRINCIPAL
from graph.store import Store
from plugins.outbound.client import Outbound


def signing_in(config: Config, store: Store, outbound: Outbound, audit: Audit) -> SignIn:
    """Everything about signing in. Without `auth`, services are known by their tokens, and everybody else is a guest."""
    auth, backend = config.auth or Auth(), config.backend
    keys = Keys(store, auth.key_rotation, auth.backstage_token_expiration)
    issuer = f"{backend.base_url.rstrip('/')}/api/auth"
    tokens = UserTokens(keys, issuer, auth.backstage_token_expiration)
    sessions = Sessions(store, idle=auth.session.idle, lifetime=auth.session.lifetime)
    personal = PersonalTokens(store)
    ownership = Ownership(store, inherited=auth.ownership.inherited)
    identity = Identity(store, sessions, tokens, ownership)
    offer = offer_from(config, auth, identity, outbound, audit) if config.auth else None
    authenticator = CredentialsAuthenticator(
        sessions=sessions,
        tokens=tokens,
        personal=personal,
        services=ServiceAccess(backend.auth.external_access, outbound),
        ownership=ownership,
        cookie=session_cookie(backend.base_url),
        base_url=backend.base_url,
        proofs=offer.proofs if offer else (),
        guest=None if offer else GUEST_PRINCIPAL,
        takes_guests=auth.providers.guest is not None,
    )
    devices = DeviceRoutes(DeviceLogins(store, personal), audit, backend.base_url).routes() if offer else ()
    return SignIn(
        authenticator,
        routes=[*discovery_routes(keys, issuer), *devices, *(offer.routes if offer else ())],
        open_paths=[*discovery_paths(), *(DEVICE_OPEN_PATHS if offer else ()), *(offer.open_paths if offer else ())],
        sessions=sessions,
        personal=personal,
        page=offer.page if offer else None,
    )
