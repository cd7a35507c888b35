"""The two places where jobs wait: a Redis in this process, and a real one."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.servers.neo4j import MissingServerError
from tests.servers.redis import RedisServer
from workers.queue import Queue, connected


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty Redis for this session."""
    server = RedisServer(Path(tmp_path_factory.mktemp("redis")))
    try:
        server.start()
    except MissingServerError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    yield server.url
    server.kill()


@pytest.fixture(params=["in process", "redis"])
async def queue(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    url = None if request.param == "in process" else request.getfixturevalue("redis_url")
    async with connected(url) as queue:
        await queue.redis.flushall()
        yield queue
