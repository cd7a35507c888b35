"""Composes background work: beside a server in its own process, or as a worker process on Redis."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

from arq.cron import CronJob
from arq.worker import Function
from redis import RedisError

from config import Config
from config.backend import SqliteDatabase
from graph.errors import StoreError
from graph.relations import RelationRegistry
from graph.store import Store
from ingest.progress import Progress
from plugins.hosts import Hosts, opened_hosts
from workers.beside import Beside
from workers.leases import end_abandoned
from workers.lifecycle import jobs as lifecycle
from workers.lifecycle.actions import CatalogActions
from workers.lifecycle.requests import Requested
from workers.providers import jobs as providers
from workers.queue import Queue, connected, within_reach, working
from workers.refresh import jobs as refresh
from workers.refresh.jobs import Refreshing, synchronise_catalog
from workers.refresh.watch import watch
from workers.retention import jobs as retention
from workers.scaffolder import jobs as scaffolder
from workers.scaffolder.catalog import StoredCatalog
from workers.scaffolder.scaffolding import Scaffolding
from workers.scaffolder.service import TaskScaffolder
from workers.scaffolder.workshop import Workshop
from workers.search import jobs as search
from workers.search import source_jobs as sources
from workers.search.composition import feeding_from, index_from, searching_from
from workers.search.index import SearchIndex
from workers.techdocs import jobs as techdocs
from workers.techdocs import removing
from workers.webhooks import jobs as webhooks
from workers.work import QueuedWork

_LOST_SECONDS = 1.0

_log = logging.getLogger("callboard.worker")


@asynccontextmanager
async def running_worker(
    config: Config, store: Store, registry: RelationRegistry, progress: Progress | None = None
) -> AsyncGenerator[Beside]:
    """Keeps the catalog in step with its locations while entered, and gives what changes it on request and what is known of the work;
    entering does not wait for the first read. The store is open.

    With `backend.queue` keeping in step is left to `callboard worker`.
    """
    file_roots = config.catalog.registration.file_roots
    async with opened_hosts(config) as hosts, _opened_index(config) as index:
        searching = searching_from(config, store, index, registry) if index else None
        refreshing = Refreshing(config, store, registry, progress, hosts)
        if config.backend.queue is not None:
            async with within_reach(config.backend.queue.url) as queue:
                requested = Requested(queue)
                actions = CatalogActions(store, refreshing.settings, file_roots, requested)
                scaffolding = scaffolding_of(refreshing, hosts, actions)
                yield Beside(actions, QueuedWork(queue), searching, TaskScaffolder(scaffolding, requested))
            return
        if isinstance(config.backend.database, SqliteDatabase):
            # What can't be ended now ends by itself.
            with suppress(StoreError):
                await end_abandoned(store)
        async with connected(None) as queue:
            actions = CatalogActions(store, refreshing.settings, file_roots, queue)
            scaffolding = scaffolding_of(refreshing, hosts, actions)
            async with _refreshing(refreshing, queue, hosts, index, scaffolding):
                yield Beside(actions, QueuedWork(queue), searching, TaskScaffolder(scaffolding, queue))


async def run_worker(config: Config, store: Store, registry: RelationRegistry) -> None:
    """Run jobs from the Redis of `backend.queue.url` until cancelled, and whenever Redis is lost, wait until it is back. The store is open.

    redis.RedisError if it can't be reached at the start.
    """
    url = config.backend.queue.url if config.backend.queue else None
    async with connected(url):
        pass
    while True:
        try:
            async with connected(url) as queue, opened_hosts(config) as hosts, _opened_index(config) as index:
                refreshing = Refreshing(config, store, registry, hosts=hosts)
                actions = CatalogActions(store, refreshing.settings, config.catalog.registration.file_roots, queue)
                async with _refreshing(refreshing, queue, hosts, index, scaffolding_of(refreshing, hosts, actions)) as task:
                    await task
        except (RedisError, OSError) as error:
            _log.warning("Redis is lost: %s; jobs go on once it is back", error)
            await asyncio.sleep(_LOST_SECONDS)


def scaffolding_of(refreshing: Refreshing, hosts: Hosts, actions: CatalogActions) -> Scaffolding:
    """What templates are run with, on the catalog that is refreshed."""
    store, registry = refreshing.store, refreshing.registry
    return Scaffolding(Workshop(refreshing.config, hosts, StoredCatalog(store, registry, actions)), store, registry)


def _functions(config: Config) -> Sequence[Function]:
    parts = (refresh, providers, webhooks, lifecycle, retention, search, sources, scaffolder, removing)
    return [*(function for part in parts for function in part.functions()), *techdocs.functions(config)]


def _cron_jobs() -> Sequence[CronJob]:
    parts = (refresh, providers, lifecycle, retention, sources, scaffolder, removing)
    return [cron_job for part in parts for cron_job in part.cron_jobs()]


@asynccontextmanager
async def _opened_index(config: Config) -> AsyncGenerator[SearchIndex | None]:
    """The search index, open; None where none is configured."""
    index = index_from(config)
    if index is None:
        yield None
        return
    try:
        await index.open()
        yield index
    finally:
        await index.close()


@asynccontextmanager
async def _refreshing(
    refreshing: Refreshing, queue: Queue, hosts: Hosts, index: SearchIndex | None, scaffolding: Scaffolding
) -> AsyncGenerator[asyncio.Task[None]]:
    providing = providers.providing_from(refreshing.config, hosts)
    hooks = webhooks.Webhooks(refreshing.config, refreshing.store, hosts)
    feeding = feeding_from(refreshing.config, refreshing.store, index, refreshing.registry) if index else None
    ctx = {
        "refreshing": refreshing,
        "providing": providing,
        "webhooks": hooks,
        "feeding": feeding,
        "sourcing": sources.sourcing_from(refreshing.config, refreshing.store),
        "scaffolding": scaffolding,
        "docs": techdocs.docs_from(refreshing.config, refreshing.store, hosts),
    }
    async with working(queue, _functions(refreshing.config), _cron_jobs(), ctx) as task:
        await queue.is_new()
        await queue.request(synchronise_catalog.__name__)
        await queue.request(providers.take_over_providers.__name__)
        beside = [asyncio.create_task(webhooks.follow(hooks, queue))]
        if feeding:
            await queue.request(sources.take_over_search_sources.__name__)
            beside.append(asyncio.create_task(search.follow(feeding, queue)))
        if refreshing.config.catalog.watch:
            beside.append(asyncio.create_task(watch(refreshing, queue)))
        try:
            yield task
        finally:
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
