"""The search indexes that the contract is held against, each new and empty."""

import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from meilisearch import Client

from tests.servers.meilisearch import meilisearch_emulator
from tests.servers.meilisearch_openapi import Api, described_api
from workers.search.index import SearchIndex
from workers.search.meilisearch import MeilisearchIndex
from workers.search.tantivy import TantivyIndex

Groups = Sequence[Sequence[str]]

SYNONYMS = (("k8s", "kubernetes"), ("ci", "continuous integration"))
"""Terms carry their synonyms to tantivy; Meilisearch has to be told the same before."""


@asynccontextmanager
async def _tantivy(folder: Path, synonyms: Groups) -> AsyncGenerator[SearchIndex]:
    yield TantivyIndex(folder / "index")


@asynccontextmanager
async def _meilisearch(folder: Path, synonyms: Groups) -> AsyncGenerator[SearchIndex]:
    """An index on the server at MEILISEARCH_URL, on this machine, with MEILISEARCH_API_KEY if it asks for one."""
    url, key = os.environ.get("MEILISEARCH_URL"), os.environ.get("MEILISEARCH_API_KEY", "")
    if not url:
        pytest.skip("NOT RUN: no Meilisearch server was given; set MEILISEARCH_URL to run the contract of the search index against one")
    prefix = f"callboard-test-{uuid4().hex}"
    yield MeilisearchIndex(url, key, prefix, synonyms)
    client = Client(url, key, timeout=10)
    for index in client.get_indexes({"limit": 1000})["results"]:
        if index.uid.startswith(prefix):
            client.wait_for_task(index.delete().task_uid)


@asynccontextmanager
async def _emulated(folder: Path, synonyms: Groups) -> AsyncGenerator[SearchIndex]:
    """The same adapter with our own small server, which shows that it asks for the right thing, and nothing of how Meilisearch ranks."""
    with meilisearch_emulator() as server:
        yield MeilisearchIndex(server.url, server.key, "callboard", synonyms)
        described = described_api()
        if isinstance(described, Api):
            assert [misfit for exchange in server.exchanges for misfit in described.misfits(exchange)] == []


INDEXES: Mapping[str, Callable[[Path, Groups], AbstractAsyncContextManager[SearchIndex]]] = {
    "tantivy": _tantivy,
    "meilisearch": _meilisearch,
    "meilisearch-emulated": _emulated,
}
"""How an index is made that nothing was written to."""


@asynccontextmanager
async def open_index(name: str, folder: Path, synonyms: Groups = ()) -> AsyncGenerator[SearchIndex]:
    """The named index, open. The test is skipped if it needs a server of which nobody told the address."""
    async with INDEXES[name](folder, synonyms) as index:
        await index.open()
        try:
            yield index
        finally:
            await index.close()
