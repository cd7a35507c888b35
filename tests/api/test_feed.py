"""The feed of subscriptions: one look for all, none while nobody listens, and an end for all when the server stops."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from api.graphql.feed import FeedClosedError, LogFeed
from graph.errors import LimitExceededError, StoreUnavailableError
from workers.figures import FailedJob, JobNumbers


class Log:
    """A log whose head can be set, and which counts how often it is looked at."""

    def __init__(self) -> None:
        self.head = 7
        self.looks = 0
        self.is_reachable = True

    async def read(self) -> int:
        self.looks += 1
        if not self.is_reachable:
            raise StoreUnavailableError("away")
        return self.head


class Work:
    """Background work whose jobs end when told so."""

    def __init__(self) -> None:
        self.ended: asyncio.Queue[None] = asyncio.Queue()

    async def numbers(self) -> Sequence[JobNumbers]:
        return []

    async def failures(self) -> Sequence[FailedJob]:
        return []

    async def request(self, function: str, *args: str) -> None:
        pass

    async def wakes(self) -> AsyncGenerator[None]:
        while True:
            yield await self.ended.get()


async def test_nobody_looks_while_nobody_listens_and_one_looks_for_all():
    log = Log()
    feed = LogFeed(log.read, lambda: None, 10)
    await asyncio.sleep(0.6)
    assert log.looks == 0
    async with feed.listening(), feed.listening(), feed.listening():
        assert await asyncio.gather(*(feed.beyond(6) for _ in range(3))) == [7, 7, 7]
        await asyncio.sleep(0.6)
        assert log.looks in {2, 3, 4}
    seen = log.looks
    await asyncio.sleep(0.6)
    assert (log.looks, feed.listeners) == (seen, 0)


async def test_a_change_is_seen_soon_and_at_once_when_a_job_ends(monkeypatch: pytest.MonkeyPatch):
    log, work = Log(), Work()
    feed = LogFeed(log.read, lambda: work, 10)
    async with feed.listening():
        waiting = asyncio.ensure_future(feed.beyond(7))
        await asyncio.sleep(0.1)
        log.head = 8
        assert await asyncio.wait_for(waiting, 1) == 8
        monkeypatch.setattr("api.graphql.feed.LOOK_SECONDS", 60)
        await asyncio.sleep(0.3)
        waiting = asyncio.ensure_future(feed.beyond(8))
        log.head = 9
        work.ended.put_nowait(None)
        assert await asyncio.wait_for(waiting, 1) == 9


async def test_a_store_that_goes_away_is_looked_at_until_it_is_back():
    log = Log()
    log.is_reachable = False
    feed = LogFeed(log.read, lambda: None, 10)
    async with feed.listening():
        waiting = asyncio.ensure_future(feed.beyond(0))
        await asyncio.sleep(0.4)
        assert not waiting.done()
        log.is_reachable = True
        assert await asyncio.wait_for(waiting, 1) == 7


async def test_there_are_so_many_listeners_and_no_more():
    feed = LogFeed(Log().read, lambda: None, 2)
    async with feed.listening(), feed.listening():
        with pytest.raises(LimitExceededError, match=r"graphql\.maxSubscriptions"):
            async with feed.listening():
                pass
    async with feed.listening():
        assert feed.listeners == 1


async def test_closing_ends_all_who_wait_and_lets_nobody_begin():
    feed = LogFeed(Log().read, lambda: None, 10)
    async with feed.listening():
        waiting = [asyncio.ensure_future(feed.beyond(7)), asyncio.ensure_future(feed.pulse(60))]
        await asyncio.sleep(0.1)
        feed.close()
        ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)
        assert [type(error) for error in ended] == [FeedClosedError, FeedClosedError]
    with pytest.raises(FeedClosedError):
        async with feed.listening():
            pass
