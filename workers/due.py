"""Work that rows of the store say is due, and asking for the jobs whose time has come."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from graph.errors import StoreUnavailableError
from graph.store import StateWrite, Store
from workers.leases import held_names
from workers.queue import Queue
from workers.schedules import spread

_log = logging.getLogger("callboard.jobs")


async def is_due(store: Store, collection: str, ident: str) -> bool:
    """Whether what is done every so often has to be done now, as it has when it never was. StoreUnavailableError."""
    rows = await store.states(collection, ids=[ident])
    return not rows or rows[0].due is None or rows[0].due <= datetime.now(UTC)


async def put_off(store: Store, collection: str, ident: str, seconds: float | None) -> None:
    """Let it be due in about so many seconds, and not before; with None whenever it is asked. StoreUnavailableError."""
    due = None if seconds is None else datetime.now(UTC) + timedelta(seconds=spread(seconds))
    await store.write_states([StateWrite(collection, ident, {}, due=due)])


async def request_due(store: Store, queue: Queue, collection: str, job_name: str, lease_of: Callable[[str], str]) -> None:
    """Ask for the job of every row of the collection whose time has come and whose lease nobody holds now."""
    try:
        due = [row.id for row in await store.states(collection, due_by=datetime.now(UTC))]
        held = await held_names(store, [lease_of(name) for name in due]) if due else set[str]()
    except StoreUnavailableError as error:
        _log.warning("which %s are due is not known: %s", collection, error)
        return
    for name in due:
        if lease_of(name) not in held:
            await queue.request(job_name, name)
