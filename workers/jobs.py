"""The one way to declare a job: its name, how long it may take, how often it is tried, and how long it waits in between.

A job is an asynchronous function of a context and of texts. It is unique by its name and arguments, has no result, and must be safe to run
twice: a worker that is killed leaves its jobs to another, which begins them anew.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any
from uuid import uuid4

from arq import Retry, func
from arq.worker import Function
from redis import RedisError

from graph.errors import CallboardError, StaleWriteError, StoreUnavailableError
from workers.leases import BusyError
from workers.queue import Queue
from workers.schedules import spread
from workers.statistics import failed_now

Job = Callable[..., Awaitable[None]]

_UNAVAILABLE_SECONDS = 5.0
_BUSY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 600.0
_UNCOUNTED_TRIES = 1_000_000

_log = logging.getLogger("callboard.jobs")


class JobTimeoutError(CallboardError):
    """A job took longer than it may."""


def job(run: Job, *, time_limit_seconds: float, tries: int = 5, first_delay_seconds: float = 2.0) -> Function:
    """The job that `run(ctx, *args)` does, known by the function's name.

    It is cancelled after `time_limit_seconds`. If it fails it is tried again after `first_delay_seconds`, twice that, and so on up to ten
    minutes, each spread by half; after `tries` tries it is listed as failed, with its reason. While the store can't be reached, or
    another worker holds what the job needs, it waits and no try counts.
    """

    @wraps(run)
    async def tried(ctx: Mapping[str, Any], *args: str) -> None:
        await _Run(run, ctx, args, time_limit_seconds, tries, first_delay_seconds).complete()

    return func(tried, name=_name(run), max_tries=_UNCOUNTED_TRIES, timeout=time_limit_seconds + 60)


class _Run:
    """One run of one job."""

    def __init__(
        self, run: Job, ctx: Mapping[str, Any], args: tuple[str, ...], time_limit_seconds: float, tries: int, first_delay_seconds: float
    ) -> None:
        self._run, self._ctx, self._args = run, ctx, args
        self._time_limit_seconds, self._tries, self._first_delay_seconds = time_limit_seconds, tries, first_delay_seconds
        self._queue: Queue = ctx["queue"]
        self._job_id: str = ctx["job_id"]

    async def complete(self) -> None:
        try:
            delay = await self._counted()
        except RedisError as error:
            # Nothing could be noted of how it went, so it has to go once more.
            _log.warning("%s is tried again, since Redis was lost: %s", _name(self._run), error)
            raise Retry(defer=_UNAVAILABLE_SECONDS) from error
        if delay is not None and delay >= 0:
            raise Retry(defer=delay)

    async def _counted(self) -> float | None:
        began = time.monotonic()
        try:
            delay = await self._tried()
        finally:
            # Whatever was written, those who wait for changes look now. Cancelled or not.
            await asyncio.shield(self._queue.wake())
        outcome = "done" if delay is None else "retried" if delay >= 0 else "failed"
        await self._queue.statistics.ended(_name(self._run), outcome, time.monotonic() - began)
        return delay

    async def _tried(self) -> float | None:
        """None if the job is done, seconds until the next try, or a negative number if there will be none."""
        limit = asyncio.timeout(self._time_limit_seconds)
        try:
            async with limit:
                await self._run(self._ctx, *self._args)
        except BusyError:
            return spread(_BUSY_SECONDS)
        except StoreUnavailableError as error:
            _log.warning("%s: %s; again in %g s", _name(self._run), error, _UNAVAILABLE_SECONDS)
            return spread(_UNAVAILABLE_SECONDS)
        except Exception as error:
            if limit.expired():
                return await self._failing(JobTimeoutError(f"it took longer than {self._time_limit_seconds:g} s, and was ended"))
            return await self._failing(error)
        await self._queue.statistics.forget_tries(self._job_id)
        return None

    async def _failing(self, error: Exception) -> float:
        tries = await self._queue.statistics.tries(self._job_id)
        reason = _reason(error)
        told = " ".join((_name(self._run), *self._args))
        if tries >= self._tries:
            _log.error("%s failed %d times and is given up: %s", told, tries, reason)
            await self._queue.statistics.forget_tries(self._job_id)
            await self._queue.statistics.list_failure(failed_now(_name(self._run), self._args, tries, reason))
            return -1.0
        delay = spread(min(self._first_delay_seconds * 2 ** (tries - 1), _LONGEST_DELAY_SECONDS))
        _log.warning("%s failed, try %d of %d, again in %.1f s: %s", told, tries, self._tries, delay, reason)
        return delay


def _reason(error: Exception) -> str:
    """What may be shown to everybody who may see jobs: what is not raised on purpose is told in the log alone."""
    if isinstance(error, StaleWriteError):
        return "others kept writing the same entities"
    if isinstance(error, CallboardError):
        return str(error)
    error_id = uuid4().hex[:12]
    _log.error("internal error %s", error_id, exc_info=error)
    return f"internal error; the worker's log has the details under the id {error_id}"


def _name(run: Job) -> str:
    return getattr(run, "__name__", type(run).__name__)
