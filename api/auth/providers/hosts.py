"""Sign-in at hosts of repositories, which speak OAuth without OpenID Connect: who signed in is asked of their APIs."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from api.auth.providers.client import ProviderClient
from api.auth.providers.people import Person, Secrets

_NO_EMAIL = "the provider tells no email"
_UNVERIFIED = "the provider has not verified the email"


class Asked(Protocol):
    """Asks the host's API at a path, with the token of who signs in. SignInError."""

    async def __call__(self, path: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Host:
    """What is particular to a host: its addresses, and how it is asked who signed in. `api` is what paths of its API begin with."""

    authorize: str
    token: str
    api: str
    person: Callable[[Asked], Awaitable[Person]]
    accept: str = "application/json"


class HostProvider:
    """A host of repositories that people sign in at."""

    def __init__(self, name: str, client: ProviderClient, host: Host) -> None:
        self.name, self.title = name, client.registration.title
        self._client = client
        self._host = host

    async def address(self, secrets: Secrets) -> str:
        return self._client.address(self._host.authorize, secrets, {})

    async def person(self, code: str, secrets: Secrets, issuer: str | None) -> Person:
        granted = await self._client.tokens(self._host.token, code, secrets)
        token = str(granted["access_token"])

        async def asked(path: str) -> Any:
            return await self._client.get(self._host.api + path, token, self._host.accept)

        try:
            person = await self._host.person(asked)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise self._client.unreadable(f"{self._host.api} answered what is no account: {type(error).__name__} {error}") from error
        return replace(person, scope=str(granted.get("scope") or " ".join(self._client.registration.scopes)))

    def farewell(self, home: str) -> str | None:
        return None


def github(base: str | None, *, asks_email: bool) -> Host:
    """github.com, or the GitHub Enterprise Server at `base`. https://docs.github.com/en/apps/oauth-apps/building-oauth-apps"""
    web = base or "https://github.com"
    api = f"{base}/api/v3" if base else "https://api.github.com"

    async def person(ask: Asked) -> Person:
        user: dict[str, Any] = await ask("/user")
        emails = _list(await ask("/user/emails")) if asks_email else ()
        primary = next((one for one in emails if one.get("primary") is True), None)
        return Person(
            id=_id(user["node_id"]),
            username=str(user["login"]),
            email=_verified(primary, "email", "verified"),
            email_problem=_NO_EMAIL if primary is None else _UNVERIFIED,
            display_name=user.get("name") or None,
            picture=user.get("avatar_url") or None,
        )

    return Host(f"{web}/login/oauth/authorize", f"{web}/login/oauth/access_token", api, person, "application/vnd.github+json")


def gitlab(base: str) -> Host:
    """GitLab at `base`. https://docs.gitlab.com/api/oauth2/ and https://docs.gitlab.com/api/users/"""

    async def person(ask: Asked) -> Person:
        user: dict[str, Any] = await ask("/user")
        return Person(
            id=_id(user["id"]),
            username=str(user["username"]),
            email=_verified(user, "email", "confirmed_at"),
            email_problem=_UNVERIFIED if user.get("email") else _NO_EMAIL,
            display_name=user.get("name") or None,
            picture=user.get("avatar_url") or None,
        )

    return Host(f"{base}/oauth/authorize", f"{base}/oauth/token", f"{base}/api/v4", person)


def bitbucket(web: str = "https://bitbucket.org", api: str = "https://api.bitbucket.org/2.0", *, asks_email: bool) -> Host:
    """Bitbucket Cloud. https://developer.atlassian.com/cloud/bitbucket/oauth-2/ and its REST API's /user and /user/emails"""

    async def person(ask: Asked) -> Person:
        user: dict[str, Any] = await ask("/user")
        emails = _list((await ask("/user/emails"))["values"]) if asks_email else ()
        primary = next((one for one in emails if one.get("is_primary") is True), None)
        return Person(
            id=_id(user["uuid"]),
            username=user.get("username") or None,
            email=_verified(primary, "email", "is_confirmed"),
            email_problem=_NO_EMAIL if primary is None else _UNVERIFIED,
            display_name=user.get("display_name") or None,
            picture=user.get("links", {}).get("avatar", {}).get("href"),
        )

    return Host(f"{web}/site/oauth2/authorize", f"{web}/site/oauth2/access_token", api, person)


def _verified(found: Mapping[str, Any] | None, email: str, verified: str) -> str | None:
    """The email if the other field says that it is verified."""
    return str(found[email]) if found and found.get(email) and found.get(verified) else None


def _id(value: object) -> str:
    if not value or not isinstance(value, str | int):
        raise ValueError("an account without id")
    return str(value)


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise TypeError("no list of emails")
    return cast("list[Mapping[str, Any]]", value)
