"""The routes of those who are sent nowhere to sign in: people behind a trusted proxy, and guests."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from api.auth.cookies import Cookies
from api.auth.identity import Identity
from api.auth.origins import Origins
from api.auth.providers.people import Person
from api.auth.routes import UNCACHED, SignInRoutes, only
from api.auth.trusted_proxy import NAME as PROXY
from api.auth.trusted_proxy import ProxyProof
from config.auth import GuestProvider
from graph.access import Principal, PrincipalKind
from graph.errors import CallboardError, UnauthenticatedError
from graph.refs import Ref, parse_ref

GUEST = "guest"


def proxy_routes(proof: ProxyProof, routes: SignInRoutes, identity: Identity) -> list[Route]:
    """What portals ask to learn who the proxy says is there. Every request proves itself by the headers, so no cookie is set."""

    async def refresh(request: Request) -> Response:
        routes.check_portal(request)
        person = proof.person_of(request)
        if person is None:
            raise UnauthenticatedError("No proxy says who asks.")
        try:
            session = await identity.begin(await proof.user_of(person), person, PROXY, lifetime=proof.lasts)
        except CallboardError as error:
            routes.record(request, PROXY, None, error)
            raise
        routes.record(request, PROXY, session, None)
        return JSONResponse(await identity.told(session), headers=UNCACHED)

    return [Route(f"/api/auth/{PROXY}/refresh", routes.answering(refresh), methods=["GET"])]


def guest_of(settings: GuestProvider) -> Principal:
    """Who guests are."""
    ref = parse_ref(settings.user_entity_ref, default_kind="User").ref
    owned = settings.ownership_entity_refs
    claims = (ref,) if owned is None else tuple(parse_ref(one, default_kind="Group").ref for one in owned)
    return Principal(ref, PrincipalKind.GUEST, claims)


def guest_routes(guest: Principal, routes: SignInRoutes, identity: Identity, cookies: Cookies, origins: Origins) -> list[Route]:
    """What portals and pages ask to go on as a guest."""
    person = Person(id=guest.ref, display_name="Guest")

    async def start(request: Request) -> Response:
        return_to = origins.path(only(request, "redirectTo"))
        session = await identity.begin(Ref(guest.ref), person, GUEST, claims=guest.claims)
        routes.record(request, GUEST, session, None)
        response = RedirectResponse(return_to, 303, UNCACHED)
        cookies.keep_session(response, session.secret or "", session.expires_at)
        return response

    async def refresh(request: Request) -> Response:
        routes.check_portal(request)
        session = await identity.begin(Ref(guest.ref), person, GUEST, claims=guest.claims)
        routes.record(request, GUEST, session, None)
        return JSONResponse(await identity.told(session), headers=UNCACHED)

    async def logout(request: Request) -> Response:
        routes.check_portal(request)
        response = Response(headers=UNCACHED)
        cookies.clear_session(response)
        return response

    paths = {"start": start, "refresh": refresh}
    made = [Route(f"/api/auth/{GUEST}/{path}", routes.answering(answer), methods=["GET"]) for path, answer in paths.items()]
    return [*made, Route(f"/api/auth/{GUEST}/logout", routes.answering(logout), methods=["POST"])]
