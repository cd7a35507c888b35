"""Moments of the past as arguments: a time, or a sequence number of the log."""

from datetime import datetime

from graph.conditions import Condition
from graph.errors import InputError
from graph.store import Store

_MOST_DIGITS = 18

MOMENT = (
    "A moment: a time in ISO 8601 with its offset, such as `2026-05-01T12:00:00Z`, or the sequence number of a change, which means right "
    "after it."
)


async def sequence_of(store: Store, name: str, text: str, *, visible: Condition) -> int:
    """The sequence number of the log's last entry at the moment. InputError, naming the argument, for no moment, one of which the log does
    not tell any more, or a sequence number that is yet to come.
    """
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
        sequence, head = int(text), await store.head()
        if sequence > head:
            raise InputError(f"`{name}` is {sequence:,}, and no change has that number yet")
        await refuse_beyond_horizon(store, name, sequence, visible=visible)
        return sequence
    found = await store.sequence_at(_time(name, text))
    if found is None:
        raise InputError(f"`{name}`: {await _reach(store, await store.horizon(), visible)}; give a later moment")
    return found


async def refuse_beyond_horizon(store: Store, name: str, sequence: int, *, visible: Condition) -> None:
    """Return if the log tells everything that came after the sequence number. InputError, naming the argument and the horizon, if not."""
    horizon = await store.horizon()
    if sequence < horizon:
        reach = await _reach(store, horizon, visible)
        raise InputError(f"`{name}` is {sequence:,}, and {reach}; read the present state anew and go on from there")


async def _reach(store: Store, horizon: int, visible: Condition) -> str:
    oldest = await store.changes(horizon, 1, visible=visible)
    since = f", whose next change was written at {oldest[0].at.isoformat()}" if oldest else ""
    return f"the log tells what came after number {horizon:,}{since} (catalog.history.retention says how long it is kept)"


def _time(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"`{name}` is no moment; write a time such as 2026-05-01T12:00:00Z, or the sequence number of a change") from error
    if at.tzinfo is None:
        raise InputError(f"`{name}` names no offset from UTC; write a time such as 2026-05-01T12:00:00Z")
    return at
