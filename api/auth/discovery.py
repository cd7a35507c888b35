"""The routes by which others check tokens: the public keys, and the description of their issuer, where Backstage has them."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.auth.admission import access_of
from api.auth.keys import ALGORITHM, Keys
from api.errors import http_error
from graph.access import PrincipalKind
from graph.errors import CallboardError, InputError

_DESCRIPTION = "/api/auth/.well-known/openid-configuration"
_KEYS = "/api/auth/.well-known/jwks.json"
_SERVED = ("auth", "catalog", "permission", "proxy", "search", "scaffolder", "techdocs", "user-settings")
_CACHING = {"Cache-Control": "public, max-age=60"}


def discovery_paths() -> Sequence[str]:
    """The paths of the routes, which are open to anybody."""
    return (_DESCRIPTION, _KEYS, *(f"/api/{api}/.backstage/auth/v1/jwks.json" for api in _SERVED))


def discovery_routes(keys: Keys, issuer: str) -> list[Route]:
    """GET of the keys under each API's prefix, of the issuer's description, and of the claims of who asks (the only one that is not open).

    503 while the store can't be reached.
    """

    async def published(request: Request) -> Response:
        try:
            return JSONResponse({"keys": list(await keys.published())}, headers=_CACHING)
        except CallboardError as error:
            return await http_error(request, error)

    async def description(_: Request) -> Response:
        told = {
            "issuer": issuer,
            "userinfo_endpoint": f"{issuer}/v1/userinfo",
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid"],
            "claims_supported": ["sub", "ent"],
        }
        return JSONResponse(told, headers=_CACHING)

    async def user(request: Request) -> Response:
        principal = access_of(request).principal
        if principal.kind is PrincipalKind.SERVICE:
            return await http_error(request, InputError("The token is a service's; only users have ownership claims here."))
        return JSONResponse({"claims": {"sub": principal.ref, "ent": list(principal.claims)}}, headers={"Cache-Control": "no-store"})

    first, *others = discovery_paths()
    return [
        Route(first, description, methods=["GET"]),
        *(Route(path, published, methods=["GET"]) for path in others),
        Route("/api/auth/v1/userinfo", user, methods=["GET"]),
    ]
