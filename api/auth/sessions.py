"""Sessions of people who have signed in: kept in the store for all processes, by a secret that changes and of which only digests are kept.

A secret that was replaced is refused. If one turns up all the same, somebody has copied it, and the session ends for everybody.
https://datatracker.ietf.org/doc/html/rfc9700#section-4.14.2
"""

import asyncio
import hmac
import logging
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from api.auth.clock import Clock, utc_now
from graph.errors import StaleWriteError, StoreUnavailableError, UnauthenticatedError
from graph.refs import Ref
from graph.store import StateRow, StateWrite, Store

SESSION = "session:"
"""What `Principal.session` begins with where it is the id of a session."""

IN_CATALOG = "inCatalog"
"""What a session's profile says of whether there was an entity of its user when it began; without one any more it is refused."""

ENDED = "The session has ended. Sign in again."

_COLLECTION = "sessions"
_GRACE = timedelta(seconds=10)
"""How long a replaced secret is still taken: what was under way with it when it was replaced."""

_TOUCHED_EVERY = timedelta(minutes=1)
_REPLACED_KEPT = 50
_CLEARED_AT_ONCE = 200
_TRIES = 5

_log = logging.getLogger("callboard.auth")


@dataclass(frozen=True, slots=True)
class Session:
    """A session. `secret` is what its cookie holds; None where the cookie stays as it is.

    `claims` are refs that its user owns by, beyond those that the catalog tells. It ends at `expires_at`, whatever is done, and earlier if
    it is left alone until `idle_until`.
    """

    id: str
    user: Ref
    provider: str
    profile: Mapping[str, Any]
    claims: tuple[Ref, ...]
    began_at: datetime
    expires_at: datetime
    idle_until: datetime
    secret: str | None = field(default=None, repr=False)


def session_cookie(base_url: str) -> str:
    """The name of the cookie that holds a session's secret; over https one that no other site and no other path can set."""
    return "__Host-callboard-session" if base_url.startswith("https:") else "callboard-session"


