"""Who asks: the fields of the viewer, and what people do about their own tokens and sessions."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.auth.personal import PERSONAL, NewToken, PersonalToken, PersonalTokens
from api.auth.sessions import SESSION, Sessions
from api.graphql.arguments import argument, ref_given
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.types.entity import Entity
from api.graphql.types.fields import attribute, reading, resolved
from graph.access import Action, Principal
from graph.entities import Entity as StoredEntity
from graph.errors import ForbiddenError, InputError

_MOST_DAYS = 100_000


@strawberry.enum(description="What a principal is.")
class PrincipalKind(Enum):
    USER = strawberry.enum_value("user", description="Somebody who has signed in.")
    SERVICE = strawberry.enum_value("service", description="A program with a token of its own.")
    GUEST = strawberry.enum_value("guest", description="Whoever asks without having to sign in.")


@strawberry.type(name="PersonalToken", description="A personal access token, by which scripts ask in its owner's name.")
class OwnToken:
    id: strawberry.ID = attribute("What `revokePersonalToken` takes.")
    name: str = attribute("What its owner called it.")
    scopes: list[str] = attribute("The actions that it is for; `*` stands for every one, or for all that begin with what is before it.")
    created_at: datetime = attribute("When it was created.")
    expires_at: datetime = attribute("When it ends.")
    used_at: datetime | None = attribute("When it was used last, to ten minutes; null if it never was.")


async def _entity(root: strawberry.Parent[Principal], info: Info) -> StoredEntity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref)


async def _personal_tokens(root: strawberry.Parent[Principal], info: Info) -> Sequence[PersonalToken]:
    # A token that got into wrong hands tells nothing of the others.
    if info.context.personal is None or not (root.session or "").startswith(SESSION):
        return []
    return await info.context.personal.of_user(root.ref)


@strawberry.type(description="Who asks.")
class Viewer:
    ref: str = attribute("The ref of whoever asks; `user:default/guest` for everybody where nobody has to sign in.")
    kind: PrincipalKind = reading(lambda principal: PrincipalKind(principal.kind.value), "What they are.")
    claims: list[str] = attribute("The refs as whose owner they count: their own and those of their groups.")
    expires_at: datetime | None = attribute("When what they signed in by ends; null if it does not end by itself.")
    entity: Entity | None = resolved(_entity, "The entity with that ref; null if it is missing.")
    personal_tokens: list[OwnToken] = resolved(
        _personal_tokens, "Their personal access tokens that are valid, newest first. Told to who is signed in, not to who has a token."
    )


async def _viewer(info: Info) -> Principal:
    return info.context.access.principal


viewer = resolved(_viewer, "Who asks.")


@strawberry.type(description="A new personal access token.")
class CreatePersonalTokenPayload:
    personal_token: OwnToken = reading(lambda new: new.token, "The token as it is listed.")
    token: str = reading(lambda new: new.secret, "The token itself. It is told this once; keep it in a safe place.")


@strawberry.type(description="What revoking a personal access token did.")
class RevokePersonalTokenPayload:
    personal_token: OwnToken = reading(lambda token: token, "The token that is no longer valid.")


@dataclass(frozen=True, slots=True)
class _Ended:
    sessions: int
    tokens: int


@strawberry.type(description="What ended.")
class EndSessionsPayload:
    sessions: int = attribute("How many sessions ended.")
    tokens: int = attribute("How many personal access tokens were revoked.")


async def _create(
    info: Info,
    name: Annotated[str, argument("What it is called in lists; 100 characters at most.")],
    scopes: Annotated[
        list[str],
        argument("The actions that it is for, such as `catalog.entity.read`; `catalog.*` for all that begin so, `*` for every one."),
    ],
    expires_in_days: Annotated[int, argument("After how many days it ends; 366 at most.")] = 30,
) -> NewToken:
    tokens, principal = _personal(info), info.context.access.principal
    with _audited(info, "token.create", f"{principal.ref} {name}"):
        if not (principal.session or "").startswith(SESSION):
            raise ForbiddenError("Personal access tokens are created by who is signed in, not by a token. Sign in first.")
        if abs(expires_in_days) > _MOST_DAYS:
            raise InputError("`expiresInDays` is a number of days.")
        return await tokens.create(principal, name, scopes, timedelta(days=expires_in_days))


async def _revoke(info: Info, id: Annotated[strawberry.ID, argument("The id of the token.")]) -> PersonalToken:
    principal = info.context.access.principal
    with _audited(info, "token.revoke", id):
        held = principal.session or ""
        if not held.startswith(SESSION) and held != PERSONAL + id:
            raise ForbiddenError("A token revokes itself alone. Sign in to revoke another.")
        return await _personal(info).revoke(principal.ref, id)


async def _end_sessions(
    info: Info,
    of: Annotated[
        str | None, argument("The ref of the user; whoever asks if not given. For others it takes the right to do `callboard.admin`.")
    ] = UNSET,
    tokens: Annotated[bool, argument("Whether the user's personal access tokens are revoked too.")] = False,
) -> _Ended:
    principal, text = info.context.access.principal, given(of)
    user = principal.ref if text is None else ref_given("of", text)
    with _audited(info, "session.end", user):
        if user != principal.ref:
            info.context.access.demand(Action.ADMIN)
        elif not (principal.session or "").startswith(SESSION):
            raise ForbiddenError("Sessions are ended by who is signed in, not by a token. Sign in first.")
        revoked = await _personal(info).revoke_all(user) if tokens else 0
        return _Ended(await _sessions(info).revoke_all(user), revoked)


create_personal_token = resolved(_create, "Create a personal access token for scripts. It may do what its scopes say and its owner may do.")
revoke_personal_token = resolved(_revoke, "Revoke a personal access token: it is refused from now on.")
end_sessions = resolved(_end_sessions, "Sign a user out everywhere: all sessions end, and the tokens that were issued for them.")


def _personal(info: Info) -> PersonalTokens:
    if info.context.personal is None:
        raise ForbiddenError("Nobody signs in here, so there are no personal access tokens. Configure `auth`.")
    return info.context.personal


def _sessions(info: Info) -> Sessions:
    if info.context.sessions is None:
        raise ForbiddenError("Nobody signs in here, so there are no sessions. Configure `auth`.")
    return info.context.sessions


def _audited(info: Info, action: str, subject: str) -> AbstractContextManager[None]:
    return info.context.audit.doing(info.context.access, action, subject, cause=f"GraphQL {info.field_name}")
