"""Puts the limits of requests around the application, before and after it is known who asks."""

from starlette.middleware import Middleware

from api.limits.rates import AddressLimits, PrincipalLimits
from api.limits.requests import RequestLimits
from config.backend import Backend

_OWN_LIMITS = ("/graphql", "/api/catalog/entity-sets", "/api/proxy/", "/webhooks/")
"""Where routes bound the bodies that they read, each by a figure of its own."""

_LONG_WORK = ("/api/catalog/entity-sets", "/api/proxy/")

_ATTEMPTS = ("/api/auth/*",)
"""Where people and programs sign in or get tokens."""

_KEYS = (".well-known/jwks.json", ".well-known/openid-configuration", "/auth/v1/jwks.json")


def before_admission(backend: Backend) -> list[Middleware]:
    """What holds for everybody."""
    return [
        Middleware(RequestLimits, settings=backend.limits, own_limits=_OWN_LIMITS, long_work=_LONG_WORK),
        Middleware(AddressLimits, settings=backend.rate_limit, attempts=_ATTEMPTS, free=_KEYS),
    ]


def after_admission(backend: Backend) -> list[Middleware]:
    """What holds for each principal."""
    return [Middleware(PrincipalLimits, settings=backend.rate_limit)]
