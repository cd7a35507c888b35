"""Composes signing in from the configuration. Imported only where it is configured."""

from api.auth.authenticator import CredentialsAuthenticator
from api.auth.discovery import discovery_paths, discovery_routes
from api.auth.keys import Keys
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


def signing_in(config: Config, store: Store, outbound: Outbound) -> SignIn:
    """Everything about signing in. Without `auth`, services are known by their tokens, and everybody else is a guest."""
    auth, backend = config.auth or Auth(), config.backend
    keys = Keys(store, auth.key_rotation, auth.backstage_token_expiration)
    issuer = f"{backend.base_url.rstrip('/')}/api/auth"
    tokens = UserTokens(keys, issuer, auth.backstage_token_expiration)
    sessions = Sessions(store, idle=auth.session.idle, lifetime=auth.session.lifetime)
    personal = PersonalTokens(store)
    ownership = Ownership(store, inherited=auth.ownership.inherited)
    authenticator = CredentialsAuthenticator(
        sessions=sessions,
        tokens=tokens,
        personal=personal,
        services=ServiceAccess(backend.auth.external_access, outbound),
        ownership=ownership,
        cookie=session_cookie(backend.base_url),
        base_url=backend.base_url,
        guest=GUEST_PRINCIPAL if config.auth is None else None,
    )
    return SignIn(
        authenticator,
        routes=discovery_routes(keys, issuer),
        open_paths=discovery_paths(),
        sessions=sessions,
        personal=personal,
    )
