"""The client of the authorization code grant, which reaches providers by the one guarded way out.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1, with PKCE of https://www.rfc-editor.org/rfc/rfc7636
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote_plus

import orjson
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client

from api.auth.providers.people import Secrets, SignInError
from plugins.contract import SourceError
from plugins.outbound.client import Outbound

_MOST_BYTES = 1024 * 1024
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Registration:
    """Callboard as a provider knows it. `title` is what people call the provider."""

    title: str
    client_id: str
    client_secret: str
    redirect_uri: str
    scopes: tuple[str, ...]
    secret_in_body: bool = True
    timeout_seconds: float = _TIMEOUT_SECONDS

    def __repr__(self) -> str:
        return f"Registration({self.title!r}, {self.client_id!r})"


class ProviderClient:
    """Sends people to a provider, and exchanges what they come back with."""

    def __init__(self, outbound: Outbound, registration: Registration) -> None:
        self._outbound = outbound
        self.registration = registration

    def address(self, url: str, secrets: Secrets, more: Mapping[str, str]) -> str:
        """The address at `url` where people sign in. `more` are further parameters."""
        created: tuple[str, str] = self._oauth().create_authorization_url(url, state=secrets.state, code_verifier=secrets.verifier, **more)
        return created[0]

    async def tokens(self, url: str, code: str, secrets: Secrets) -> Mapping[str, Any]:
        """What the provider gives for the code. SignInError if it refuses, or can't be reached."""
        try:
            granted: Any = await self._oauth().fetch_token(url, grant_type="authorization_code", code=code, code_verifier=secrets.verifier)
        except (AuthlibBaseError, ValueError) as error:
            title = self.registration.title
            raise SignInError(f"{title} does not accept the sign-in, or not any more. Sign in again.", f"{url}: {error}") from error
        if not isinstance(granted.get("access_token"), str):
            raise self.unreadable(f"{url} answered without an access token")
        return cast("Mapping[str, Any]", granted)

    async def get(self, url: str, token: str | None = None, accept: str = "application/json") -> Any:
        """What the provider answers at the address, as JSON. SignInError if it refuses, or can't be reached."""
        headers = {"accept": accept} | ({"authorization": f"Bearer {token}"} if token else {})
        try:
            async with self._outbound.request(
                "GET", url, headers=headers, max_bytes=_MOST_BYTES, timeout_seconds=self.registration.timeout_seconds, any_host=True
            ) as answer:
                return await answer.json()
        except SourceError as error:
            raise self.unreachable(error) from error

    async def post(self, url: str, form: str, headers: Mapping[str, str]) -> "_Answer":
        """What the provider answers to a form, whatever its status. SignInError if it can't be reached."""
        try:
            async with self._outbound.request(
                "POST",
                url,
                headers={name.lower(): value for name, value in headers.items()},
                content=form.encode(),
                max_bytes=_MOST_BYTES,
                timeout_seconds=self.registration.timeout_seconds,
                expected=range(400, 500),
                any_host=True,
            ) as answer:
                return _Answer(answer.status, await answer.body())
        except SourceError as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: SourceError) -> SignInError:
        return SignInError(
            f"{self.registration.title} can't be asked at the moment. Try again later; the log says why.", f"{error.message} {error.remedy}"
        )

    def unreadable(self, detail: str) -> SignInError:
        return SignInError(f"{self.registration.title} gave an answer that is not valid. The log says what is wrong with it.", detail)

    def _oauth(self) -> Any:
        return _Exchange(self)


class _Exchange(OAuth2Client):
    """Authlib's client for one sign-in, on our connections."""

    def __init__(self, client: ProviderClient) -> None:
        registration = client.registration
        cast("Any", super()).__init__(
            None,
            client_id=registration.client_id,
            client_secret=registration.client_secret,
            token_endpoint_auth_method="client_secret_post" if registration.secret_in_body else _basic,
            scope=" ".join(registration.scopes),
            redirect_uri=registration.redirect_uri,
            code_challenge_method="S256",
        )
        self._client = client

    async def _fetch_token(self, url: str, body: str = "", headers: Any = None, auth: Any = None, method: str = "POST", **_: Any) -> Any:
        url, headers, body = auth.prepare(method, url, dict(headers), body)
        return cast("Any", self).parse_response_token(await self._client.post(url, body, headers))


def _basic(client: Any, method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, dict[str, str], str]:
    # Authlib leaves out the form encoding that https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 asks for.
    credentials = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    return uri, {**headers, "Authorization": f"Basic {b64encode(credentials.encode()).decode()}"}, body


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer as Authlib reads it."""

    status_code: int
    content: bytes

    def json(self) -> Any:
        return orjson.loads(self.content)

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise ValueError(f"answered {self.status_code}")
