"""Personal access tokens: what people give their scripts, hashed in the store, for some actions only, and for a time."""

import hmac
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from api.auth.clock import Clock, utc_now
from graph.access import Action, Principal, PrincipalKind
from graph.conditions import EVERYTHING
from graph.errors import InputError, LimitExceededError, NotFoundError, StaleWriteError, StoreUnavailableError, UnauthenticatedError
from graph.refs import Ref
from graph.store import StateRow, StateWrite, Store

PREFIX = "cbp_"
"""What a token begins with, so that scanners of repositories find lost ones."""

PERSONAL = "personal:"
"""What `Principal.session` begins with where it is the id of a personal access token."""

LONGEST_DAYS = 366
MOST_TOKENS = 100
"""How many a user has at once."""

_COLLECTION = "personalTokens"
_LONGEST_NAME = 100
_INVALID = "The personal access token is not valid, or not any more. Create another."
_TOUCHED_EVERY = timedelta(minutes=10)
_CLEARED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class PersonalToken:
    """A token without its secret. `scopes` are names of actions, `*` at the end standing for all that begin so.

    `was_in_catalog` says whether there was an entity of its user when it was made; without one any more it is refused.
    """

    id: str
    user: Ref
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    is_guest: bool = False
    was_in_catalog: bool = False


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token, and its secret, which is told once and never shows itself."""

    token: PersonalToken
    secret: str

    def __repr__(self) -> str:
        return f"NewToken({self.token!r})"


class PersonalTokens:
    """Creates, finds and revokes personal access tokens."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def create(self, principal: Principal, name: str, scopes: Sequence[str], lifetime: timedelta) -> NewToken:
        """A new token of the principal. InputError for a name, scope or lifetime that can't be; LimitExceededError."""
        name = name.strip()
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise InputError(f"A token's name has 1 to {_LONGEST_NAME} characters, none of them a control character.")
        if not timedelta(minutes=1) <= lifetime <= timedelta(days=LONGEST_DAYS):
            raise InputError(f"A token is for {LONGEST_DAYS} days at most.")
        actions_of(scopes)
        now = self._clock()
        await self._clear(now)
        if len(await self.of_user(principal.ref)) >= MOST_TOKENS:
            raise LimitExceededError(f"You have {MOST_TOKENS} tokens, and no more are possible. Revoke one first.")
        token_id, secret = f"{_of_user(principal.ref)}{secrets.token_hex(12)}", secrets.token_urlsafe(32)
        value: dict[str, Any] = {
            "user": principal.ref,
            "name": name,
            "scopes": sorted(set(scopes)),
            "created": now.isoformat(),
            "expires": (now + lifetime).isoformat(),
            "used": None,
            "guest": principal.kind is PrincipalKind.GUEST,
            "inCatalog": principal.ref in await self._store.entities_by_ref([principal.ref], visible=EVERYTHING),
            "secret": _digest(secret),
        }
        await self._store.write_states([StateWrite(_COLLECTION, token_id, value, due=now + lifetime, expected=0)])
        return NewToken(_token(token_id, value), f"{PREFIX}{token_id}_{secret}")

    async def find(self, text: str) -> PersonalToken:
        """The token with this secret, which counts as its use. UnauthenticatedError if there is none (any more); StoreUnavailableError."""
        token_id, _, secret = text.removeprefix(PREFIX).partition("_")
        row = await self._row(token_id)
        if not hmac.compare_digest(row.value["secret"], _digest(secret)):
            raise UnauthenticatedError(_INVALID)
        now, used = self._clock(), row.value["used"]
        if used is None or now - datetime.fromisoformat(used) >= _TOUCHED_EVERY:
            value = {**row.value, "used": now.isoformat()}
            # Whoever was faster has noted it as well, or has revoked the token; and a store that only reads for a moment keeps nobody out.
            with suppress(StaleWriteError, StoreUnavailableError):
                await self._store.write_states([StateWrite(_COLLECTION, token_id, value, due=row.due, expected=row.version)])
        return _token(token_id, row.value)

    async def by_id(self, id: str) -> PersonalToken:
        """The token of this id. UnauthenticatedError if there is none (any more); StoreUnavailableError."""
        return _token(id, (await self._row(id)).value)

    async def of_user(self, user: Ref) -> Sequence[PersonalToken]:
        """The user's tokens that are still valid, newest first. StoreUnavailableError."""
        prefix, now = _of_user(user), self._clock()
        rows = await self._store.states(_COLLECTION, after=prefix, limit=MOST_TOKENS * 2)
        own = [_token(row.id, row.value) for row in rows if row.id.startswith(prefix)]
        return sorted((token for token in own if token.expires_at > now), key=lambda token: token.created_at, reverse=True)

    async def revoke(self, user: Ref, id: str) -> PersonalToken:
        """Revoke a token of the user and return it. NotFoundError if the user has none of this id; StoreUnavailableError."""
        rows = await self._store.states(_COLLECTION, ids=[id])
        if not rows or rows[0].value["user"] != user:
            raise NotFoundError("You have no personal access token of this id.")
        await self._store.write_states([StateWrite(_COLLECTION, id, None)])
        return _token(id, rows[0].value)

    async def revoke_all(self, user: Ref) -> int:
        """Revoke all tokens of the user, and return how many there were. StoreUnavailableError."""
        tokens = await self.of_user(user)
        if tokens:
            await self._store.write_states([StateWrite(_COLLECTION, token.id, None) for token in tokens])
        return len(tokens)

    def principal(self, token: PersonalToken) -> Principal:
        """Whose token it is and what it is for, without the claims of groups."""
        kind = PrincipalKind.GUEST if token.is_guest else PrincipalKind.USER
        return Principal(token.user, kind, (), actions_of(token.scopes), token.expires_at)

    async def _row(self, token_id: str) -> StateRow:
        if not token_id.isascii() or not token_id.isalnum():
            raise UnauthenticatedError(_INVALID)
        rows = await self._store.states(_COLLECTION, ids=[token_id])
        if not rows or datetime.fromisoformat(rows[0].value["expires"]) <= self._clock():
            raise UnauthenticatedError(_INVALID)
        return rows[0]

    async def _clear(self, now: datetime) -> None:
        gone = await self._store.states(_COLLECTION, due_by=now, limit=_CLEARED_AT_ONCE)
        if gone:
            await self._store.write_states([StateWrite(_COLLECTION, row.id, None) for row in gone])


