"""Sign-ins that have begun: kept in the store for all processes until the browser comes back, once, or too much time has passed.

Nothing in the store could be used by anybody: what ties an answer to the browser is made from a secret that only its cookie holds.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from api.auth.clock import Clock, utc_now
from api.auth.providers.people import Secrets, SignInError
from graph.errors import StaleWriteError
from graph.store import StateRow, StateWrite, Store

LASTS = timedelta(minutes=10)

_COLLECTION = "sign-ins"
_CLEARED_AT_ONCE = 200
_AGAIN = "Begin again at the sign-in page."
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in at a provider: how it ends (`flow` is page or popup), where it leads, and which origin a popup answers to."""

    provider: str
    flow: str
    return_to: str
    origin: str | None = None


class Attempts:
    """Begins sign-ins, and finishes each once."""

    def __init__(self, store: Store, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def begin(self, attempt: Attempt, browser: str) -> Secrets:
        """What to send to the provider, for the browser whose cookie has this secret. StoreUnavailableError."""
        now, state = self._clock(), secrets.token_urlsafe(32)
        gone = await self._store.states(_COLLECTION, due_by=now, limit=_CLEARED_AT_ONCE)
        value = {
            "provider": attempt.provider,
            "flow": attempt.flow,
            "returnTo": attempt.return_to,
            "origin": attempt.origin,
            "browser": _digest(browser),
        }
        removals = [StateWrite(_COLLECTION, row.id, None) for row in gone]
        await self._store.write_states([StateWrite(_COLLECTION, _digest(state), value, due=now + LASTS, expected=0), *removals])
        return _secrets(state, browser)

    async def look(self, provider: str, state: str) -> Attempt | None:
        """The attempt of this state at this provider, as far as it can be told without the browser's secret; None if there is none."""
        rows = await self._store.states(_COLLECTION, ids=[_digest(state)])
        return _attempt(rows[0].value) if rows and rows[0].value["provider"] == provider else None

    async def finish(self, provider: str, state: str, browser: str | None) -> tuple[Attempt, Secrets]:
        """The attempt, which is over by that, and its secrets.

        SignInError for a state that was not given out here, or for another provider or browser, or that was used, or is too old;
        StoreUnavailableError.
        """
        rows = await self._store.states(_COLLECTION, ids=[_digest(state)])
        if not rows or rows[0].value["provider"] != provider:
            raise SignInError(f"This sign-in was not begun here, has ended already, or took too long. {_AGAIN}", "unknown state")
        row = rows[0]
        if browser is None or not hmac.compare_digest(row.value["browser"], _digest(browser)):
            raise SignInError(
                f"This sign-in was begun in another browser, or under another address than it ends at. {_AGAIN}", "state of another browser"
            )
        await self._consume(row)
        if _is_due(row, self._clock()):
            raise SignInError(f"This sign-in took too long. {_AGAIN}", "state too old")
        return _attempt(row.value), _secrets(state, browser)

    async def _consume(self, row: StateRow) -> None:
        try:
            await self._store.write_states([StateWrite(_COLLECTION, row.id, None, expected=row.version)])
        except StaleWriteError as error:
            raise SignInError(f"This sign-in has ended already. {_AGAIN}", "state used twice at once") from error


def browser_secret(cookie: str | None) -> str:
    """The browser's secret, so that several sign-ins may be under way in it; a new one if it has none."""
    return cookie if cookie is not None and _SECRET.fullmatch(cookie) else secrets.token_urlsafe(32)


def _secrets(state: str, browser: str) -> Secrets:
    return Secrets(state, _derived(browser, "nonce", state), _derived(browser, "verifier", state))


def _derived(browser: str, purpose: str, state: str) -> str:
    made = hmac.digest(browser.encode(), f"{purpose}:{state}".encode(), "sha256")
    return urlsafe_b64encode(made).rstrip(b"=").decode()


def _is_due(row: StateRow, now: datetime) -> bool:
    return row.due is None or row.due <= now


def _attempt(value: Mapping[str, Any]) -> Attempt:
    return Attempt(value["provider"], value["flow"], value["returnTo"], value["origin"])


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
