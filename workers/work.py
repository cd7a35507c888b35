"""What a serving process may know and ask of the background work, done beside it or elsewhere."""

from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import TypeVar

from redis import RedisError

from workers.figures import FailedJob, JobNumbers, QueueUnavailableError
from workers.queue import Queue

T = TypeVar("T")


class QueuedWork:
    """The background work that goes through one queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def numbers(self) -> Sequence[JobNumbers]:
        return await _answered(self._queue.statistics.numbers())

    async def failures(self) -> Sequence[FailedJob]:
        return await _answered(self._queue.statistics.failures())

    async def request(self, function: str, *args: str) -> None:
        await _answered(self._queue.request(function, *args))

    async def wake(self) -> None:
        await self._queue.wake()

    async def wakes(self) -> AsyncGenerator[None]:
        try:
            async for _ in self._queue.wakes():
                yield
        except (RedisError, OSError) as error:
            raise QueueUnavailableError(_UNAVAILABLE) from error


_UNAVAILABLE = "The job queue can't be reached at the moment. Try again in a few seconds."


async def _answered(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except (RedisError, OSError) as error:
        raise QueueUnavailableError(_UNAVAILABLE) from error
