"""Two worker processes on one store and one Redis: never both at one location, whatever is killed."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.relations import RelationRegistry
from graph.stores.neo4j import Neo4jStore
from ingest.pipeline import RefreshReport, refresh
from tests.conftest import StartRedis
from tests.ingest.catalogs import KINDS, component, write_documents
from workers import leases
from workers.composition import run_worker
from workers.refresh import jobs

LEASE_SECONDS = 3.0
_READ_SECONDS = 0.4
_ROOT = Path(__file__).parent.parent.parent
_CODE = """
import asyncio, sys
sys.path[:] = {path!r}
from tests.workers.test_two_workers import work
asyncio.run(work({configuration!r}, {log!r}))
"""


async def work(configuration: dict[str, Any], log: str) -> None:
    """What `callboard worker` does, slowed down, and writing down when each read of a location begins and ends."""

    @wraps(refresh)
    async def noted(location: Any, *args: Any, **kwargs: Any) -> RefreshReport:
        _note(log, "begins", location.id)
        try:
            await asyncio.sleep(_READ_SECONDS)
            return await refresh(location, *args, **kwargs)
        finally:
            _note(log, "ends", location.id)

    jobs.refresh = noted
    leases.LEASE_SECONDS = LEASE_SECONDS
    jobs.TICK_SECONDS = 1
    config = Config.model_validate(configuration)
    store = Neo4jStore(configuration["backend"]["database"]["connection"]["uri"], registry=RelationRegistry())
    await store.open()
    await run_worker(config, store, RelationRegistry())


def _note(log: str, what: str, location_id: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{time.monotonic()} {what} {location_id}\n")


@contextmanager
def working(configuration: dict[str, Any], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    code = _CODE.format(path=[str(_ROOT), *sys.path], configuration=configuration, log=str(log))
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def overlaps(logs: list[Path]) -> list[tuple[str, float, float]]:
    """Times at which a location was read by one while another read it. Who was killed ends with the last thing it wrote."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for log in logs:
        begun: dict[str, list[float]] = {}
        last = 0.0
        for line in log.read_text().splitlines():
            at, what, location = line.split()
            last = float(at)
            if what == "begins":
                begun.setdefault(location, []).append(last)
            else:
                spans.setdefault(location, []).append((begun[location].pop(0), last))
        for location, open_since in begun.items():
            spans.setdefault(location, []).extend((since, last) for since in open_since)
    found: list[tuple[str, float, float]] = []
    for location, times in spans.items():
        ordered = sorted(times)
        found += [(location, one[1], other[0]) for one, other in pairwise(ordered) if other[0] < one[1]]
    return found


def reads(logs: list[Path]) -> int:
    return sum(log.read_text().count(" ends ") for log in logs if log.exists())


def _until_read(logs: list[Path], more: int, seconds: float = 40) -> None:
    wanted, began = reads(logs) + more, time.monotonic()
    while reads(logs) < wanted:
        assert time.monotonic() - began < seconds, f"{reads(logs)} of {wanted} reads"
        time.sleep(0.05)


@pytest.fixture
def configuration(tmp_path: Path, empty_neo4j_uri: str) -> dict[str, Any]:
    folder = tmp_path / "catalog"
    folder.mkdir()
    for number in range(4):
        write_documents(folder / f"{number}.yaml", component(f"c{number}"))
    return {
        "backend": {"database": {"client": "neo4j", "connection": {"uri": empty_neo4j_uri}}},
        "catalog": {
            "rules": [{"allow": list(KINDS)}],
            "processingInterval": {"seconds": 1},
            "watch": False,
            "locations": [{"type": "file", "target": str(folder / f"{number}.yaml")} for number in range(4)],
        },
    }


def test_no_two_workers_read_one_location_at_once_even_when_redis_and_workers_are_lost(
    tmp_path: Path, configuration: dict[str, Any], start_redis: StartRedis
):
    redis = start_redis()
    configuration["backend"]["queue"] = {"url": redis.url}
    logs = [tmp_path / f"{number}.log" for number in range(3)]
    with ExitStack() as stack:
        one = stack.enter_context(working(configuration, logs[0]))
        stack.enter_context(working(configuration, logs[1]))
        _until_read(logs[:1], 2)
        _until_read(logs[1:2], 2)
        redis.kill()
        redis.start()
        _until_read(logs, 6)
        one.kill()
        stack.enter_context(working(configuration, logs[2]))
        _until_read(logs[2:], 2)
    assert overlaps(logs) == []
