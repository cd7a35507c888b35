"""Where a browser may be sent back to, and which pages may ask: paths of this server, and the origins that the configuration names."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from config.model import Config
from graph.errors import ForbiddenError, InputError

_PATH = re.compile(r"/(?![/\\])[!-~]*")
"""A path of this server, printable and without blanks. What begins with two slashes or a backslash, browsers take for another host."""


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, lower case; empty for what is no address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower()


class Origins:
    """The origins of this server, of the portal at `app.baseUrl`, and of those that are allowed beside it."""

    def __init__(self, config: Config) -> None:
        extra = config.auth.experimental_extra_allowed_origins if config.auth else ()
        self.own = origin_of(config.backend.base_url)
        self.prefix = urlsplit(config.backend.base_url).path.rstrip("/")
        self.app = origin_of(config.app.base_url) if config.app.base_url else None
        self._allowed: Sequence[str] = [self.own, *([self.app] if self.app else []), *map(origin_of, extra)]

    def allowed(self, origin: str) -> str:
        """The origin, if its pages may be told who signed in. ForbiddenError for all others."""
        plain = origin_of(origin)
        if plain not in self._allowed:
            raise ForbiddenError("This origin may not sign people in. It is neither app.baseUrl nor auth.experimentalExtraAllowedOrigins.")
        return plain

    def path(self, given: str | None) -> str:
        """The path of this server to return to, the start page without one. InputError for anything that may lead elsewhere."""
        if given is None:
            return f"{self.prefix}/"
        if not _PATH.fullmatch(given) or "\\" in given:
            raise InputError("redirectTo has to be a path of this server that begins with one slash.")
        return given

    def begin(self, request: HTTPConnection) -> str:
        """What comes before the path at which a sign-in begins: nothing where the browser is at the address of `backend.baseUrl`, to which
        providers send it back, and that address where it came by another one.
        """
        return "" if request.headers.get("host", "").lower() == self.own.partition("://")[2] else self.own

    def address(self, given: str) -> str:
        """The address of a page of an allowed origin. ForbiddenError for others."""
        if not re.fullmatch(r"https?://[!-~]+", given) or "\\" in given or "@" in origin_of(given):
            raise InputError("redirectUrl has to be an http or https address.")
        self.allowed(given)
        return given

    def check_asking(self, request: HTTPConnection) -> None:
        """ForbiddenError if a page that may not ask made the browser send the request."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if origin is not None:
            self.allowed(origin)
        elif site not in {None, "same-origin", "same-site", "none"}:
            raise ForbiddenError("A page of another site may not do this.")

    def check_own(self, request: HTTPConnection) -> None:
        """ForbiddenError unless a page of this server, or no page, sends the request."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        here = f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
        if (origin is not None and origin.lower() not in {self.own, here}) or site not in {None, "same-origin", "none"}:
            raise ForbiddenError("Only a page of this server may do this.")
