"""The two places where jobs wait: a Redis in this process, and a real one."""

from collections.abc import AsyncIterator

import pytest

from workers.queue import Queue, connected


@pytest.fixture(params=["in process", "redis"])
async def queue(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    url = None if request.param == "in process" else request.getfixturevalue("redis_url")
    async with connected(url) as queue:
        await queue.redis.flushall()
        yield queue
