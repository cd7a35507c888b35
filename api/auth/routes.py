"""The routes of signing in: Backstage's for portals, and pages for browsers that come without one.

https://backstage.io/docs/auth/oauth
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from api.audit import Audit, Outcome
from api.auth.attempts import Attempt, Attempts, browser_secret
from api.auth.cookies import Cookies
from api.auth.identity import Identity
from api.auth.origins import Origins
from api.auth.pages import Choice, failure_page, sign_in_page, sign_out_page, signed_out_page
from api.auth.popup import OPENER_KEPT, web_message
from api.auth.providers.people import SignInError, SignInProvider
from api.auth.resolvers import Resolution
from api.auth.sessions import Session
from api.errors import STATUS_BY_CODE, http_error, request_error
from graph.errors import CallboardError, ForbiddenError, InputError, UnauthenticatedError

SIGN_IN, SIGN_OUT = "/api/auth/sign-in", "/api/auth/sign-out"
UNCACHED = {"Cache-Control": "no-store"}

_LONGEST_PARAMETER = 4_096
_log = logging.getLogger("callboard.signin")

Answering = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Offered:
    """A provider that people are sent to, how their users are found, and how long their sessions last at most."""

    provider: SignInProvider
    resolution: Resolution
    lifetime: timedelta | None = None


class SignInRoutes:
    """Answers what browsers ask while people sign in and out. `environment` is the one that portals may name."""

    def __init__(
        self,
        offered: Mapping[str, Offered],
        *,
        attempts: Attempts,
        identity: Identity,
        cookies: Cookies,
        origins: Origins,
        audit: Audit,
        environment: str,
        choices: Sequence[Choice] = (),
    ) -> None:
        self._offered = offered
        self._attempts = attempts
        self._identity = identity
        self._cookies = cookies
        self._origins = origins
        self._audit = audit
        self._environment = environment
        own = [Choice(f"Sign in with {one.provider.title}", f"{origins.prefix}/api/auth/{name}/start") for name, one in offered.items()]
        self._choices = (*own, *choices)

    def routes(self) -> list[Route]:
        """The routes of every provider that people are sent to, and the pages."""
        made = [
            Route(SIGN_IN, self.answering(self._show_sign_in), methods=["GET"]),
            Route(SIGN_OUT, self.answering(self._show_sign_out), methods=["GET"]),
            Route(SIGN_OUT, self.answering(self._sign_out), methods=["POST"]),
        ]
        for name, one in self._offered.items():
            made += [
                Route(f"/api/auth/{name}/start", self.answering(self._starting(one)), methods=["GET"]),
                Route(f"/api/auth/{name}/handler/frame", self.answering(self._handling(one)), methods=["GET"]),
                Route(f"/api/auth/{name}/refresh", self.answering(self._refreshing(name)), methods=["GET"]),
                Route(f"/api/auth/{name}/logout", self.answering(self._ending(one)), methods=["POST"]),
            ]
        return made

    def _starting(self, one: Offered) -> Answering:
        async def start(request: Request) -> Response:
            attempt = self._attempt(one.provider.name, request)
            browser = browser_secret(request.cookies.get(self._cookies.browser))
            secrets = await self._attempts.begin(attempt, browser)
            address = await one.provider.address(secrets)
            response = RedirectResponse(address, 302, {**UNCACHED, **OPENER_KEPT, "Referrer-Policy": "no-referrer"})
            self._cookies.keep_browser(response, browser)
            return response

        return start

    def _attempt(self, provider: str, request: Request) -> Attempt:
        """What the request asks for: by default a page to return to, and of a portal a popup."""
        environment, flow = only(request, "env"), only(request, "flow")
        if environment not in {None, self._environment}:
            raise HTTPException(404, "This provider is not configured for this environment; auth.environment names the one that is.")
        return_to, redirect_url = only(request, "redirectTo"), only(request, "redirectUrl")
        if flow == "redirect" and redirect_url is not None:
            return Attempt(provider, "page", self._origins.address(redirect_url))
        if flow == "popup" or (flow is None and environment is not None and return_to is None):
            origin = only(request, "origin") or self._origins.app
            if origin is None:
                raise InputError("A popup needs a portal to tell who signed in: configure app.baseUrl.")
            return Attempt(provider, "popup", "", self._origins.allowed(origin))
        return Attempt(provider, "page", self._origins.path(return_to))

    def _handling(self, one: Offered) -> Answering:
        async def handle(request: Request) -> Response:
            state = only(request, "state")
            begun = await self._attempts.look(one.provider.name, state) if state else None
            try:
                attempt, session = await self._signed_in(one, request, state)
            except CallboardError as error:
                self.record(request, one.provider.name, None, error)
                return self._failed(begun, error)
            self.record(request, one.provider.name, session, None)
            if attempt.flow == "popup":
                response = web_message(attempt.origin or self._origins.own, {"response": await self._identity.told(session)})
            else:
                response = RedirectResponse(attempt.return_to, 303, {**UNCACHED, "Referrer-Policy": "no-referrer"})
            if session.secret is not None:
                self._cookies.keep_session(response, session.secret, session.expires_at)
            return response

        return handle

    async def _signed_in(self, one: Offered, request: Request, state: str | None) -> tuple[Attempt, Session]:
        name, title = one.provider.name, one.provider.title
        browser = request.cookies.get(self._cookies.browser)
        attempt, secrets = await self._attempts.finish(name, state or "", browser)
        refusal, code = only(request, "error"), only(request, "code")
        if refusal is not None or code is None:
            message = f"{title} did not sign you in." if refusal != "access_denied" else f"You, or {title}, refused the sign-in."
            raise SignInError(message, f"the provider answered {(refusal or 'without a code')[:100]!r}")
        person = await one.provider.person(code, secrets, only(request, "iss"))
        user = await one.resolution.user_of(person)
        if previous := request.cookies.get(self._cookies.session):
            await self._identity.sessions.end(previous)
        return attempt, await self._identity.begin(user, person, name, lifetime=one.lifetime)

    def _failed(self, begun: Attempt | None, error: CallboardError) -> Response:
        told = request_error(error)
        if begun is not None and begun.flow == "popup":
            return web_message(
                begun.origin or self._origins.own, {"error": {"name": _NAMES.get(error.code, "Error"), "message": told["message"]}}
            )
        return failure_page(told["message"], STATUS_BY_CODE[told["extensions"]["code"]], self._origins.prefix + SIGN_IN)

    def _refreshing(self, name: str) -> Answering:
        async def refresh(request: Request) -> Response:
            self.check_portal(request)
            secret = request.cookies.get(self._cookies.session)
            if secret is None:
                raise UnauthenticatedError("Nobody is signed in.")
            session = await self._identity.renew(secret, name)
            response = JSONResponse(await self._identity.told(session), headers=UNCACHED)
            if session.secret is not None:
                self._cookies.keep_session(response, session.secret, session.expires_at)
            return response

        return refresh

    def _ending(self, one: Offered) -> Answering:
        async def logout(request: Request) -> Response:
            self.check_portal(request)
            await self._end(request)
            farewell = one.provider.farewell(self._origins.app or self._origins.own)
            response = Response(headers=UNCACHED) if farewell is None else JSONResponse({"logoutUrl": farewell}, headers=UNCACHED)
            self._cookies.clear_session(response)
            return response

        return logout

    def check_portal(self, request: Request) -> None:
        """ForbiddenError unless a script of an allowed page asks: no other page can have a browser send this header."""
        if request.headers.get("x-requested-with") != "XMLHttpRequest":
            raise ForbiddenError("The header X-Requested-With has to be XMLHttpRequest.")
        self._origins.check_asking(request)

    async def _show_sign_in(self, request: Request) -> Response:
        return_to = self._origins.path(only(request, "redirectTo"))
        begin, query = self._origins.begin(request), urlencode({"redirectTo": return_to})
        choices = [Choice(one.text, f"{begin}{one.href}?{query}") for one in self._choices]
        return sign_in_page(choices, signed_in_as=await self._user(request), sign_out=self._origins.prefix + SIGN_OUT)

    async def _show_sign_out(self, request: Request) -> Response:
        prefix = self._origins.prefix
        return sign_out_page(await self._user(request), prefix + SIGN_OUT, prefix + SIGN_IN)

    async def _sign_out(self, request: Request) -> Response:
        self._origins.check_own(request)
        ended = await self._end(request)
        one = self._offered.get(ended.provider) if ended else None
        address = one.provider.farewell(self._origins.own) if one else None
        farewell = (one.provider.title, address) if one and address else None
        response = signed_out_page(self._origins.prefix + SIGN_IN, farewell)
        self._cookies.clear_session(response)
        return response

    async def _end(self, request: Request) -> Session | None:
        secret = request.cookies.get(self._cookies.session)
        ended = await self._identity.sessions.end(secret) if secret else None
        if ended is not None:
            self._audit.record(None, "auth.sign-out", ended.user, Outcome.DONE, cause=ended.provider, address=_address(request))
        return ended

    async def _user(self, request: Request) -> str | None:
        secret = request.cookies.get(self._cookies.session)
        try:
            return (await self._identity.sessions.find(secret)).user if secret else None
        except UnauthenticatedError:
            return None

    def record(self, request: Request, provider: str, session: Session | None, error: CallboardError | None) -> None:
        """Write a sign-in by the provider, or why there was none, into the audit log."""
        outcome = Outcome.DONE if session else Outcome.DENIED
        subject = session.user if session else provider
        reason = "" if error is None else str(error)
        self._audit.record(None, "auth.sign-in", subject, outcome, cause=provider, reason=reason, address=_address(request))
        if isinstance(error, SignInError):
            _log.warning("sign-in by %s: %s (%s)", provider, error, error.detail)

    def answering(self, answer: Answering) -> Answering:
        """The route with its errors told as a page to browsers that ask for one, and as JSON to all others."""

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except CallboardError as error:
                if isinstance(error, SignInError):
                    _log.warning("sign-in: %s (%s)", error, error.detail)
                if "text/html" not in request.headers.get("accept", ""):
                    return await http_error(request, error)
                return self._failed(None, error)

        return answered


_NAMES: Mapping[str, str] = {
    "UNAUTHENTICATED": "AuthenticationError",
    "FORBIDDEN": "NotAllowedError",
    "BAD_USER_INPUT": "InputError",
    "UNAVAILABLE": "ServiceUnavailableError",
}
"""What Backstage's frontends call errors."""


def only(request: Request, name: str) -> str | None:
    """The parameter's one value, None without one. InputError if there are several, or it is too long."""
    values = request.query_params.getlist(name)
    if len(values) > 1 or any(len(value) > _LONGEST_PARAMETER for value in values):
        raise InputError(f"The parameter {name} may be there once, with {_LONGEST_PARAMETER} characters at most.")
    return values[0] if values else None


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None
