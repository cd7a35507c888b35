"""The job that keeps the log of changes within the bounds of `catalog.history`, step by step."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from arq import cron
from arq.cron import CronJob
from arq.worker import Function

from config.history import Compaction, History
from graph.compaction import compact
from graph.errors import StoreUnavailableError
from graph.store import StateWrite, Store
from workers.due import is_due, put_off
from workers.jobs import job
from workers.leases import holding
from workers.queue import Queue
from workers.webhooks.deliveries import WEBHOOKS

CURSORS = "cursors"
"""The collection in which consumers of the log say how far they got: {sequence}, under their names."""

_KEPT = "history"
_LOOK = "look"
_COMPACTED = "compacted"
_EVERY_SECONDS = 3600.0
_LIMIT_SECONDS = 1800
_STEP = 5_000

_log = logging.getLogger("callboard.history")


def functions() -> Sequence[Function]:
    """The jobs, by the names under which they are asked for."""
    return [job(keep_history, time_limit_seconds=_LIMIT_SECONDS)]


def cron_jobs() -> Sequence[CronJob]:
    """The tick that asks for it once an hour; the store knows when."""
    return [cron(request_history, name=request_history.__name__, second={11})]


async def request_history(ctx: Mapping[str, Any]) -> None:
    """Ask for the job if its time has come."""
    store: Store = ctx["refreshing"].store
    queue: Queue = ctx["queue"]
    try:
        due = await is_due(store, _KEPT, _LOOK)
    except StoreUnavailableError as error:
        _log.warning("whether the log has to be shortened is not known: %s", error)
        return
    if due:
        await queue.request(keep_history.__name__)


async def keep_history(ctx: Mapping[str, Any]) -> None:
    """Cut off what is too old, merge what is old, and look again in about an hour."""
    store: Store = ctx["refreshing"].store
    history: History = ctx["refreshing"].config.catalog.history
    await holding(store, _KEPT, lambda: keep_within(store, history, datetime.now(UTC)))
    await put_off(store, _KEPT, _LOOK, _EVERY_SECONDS)


async def keep_within(store: Store, history: History, now: datetime, step: int = _STEP) -> None:
    """Bring the log within the bounds as of `now`, at most `step` entries in one transaction."""
    if history.retention is not None:
        until = await _until(store, history, now - history.retention)
        cut = await _cut(store, until, step)
        if cut:
            _log.info("cut off %d changes older than %s", cut, history.retention)
    if history.compaction is not None:
        await _compact(store, history, history.compaction, now, step)


async def _until(store: Store, history: History, at: datetime) -> int:
    """The last entry written by then that no consumer waits for, or that has waited for one too long."""
    sequence = await store.sequence_at(at) or 0
    slowest = await _slowest(store)
    if slowest is None or slowest >= sequence:
        return sequence
    return max(slowest, await store.sequence_at(at - history.consumer_grace) or 0)


async def _slowest(store: Store) -> int | None:
    """How far the slowest consumer of the log got; None without any."""
    taken = [int(row.value["sequence"]) for row in await store.states(CURSORS)]
    taken += [int(row.value["after"]) for row in await store.states(WEBHOOKS)]
    return min(taken, default=None)


async def _cut(store: Store, until: int, step: int) -> int:
    removed = 0
    horizon = await store.horizon()
    while horizon < until:
        horizon = min(horizon + step, until)
        removed += await store.cut_log(horizon)
    return removed


async def _compact(store: Store, history: History, compaction: Compaction, now: datetime, step: int) -> None:
    seconds = compaction.span.total_seconds()
    # Up to the end of a span, so that none is merged before it is complete.
    at = datetime.fromtimestamp((now - compaction.after).timestamp() // seconds * seconds, UTC) - timedelta(microseconds=1)
    until = await _until(store, history, at)
    rows = await store.states(_KEPT, ids=[_COMPACTED])
    known = next((int(row.value["until"]) for row in rows if row.value["spanSeconds"] == seconds), 0)
    done = max(known, await store.horizon())
    while done < until:
        done = await compact(store, done, until, compaction.span, step)
        await store.write_states([StateWrite(_KEPT, _COMPACTED, {"until": done, "spanSeconds": seconds})])
