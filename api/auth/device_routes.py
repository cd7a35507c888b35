"""The routes of signing in from a command line: two that the device asks, and the page on which its user allows it."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.audit import Audit, Outcome
from api.auth.admission import access_of
from api.auth.device import INTERVAL_SECONDS, TOKEN_LASTS, DeviceError, DeviceLogins, answer_of, shown_code
from api.auth.pages import device_done_page, device_page
from api.auth.sessions import SESSION
from api.errors import http_error
from graph.errors import CallboardError, ForbiddenError, InputError, NotFoundError

PAGE = "/api/auth/device"
_BEGIN, _TOKEN = f"{PAGE}/authorize", f"{PAGE}/token"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_MOST_BYTES = 16 * 1024
_UNCACHED = {"Cache-Control": "no-store"}

DEVICE_OPEN_PATHS: Sequence[str] = (_BEGIN, _TOKEN)
"""What a device asks before anybody is signed in on it."""


class DeviceRoutes:
    """Answers devices, and their users' browsers, of a server at `base_url`."""

    def __init__(self, logins: DeviceLogins, audit: Audit, base_url: str, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._logins = logins
        self._audit = audit
        self._page = base_url.rstrip("/") + PAGE
        self._action = urlsplit(self._page).path
        self._interval = interval_seconds

    def routes(self) -> list[Route]:
        """The routes; errors of the two for devices are those of OAuth, in JSON."""
        return [
            Route(_BEGIN, self._begin, methods=["POST"]),
            Route(_TOKEN, self._token, methods=["POST"]),
            Route(PAGE, self._show, methods=["GET"]),
            Route(PAGE, self._decide, methods=["POST"]),
        ]

    async def _begin(self, request: Request) -> Response:
        try:
            asked = await _form(request)
            codes = await self._logins.begin(asked.get("device_name", ""))
        except (CallboardError, HTTPException) as error:
            return await http_error(request, error)
        return JSONResponse(answer_of(codes, self._page, self._interval), headers=_UNCACHED)

    async def _token(self, request: Request) -> Response:
        try:
            asked = await _form(request)
            if asked.get("grant_type") != GRANT:
                return _refused(DeviceError("unsupported_grant_type", f"grant_type has to be {GRANT}"))
            new = await self._logins.token(asked.get("device_code", ""))
        except DeviceError as error:
            return _refused(error)
        except (CallboardError, HTTPException) as error:
            return await http_error(request, error)
        address = request.client.host if request.client else None
        self._audit.record(None, "token.create", f"{new.token.user} {new.token.name}", Outcome.DONE, cause="device", address=address)
        told = {"access_token": new.secret, "token_type": "Bearer", "expires_in": int(TOKEN_LASTS.total_seconds())}
        return JSONResponse(told, headers=_UNCACHED)

    async def _show(self, request: Request) -> Response:
        code = request.query_params.get("user_code", "")
        if not code:
            return device_page(self._action)
        try:
            device = await self._logins.device_of(code)
            return device_page(self._action, code=shown_code(code), device=device, user=_user(request))
        except NotFoundError as error:
            return device_page(self._action, problem=str(error))
        except CallboardError as error:
            return await http_error(request, error)

    async def _decide(self, request: Request) -> Response:
        access = access_of(request)
        try:
            asked = await _form(request)
            code, decision = asked.get("user_code", ""), asked.get("decision")
            if decision not in {"allow", "refuse"}:
                raise InputError("`decision` is allow or refuse.")
            with self._audit.doing(access, "device.login", f"{access.principal.ref} {decision}", cause="POST " + PAGE):
                _user(request)
                device = await self._logins.decide(code, access.principal, allowed=decision == "allow")
        except NotFoundError as error:
            return device_page(self._action, problem=str(error))
        except (CallboardError, HTTPException) as error:
            return await http_error(request, error)
        return device_done_page(device, allowed=decision == "allow")


def _user(request: Request) -> str:
    """Who is signed in. ForbiddenError for who asks by a token: that would make tokens out of tokens."""
    principal = access_of(request).principal
    if not (principal.session or "").startswith(SESSION):
        raise ForbiddenError("A device is let in by who is signed in, in a browser. Sign in first.")
    return principal.ref


def _refused(error: DeviceError) -> Response:
    return JSONResponse({"error": error.code, "error_description": error.description}, 400, _UNCACHED)


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a form. InputError for another body, HTTPException for one that is too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise InputError("The body has to be a form: application/x-www-form-urlencoded.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise HTTPException(413, f"The body is larger than {_MOST_BYTES} bytes.")
    except ClientDisconnect as error:
        raise InputError("The body did not arrive whole.") from error
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=20, errors="strict")
    except ValueError as error:
        raise InputError("The body is no form.") from error
    return {name: values[0] for name, values in fields.items() if len(values) == 1}
