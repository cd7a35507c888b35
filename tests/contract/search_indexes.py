"""The search indexes that the contract is held against, each new and empty."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from workers.search.index import SearchIndex
from workers.search.tantivy import TantivyIndex

INDEXES: Mapping[str, Callable[[Path], SearchIndex]] = {"tantivy": lambda folder: TantivyIndex(folder / "index")}
"""How an index is made that nothing was written to."""

_NEEDS = {"meilisearch": "MEILISEARCH_URL"}


@asynccontextmanager
async def open_index(name: str, folder: Path) -> AsyncIterator[SearchIndex]:
    """The named index, open. The test is skipped if it needs a server of which nobody told the address."""
    if (variable := _NEEDS.get(name)) and not os.environ.get(variable):
        pytest.skip(f"NOT RUN: no Meilisearch server was given; set {variable} to run the contract of the search index against one")
    index = INDEXES[name](folder)
    await index.open()
    try:
        yield index
    finally:
        await index.close()
