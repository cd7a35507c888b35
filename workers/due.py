"""Work that rows of the store say is due: which rows there are, and asking for the jobs whose time has come."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from graph.errors import StoreUnavailableError
from graph.store import StateRow, Store
from workers.leases import held_names
from workers.queue import Queue

_log = logging.getLogger("callboard.jobs")


async def rows_of(store: Store, collection: str) -> Mapping[str, StateRow]:
    """Every row of the collection, by id. StoreUnavailableError."""
    rows: dict[str, StateRow] = {}
    after = ""
    while found := await store.states(collection, after=after):
        rows.update((row.id, row) for row in found)
        after = found[-1].id
    return rows


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
