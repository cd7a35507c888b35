"""How both stores find a moment in the log."""

from collections.abc import Generator
from datetime import UTC, datetime

Entry = tuple[int, datetime]
"""An entry of the log: its sequence number, and when it was written."""

Search = Generator[int, Entry | None, int]
"""Yields sequence numbers, is sent the newest entry at or below each (None without one), and returns the number that was looked for."""


def newest_written_by(at: datetime, horizon: int, head: int) -> Search:
    """The newest entry between horizon and head that was written at the moment or before; the horizon without one.

    Entries are never older than those before them, so that halving finds it, whatever gaps the numbers have.
    """
    found, low, high = horizon, horizon, head
    # What is asked for most often is a moment after the last change.
    middle = head
    while low < high:
        entry = yield middle
        if entry is None or entry[0] <= low:
            low = middle
        elif entry[1] <= at:
            found, low = entry[0], middle
        else:
            high = entry[0] - 1
        middle = (low + high + 1) // 2
    return found


def moment_text(at: datetime) -> str:
    """A moment as both stores keep it: such texts compare as the moments do."""
    return at.astimezone(UTC).isoformat()


def written_at(newest: datetime | None) -> datetime:
    """The time of new entries: now, or that of the newest entry where the clock was set back since."""
    now = datetime.now(UTC)
    return now if newest is None else max(now, newest)
