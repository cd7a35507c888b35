"""A catalog to read, in the embedded store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore
from tests.ingest.catalogs import Catalog


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    folder = tmp_path / "catalog"
    folder.mkdir()
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield Catalog(folder, store)
    await store.close()
