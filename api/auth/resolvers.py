"""Finds the User entity of somebody who has signed in, by Backstage's sign-in resolvers.

https://backstage.io/docs/auth/identity-resolver
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from api.auth.providers.people import Person, SignInError
from config.auth import GitlabProvider, Provider, SignInResolver
from graph.conditions import EVERYTHING, all_of, fact_in
from graph.entities import Entity
from graph.refs import Ref
from graph.store import Store, Window

_ANNOTATIONS: Mapping[tuple[str, str], str] = {
    ("github", "usernameMatchingUserEntityAnnotation"): "github.com/user-login",
    ("github", "userIdMatchingUserEntityAnnotation"): "github.com/user-id",
    ("bitbucket", "usernameMatchingUserEntityAnnotation"): "bitbucket.org/username",
    ("bitbucket", "userIdMatchingUserEntityAnnotation"): "bitbucket.org/user-id",
    ("google", "emailMatchingUserEntityAnnotation"): "google.com/email",
    ("microsoft", "emailMatchingUserEntityAnnotation"): "microsoft.com/email",
    ("microsoft", "userIdMatchingUserEntityAnnotation"): "graph.microsoft.com/user-id",
    ("okta", "emailMatchingUserEntityAnnotation"): "okta.com/email",
}
"""Those that Backstage's catalog providers write, and so do Callboard's."""

_EMAIL = re.compile(r"([^@+]+)(\+[^@]*)?@([^@]+)")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._@+-]{0,252}[A-Za-z0-9])?")
"""Names that users without an entity may have: nothing in them can make another ref of them."""

_MOST_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Resolver:
    """One configured resolver. `annotation` is what resolvers by annotation compare with."""

    name: str
    annotation: str | None = None
    allowed_domains: tuple[str, ...] | None = None
    allows_unknown: bool = False


def resolvers_of(provider: str, settings: Sequence[SignInResolver], client: Provider | None = None) -> Sequence[Resolver]:
    """The provider's resolvers, each with the annotation that is usual there where none is configured."""
    return [
        Resolver(
            one.resolver,
            one.annotation or _usual_annotation(provider, one.resolver, client),
            one.allowed_domains,
            one.dangerously_allow_sign_in_without_user_in_catalog,
        )
        for one in settings
    ]


def _usual_annotation(provider: str, resolver: str, client: Provider | None) -> str | None:
    if isinstance(client, GitlabProvider):
        return f"{urlsplit(client.audience).hostname}/user-id"
    return _ANNOTATIONS.get((provider, resolver))


class Resolution:
    """Tries a provider's resolvers in order."""

    def __init__(self, store: Store, title: str, resolvers: Sequence[Resolver]) -> None:
        self._store = store
        self._title = title
        self._resolvers = resolvers

    async def user_of(self, person: Person) -> Ref:
        """The user that the first resolver that finds anybody finds. SignInError if none does, if one finds several users, and for an
        email of another domain than is allowed; StoreUnavailableError.

        What the catalog holds is looked at whole: whoever signs in has no permissions yet.
        """
        problems: list[str] = []
        for resolver in self._resolvers:
            value = _value(resolver, person)
            if value is None:
                problems.append(person.email_problem if resolver.name.startswith("email") else "the provider tells no user name")
                continue
            if resolver.name.startswith("email"):
                _check_domain(resolver, value)
            if (user := await self._found(resolver, value)) is not None:
                return user
            problems.append(f"no user in the catalog matches by {resolver.name}")
        reasons = "; ".join(dict.fromkeys(problems))
        message = f"{self._title} knows you, but the catalog does not: {reasons}. Ask whoever looks after the catalog to add you."
        raise SignInError(message, f"{person.id} {person.username or ''} could not be matched")

    async def _found(self, resolver: Resolver, value: str) -> Ref | None:
        for candidate in _candidates(resolver, value):
            if resolver.name.endswith("UserEntityName"):
                found = await self._by_name(candidate)
            elif resolver.name.endswith("ProfileEmail"):
                found = await self._one("spec.profile.email", candidate, None)
            else:
                exact = resolver.name.startswith("userId")
                found = await self._one(f"metadata.annotations.{resolver.annotation}", candidate, candidate if exact else None)
            if found is not None:
                return found
        fallback = _candidates(resolver, value)[-1]
        if resolver.allows_unknown and _NAME.fullmatch(fallback):
            return Ref(f"user:default/{fallback}".lower())
        return None

    async def _by_name(self, name: str) -> Ref | None:
        ref = Ref(f"user:default/{name}".lower())
        if not _NAME.fullmatch(name):
            return None
        return ref if ref in await self._store.entities_by_ref([ref], visible=EVERYTHING) else None

    async def _one(self, path: str, value: str, exact: str | None) -> Ref | None:
        """The one user with the value under the path, compared without case; with `exact` its annotation is that to the letter."""
        condition = all_of((fact_in("kind", ("user",)), fact_in(path, (value,))))
        page = await self._store.page(condition, (), Window(_MOST_LOOKED_AT), visible=EVERYTHING)
        rows = list(page.rows)
        if exact is not None:
            rows = [one for one in rows if _annotation(one, path.removeprefix("metadata.annotations.")) == exact]
        if len(rows) > 1:
            message = f"{self._title} knows you, but several users of the catalog match, and which of them you are can't be told."
            raise SignInError(f"{message} Ask whoever looks after the catalog to mend it.", ", ".join(one.ref for one in rows[:5]))
        return rows[0].ref if rows else None


def _annotation(entity: Entity, name: str) -> Any:
    # The name is as the configuration writes it, and annotations compare without case.
    annotations: Mapping[str, Any] = entity.metadata.get("annotations") or {}
    return next((value for key, value in annotations.items() if key.lower() == name.lower()), None)


def _value(resolver: Resolver, person: Person) -> str | None:
    """What the resolver goes by; None where the provider does not tell it."""
    if resolver.name.startswith("email"):
        return person.email if person.email is not None and _EMAIL.fullmatch(person.email) else None
    if resolver.name.startswith(("userId", "forwardedUser")):
        return person.id or None
    return person.username


def _candidates(resolver: Resolver, value: str) -> Sequence[str]:
    """What is looked for, one after the other. As in Backstage, mail to name+word@host is mail to name@host."""
    if resolver.name == "emailLocalPartMatchingUserEntityName":
        return (value.partition("@")[0],)
    parts = _EMAIL.fullmatch(value) if resolver.name == "emailMatchingUserEntityProfileEmail" else None
    if parts is not None and parts[2] is not None:
        return (value, f"{parts[1]}@{parts[3]}")
    return (value,)


def _check_domain(resolver: Resolver, email: str) -> None:
    if resolver.allowed_domains is None:
        return
    domain = email.partition("@")[2].lower()
    if domain not in {allowed.lower() for allowed in resolver.allowed_domains}:
        raise SignInError("People with an email of this domain may not sign in here.", f"the email is of {domain[:100]!r}")
