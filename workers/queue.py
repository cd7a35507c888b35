"""The job queue: arq, on Redis or on a Redis within this process. Nothing outside `workers` knows which, or of arq at all."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import orjson
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.constants import in_progress_key_prefix
from arq.cron import CronJob
from arq.utils import poll
from arq.worker import Function, Worker
from fakeredis import FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis import RedisError
from redis.asyncio import ConnectionPool

from workers.statistics import Statistics

QUEUE = "callboard:queue"

Job = Callable[..., Awaitable[None]]

ALIVE_SECONDS = 20.0
"""How long after a worker was killed its jobs begin again."""

_WOKEN = "callboard:woken"
_KNOWN = "callboard:known"
_POLL_SECONDS = 0.1
_HEALTH_SECONDS = 15
_LONGEST_JOB_SECONDS = 6 * 3600
_MARK_SECONDS = 24 * 3600


class Queue:
    """Where jobs are asked for. A job is a function's name with arguments that JSON can hold."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    @property
    def redis(self) -> ArqRedis:
        """The connection, for what has to be known to every worker."""
        return self._redis

    @property
    def statistics(self) -> Statistics:
        """How the jobs of this queue fared, in all processes."""
        return Statistics(self._redis, QUEUE)

    async def wake(self) -> None:
        """Have everyone who waits for changes look at once. Who can't be told looks a moment later."""
        with suppress(RedisError, OSError):
            await self._redis.publish(_WOKEN, b"")  # pyright: ignore[reportUnknownMemberType] - untyped in redis

    async def wakes(self) -> AsyncGenerator[None]:
        """Each time that `wake` is called in any process. redis.RedisError if Redis is lost."""
        # Untyped in redis.
        messages: Any = cast("Any", self._redis).pubsub()
        async with messages:
            await messages.subscribe(_WOKEN)
            async for _ in messages.listen():
                yield

    async def is_new(self) -> bool:
        """Whether the Redis of the queue remembers nothing, which is told once: it was put in place of one that was lost."""
        return bool(await self._redis.set(_KNOWN, b"1", nx=True))

    async def request(self, function: str, *args: str) -> None:
        """Have the job run soon. However often it is asked for, it waits once; asked for while it runs, it runs once more after that."""
        job_id = ":".join((function, *args))
        # Marked first: if the job ends between the two, its end sees the mark.
        await self._redis.set(_mark(job_id), orjson.dumps([function, *args]), ex=_MARK_SECONDS)
        await self._redis.enqueue_job(function, *args, _job_id=job_id)

    async def first_in(self, name: str, milliseconds: int) -> bool:
        """Whether nobody, in any process, asked this under the name within the given time, which then begins anew."""
        return bool(await self._redis.set(name, b"1", nx=True, px=milliseconds))

    async def sweep(self) -> None:
        """Drop what has expired. The Redis in this process does so only when its keys are counted."""
        await self._redis.execute_command("DBSIZE")  # pyright: ignore[reportUnknownMemberType] - untyped in redis

    async def begun(self, job_id: str) -> None:
        """Forget that a job was asked for: the run that begins now will see all there is."""
        await self._redis.delete(_mark(job_id))

    async def ended(self, job_id: str) -> None:
        """Have the job run again if it was asked for while it ran."""
        marked = await self._redis.getdel(_mark(job_id))
        if marked:
            await self.request(*orjson.loads(marked))


@asynccontextmanager
async def connected(url: str | None) -> AsyncGenerator[Queue]:
    """The queue on the Redis of the URL, or without one on a Redis of this process alone. redis.RedisError if it can't be reached."""
    redis = in_process() if url is None else await _on_redis(url)
    try:
        yield Queue(redis)
    finally:
        await redis.aclose(close_connection_pool=True)


@asynccontextmanager
async def within_reach(url: str) -> AsyncGenerator[Queue]:
    """The queue on the Redis of the URL, which is not asked for anything before somebody uses the queue."""
    pool = ConnectionPool.from_url(url)  # pyright: ignore[reportUnknownMemberType] - untyped in redis
    redis = ArqRedis(pool, job_serializer=orjson.dumps, job_deserializer=orjson.loads, default_queue_name=QUEUE)
    try:
        yield Queue(redis)
    finally:
        await redis.aclose(close_connection_pool=True)


def in_process() -> ArqRedis:
    """A Redis that lives in this process and ends with it."""
    pool = ConnectionPool(connection_class=FakeAsyncRedisConnection, server=FakeServer(), version="7.4", server_type="redis")
    return ArqRedis(pool, job_serializer=orjson.dumps, job_deserializer=orjson.loads, default_queue_name=QUEUE)


async def _on_redis(url: str) -> ArqRedis:
    settings = RedisSettings.from_dsn(url)
    return await create_pool(settings, job_serializer=orjson.dumps, job_deserializer=orjson.loads, default_queue_name=QUEUE)


@asynccontextmanager
async def working(
    queue: Queue, functions: Sequence[Function], cron_jobs: Sequence[CronJob], ctx: Mapping[str, Any]
) -> AsyncGenerator[asyncio.Task[None]]:
    """Runs jobs while entered. The task given ends only if the queue's Redis is lost, with that error."""
    worker = _Worker(
        functions,
        queue_name=QUEUE,
        cron_jobs=cron_jobs,
        redis_pool=queue.redis,
        on_job_start=_begun,
        after_job_end=_ended,
        handle_signals=False,
        job_timeout=_LONGEST_JOB_SECONDS,
        # A kept result would make arq drop what is asked for within its time.
        keep_result=0,
        poll_delay=_POLL_SECONDS,
        health_check_interval=_HEALTH_SECONDS,
        ctx={**ctx, "queue": queue},
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
        log_results=False,
    )
    # It tells of every tick.
    logging.getLogger("arq.worker").setLevel(logging.WARNING)
    task = asyncio.create_task(worker.async_run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await worker.stop()


class _Worker(Worker):
    """arq's worker, with two differences.

    It does without the INFO command at its start, which the Redis in this process does not have. And it says all the time which jobs it
    runs: arq says so once, for as long as a job may take, so that a job whose worker was killed would wait for hours.
    """

    _told = 0.0

    async def main(self) -> None:
        self.in_progress_timeout_s = ALIVE_SECONDS
        self.ctx["redis"] = self.pool
        async for _ in poll(self.poll_delay_s):
            await self._poll_iteration()

    async def heart_beat(self) -> None:
        now = time.monotonic()
        if now - self._told > ALIVE_SECONDS / 4:
            self._told = now
            for job_id in list(self.job_tasks):
                await self.pool.pexpire(in_progress_key_prefix + job_id, int(ALIVE_SECONDS * 1000))
        await super().heart_beat()

    async def stop(self) -> None:
        """Cancel the running jobs and wait until they have ended; they run again from the start with the next worker."""
        # Each is cancelled once, so that what it does at its end, such as giving back a lease, is not cut short.
        for job_id, task in self.tasks.items():
            self.job_tasks.get(job_id, task).cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def _begun(ctx: dict[Any, Any]) -> None:
    queue: Queue = ctx["queue"]
    await queue.begun(ctx["job_id"])


async def _ended(ctx: dict[Any, Any]) -> None:
    queue: Queue = ctx["queue"]
    await queue.ended(ctx["job_id"])


def _mark(job_id: str) -> str:
    return f"callboard:again:{job_id}"
