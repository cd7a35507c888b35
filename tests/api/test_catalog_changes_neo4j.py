"""Backstage's catalog API where it changes something, on Neo4j."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from graph.relations import RelationRegistry
from graph.stores.neo4j import Neo4jStore
from tests.api import test_catalog_changes as changes
from tests.api.acting import Acting, acting_on


@pytest.fixture
async def acting(tmp_path: Path, empty_neo4j_uri: str) -> AsyncIterator[Acting]:
    folder = tmp_path / "allowed"
    folder.mkdir()
    store = Neo4jStore(empty_neo4j_uri, None, None, "neo4j", RelationRegistry())
    async with acting_on(store, folder, {"registration": {"fileRoots": [str(folder)]}}) as acting:
        for _ in range(200):
            if (await acting.client.get(f"{changes.API}/entity-sets")).status_code == 200:
                break
            await asyncio.sleep(0.05)
        yield acting


@pytest.mark.parametrize(
    "behaviour",
    [
        changes.test_a_moved_location_keeps_its_names_and_loses_nothing_on_the_way,
        changes.test_a_deleted_entity_comes_back_when_its_file_is_read_next,
        changes.test_a_deleted_entity_that_is_declared_twice_comes_back_from_one_of_its_files,
    ],
)
async def test_it_is_the_same(acting: Acting, behaviour: Callable[[Acting], Awaitable[None]]):
    await behaviour(acting)