class Sessions:
    """Begins, finds, renews and ends sessions. Each may be idle for `idle` and lasts for `lifetime` at most."""

    def __init__(self, store: Store, *, idle: timedelta, lifetime: timedelta, clock: Clock = utc_now) -> None:
        self._store = store
        self._idle = idle
        self._lifetime = lifetime
        self._clock = clock

    async def begin(
        self, user: Ref, *, provider: str, profile: Mapping[str, Any], claims: Sequence[Ref] = (), lifetime: timedelta | None = None
    ) -> Session:
        """A new session, with its secret, for the lifetime given if that is the shorter one. StoreUnavailableError."""
        now = self._clock()
        longest = self._lifetime if lifetime is None else min(lifetime, self._lifetime)
        session_id, secret = f"{_of_user(user)}{secrets.token_hex(16)}", secrets.token_urlsafe(32)
        value = {
            "user": user,
            "provider": provider,
            "profile": dict(profile),
            "claims": list(claims),
            "began": now.isoformat(),
            "used": now.isoformat(),
            "expires": (now + longest).isoformat(),
            "secret": _digest(secret),
            "replaced": [],
            "replacedAt": None,
        }
        gone = await self._store.states(_COLLECTION, due_by=now, limit=_CLEARED_AT_ONCE)
        removals = [StateWrite(_COLLECTION, row.id, None) for row in gone]
        await self._store.write_states([StateWrite(_COLLECTION, session_id, value, due=self._end(value)), *removals])
        return self._session(session_id, value, f"{session_id}.{secret}")

    async def find(self, secret: str) -> Session:
        """The session of a cookie, which counts as its use. UnauthenticatedError if there is none (any more); StoreUnavailableError."""
        row, secret_digest = await self._row_of(secret)
        await self._check(row, secret_digest)
        now = self._clock()
        if now - datetime.fromisoformat(row.value["used"]) >= min(_TOUCHED_EVERY, self._idle / 4):
            value = {**row.value, "used": now.isoformat()}
            # Whoever was faster has touched or renewed it as well; and a store that only reads for a moment keeps nobody out.
            with suppress(StaleWriteError, StoreUnavailableError):
                await self._write(row, value)
                return self._session(row.id, value)
        return self._session(row.id, row.value)

    async def by_id(self, id: str) -> Session:
        """The session of this id. UnauthenticatedError if it has ended; StoreUnavailableError."""
        return self._session(id, (await self._row(id)).value)

    async def renew(self, secret: str) -> Session:
        """The session with a new secret, or with none if it was renewed a moment ago and the new cookie is already on its way.

        UnauthenticatedError if it has ended, or by the use of a secret that was replaced earlier, by which it ends; StoreUnavailableError.
        """
        for attempt in range(_TRIES):
            row, secret_digest = await self._row_of(secret)
            if not await self._check(row, secret_digest):
                return self._session(row.id, row.value)
            now, new = self._clock(), secrets.token_urlsafe(32)
            replaced = [row.value["secret"], *row.value["replaced"]][:_REPLACED_KEPT]
            changed = {"secret": _digest(new), "replaced": replaced, "replacedAt": now.isoformat(), "used": now.isoformat()}
            value = {**row.value, **changed}
            with suppress(StaleWriteError):
                await self._write(row, value)
                return self._session(row.id, value, f"{row.id}.{new}")
            await asyncio.sleep(0.01 * attempt)
        raise StaleWriteError("The session is being changed by other requests. Try again.")

    async def end(self, secret: str) -> Session | None:
        """End the session of a cookie and return it; None if there is none. StoreUnavailableError."""
        try:
            row, secret_digest = await self._row_of(secret)
            await self._check(row, secret_digest)
        except UnauthenticatedError:
            return None
        await self.revoke(row.id)
        return self._session(row.id, row.value)

    async def revoke(self, id: str) -> None:
        """End the session of this id, if there is one, and with it the tokens that were issued for it. StoreUnavailableError."""
        await self._store.write_states([StateWrite(_COLLECTION, id, None)])

    async def revoke_all(self, user: Ref) -> int:
        """End all sessions of the user, and return how many there were. StoreUnavailableError."""
        prefix, ended = _of_user(user), 0
        while True:
            rows = await self._store.states(_COLLECTION, after=prefix, limit=_CLEARED_AT_ONCE)
            own = [row for row in rows if row.id.startswith(prefix)]
            if own:
                await self._store.write_states([StateWrite(_COLLECTION, row.id, None) for row in own])
            ended += len(own)
            if len(own) < _CLEARED_AT_ONCE:
                return ended

    async def _row_of(self, secret: str) -> tuple[StateRow, str]:
        session_id, dot, own = secret.partition(".")
        if not dot or not session_id.isascii() or not session_id.isalnum():
            raise UnauthenticatedError(ENDED)
        return await self._row(session_id), _digest(own)

    async def _row(self, id: str) -> StateRow:
        rows = await self._store.states(_COLLECTION, ids=[id])
        if not rows or self._end(rows[0].value) <= self._clock():
            raise UnauthenticatedError(ENDED)
        return rows[0]

    async def _check(self, row: StateRow, secret_digest: str) -> bool:
        """Whether it is the present secret; False for the one before it, replaced a moment ago. UnauthenticatedError for all others."""
        if hmac.compare_digest(row.value["secret"], secret_digest):
            return True
        replaced = row.value["replaced"]
        is_last = bool(replaced) and hmac.compare_digest(replaced[0], secret_digest)
        if is_last and self._clock() - datetime.fromisoformat(row.value["replacedAt"]) <= _GRACE:
            return False
        if secret_digest in replaced:
            _log.warning(
                "a session of %s was ended: a cookie of it was used that had been replaced, so somebody has copied it", row.value["user"]
            )
            await self.revoke(row.id)
        raise UnauthenticatedError(ENDED)

    async def _write(self, row: StateRow, value: Mapping[str, Any]) -> None:
        await self._store.write_states([StateWrite(_COLLECTION, row.id, value, due=self._end(value), expected=row.version)])

    def _end(self, value: Mapping[str, Any]) -> datetime:
        return min(datetime.fromisoformat(value["expires"]), datetime.fromisoformat(value["used"]) + self._idle)

    def _session(self, id: str, value: Mapping[str, Any], secret: str | None = None) -> Session:
        return Session(
            id=id,
            user=Ref(value["user"]),
            provider=value["provider"],
            profile=value["profile"],
            claims=tuple(Ref(ref) for ref in value["claims"]),
            began_at=datetime.fromisoformat(value["began"]),
            expires_at=datetime.fromisoformat(value["expires"]),
            idle_until=self._end(value),
            secret=secret,
        )


def _of_user(user: Ref) -> str:
    """What the ids of a user's sessions begin with, so that they lie side by side."""
    return sha256(user.encode()).hexdigest()[:16]


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
