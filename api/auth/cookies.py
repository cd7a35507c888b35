"""The cookies of sign-in, out of reach of scripts and of other sites' requests.

https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis
"""

from datetime import datetime

from starlette.responses import Response

from api.auth.attempts import LASTS
from api.auth.sessions import session_cookie


class Cookies:
    """Names, sets and clears the cookies of a server at `base_url`: those of a session, and of a sign-in that is under way.

    Over https their names begin with `__Host-`, so that no other host of the domain can set them.
    """

    def __init__(self, base_url: str) -> None:
        self._secure = base_url.startswith("https:")
        prefix = "__Host-" if self._secure else ""
        self.session = session_cookie(base_url)
        self.browser = f"{prefix}callboard-sign-in"

    def keep_session(self, response: Response, secret: str, until: datetime) -> None:
        """Let the browser keep the session's secret until then."""
        response.set_cookie(self.session, secret, expires=until, path="/", secure=self._secure, httponly=True, samesite="lax")

    def clear_session(self, response: Response) -> None:
        """Let the browser forget the session."""
        response.delete_cookie(self.session, path="/", secure=self._secure, httponly=True, samesite="lax")

    def keep_browser(self, response: Response, secret: str) -> None:
        """Let the browser keep its secret for as long as a sign-in lasts."""
        seconds = int(LASTS.total_seconds())
        response.set_cookie(self.browser, secret, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")
