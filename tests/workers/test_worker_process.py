"""A worker process on a real Redis: it reads the catalog, sees changes, and another takes over where one was killed."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore
from tests.ingest.catalogs import KINDS, Catalog, component
from tests.workers.test_refreshing import has, until
from workers.composition import run_worker
from workers.health import has_worker

_ROOT = Path(__file__).parent.parent.parent
_CODE = """
import asyncio, sys
sys.path[:] = {path!r}
from tests.workers.test_worker_process import work
asyncio.run(work({configuration!r}))
"""


async def work(configuration: dict[str, Any]) -> None:
    """What `callboard worker` does. The embedded store serves here as well as Neo4j: only this one process writes to it."""
    from config import Config  # noqa: PLC0415 - this runs in the process under test

    config = Config.model_validate(configuration)
    store = SqliteStore(config.backend.database.connection.filename, RelationRegistry())
    await store.open()
    await run_worker(config, store, RelationRegistry())


@contextmanager
def working(configuration: dict[str, Any]) -> Iterator["subprocess.Popen[bytes]"]:
    code = _CODE.format(path=[str(_ROOT), *sys.path], configuration=configuration)
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    (tmp_path / "catalog").mkdir()
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield Catalog(tmp_path / "catalog", store)
    await store.close()


async def test_a_worker_on_redis_keeps_the_catalog_in_step_and_another_goes_on_after_it_was_killed(catalog: Catalog, redis_url: str):
    catalog.write("all.yaml", component("a"))
    configuration = {
        "backend": {
            "queue": {"url": redis_url},
            "database": {"client": "sqlite", "connection": {"filename": str(catalog.folder.parent / "catalog.db")}},
        },
        "catalog": {"rules": [{"allow": list(KINDS)}], "locations": [{"type": "file", "target": catalog.path("all.yaml")}]},
    }
    with working(configuration):
        await until(has(catalog, "a"), 30)
        assert await has_worker(redis_url)
        catalog.write("all.yaml", component("a"), component("b"))
        await until(has(catalog, "a", "b"), 30)
    catalog.write("all.yaml", component("b"))
    with working(configuration):
        await until(has(catalog, "b"), 30)
