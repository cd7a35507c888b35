"""Signing in at GitHub: a token, or apps, whose installation at a repository's owner gives tokens that last an hour."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt
import orjson

from config.integrations import GitHubApp, GitHubIntegration, host_of
from plugins.contract import SourceError, SourceReason
from plugins.outbound.client import Outbound
from plugins.rest import understood

_LISTED_SECONDS = 600.0
_SPARE_SECONDS = 300.0
_PAGE = 100
_MOST_PAGES = 100


@dataclass(slots=True)
class _Token:
    text: str = field(repr=False)
    fresh_until: float


class GitHubCredentials:
    """The credentials of one integration, by the owner of what is asked for. Tokens of installations are kept until they end."""

    def __init__(self, integration: GitHubIntegration, outbound: Outbound, clock: Callable[[], float] = time.time) -> None:
        self._integration, self._outbound, self._clock = integration, outbound, clock
        self._installations: dict[str, tuple[GitHubApp, int]] = {}
        self._listed_until = 0.0
        self._tokens: dict[str, _Token] = {}
        self._turn = asyncio.Lock()

    async def headers(self, owner: str) -> Mapping[str, str]:
        """What to send for a request about the owner's things; nothing if there are no credentials. SourceError if an app has none."""
        if self._integration.apps:
            async with self._turn:
                token = await self._token(owner.lower())
            if token:
                return {"authorization": f"Bearer {token}"}
        token = self._integration.token
        return {"authorization": f"Bearer {token.get_secret_value().strip()}"} if token else {}

    def forget(self, owner: str) -> bool:
        """Forget an installation's token that was refused, so that another is asked for. False if none was in use."""
        self._listed_until = 0.0 if owner.lower() in self._tokens else self._listed_until
        return self._tokens.pop(owner.lower(), None) is not None

    async def _token(self, owner: str) -> str | None:
        known = self._tokens.get(owner)
        if known and known.fresh_until > self._clock():
            return known.text
        if self._listed_until <= self._clock():
            self._installations = await self._listed()
            self._listed_until = self._clock() + _LISTED_SECONDS
        found = self._installations.get(owner)
        if found is None:
            return None
        app, number = found
        given = await self._asked(app, "POST", f"/app/installations/{number}/access_tokens")
        try:
            lasts_until = datetime.fromisoformat(given["expires_at"].replace("Z", "+00:00")).timestamp()
            token = _Token(given["token"], max(lasts_until - _SPARE_SECONDS, (lasts_until + self._clock()) / 2))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._unusable(app, "GitHub gave no token") from error
        self._tokens[owner] = token
        return token.text

    async def _listed(self) -> dict[str, tuple[GitHubApp, int]]:
        """Every installation that may be used, by its owner in lower case; of several apps the first."""
        found: dict[str, tuple[GitHubApp, int]] = {}
        for app in self._integration.apps:
            allowed = None if app.allowed_installation_owners is None else {owner.lower() for owner in app.allowed_installation_owners}
            for page in range(1, _MOST_PAGES + 1):
                listed: list[dict[str, Any]] = await self._asked(app, "GET", f"/app/installations?per_page={_PAGE}&page={page}") or []
                with understood(self._integration.api_url):
                    for one in listed:
                        owner = str(one["account"]["login"]).lower()
                        if not one.get("suspended_at") and (allowed is None or owner in allowed):
                            found.setdefault(owner, (app, int(one["id"])))
                if len(listed) < _PAGE:
                    break
        return found

    async def _asked(self, app: GitHubApp, method: str, path: str) -> Any:
        url = f"{self._integration.api_url}{path}"
        headers = {"accept": "application/vnd.github+json", "authorization": f"Bearer {self._signature(app)}"}
        content = b"" if method == "POST" else None
        host = host_of(self._integration.api_url)
        try:
            async with self._outbound.request(method, url, headers=headers, content=content, credentials_host=host) as answer:
                return orjson.loads(await answer.body())
        except orjson.JSONDecodeError as error:
            raise self._unusable(app, "GitHub answered no JSON") from error
        except SourceError as error:
            if error.reason is not SourceReason.UNAUTHORIZED:
                raise
            raise self._unusable(app, "GitHub does not accept its signature") from error

    def _signature(self, app: GitHubApp) -> str:
        """A JSON Web Token that says which app asks; clocks may differ by a minute."""
        now = int(self._clock())
        try:
            return jwt.encode({"iat": now - 60, "exp": now + 540, "iss": str(app.app_id)}, app.private_key.get_secret_value(), "RS256")
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise self._unusable(app, "its private key can't be used") from error

    def _unusable(self, app: GitHubApp, why: str) -> SourceError:
        message = f"GitHub App {app.app_id} can't sign in at {self._integration.host}: {why}"
        remedy = "Check appId and privateKey of the app under integrations.github, and that this machine's clock is right."
        return SourceError(SourceReason.UNAUTHORIZED, self._integration.api_url, message, remedy)
