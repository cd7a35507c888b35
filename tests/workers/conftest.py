"""The two places where jobs wait, a Redis in this process and a real one, and where packages of plugins are installed."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from plugins.loading import forget_plugins
from workers.queue import Queue, connected


@pytest.fixture(params=["in process", "redis"])
async def queue(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    url = None if request.param == "in process" else request.getfixturevalue("redis_url")
    async with connected(url) as queue:
        await queue.redis.flushall()
        yield queue


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that packages of this test are installed into."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    forget_plugins()
    yield folder
    forget_plugins()
    for name in [name for name, module in sys.modules.items() if (getattr(module, "__file__", None) or "").startswith(f"{folder}/")]:
        del sys.modules[name]
