"""A catalog read from files for one command, in a store that is thrown away afterwards."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api.execute import execute
from api.graphql.context import Context
from api.graphql.schema import build_schema
from cli.catalogs import Answer, Ask, Choice, FailedRequestError
from cli.progress import shown_progress
from config import Config, load
from config.catalog import LocationConfig, Rule
from config.paths import anchored
from graph.configured import registry_from
from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores.sqlite import SqliteStore
from ingest.kinds import rules_of
from ingest.pipeline import synchronise
from ingest.settings import configured_kinds
from workers.search.finding import Search


@asynccontextmanager
async def opened(choice: Choice, *, searching: bool = False) -> AsyncGenerator[Ask]:
    """The catalog of the chosen paths, or else of the configured locations, completely read."""
    config = load(choice.configs)
    async with read_catalog(config, choice) as (store, registry), _search_of(config, store, registry, searching) as search:
        schema = build_schema(registry)

        async def ask(query: str, variables: Mapping[str, Any], operation_name: str | None = None) -> Answer:
            return await execute(schema, query, variables, operation_name, Context(store, registry, search=search))

        yield ask


@asynccontextmanager
async def _search_of(config: Config, store: Store, registry: RelationRegistry, searching: bool) -> AsyncGenerator[Search | None]:
    """What searches that catalog, in an index that goes afterwards."""
    if not searching:
        yield None
        return
    # Its libraries are not needed by other commands.
    composition = import_module("workers.search.composition")
    with TemporaryDirectory(prefix="callboard-") as folder:
        async with composition.indexed(config, store, registry, Path(folder)) as search:
            yield search


@asynccontextmanager
async def read_catalog(config: Config, choice: Choice) -> AsyncGenerator[tuple[Store, RelationRegistry]]:
    """A store that holds that catalog, which goes afterwards."""
    if choice.paths:
        config = reading_only(config, choice.paths)
    if not config.catalog.locations:
        raise FailedRequestError("there is nothing to read: name files with --catalog, or a server with --url")
    registry = registry_from(config.catalog.relations)
    with TemporaryDirectory(prefix="callboard-") as folder:
        store = SqliteStore(Path(folder) / "catalog.db", registry)
        await store.open()
        try:
            with shown_progress() as progress:
                await synchronise(config, store, registry, progress)
            yield store, registry
        finally:
            await store.close()


def reading_only(config: Config, paths: Sequence[str]) -> Config:
    """The configuration with these files, folders or globs as its only locations. Whoever names them may add every kind."""
    every_kind = Rule(allow=rules_of(configured_kinds(config.catalog.kinds)).names)
    locations = tuple(LocationConfig(type="file", target=anchored(path, Path.cwd()), rules=(every_kind,)) for path in paths)
    return config.model_copy(update={"catalog": config.catalog.model_copy(update={"locations": locations})})
