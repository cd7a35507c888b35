"""What the tests of providers share: a worker with given providers, and what its store holds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config import Config
from graph.conditions import EVERYTHING
from graph.relations import RelationRegistry
from graph.store import ErrorFilter, Store, Window
from plugins.contract import DeltaMutation, FullMutation, ProvidedEntity, ProvidedLocation, Provider, ProviderConnection, Schedule, Touched
from tests.ingest.catalogs import component
from workers.providers.jobs import Providing, all_rows, ask_for_run, cron_jobs, functions, take_over_providers
from workers.queue import Queue, connected, working
from workers.refresh import jobs as refresh
from workers.refresh.jobs import Refreshing

AT_ONCE = Config.model_validate({"catalog": {"removalGrace": {"seconds": 0}}})
"""A configuration by which what nothing declares any more goes at once."""


class People:
    """A provider whose source the test holds."""

    def __init__(self, name: str = "people:test", frequency: float = 3600, timeout: float = 60) -> None:
        self.name = name
        self.schedule = Schedule(timedelta(seconds=frequency), timedelta(seconds=timeout))
        self.mutation: FullMutation | DeltaMutation = FullMutation()
        self.error: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.reads = 0

    def give(self, *names: str, locations: Sequence[Path] = ()) -> None:
        entities = [ProvidedEntity(component(name), "https://people.example.com") for name in names]
        self.mutation = FullMutation(entities, [ProvidedLocation("file", str(path)) for path in locations])

    async def read(self, connection: ProviderConnection) -> None:
        self.reads += 1
        if self.error:
            raise self.error
        await connection.apply(self.mutation)
        if self.hold:
            await self.hold.wait()

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        return False


@asynccontextmanager
async def working_on(
    store: Store,
    *providers: Provider,
    grace: timedelta | None = timedelta(hours=24),
    config: Config | None = None,
    providing: Providing | None = None,
) -> AsyncIterator[Queue]:
    """A worker with these providers, started anew."""
    refreshing = Refreshing(config or AT_ONCE, store, RelationRegistry())
    ctx = {"refreshing": refreshing, "providing": providing or Providing(providers, grace)}
    async with connected(None) as queue:
        jobs = [*refresh.functions(), *functions()]
        async with working(queue, jobs, [*refresh.cron_jobs(), *cron_jobs()], ctx):
            await queue.request(take_over_providers.__name__)
            yield queue


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what is awaited happens in a store
            await asyncio.sleep(0.02)


async def refs(store: Store) -> list[str]:
    return [e.ref.partition("/")[2] for e in (await store.page(EVERYTHING, (), Window(1000), visible=EVERYTHING)).rows]


async def errors(store: Store) -> list[tuple[str, str]]:
    return [(error.path, error.code) for error in (await store.errors(ErrorFilter(), Window(100), visible=EVERYTHING)).rows]


def has(store: Store, *names: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await refs(store) == list(names)

    return check


def ran(store: Store, name: str, after: datetime) -> Callable[[], Awaitable[bool]]:
    """Whether the provider ended a run after that moment."""

    async def check() -> bool:
        row = (await all_rows(store)).get(name)
        ended = row is not None and "lastRun" in row.value and datetime.fromisoformat(row.value["lastRun"]) >= after
        return ended and row is not None and row.due is not None and row.due > datetime.now(UTC)

    return check


async def run_again(store: Store, queue: Queue, name: str) -> None:
    # A run that goes on may have begun with what the test has changed since.
    await until(ran(store, name, datetime.min.replace(tzinfo=UTC)))
    asked = datetime.now(UTC)
    await ask_for_run(store, name)
    await queue.request("run_provider", name)
    await until(ran(store, name, asked))
