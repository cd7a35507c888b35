"""What signing in comes to for the server that is composed; without any way to sign in, that everybody is a guest."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from starlette.routing import BaseRoute

from api.audit import Audit
from api.auth.admission import Authenticator, EveryoneIsGuest
from api.auth.personal import PersonalTokens
from api.auth.sessions import Sessions
from config.model import Config
from graph.store import Store

if TYPE_CHECKING:
    from plugins.outbound.client import Outbound


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who finds out who asks, the routes of signing in, and which of them are open to anybody.

    `sessions` and `personal` are None where nobody signs in, and `page` is where browsers are sent to sign in, None for nowhere.
    """

    authenticator: Authenticator
    routes: Sequence[BaseRoute] = ()
    open_paths: Sequence[str] = ()
    sessions: Sessions | None = None
    personal: PersonalTokens | None = None
    page: str | None = None


def sign_in_for(config: Config, store: Store, outbound: "Outbound | None", audit: Audit) -> SignIn:
    """Signing in as configured: by `auth`, and for services by `backend.auth.externalAccess`. `outbound` reaches issuers."""
    if config.auth is None and not config.backend.auth.external_access:
        return SignIn(EveryoneIsGuest())
    # Signatures and the protocols of providers are a tenth of what a start imports, and many have no use for them.
    return cast("SignIn", import_module("api.auth.composition").signing_in(config, store, outbound, audit))