def actions_of(scopes: Sequence[str]) -> frozenset[Action] | None:
    """The actions that scopes stand for, None for all. InputError for one that stands for none, and for no scopes."""
    if not scopes:
        raise InputError("A token needs at least one scope; `*` is everything that you may do.")
    if "*" in scopes:
        return None
    found: set[Action] = set()
    for scope in scopes:
        named = {action for action in Action if action == scope or (scope.endswith("*") and action.startswith(scope[:-1]))}
        if not named:
            known = ", ".join(Action)
            raise InputError(f"{scope[:_LONGEST_NAME]!r} is no scope; those are `*`, {known}, and beginnings of them such as `catalog.*`.")
        found |= named
    return frozenset(found)


def _token(token_id: str, value: Any) -> PersonalToken:
    return PersonalToken(
        id=token_id,
        user=Ref(value["user"]),
        name=value["name"],
        scopes=tuple(value["scopes"]),
        created_at=datetime.fromisoformat(value["created"]),
        expires_at=datetime.fromisoformat(value["expires"]),
        used_at=None if value["used"] is None else datetime.fromisoformat(value["used"]),
        is_guest=value["guest"],
        was_in_catalog=value["inCatalog"],
    )


def _of_user(user: Ref) -> str:
    """What the ids of a user's tokens begin with, so that they lie side by side."""
    return sha256(user.encode()).hexdigest()[:16]


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
