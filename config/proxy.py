"""The `proxy` section: other systems that portals reach through Callboard, with credentials that only Callboard knows."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from config.intervals import Duration
from config.sections import Section, Text

HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of one connection, which are never passed on. https://www.rfc-editor.org/rfc/rfc9110#field.connection"""

_SESSIONS = frozenset({"cookie", "set-cookie"})
_ROUTE = re.compile(r"(?:/[A-Za-z0-9._~-]+)+/?")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _is_target(target: str) -> str:
    parts = urlsplit(target)
    if parts.scheme not in {"http", "https"} or not parts.hostname or any(character.isspace() for character in target):
        raise ValueError("should be an http or https address, such as https://example.com/api")
    if "@" in parts.netloc:
        raise ValueError("should hold no user and password; put them into `headers`, as Authorization")
    if parts.query or parts.fragment:
        raise ValueError("should hold neither a query nor a fragment")
    return target


def _are_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        _demand_header(name)
    return names


def _are_headers(headers: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
    for name, value in headers.items():
        _demand_header(name)
        text = value.get_secret_value()
        if not text.isascii() or not text.isprintable():
            raise ValueError(f"should have a value of one line of ASCII for the header {name}")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("should name each header once, whatever its case")
    return headers


def _demand_header(name: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"should hold names of headers, and {name!r} is none")
    if name.lower() in HOP_BY_HOP:
        raise ValueError(f"should not hold {name}, which is of one connection and never passed on")
    if name.lower() in _SESSIONS:
        raise ValueError(f"should not hold {name}: it would hand the sessions of Callboard's users over, or replace them")


def _are_patterns(rules: Mapping[str, str] | None) -> Mapping[str, str] | None:
    for pattern in rules or {}:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"should have regular expressions as keys, and {pattern!r} is none: {error}") from error
    return rules


def _are_routes(given: object) -> object:
    if not isinstance(given, Mapping):
        return given
    endpoints = cast("Mapping[str, object]", given)
    for route in endpoints:
        if not _ROUTE.fullmatch(route) or ".." in route.split("/") or "." in route.split("/"):
            raise ValueError(f"should have routes such as /sonarqube as keys, and {route!r} is none")
    names = [route.rstrip("/").lower() for route in endpoints]
    if len(set(names)) < len(names):
        raise ValueError("should name each route once")
    return endpoints


def _as_section(endpoint: object) -> object:
    """A target alone is an endpoint, too."""
    return {"target": endpoint} if isinstance(endpoint, str) else endpoint


class ProxyEndpoint(Section):
    """One of `proxy.endpoints`."""

    target: Annotated[str, AfterValidator(_is_target)] = Field(
        description="Address that requests go to, with what follows the route put behind it. Its host needs no leave under "
        "`backend.reading.allow`, but a private address has to be in `backend.reading.allowPrivate`."
    )
    headers: Annotated[Mapping[str, SecretStr], AfterValidator(_are_headers)] = Field(
        default={}, description="Headers that are added to requests, in place of what clients send of that name. They are never shown."
    )
    change_origin: Literal[True] = Field(default=True, description="Requests name the target as their host, always.")
    path_rewrite: Annotated[Mapping[str, str] | None, AfterValidator(_are_patterns)] = Field(
        default=None,
        description="Regular expressions and what replaces them in the path, which begins with /api/proxy; the first that is found counts. "
        "Without it the prefix and the route are taken off.",
    )
    allowed_methods: tuple[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], ...] = Field(
        default=cast("Any", _METHODS), description="Methods that are passed on; all others are refused."
    )
    allowed_headers: Annotated[tuple[Text, ...], AfterValidator(_are_names)] = Field(
        default=(), description="Headers that are passed on both ways beside those that any page may send."
    )
    credentials: Literal["require", "forward", "dangerously-allow-unauthenticated"] = Field(
        default="require",
        description="`require`: who asks has to be signed in. `forward`: their Authorization header is passed on, too. "
        "`dangerously-allow-unauthenticated`: anybody may ask.",
    )
    follow_redirects: bool = Field(
        default=False,
        description="Whether redirects are followed, for GET and HEAD. Another host than the target's has to be in "
        "`backend.reading.allow`, and is sent no credentials.",
    )


class Proxy(Section):
    """`proxy`."""

    endpoints: Annotated[Mapping[str, Annotated[ProxyEndpoint, BeforeValidator(_as_section)]], BeforeValidator(_are_routes)] = Field(
        default={}, description="What is served below /api/proxy, by routes such as `/sonarqube`: a target alone, or a section."
    )
    max_request_bytes: Annotated[int, Field(ge=1)] = Field(
        default=10 * 1024 * 1024, description="Requests with a longer body are not passed on."
    )
    max_response_bytes: Annotated[int, Field(ge=1)] = Field(
        default=100 * 1024 * 1024, description="Answers with a longer body are refused, or broken off where that shows late."
    )
    timeout: Duration = Field(default=timedelta(seconds=60), description="How long a request and its whole answer may take.")
