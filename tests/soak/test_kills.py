"""Twenty kills of a load of ten thousand entities, each followed by a restart, on both stores."""

import asyncio
import random
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
    seconds = timed_load(sqlite(tmp_path / "timed.db"), target)
    moments = random.Random(_SEED)
    hits = sum(_survives(sqlite(tmp_path / f"{kill}.db"), target, whole, moments.random() * seconds) for kill in range(KILLS))
    assert hits > KILLS / 2


def test_loads_into_neo4j_survive_twenty_kills(neo4j_uri: str, target: str, whole: dict[str, Any]):
    database: Database = {"client": "neo4j", "connection": {"uri": neo4j_uri}}
    _empty(neo4j_uri)
    seconds = timed_load(database, target)
    moments = random.Random(_SEED)
    hits = 0
    for _ in range(KILLS):
        _empty(neo4j_uri)
        hits += _survives(database, target, whole, moments.random() * seconds)
    assert hits > KILLS / 2


def _survives(database: Database, target: str, whole: dict[str, Any], seconds: float) -> bool:
    hit = killed_load(database, target, seconds)
    assert_no_half(asyncio.run(dump(database, target)), whole)
    asyncio.run(load(database, target))
    assert asyncio.run(dump(database, target)) == whole
    return hit


def _empty(uri: str) -> None:
    with neo4j.GraphDatabase.driver(uri) as driver, driver.session() as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS").consume()
