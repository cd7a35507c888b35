"""Rate limits: what each address may spend on signing in, and each principal on everything else.

Answers say what is left, and refusals when to try again.
https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from collections.abc import Collection
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from typing import cast
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.admission import access_of, is_admitted
from api.limits.buckets import Buckets, Taken
from api.refusals import refuse
from config.limits import RateLimit
from graph.access import PrincipalKind
from graph.errors import RateLimitedError

REQUEST_COST = 50
"""What every request costs beside what it asks for: about as much work as reading that many entities."""

_METER = "callboard.meter"
_LIMITS = "callboard.limits"
_ATTEMPT_COST = 1
_FAILURE_COST = 10
_BEGINNINGS = frozenset({"http.response.start", "websocket.http.response.start"})
_CATALOG = "/api/catalog/"
_DEFAULT_PAGE = 20
_LARGEST_PAGE = 10_000
_BYTES_OF_AN_ENTITY = 1_000
_UNAUTHORIZED_SOCKETS = frozenset({4401, 4403})


class Meter:
    """What a principal has left, and what this request has taken of it."""

    def __init__(self, buckets: Buckets, principal: str) -> None:
        self._buckets = buckets
        self._principal = principal
        self._taken = 0
        self.last: Taken | None = None

    def take(self, cost: int) -> None:
        """Take a cost. RateLimitedError, and nothing is taken, if there is not enough."""
        self.last = taken = self._buckets.take(self._principal, cost)
        self._taken += cost if taken.granted else 0
        if not taken.granted:
            raise RateLimitedError(
                f"{self._principal} asks for too much in too short a time: this costs {cost:,}, and {taken.left:,} of "
                f"{self._buckets.capacity:,} a minute are left (backend.rateLimit). Try again in {taken.retry_after_seconds} s.",
                taken.retry_after_seconds,
            )

    def come_to(self, cost: int) -> None:
        """Charge what is missing to a cost that is known only now that it has been spent."""
        if cost > self._taken:
            self._buckets.charge(self._principal, cost - self._taken)
            self._taken = cost

    def tell(self, headers: MutableHeaders) -> None:
        """Say in the headers of an answer what is left."""
        if self.last:
            headers["RateLimit-Policy"] = f'"principal";q={self._buckets.capacity};w=60'
            headers["RateLimit"] = f'"principal";r={self.last.left};t={self.last.full_in_seconds}'


def charge(connection: HTTPConnection, cost: int) -> None:
    """Take from the principal of an admitted request what it turns out to cost. RateLimitedError if that is more than there is."""
    limits = cast("PrincipalLimits | None", connection.scope.get(_LIMITS))
    meter = limits.meter_of(connection.scope) if limits else None
    # Over a WebSocket each operation is a request of its own.
    cost += REQUEST_COST if connection.scope["type"] == "websocket" else 0
    if meter and cost > 0:
        meter.take(cost)


class PrincipalLimits:
    """Takes from each principal what a request costs before it is answered, and of REST what its answer comes to beyond that.

    A WebSocket pays for its operations one by one.
    """

    def __init__(self, app: ASGIApp, settings: RateLimit) -> None:
        self._app = app
        everybody, guests = settings.cost_per_minute, settings.guest_cost_per_minute
        self._buckets = Buckets(everybody) if everybody else None
        self._guests = Buckets(guests) if guests else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope[_LIMITS] = self
        meter = self.meter_of(scope)
        if meter is None:
            await self._app(scope, receive, send)
            return
        sent = 0

        async def send_told(message: Message) -> None:
            nonlocal sent
            if message["type"] in _BEGINNINGS:
                meter.tell(MutableHeaders(scope=message))
            elif message["type"] == "http.response.body" and scope["path"].startswith(_CATALOG):
                # Lists without a limit, and pages asked for in a body, say only now how many entities they are.
                sent += len(message.get("body", b""))
                meter.come_to(REQUEST_COST + sent // _BYTES_OF_AN_ENTITY)
            await send(message)

        try:
            meter.take(REQUEST_COST + _page_cost(scope))
        except RateLimitedError as error:
            await refuse(error, scope, receive, send_told)
            return
        await self._app(scope, receive, send_told)

    def meter_of(self, scope: Scope) -> Meter | None:
        """That of whoever sent the request; None if there is no limit, or it is not known (yet: a WebSocket may tell later)."""
        # Whoever opened a WebSocket as a guest may say later that they are somebody.
        if is_admitted(scope) and (_METER not in scope or scope["type"] == "websocket"):
            principal = access_of(HTTPConnection(scope)).principal
            buckets = self._guests if principal.kind is PrincipalKind.GUEST else self._buckets
            scope[_METER] = None if buckets is None else Meter(buckets, principal.ref)
        return cast("Meter | None", scope.get(_METER))


def _page_cost(scope: Scope) -> int:
    """How many entities a REST request asks for."""
    path: str = scope["path"]
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or not path.startswith(_CATALOG):
        return 0
    given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("limit", "")
    if not given.isdecimal():
        return _DEFAULT_PAGE
    # int() takes thousands of digits, and time for them.
    return min(int(given[: len(str(_LARGEST_PAGE)) + 1]), _LARGEST_PAGE)


class AddressLimits:
    """Takes from each address for every attempt to sign in, and more for credentials that are refused wherever they are sent.

    An address that has spent all is refused before anything of its credentials is looked at. `attempts` are the paths at which people and
    programs sign in or get tokens; one that ends in `/*` stands for all below.
    """

    def __init__(self, app: ASGIApp, settings: RateLimit, attempts: Collection[str], free: Collection[str] = ()) -> None:
        self._app = app
        per_minute = settings.attempts_per_minute
        self._buckets = Buckets(per_minute) if per_minute else None
        self._below = tuple(path.removesuffix("*") for path in attempts)
        self._free = tuple(free)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._buckets is None or scope["type"] not in {"http", "websocket"} or scope["path"].endswith(self._free):
            await self._app(scope, receive, send)
            return
        buckets, address = self._buckets, _network(scope["client"][0] if scope.get("client") else "")
        taken = buckets.take(address, _ATTEMPT_COST if scope["path"].startswith(self._below) else 0)
        if not taken.granted or taken.left == 0:
            seconds = max(taken.retry_after_seconds, 5)
            message = f"Too many attempts to sign in, or requests that were refused, came from this address. Try again in {seconds} s."
            await refuse(RateLimitedError(message, seconds), scope, receive, send)
            return

        async def send_counted(message: Message) -> None:
            is_refusal = message["type"] in _BEGINNINGS and message["status"] == HTTPStatus.UNAUTHORIZED
            if is_refusal or (message["type"] == "websocket.close" and message.get("code") in _UNAUTHORIZED_SOCKETS):
                buckets.charge(address, _FAILURE_COST)
            await send(message)

        await self._app(scope, receive, send_counted)


@lru_cache(maxsize=4_096)
def _network(host: str) -> str:
    """An address; of IPv6 the network of 64 bits, of which a client has all addresses."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((address, 64), strict=False))
    return host
