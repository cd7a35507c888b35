"""Tells subscriptions that the log has grown: one look at its head for the whole process, and none while nobody listens."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from graph.errors import CallboardError, LimitExceededError, StoreError
from workers.figures import BackgroundWork, QueueUnavailableError
from workers.waiting import set_within

LOOK_SECONDS = 0.25
"""How long a change may go unseen that nobody told of."""

_RETRY_SECONDS = 1.0

_log = logging.getLogger("callboard.subscriptions")


class FeedClosedError(CallboardError):
    """The server stops. Subscribe again elsewhere, from where this ended."""

    code = "UNAVAILABLE"
    MESSAGE = "The server stops. Subscribe again, from the last cursor received."


class LogFeed:
    """The head of the log as it was seen last. `head` reads it; `work` is what tells of ended jobs, None while there is none."""

    def __init__(self, head: Callable[[], Awaitable[int]], work: Callable[[], BackgroundWork | None], most_listeners: int) -> None:
        self._read_head = head
        self._work = work
        self._most_listeners = most_listeners
        self._listeners = 0
        self._head = 0
        self._pulse = asyncio.Event()
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = asyncio.Event()

    @property
    def listeners(self) -> int:
        """How many subscriptions there are."""
        return self._listeners

    @property
    def closed(self) -> bool:
        """Whether the server stops."""
        return self._closed.is_set()

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Keeps looking while entered. LimitExceededError if too many do already, FeedClosedError while the server stops."""
        self._refuse_if_closed()
        if self._listeners >= self._most_listeners:
            limit = f"This server has {self._most_listeners:,} subscriptions, and no more (graphql.maxSubscriptions). Try again later."
            raise LimitExceededError(limit)
        self._listeners += 1
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._look()), asyncio.create_task(self._listen_for_wakes())]
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                await self._rest()

    async def beyond(self, sequence: int) -> int:
        """The head, once it is beyond this number. FeedClosedError when the server stops."""
        while self._head <= sequence:
            self._refuse_if_closed()
            await self._pulse.wait()
        return self._head

    async def pulse(self, seconds: float) -> None:
        """Return when something may have happened, or after that many seconds. FeedClosedError when the server stops."""
        self._refuse_if_closed()
        await set_within(self._pulse, seconds)
        self._refuse_if_closed()

    async def wait_closed(self) -> None:
        """Return when the server stops."""
        await self._closed.wait()

    def wake(self) -> None:
        """Look at once."""
        self._woken.set()

    def close(self) -> None:
        """End every subscription."""
        self._closed.set()
        self._tell()

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise FeedClosedError(FeedClosedError.MESSAGE)

    def _tell(self) -> None:
        self._pulse.set()
        self._pulse = asyncio.Event()

    async def _rest(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            is_woken = self._woken.is_set()
            self._woken.clear()
            with suppress(StoreError):
                head = await self._read_head()
                if head != self._head or is_woken:
                    self._head = head
                    self._tell()
            await set_within(self._woken, LOOK_SECONDS)

    async def _listen_for_wakes(self) -> None:
        while True:
            work = self._work()
            if work:
                with suppress(QueueUnavailableError):
                    async for _ in work.wakes():
                        self.wake()
            await asyncio.sleep(_RETRY_SECONDS)
