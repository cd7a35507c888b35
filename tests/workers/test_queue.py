"""Jobs run once however often they are asked for, and again if asked for while they run: on both kinds of Redis."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from arq import Retry, cron, func
from arq.constants import in_progress_key_prefix

from workers.queue import Queue, working


class Work:
    """A job that tells how often it began, and that can be held up."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._news = asyncio.Condition()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.failures = 0

    async def job(self, _: Mapping[str, Any], name: str) -> None:
        async with self._news:
            self.begun.append(name)
            self._news.notify_all()
        await self.may_end.wait()
        if self.failures:
            self.failures -= 1
            raise Retry(defer=0.05)

    @property
    def functions(self) -> list[Any]:
        return [func(self.job, name="job", max_tries=100)]

    async def began(self, times: int) -> None:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.begun) >= times)


async def _quiet() -> None:
    await asyncio.sleep(0.5)


async def test_a_job_asked_for_many_times_while_it_waits_runs_once(queue: Queue):
    work = Work()
    for _ in range(5):
        await queue.request("job", "a")
    await queue.request("job", "b")
    async with working(queue, work.functions, [], {}):
        await work.began(2)
        await _quiet()
    assert sorted(work.begun) == ["a", "b"]


async def test_a_job_asked_for_while_it_runs_runs_once_more(queue: Queue):
    work = Work()
    work.may_end.clear()
    async with working(queue, work.functions, [], {}):
        await queue.request("job", "a")
        await work.began(1)
        for _ in range(5):
            await queue.request("job", "a")
        work.may_end.set()
        await work.began(2)
        await _quiet()
    assert work.begun == ["a", "a"]


async def test_a_job_that_ran_can_be_asked_for_at_once(queue: Queue):
    work = Work()
    async with working(queue, work.functions, [], {}):
        for times in (1, 2, 3):
            await queue.request("job", "a")
            await work.began(times)


async def test_a_job_that_asks_for_another_try_gets_it(queue: Queue):
    work = Work()
    work.failures = 2
    async with working(queue, work.functions, [], {}):
        await queue.request("job", "a")
        await work.began(3)
        await _quiet()
    assert work.begun == ["a", "a", "a"]


async def test_a_job_that_runs_when_the_worker_stops_runs_again_with_the_next(queue: Queue):
    work = Work()
    work.may_end.clear()
    async with working(queue, work.functions, [], {}):
        await queue.request("job", "a")
        await work.began(1)
    work.may_end.set()
    async with working(queue, work.functions, [], {}):
        await work.began(2)


async def test_a_long_job_is_left_to_its_worker_while_that_lives(queue: Queue, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workers.queue.ALIVE_SECONDS", 2.0)
    work = Work()
    work.may_end.clear()
    async with working(queue, work.functions, [], {}), working(queue, work.functions, [], {}):
        await queue.request("job", "a")
        await asyncio.sleep(4.5)
        work.may_end.set()
        await _quiet()
    assert work.begun == ["a"]


async def test_the_job_of_a_killed_worker_begins_again_soon(queue: Queue, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workers.queue.ALIVE_SECONDS", 2.0)
    work = Work()
    # What a killed worker leaves behind: a job that is marked as running.
    await queue.request("job", "a")
    await queue.redis.set(in_progress_key_prefix + "job:a", b"1", px=1500)
    async with working(queue, work.functions, [], {}):
        await asyncio.sleep(0.3)
        assert work.begun == []
        await work.began(1)


async def test_two_workers_share_the_jobs(queue: Queue):
    work = Work()
    async with working(queue, work.functions, [], {}), working(queue, work.functions, [], {}):
        for number in range(20):
            await queue.request("job", str(number))
        await work.began(20)
        await _quiet()
    assert sorted(work.begun) == sorted(map(str, range(20)))


async def test_jobs_that_are_due_run_by_themselves(queue: Queue):
    work = Work()

    async def tick(ctx: Mapping[str, Any]) -> None:
        await work.job(ctx, ctx["given"])

    async with working(queue, [], [cron(tick, name="tick", second=set(range(60)))], {"given": "due"}):
        await work.began(1)
    assert work.begun[0] == "due"


async def test_only_the_first_within_a_time_is_told_so(queue: Queue):
    assert [await queue.first_in("name", 150) for _ in range(3)] == [True, False, False]
    await asyncio.sleep(0.2)
    assert await queue.first_in("name", 150)


async def test_what_expired_is_dropped(queue: Queue):
    await queue.first_in("name", 1)
    await asyncio.sleep(0.05)
    await queue.sweep()
    assert await queue.redis.keys() == []
