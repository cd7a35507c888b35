"""Twenty kills of a load of ten thousand entities, each followed by a restart, on both stores."""

import asyncio
import random
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import neo4j
import pytest

from tests.kills import Database, assert_no_half, dump, killed_load, load, timed_load
from tests.workload import workload

KILLS = 20
_SEED = 20

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(workload(tmp_path_factory.mktemp("workload"), 10_000))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, target: str) -> dict[str, Any]:
    """The graph of an undisturbed load."""
    database = sqlite(tmp_path_factory.mktemp("undisturbed") / "catalog.db")
    asyncio.run(load(database, target))
    return asyncio.run(dump(database, target))


def sqlite(path: Path) -> Database:
    return {"client": "sqlite", "connection": {"filename": str(path)}}


def test_loads_into_sqlite_survive_twenty_kills(tmp_path: Path, target: str, whole: dict[str, Any]):
    names = count()

    def fresh() -> Database:
        return sqlite(tmp_path / f"{next(names)}.db")

    _survives_kills(fresh, target, whole)


def test_loads_into_neo4j_survive_twenty_kills(neo4j_uri: str, target: str, whole: dict[str, Any]):
    def fresh() -> Database:
        _empty(neo4j_uri)
        return {"client": "neo4j", "connection": {"uri": neo4j_uri}}

    _survives_kills(fresh, target, whole)


def _survives_kills(fresh: Callable[[], Database], target: str, whole: dict[str, Any]) -> None:
    """Twenty loads, each into an empty store and killed while it goes on."""
    seconds = timed_load(fresh(), target)
    moments = random.Random(_SEED)
    hits = 0
    while hits < KILLS:
        database = fresh()
        hit = killed_load(database, target, moments.random() * seconds)
        assert_no_half(asyncio.run(dump(database, target)), whole)
        asyncio.run(load(database, target))
        assert asyncio.run(dump(database, target)) == whole
        hits += hit
        # A server that has warmed up is faster than it was when the load was timed.
        seconds *= 1 if hit else 0.8


def _empty(uri: str) -> None:
    with neo4j.GraphDatabase.driver(uri) as driver, driver.session() as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS").consume()
