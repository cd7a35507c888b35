"""Events that hosts of repositories told of: rows of the store from their arrival, taken once, and known again for a while after that."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from graph.errors import StaleWriteError
from graph.store import StateRow, StateWrite, Store
from plugins.contract import Touched

EVENTS = "events"
KNOWN_AGAIN = timedelta(days=7)
"""How long a delivery that was taken is known, so that it is dropped when it comes again."""


async def add_event(store: Store, event_id: str, touched: Sequence[Touched]) -> bool:
    """Keep the event, to be taken at once; False if it is known already. StoreUnavailableError if it can't be kept."""
    now = datetime.now(UTC)
    value = {"receivedAt": now.isoformat(), "touched": [asdict(each) for each in touched], "taken": False}
    try:
        await store.write_states([StateWrite(EVENTS, event_id, value, due=now, expected=0)])
    except StaleWriteError:
        return False
    return True


async def waiting_events(store: Store, limit: int) -> Sequence[str]:
    """Events that nobody has taken yet, the oldest first. Those that nobody has to know any more are forgotten on the way."""
    due = await store.states(EVENTS, due_by=datetime.now(UTC), limit=limit)
    old = [StateWrite(EVENTS, row.id, None, expected=row.version) for row in due if row.value["taken"]]
    if old:
        # Another worker may be forgetting them as well.
        with suppress(StaleWriteError):
            await store.write_states(old)
    return [row.id for row in due if not row.value["taken"]]


async def waiting_event(store: Store, event_id: str) -> StateRow | None:
    """The event; None if it was taken, or is not known."""
    rows = await store.states(EVENTS, ids=[event_id])
    return rows[0] if rows and not rows[0].value["taken"] else None


async def note_read(store: Store, row: StateRow) -> None:
    """Write down that what the event touched is being read, so that only the rest is done if the event has to be looked at again."""
    await store.write_states([StateWrite(EVENTS, row.id, {**row.value, "read": True}, due=row.due)])


def is_read(row: StateRow) -> bool:
    """Whether what the event touched is being read already."""
    return bool(row.value.get("read"))


async def note_taken(store: Store, event_id: str) -> None:
    """Write down that the event was taken; what it said is forgotten."""
    now = datetime.now(UTC)
    await store.write_states([StateWrite(EVENTS, event_id, {"takenAt": now.isoformat(), "taken": True}, due=now + KNOWN_AGAIN)])


def touched_of(row: StateRow) -> Sequence[Touched]:
    """What the event touched."""
    return [_touched(each) for each in cast("Sequence[Mapping[str, Any]]", row.value["touched"])]


def _touched(value: Mapping[str, Any]) -> Touched:
    return Touched(**value)
