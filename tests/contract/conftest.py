"""The stores that the contract is held against: a new, empty one for each test, or one with the shop in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore
from tests.contract import shop


@pytest.fixture(params=["sqlite", "neo4j"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    registry = RelationRegistry()
    if request.param == "sqlite":
        opened: Store = SqliteStore(tmp_path / "catalog.db", registry)
    else:
        opened = Neo4jStore(request.getfixturevalue("empty_neo4j_uri"), registry=registry)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def stocked(store: Store) -> Store:
    await shop.stock(store)
    return store
