"""Leases: one holder of a name at a time, over all processes, kept in the store so that losing the queue loses none of them.

A lease ends by itself some seconds after its holder was killed; a process that works alone ends those of its predecessor when it begins.
The clocks of the machines have to agree within a few seconds. Who was stopped for longer than a lease lasts, and goes on, is caught by the
store: it refuses writes that were computed from what has changed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from graph.errors import ConflictError, StaleWriteError, StoreError, StoreUnavailableError
from graph.state_rows import rows_below
from graph.store import StateRow, StateWrite, Store
from workers.processes import is_gone, this_process

T = TypeVar("T")

LEASE_SECONDS = 20.0
"""How long after its holder was killed a lease ends."""

LEASES = "leases"

_RENEWALS = 4


class BusyError(ConflictError):
    """Somebody else holds the lease. Try again in a moment."""


class LeaseLostError(ConflictError):
    """The lease could not be kept, and another may hold it by now; what was going on under it was ended."""


async def holding(store: Store, name: str, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` returns, done while nobody else holds the lease of this name.

    BusyError if somebody does; LeaseLostError, with the work cancelled, if it is lost on the way; StoreUnavailableError.
    """
    lease = _Lease(store, name)
    await lease.take()
    working = asyncio.ensure_future(work())
    keeping = asyncio.create_task(lease.keep())
    try:
        await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise LeaseLostError(f"the lease of {name} was lost")
    finally:
        for task in (working, keeping):
            task.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)
        await lease.release()


async def held_names(store: Store, names: Sequence[str]) -> set[str]:
    """Those of at most 1,000 names whose lease somebody holds now."""
    now = datetime.now(UTC)
    return {row.id for row in await store.states(LEASES, ids=names) if _ends(row) > now}


async def drop_lease(store: Store, name: str) -> None:
    """Forget a name that nobody will ask for again."""
    await store.write_states([StateWrite(LEASES, name, None)])


async def end_abandoned(store: Store) -> None:
    """End the leases of processes that are known to be gone. StoreUnavailableError.

    Only where nothing that such a process asked of the store can still be on its way: where the store is within the process.
    """
    now = datetime.now(UTC)
    async for row in rows_below(store, LEASES):
        if _ends(row) > now and is_gone(row.value.get("process", "")):
            with suppress(StaleWriteError):
                await store.write_states([StateWrite(LEASES, row.id, {**row.value, "ends": now.isoformat()}, expected=row.version)])


class _Lease:
    """A lease taken once. `_version` is that of its row while it is held, 0 once it is gone."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._holder = uuid4().hex
        self._version = 0

    async def take(self) -> None:
        rows = await self._store.states(LEASES, ids=[self._name])
        if rows and _ends(rows[0]) > datetime.now(UTC):
            raise BusyError(f"{self._name} is being worked on by another worker")
        version = rows[0].version if rows else 0
        try:
            await self._write(version)
        except StaleWriteError as error:
            raise BusyError(f"{self._name} is being worked on by another worker") from error

    async def keep(self) -> None:
        """Renew the lease until it is lost: to another, or because the store was out of reach for as long as it lasts."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while loop.time() - renewed < LEASE_SECONDS:
            await asyncio.sleep(LEASE_SECONDS / _RENEWALS)
            began = loop.time()
            try:
                await self._write(self._version)
                renewed = began
            except StoreUnavailableError:
                # The write may have been done all the same; whose row it is says the holder.
                await self._look_again()
            except StaleWriteError:
                self._version = 0
                return

    async def release(self) -> None:
        """End the lease. One that can't be ended now ends by itself."""
        if self._version:
            # The row stays, so that its version never is what it was for somebody who held it before.
            with suppress(StoreError, StaleWriteError):
                await self._write(self._version, 0)

    async def _write(self, version: int, seconds: float = LEASE_SECONDS) -> None:
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        value = {"holder": self._holder, "process": this_process(), "ends": ends.isoformat()}
        await self._store.write_states([StateWrite(LEASES, self._name, value, expected=version)])
        self._version = version + 1

    async def _look_again(self) -> None:
        with suppress(StoreError):
            rows = await self._store.states(LEASES, ids=[self._name])
            if rows and rows[0].value.get("holder") == self._holder:
                self._version = rows[0].version


def _ends(row: StateRow) -> datetime:
    return datetime.fromisoformat(row.value["ends"])
