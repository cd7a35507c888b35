"""The jobs of search: writing what changed into the index, and building it anew, under a lease, so that one worker writes at a time."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any

from arq.worker import Function
from redis import RedisError

from graph.errors import CallboardError
from graph.store import Store
from workers.due import is_due, put_off
from workers.jobs import job
from workers.leases import holding
from workers.queue import Queue
from workers.search.index import IndexUnavailableError
from workers.search.indexing import Indexing
from workers.waiting import set_within

LEASE = "search-index"

_REBUILDS = "search-rebuilds"
_NEXT = "next"
_UPDATE_LIMIT_SECONDS = 600
_REBUILD_LIMIT_SECONDS = 3600
_LOOK_SECONDS = 0.4

_log = logging.getLogger("callboard.search")


class Feeding:
    """What the jobs work with."""

    def __init__(self, store: Store, indexing: Indexing, *, check_every: timedelta | None, rebuild_every: timedelta | None) -> None:
        self.store = store
        self.indexing = indexing
        self.check_every = check_every
        self.rebuild_every = rebuild_every

    async def needs_rebuild(self) -> bool:
        """Whether the index can't be brought up to date otherwise, or it is time to build it anew, to be sure of it."""
        return await self.indexing.needs_rebuild() or await self.is_rebuild_due()

    async def is_rebuild_due(self) -> bool:
        """Whether it is time to build the index anew."""
        return self.rebuild_every is not None and await is_due(self.store, _REBUILDS, _NEXT)

    async def note_rebuild(self) -> None:
        """Put off the next rebuild that nothing asks for."""
        await put_off(self.store, _REBUILDS, _NEXT, self.rebuild_every.total_seconds() if self.rebuild_every else None)


def functions() -> Sequence[Function]:
    """The jobs, by the names under which they are asked for."""
    return [
        job(update_search_index, time_limit_seconds=_UPDATE_LIMIT_SECONDS),
        job(renew_search_index, time_limit_seconds=_REBUILD_LIMIT_SECONDS),
        job(rebuild_search_index, time_limit_seconds=_REBUILD_LIMIT_SECONDS),
    ]


async def follow(feeding: Feeding, queue: Queue) -> None:
    """Ask for what the index needs as soon as it does, until cancelled."""
    woken = asyncio.Event()
    beside = [asyncio.create_task(_listen(queue, woken)), asyncio.create_task(_check(feeding))]
    try:
        while True:
            woken.clear()
            try:
                if await feeding.indexing.is_behind() or await feeding.is_rebuild_due():
                    await queue.request(await _needed(feeding))
            except (CallboardError, RedisError, OSError) as error:
                _log.debug("what the search index needs is not known, or can't be asked for: %s", error)
            await set_within(woken, _LOOK_SECONDS)
    finally:
        for task in beside:
            task.cancel()


async def _listen(queue: Queue, woken: asyncio.Event) -> None:
    while True:
        with suppress(RedisError, OSError):
            async with aclosing(queue.wakes()) as wakes:
                async for _ in wakes:
                    woken.set()
        await asyncio.sleep(_LOOK_SECONDS)


async def _check(feeding: Feeding) -> None:
    while feeding.check_every is not None:
        await asyncio.sleep(feeding.check_every.total_seconds())
        try:
            await feeding.indexing.check()
        except IndexUnavailableError as error:
            _log.warning("%s; it is built anew", error)


async def _needed(feeding: Feeding) -> str:
    return (renew_search_index if await feeding.needs_rebuild() else update_search_index).__name__


async def update_search_index(ctx: Mapping[str, Any]) -> None:
    """Write what changed since. An index that can't be brought up to date is built anew instead."""
    feeding: Feeding = ctx["feeding"]
    if await feeding.indexing.needs_rebuild():
        queue: Queue = ctx["queue"]
        await queue.request(renew_search_index.__name__)
        return
    await holding(feeding.store, LEASE, feeding.indexing.update)


async def renew_search_index(ctx: Mapping[str, Any]) -> None:
    """Build the index anew if that is needed still. It is asked for, over and over, until that is done."""
    feeding: Feeding = ctx["feeding"]
    if await feeding.needs_rebuild():
        await rebuild_search_index(ctx)


async def rebuild_search_index(ctx: Mapping[str, Any]) -> None:
    """Build the index anew while the old one answers."""
    feeding: Feeding = ctx["feeding"]
    await holding(feeding.store, LEASE, feeding.indexing.rebuild)
    await feeding.note_rebuild()
