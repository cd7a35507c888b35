"""Access tokens by the client credentials grant of OAuth 2.0 (https://www.rfc-editor.org/rfc/rfc6749#section-4.4)."""

import asyncio
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from plugins.contract import SourceError, SourceReason
from plugins.outbound.client import Outbound
from plugins.rest import understood

_EARLY_SECONDS = 300.0
_USUAL_SECONDS = 3600.0


class ClientCredentials:
    """Signs requests with a token that it fetches when there is none, and anew shortly before it expires."""

    def __init__(
        self,
        outbound: Outbound,
        url: str,
        form: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` is the token endpoint, `form` what is said beside the grant's type; the secret is in it or in `headers`."""
        self._outbound, self._url, self._clock = outbound, url, clock
        self._content = urlencode({"grant_type": "client_credentials", **form}).encode()
        self._headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded", **(headers or {})}
        self._token = ""
        self._until = 0.0
        self._fetching = asyncio.Lock()

    async def __call__(self, _: str) -> Mapping[str, str]:
        """The header that signs a request. SourceError (UNAUTHORIZED) if the client is refused, or as of any request."""
        async with self._fetching:
            if self._clock() >= self._until:
                await self._fetch()
        return {"authorization": f"Bearer {self._token}"}

    async def _fetch(self) -> None:
        async with self._outbound.request(
            "POST", self._url, headers=self._headers, content=self._content, expected={400, 401}, any_host=True
        ) as answer:
            if answer.status in {400, 401}:
                message = f"{self._url} gives no token: the client's id or secret is wrong, or expired"
                remedy = "Renew clientId and clientSecret under integrations."
                raise SourceError(SourceReason.UNAUTHORIZED, self._url, message, remedy)
            granted = await answer.json()
        with understood(self._url):
            self._token = str(granted["access_token"])
            seconds = float(granted.get("expires_in") or _USUAL_SECONDS)
            self._until = self._clock() + max(seconds - _EARLY_SECONDS, seconds / 2)
