"""How jobs end: done, tried again, given up with a reason, or cut off; on both kinds of Redis."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from graph.errors import InputError, StoreUnavailableError
from workers.jobs import job
from workers.leases import BusyError
from workers.queue import Queue, working
from workers.statistics import JobNumbers


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what is awaited happens in Redis
            await asyncio.sleep(0.02)


async def numbers(queue: Queue, name: str) -> JobNumbers:
    return next((row for row in await queue.statistics.numbers() if row.name == name), JobNumbers(name))


async def test_a_failing_job_is_tried_as_often_as_declared_and_then_listed_with_its_reason(queue: Queue):
    tried: list[str] = []

    async def failing(_: Mapping[str, Any], name: str) -> None:
        tried.append(name)
        raise InputError("the moon is not full")

    async with working(queue, [job(failing, time_limit_seconds=5, tries=3, first_delay_seconds=0.05)], [], {}):
        await queue.request("failing", "a")
        await until(lambda: _failed(queue))
        await asyncio.sleep(0.3)
    assert tried == ["a", "a", "a"]
    failure = (await queue.statistics.failures())[0]
    assert (failure.name, list(failure.arguments), failure.tries, failure.reason) == ("failing", ["a"], 3, "the moon is not full")
    row = await numbers(queue, "failing")
    assert (row.failed, row.retried, row.done, row.queued, row.running, row.waiting) == (1, 2, 0, 0, 0, 0)


async def _failed(queue: Queue) -> bool:
    return bool(await queue.statistics.failures())


async def test_a_job_beyond_its_time_limit_is_ended(queue: Queue):
    ended = asyncio.Event()

    async def slow(_: Mapping[str, Any]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with working(queue, [job(slow, time_limit_seconds=0.2, tries=1)], [], {}):
        await queue.request("slow")
        await until(lambda: _failed(queue))
    assert ended.is_set()
    assert (await queue.statistics.failures())[0].reason == "it took longer than 0.2 s, and was ended"


async def test_what_was_not_raised_on_purpose_is_told_in_the_log_alone(queue: Queue, caplog: pytest.LogCaptureFixture):
    async def broken(_: Mapping[str, Any]) -> None:
        raise RuntimeError("password is swordfish")

    async with working(queue, [job(broken, time_limit_seconds=5, tries=1)], [], {}):
        await queue.request("broken")
        await until(lambda: _failed(queue))
    reason = (await queue.statistics.failures())[0].reason
    assert reason.startswith("internal error; the worker's log has the details under the id ")
    assert reason.rsplit(" ", 1)[1] in caplog.text


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), BusyError("busy")])
async def test_a_job_waits_for_the_store_and_for_others_without_using_up_its_tries(
    queue: Queue, error: Exception, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("workers.jobs._UNAVAILABLE_SECONDS", 0.05)
    monkeypatch.setattr("workers.jobs._BUSY_SECONDS", 0.05)
    times = 0

    async def patient(_: Mapping[str, Any]) -> None:
        nonlocal times
        times += 1
        if times < 5:
            raise error

    async with working(queue, [job(patient, time_limit_seconds=5, tries=2)], [], {}):
        await queue.request("patient")
        await until(lambda: _done(queue, "patient"))
    row = await numbers(queue, "patient")
    assert (times, row.done, row.retried, row.failed) == (5, 1, 4, 0)


async def _done(queue: Queue, name: str) -> bool:
    return (await numbers(queue, name)).done > 0


async def test_what_waits_and_what_runs_is_counted_with_its_age(queue: Queue):
    may_end = asyncio.Event()

    async def held(_: Mapping[str, Any], name: str) -> None:
        await may_end.wait()

    await queue.request("held", "a")
    await queue.request("held", "b")
    await asyncio.sleep(0.2)
    row = await numbers(queue, "held")
    assert (row.queued, row.running) == (2, 0)
    assert row.oldest_age_seconds is not None and 0.2 <= row.oldest_age_seconds < 5
    async with working(queue, [job(held, time_limit_seconds=5)], [], {}):
        await until(lambda: _running(queue, 2))
        may_end.set()
        await until(lambda: _done(queue, "held"))
        await until(lambda: _running(queue, 0))
    row = await numbers(queue, "held")
    assert (row.done, row.queued, row.oldest_age_seconds, sum(row.durations)) == (2, 0, None, 2)


async def _running(queue: Queue, count: int) -> bool:
    return (await numbers(queue, "held")).running == count


async def test_the_end_of_a_job_wakes_those_who_wait_for_changes(queue: Queue):
    async def quick(_: Mapping[str, Any]) -> None:
        pass

    wakes = queue.wakes()
    async with working(queue, [job(quick, time_limit_seconds=5)], [], {}), asyncio.timeout(5):
        first = asyncio.ensure_future(anext(wakes))
        await asyncio.sleep(0.1)
        await queue.request("quick")
        await first
    await wakes.aclose()


async def test_a_redis_that_remembers_nothing_is_noticed_once(queue: Queue):
    assert [await queue.is_new() for _ in range(2)] == [True, False]
    await queue.redis.flushall()
    assert [await queue.is_new() for _ in range(2)] == [True, False]
