"""The stores that the GraphQL contract is tested on, each holding the organisation of tests/api/catalog.py."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.store import Store
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CONFIGURED, Asking, store_organisation


async def _filled(store: Store) -> None:
    await store.open()
    await store_organisation(store)
    await store.close()


@pytest.fixture(scope="session")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    filename = tmp_path_factory.mktemp("organisation") / "catalog.db"
    asyncio.run(_filled(SqliteStore(filename, CONFIGURED)))
    return filename


@pytest.fixture
async def organisation(filled_file: Path, tmp_path: Path) -> AsyncIterator[Store]:
    """A store that holds the organisation, and that a test may change."""
    filename = tmp_path / "catalog.db"
    shutil.copy(filled_file, filename)
    store = SqliteStore(filename, CONFIGURED)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def asking(organisation: Store) -> Asking:
    return Asking(organisation, CONFIGURED)
