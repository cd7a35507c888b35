"""What is known of jobs, kept in the Redis of the queue for every process: how many ran, how long they took, and which failed for good."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix

from workers.figures import DURATION_BOUNDS, FailedJob, JobNumbers

MOST_FAILURES = 100
"""How many failed jobs are listed, the newest first."""

_TRIES_SECONDS = 24 * 3600
_MOST_LOOKED_AT = 10_000
_NAMES = "callboard:jobs"
_FAILURES = "callboard:failures"


class Statistics:
    """Numbers of one queue. Every method raises redis.RedisError if its Redis can't be reached."""

    def __init__(self, redis: ArqRedis, queue_name: str) -> None:
        # Its methods are typed for both kinds of client at once.
        self._redis: Any = redis
        self._queue_name = queue_name

    async def ended(self, name: str, outcome: str, seconds: float) -> None:
        """Count a run: `outcome` is done, failed or retried."""
        async with self._redis.pipeline(transaction=True) as pipe:
            key = f"callboard:job:{name}"
            bucket = sum(seconds > bound for bound in DURATION_BOUNDS)
            pipe.sadd(_NAMES, name)
            pipe.hincrby(key, outcome, 1)
            pipe.hincrby(key, f"bucket:{bucket}", 1)
            pipe.hincrbyfloat(key, "seconds", seconds)
            await pipe.execute()

    async def tries(self, job_id: str) -> int:
        """How often the job has failed by now, this time included."""
        key = _tries_key(job_id)
        tries = int(await self._redis.incr(key))
        await self._redis.expire(key, _TRIES_SECONDS)
        return tries

    async def forget_tries(self, job_id: str) -> None:
        """Count the job's failures from the beginning."""
        await self._redis.delete(_tries_key(job_id))

    async def list_failure(self, failure: FailedJob) -> None:
        """Put the job in front of the failures."""
        row = [failure.name, list(failure.arguments), failure.failed_at.isoformat(), failure.tries, failure.reason]
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.lpush(_FAILURES, orjson.dumps(row))
            pipe.ltrim(_FAILURES, 0, MOST_FAILURES - 1)
            await pipe.execute()

    async def failures(self) -> Sequence[FailedJob]:
        """The jobs that were given up, the newest first."""
        rows: list[bytes] = await self._redis.lrange(_FAILURES, 0, -1)
        found = (orjson.loads(row) for row in rows)
        return [FailedJob(name, arguments, datetime.fromisoformat(at), tries, reason) for name, arguments, at, tries, reason in found]

    async def numbers(self) -> Sequence[JobNumbers]:
        """The numbers of every job that ever ran or waits now, by name. Of more than 10,000 waiting jobs the first are counted."""
        numbers: dict[str, JobNumbers] = {}
        for name in await self._names():
            numbers[name] = await self._history(name)
        await self._add_present(numbers)
        return [numbers[name] for name in sorted(numbers)]

    async def _names(self) -> Sequence[str]:
        names: set[bytes] = await self._redis.smembers(_NAMES)
        return sorted(name.decode() for name in names)

    async def _history(self, name: str) -> JobNumbers:
        row: dict[bytes, bytes] = await self._redis.hgetall(f"callboard:job:{name}")
        counted: Mapping[str, str] = {key.decode(): value.decode() for key, value in row.items()}
        done, failed, retried = (int(counted.get(outcome, 0)) for outcome in ("done", "failed", "retried"))
        durations = [int(counted.get(f"bucket:{bucket}", 0)) for bucket in range(len(DURATION_BOUNDS) + 1)]
        return JobNumbers(name, done=done, failed=failed, retried=retried, seconds=float(counted.get("seconds", 0)), durations=durations)

    async def _add_present(self, numbers: dict[str, JobNumbers]) -> None:
        present: list[tuple[bytes, float]] = await self._redis.zrange(self._queue_name, 0, _MOST_LOOKED_AT - 1, withscores=True)
        ids = [job_id.decode() for job_id, _ in present]
        if not ids:
            return
        running: list[Any] = await self._redis.mget([in_progress_key_prefix + job_id for job_id in ids])
        bodies: list[Any] = await self._redis.mget([job_key_prefix + job_id for job_id in ids])
        now = time.time() * 1000
        for (_, score), is_running, job_id, body in zip(present, running, ids, bodies, strict=True):
            if body is None:
                continue
            name = job_id.split(":", 1)[0]
            of = numbers.setdefault(name, JobNumbers(name))
            if is_running is not None:
                of.running += 1
            elif score > now:
                of.waiting += 1
            else:
                of.queued += 1
                of.oldest_age_seconds = max(of.oldest_age_seconds or 0.0, (now - score) / 1000)


def failed_now(name: str, arguments: Sequence[str], tries: int, reason: str) -> FailedJob:
    """The failure of a job that is given up at this moment."""
    return FailedJob(name, arguments, datetime.now(UTC), tries, reason)


def _tries_key(job_id: str) -> str:
    return f"callboard:tries:{job_id}"
