"""The keys that tokens are signed with: private parts stay in the process that made them, public ones are in the store for all to see.

As in Backstage's auth backend, a key signs for a while and then stays published for as long as what it signed last is valid.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from api.auth.clock import Clock, utc_now
from graph.store import StateRow, StateWrite, Store

ALGORITHM = "ES256"

_COLLECTION = "keys"
_MOST_KEYS = 1_000
_REMEMBERED = timedelta(seconds=30)
"""How long a key is taken for published without another look, so that one removed from the store is refused soon."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that this process signs with until `until`. `key` has the private part and is never written down."""

    id: str
    key: ECKey
    until: datetime

    def __repr__(self) -> str:
        return f"SigningKey({self.id!r})"


class Keys:
    """The signing key of this process, and the public keys of all. A key signs for `rotation`, and signs nothing valid beyond `longest`."""

    def __init__(self, store: Store, rotation: timedelta, longest: timedelta, clock: Clock = utc_now) -> None:
        self._store = store
        self._rotation = rotation
        self._longest = longest
        self._clock = clock
        self._signing: SigningKey | None = None
        self._making = asyncio.Lock()
        self._known: dict[str, tuple[ECKey | None, datetime]] = {}

    async def signing(self) -> SigningKey:
        """The key to sign with now, made and published if there is none. StoreUnavailableError."""
        async with self._making:
            if self._signing is None or self._signing.until <= self._clock():
                self._signing = await self._made()
            return self._signing

    async def published(self) -> Sequence[Mapping[str, Any]]:
        """The public keys of all processes whose tokens may still be valid, each a JWK. StoreUnavailableError."""
        now = self._clock()
        return [row.value["jwk"] for row in await self._store.states(_COLLECTION, limit=_MOST_KEYS) if _expires(row) > now]

    async def verifying(self, id: str) -> ECKey | None:
        """The published key of this id; None if there is none, or none any more. StoreUnavailableError."""
        now = self._clock()
        known = self._known.get(id)
        if known is None or known[1] <= now:
            known = (await self._read(id, now), now + _REMEMBERED)
            if len(self._known) >= _MOST_KEYS:
                self._known.clear()
            if known[0] is not None:
                self._known[id] = known
        return known[0]

    async def _read(self, id: str, now: datetime) -> ECKey | None:
        rows = await self._store.states(_COLLECTION, ids=[id])
        if not rows or _expires(rows[0]) <= now:
            self._known.pop(id, None)
            return None
        try:
            return ECKey.import_key(dict(rows[0].value["jwk"]))
        except JoseError:
            return None

    async def _made(self) -> SigningKey:
        now, kid = self._clock(), str(uuid4())
        key = await asyncio.to_thread(ECKey.generate_key, "P-256")
        expires = now + self._rotation + self._longest
        jwk = {**key.as_dict(private=False), "kid": kid, "alg": ALGORITHM, "use": "sig"}
        gone = await self._store.states(_COLLECTION, due_by=now)
        removals = [StateWrite(_COLLECTION, row.id, None) for row in gone]
        added = StateWrite(_COLLECTION, kid, {"jwk": jwk, "expires": expires.isoformat()}, due=expires, expected=0)
        await self._store.write_states([added, *removals])
        return SigningKey(kid, key, now + self._rotation)


def _expires(row: StateRow) -> datetime:
    return datetime.fromisoformat(row.value["expires"])
