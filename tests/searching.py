"""A catalog that can be searched, for tests: a store, an index in a folder beside it, and the service on both."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from config import Config
from config.search import Search
from graph.relations import RelationRegistry
from graph.store import Store
from workers.search.composition import embedded_index, feeding_from, searching_from
from workers.search.index import SearchIndex
from workers.search.indexing import Indexing
from workers.search.searching import Searching


@dataclass(frozen=True, slots=True)
class Searchable:
    """What keeps the index in step, and what answers."""

    index: SearchIndex
    indexing: Indexing
    searching: Searching


@asynccontextmanager
async def searchable(store: Store, registry: RelationRegistry, synonyms: Sequence[tuple[str, ...]] = ()) -> AsyncIterator[Searchable]:
    """The store with an index of what it holds now, which follows no change by itself."""
    config = Config(search=Search(synonyms=tuple(synonyms)))
    with TemporaryDirectory() as folder:
        index = embedded_index(Path(folder))
        await index.open()
        try:
            indexing = feeding_from(config, store, index, registry).indexing
            await indexing.rebuild()
            yield Searchable(index, indexing, searching_from(config, store, index, registry))
        finally:
            await index.close()
