"""The jobs that remove what no document declares any more once its grace is over, finish moves, and infer edges from repositories."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from arq import cron
from arq.cron import CronJob
from arq.worker import Function

from graph.errors import StoreUnavailableError
from graph.store import Store
from ingest.infer.keeping import keep_inferred
from ingest.infer.notes import NOTES
from ingest.lifecycle import RELEASES
from ingest.releases import remove_released
from workers.jobs import job
from workers.leases import holding
from workers.lifecycle.registrations import MOVES, finish_moves_of
from workers.queue import Queue
from workers.refresh.jobs import TICK_SECONDS, Refreshing

_LIMIT_SECONDS = 600
_LEASE = "releases"
_INFERENCE_LEASE = "inference"

_log = logging.getLogger("callboard.lifecycle")


def functions() -> Sequence[Function]:
    """The jobs, by the names under which they are asked for."""
    return [job(each, time_limit_seconds=_LIMIT_SECONDS) for each in (remove_due, infer_edges, finish_moves)]


def cron_jobs() -> Sequence[CronJob]:
    """The tick that asks for what is due."""
    return [cron(request_lifecycle, name=request_lifecycle.__name__, second=set(range(0, 60, TICK_SECONDS)))]


async def request_lifecycle(ctx: Mapping[str, Any]) -> None:
    """Ask for the removal of what is due, for inference from what repositories tell anew, and for the end of moves, if there are any."""
    store: Store = ctx["refreshing"].store
    queue: Queue = ctx["queue"]
    try:
        if await store.states(RELEASES, due_by=datetime.now(UTC), limit=1):
            await queue.request(remove_due.__name__)
        if await store.states(NOTES, due_by=datetime.now(UTC), limit=1):
            await queue.request(infer_edges.__name__)
        if await store.states(MOVES, due_by=datetime.now(UTC), limit=1):
            await queue.request(finish_moves.__name__)
    except StoreUnavailableError as error:
        _log.warning("what has to be removed or inferred is not known: %s", error)


async def remove_due(ctx: Mapping[str, Any]) -> None:
    """Remove the entities that nothing declares and whose grace is over."""
    store: Store = ctx["refreshing"].store
    removed = await holding(store, _LEASE, lambda: remove_released(store))
    if removed:
        _log.info("removed %d entities that no document declares any more: %s", len(removed), ", ".join(removed[:5]))


async def infer_edges(ctx: Mapping[str, Any]) -> None:
    """Bring the inferred edges in step with what the repositories tell."""
    store: Store = ctx["refreshing"].store
    changed = await holding(store, _INFERENCE_LEASE, lambda: keep_inferred(store))
    if changed:
        _log.info("inferred edges of %d entities: %s", len(changed), ", ".join(changed[:5]))


async def finish_moves(ctx: Mapping[str, Any]) -> None:
    """Remove the locations whose place another took, once that one has been read."""
    refreshing: Refreshing = ctx["refreshing"]
    for location in await finish_moves_of(refreshing.store, refreshing.settings):
        _log.info("removed %s:%s, whose place another location took", location.type, location.target)
