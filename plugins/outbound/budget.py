"""How often a host is asked: as it says itself, in the headers of its answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

RESERVE = 0.1
"""The part of a limit from which on requests are spread evenly until the limit begins anew."""

_EPOCH = 1_000_000_000
_UNSPECIFIED_SECONDS = 60.0
_LIMITED = frozenset({403, 429, 503})


@dataclass(slots=True)
class _Account:
    """What is left of one limit. Times are seconds since the epoch."""

    limit: int | None = None
    remaining: int | None = None
    reset_at: float = 0.0
    next_at: float = 0.0
    blocked_until: float = 0.0


class Budget:
    """What is known of the limits of every account: one for each host, credentials and kind of request."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def delay(self, account: str) -> float:
        """How many seconds a request has to wait; 0 if it may go at once."""
        known = self._accounts.get(account)
        if known is None:
            return 0.0
        now = self._clock()
        until = max(known.blocked_until, known.reset_at if known.remaining == 0 else 0.0, known.next_at)
        return max(0.0, until - now)

    def take(self, account: str) -> None:
        """Count a request that goes out now."""
        known = self._accounts.get(account)
        if known is None or known.remaining is None:
            return
        now = self._clock()
        if now >= known.reset_at:
            known.remaining, known.next_at = None, 0.0
            return
        if known.remaining <= (known.limit or 1000) * RESERVE:
            known.next_at = max(now, known.next_at) + (known.reset_at - now) / max(known.remaining, 1)
        known.remaining = max(0, known.remaining - 1)

    def learn(self, account: str, status: int, headers: Mapping[str, str], *, limited: bool = False) -> float | None:
        """Take over what an answer says; how many seconds the host asks to be left alone, None if it does not refuse.

        `limited` says that the body speaks of a limit although no header does.
        """
        now = self._clock()
        known = self._accounts.setdefault(account, _Account())
        remaining, reset = _number(headers, "ratelimit-remaining"), _number(headers, "ratelimit-reset")
        if remaining is not None and reset is not None:
            known.limit, known.remaining = _number(headers, "ratelimit-limit"), remaining
            known.reset_at = float(reset if reset > _EPOCH else now + reset)
            if remaining > (known.limit or 1000) * RESERVE:
                known.next_at = 0.0
        if status not in _LIMITED:
            return None
        wait = retry_after(headers, now)
        if wait is None and remaining == 0 and reset is not None:
            wait = max(0.0, known.reset_at - now)
        if wait is None and (status == 429 or limited):
            wait = _UNSPECIFIED_SECONDS
        if wait is not None:
            known.blocked_until = max(known.blocked_until, now + wait)
        return wait


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """What Retry-After asks for, in seconds from now; None without one that can be read.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(min(int(text), 7 * 86400))
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now) if text else None
    except ValueError:
        return None


def _number(headers: Mapping[str, str], name: str) -> int | None:
    """The value of x-<name> (GitHub and others) or <name> (GitLab, the IETF's draft), where it is a number."""
    text = headers.get(f"x-{name}") or headers.get(name, "")
    text = text.partition(",")[0].partition(";")[0].strip()
    return int(text) if text.isdecimal() and len(text) < 16 else None
