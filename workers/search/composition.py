"""Puts search together from the configuration: the index, what feeds it, and the service that answers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import cast

from config import Config
from config.backend import SqliteDatabase
from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Store
from plugins.loading import load_plugins
from workers.search.collation import Collation
from workers.search.collators.definitions import DefinitionCollator
from workers.search.collators.sections import SectionCollator, SiteIndex
from workers.search.index import SearchIndex
from workers.search.indexing import Indexing
from workers.search.jobs import Feeding
from workers.search.searching import Searching
from workers.search.source_jobs import sourcing_from
from workers.search.terms import Synonyms
from workers.techdocs.publishing import site_of
from workers.techdocs.storing import publisher_from


def index_from(config: Config) -> SearchIndex | None:
    """The configured index, not opened yet; None where there is none: several processes can't share an embedded one."""
    if (server := config.search.meilisearch) is not None:
        key = server.api_key.get_secret_value() if server.api_key else ""
        adapter = import_module("workers.search.meilisearch").MeilisearchIndex
        return cast("SearchIndex", adapter(server.url, key, server.index_prefix, config.search.synonyms))
    if config.backend.queue is not None:
        return None
    return embedded_index(_folder(config))


def embedded_index(folder: Path) -> SearchIndex:
    """The index in that folder, not opened yet."""
    # Neither engine is imported where the other one is used.
    return cast("SearchIndex", import_module("workers.search.tantivy").TantivyIndex(folder))


def collation_from(config: Config, store: Store) -> Collation:
    """What makes documents of entities: the built-in collators and those of plugins."""
    sections = [SectionCollator(_site_index(config, store))] if config.blob_storage else []
    return Collation([DefinitionCollator(), *sections, *load_plugins(config.plugins).collators], config.search.without)


def _site_index(config: Config, store: Store) -> SiteIndex:
    publisher = cache(partial(publisher_from, config))

    async def read(ref: Ref) -> bytes | None:
        entity = (await store.entities_by_ref([ref], visible=EVERYTHING)).get(ref)
        return await publisher().search_index(site_of(entity)) if entity else None

    return read


def feeding_from(config: Config, store: Store, index: SearchIndex, registry: RelationRegistry) -> Feeding:
    """What keeps the index in step with the catalog."""
    indexing = Indexing(store, index, collation_from(config, store), registry)
    return Feeding(store, indexing, check_every=config.search.check_every, rebuild_every=config.search.rebuild_every)


def searching_from(config: Config, store: Store, index: SearchIndex, registry: RelationRegistry) -> Searching:
    """What answers searches."""
    brought: dict[str, None] = dict.fromkeys(source.type for source in sourcing_from(config, store).sources.values())
    return Searching(store, index, registry, {**brought, **collation_from(config, store).types}, Synonyms.of(config.search.synonyms))


@asynccontextmanager
async def indexed(config: Config, store: Store, registry: RelationRegistry, folder: Path) -> AsyncGenerator[Searching]:
    """What answers searches of a catalog that does not change, from an index built in the folder."""
    index = embedded_index(folder)
    try:
        await index.open()
        await feeding_from(config, store, index, registry).indexing.rebuild()
        yield searching_from(config, store, index, registry)
    finally:
        await index.close()


def _folder(config: Config) -> Path:
    if config.search.folder is not None:
        return config.search.folder
    database = config.backend.database
    return (database.connection.filename.parent if isinstance(database, SqliteDatabase) else Path(".callboard")) / "search"
