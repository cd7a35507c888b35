"""When each location is read next: a row of the store for each, so that a restart of anything forgets nothing."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from graph.errors import StaleWriteError
from graph.store import StateRow, StateWrite, Store

SCHEDULES = "schedules"


async def ask_for_reads(store: Store, location_ids: Sequence[str]) -> None:
    """Have the locations read within seconds, by whatever worker there is, or will be."""
    now = datetime.now(UTC)
    known = await schedules(store, location_ids)
    writes = [StateWrite(SCHEDULES, each, known[each].value if each in known else {}, due=now) for each in location_ids]
    if writes:
        await store.write_states(writes)


async def due_ids(store: Store, limit: int = 1000) -> Sequence[str]:
    """Locations that have to be read now, those first that have waited longest."""
    return [row.id for row in await store.states(SCHEDULES, due_by=datetime.now(UTC), limit=limit)]


async def schedules(store: Store, location_ids: Sequence[str]) -> Mapping[str, StateRow]:
    """The rows of those locations that have one."""
    found: dict[str, StateRow] = {}
    for start in range(0, len(location_ids), 1000):
        for row in await store.states(SCHEDULES, ids=location_ids[start : start + 1000]):
            found[row.id] = row
    return found


async def note_read(
    store: Store,
    location_id: str,
    begun: StateRow | None,
    error: str | None,
    seconds: float | None,
    retry_after_seconds: float | None = None,
) -> None:
    """Write down that the location was read, and when it is read next: after `seconds`, spread, and not before its source allows.

    `begun` is its row from before the read: if it was asked for since, it is read again at once. With neither number it is read again only
    when something asks for it.
    """
    now = datetime.now(UTC)
    failures = int(begun.value.get("failures", 0)) if begun else 0
    waits = [spread(wait) for wait in (seconds, retry_after_seconds) if wait is not None]
    due = now + timedelta(seconds=max(waits)) if waits else None
    value: dict[str, Any] = {"readAt": now.isoformat(), "error": error, "failures": failures + 1 if error else 0}
    try:
        await store.write_states([StateWrite(SCHEDULES, location_id, value, due=due, expected=begun.version if begun else 0)])
    except StaleWriteError:
        await store.write_states([StateWrite(SCHEDULES, location_id, value, due=now)])


async def forget(store: Store, location_ids: Sequence[str]) -> None:
    """Drop the rows of locations that are gone."""
    if location_ids:
        await store.write_states([StateWrite(SCHEDULES, each, None) for each in location_ids])


def spread(seconds: float) -> float:
    """Between one and one and a half times as long, so that what happened at once does not happen at once again."""
    return seconds * random.uniform(1, 1.5)  # noqa: S311 - spreads load, guards nothing
