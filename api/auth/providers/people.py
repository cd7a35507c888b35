"""What is known of a sign-in: what was asked when it began, and who came back from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from graph.errors import UnauthenticatedError


class SignInError(UnauthenticatedError):
    """Somebody could not be signed in. The message is for them, and `detail` for the log; it holds no secret."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Secrets:
    """What ties an answer of a provider to the browser that asked for it. Nobody but that browser can have them made again."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Who a provider says has signed in; None for what it does not say.

    `id` never changes and is of nobody else there. `email` is one that the provider has verified; `email_problem` says why there is none.
    """

    id: str
    username: str | None = None
    email: str | None = None
    email_problem: str = "the provider tells no email"
    display_name: str | None = None
    picture: str | None = None
    scope: str = ""

    @property
    def profile(self) -> Mapping[str, Any]:
        """The person as Backstage's frontends show them."""
        known = {"email": self.email, "displayName": self.display_name, "picture": self.picture}
        return {key: value for key, value in known.items() if value is not None}


class SignInProvider(Protocol):
    """A provider that people are sent to. `name` is its key in the configuration, `title` what people call it."""

    name: str
    title: str

    async def address(self, secrets: Secrets) -> str:
        """Where the browser has to go to sign in. SignInError if the provider can't be asked."""
        ...

    async def person(self, code: str, secrets: Secrets, issuer: str | None) -> Person:
        """Who has signed in, for the code that the provider sent the browser back with, and the issuer that it named then.

        SignInError if the provider refuses it, or what it says is not valid for this sign-in.
        """
        ...

    def farewell(self, home: str) -> str | None:
        """Where the browser has to go to be signed out at the provider too, and comes back from to `home`; None if nowhere."""
        ...
