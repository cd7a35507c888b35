"""The background work of a server: first read, watched folders, what is due, and a store that comes and goes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.conditions import EVERYTHING
from graph.errors import StoreUnavailableError
from graph.relations import RelationRegistry
from graph.store import Cause, Location
from graph.stores.sqlite import SqliteStore
from ingest.progress import Progressed
from tests.ingest.catalogs import ANN, Catalog, component, location
from workers.composition import running_worker


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    (tmp_path / "catalog").mkdir()
    store = SqliteStore(tmp_path / "catalog" / ".data" / "catalog.db", RelationRegistry())
    await store.open()
    catalog = Catalog(tmp_path / "catalog", store)
    catalog.settings = {"processingInterval": False}
    yield catalog
    await store.close()


def configured(catalog: Catalog, **settings: Any) -> Config:
    config = catalog.config
    database = {"client": "sqlite", "connection": {"filename": str(catalog.folder / ".data" / "catalog.db")}}
    backend = Config.model_validate({"backend": {"database": database}}).backend
    return config.model_copy(update={"backend": backend, "catalog": config.catalog.model_copy(update=settings)})


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what is awaited happens in a store
            await asyncio.sleep(0.02)


def has(catalog: Catalog, *names: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await catalog.refs() == [f"component:default/{name}" for name in names]

    return check


@asynccontextmanager
async def running(catalog: Catalog, **settings: Any) -> AsyncIterator[None]:
    async with running_worker(configured(catalog, **settings), catalog.store, RelationRegistry()):
        yield


async def test_entering_does_not_wait_for_the_first_read(catalog: Catalog):
    catalog.write("all.yaml", component("a"))
    async with running(catalog):
        assert await catalog.refs() == []
        await until(has(catalog, "a"))


async def test_a_change_on_disk_is_read_within_two_seconds(catalog: Catalog):
    catalog.targets = ("**/*.yaml",)
    catalog.write("a.yaml", component("a"))
    async with running(catalog):
        await until(has(catalog, "a"))
        # However soon after the start: what nobody watched yet is read again once it is watched.
        catalog.write("new/b.yaml", component("b"))
        await until(has(catalog, "a", "b"), 6)
        for change in (lambda: catalog.write("new/c.yaml", component("c")), (catalog.folder / "a.yaml").unlink):
            before, began = await catalog.store.head(), time.monotonic()
            change()
            await until(lambda before=before: _moved(catalog, before), 2)
            assert time.monotonic() - began < 2
        assert await has(catalog, "b", "c")()


async def _moved(catalog: Catalog, head: int) -> bool:
    return await catalog.store.head() > head


async def test_a_folder_that_appears_later_is_watched(catalog: Catalog):
    catalog.targets = ("later/all.yaml",)
    async with running(catalog):
        await asyncio.sleep(0.3)
        catalog.write("later/all.yaml", component("a"))
        await until(has(catalog, "a"))
        catalog.write("later/all.yaml", component("a"), component("b"))
        await until(has(catalog, "a", "b"))


async def test_a_folder_put_in_place_of_another_is_watched(catalog: Catalog):
    catalog.targets = ("live/all.yaml",)
    catalog.write("live/all.yaml", component("a"))
    catalog.write("next/all.yaml", component("b"))
    async with running(catalog):
        await until(has(catalog, "a"))
        (catalog.folder / "live").rename(catalog.folder / "old")
        (catalog.folder / "next").rename(catalog.folder / "live")
        await until(has(catalog, "b"))
        catalog.write("live/all.yaml", component("c"))
        await until(has(catalog, "c"))


async def test_the_catalogs_own_database_is_not_watched(catalog: Catalog):
    """It lies in the watched folder here, and each write to it would lead to another read."""
    catalog.targets = ("**/*.yaml",)
    catalog.write("a.yaml", component("a"))
    reads: list[Progressed] = []
    async with running_worker(configured(catalog), catalog.store, RelationRegistry(), reads.append):
        await until(has(catalog, "a"))
        await asyncio.sleep(3)
        head = await catalog.store.head()
        catalog.write("a.yaml", component("a", lifecycle="old"))
        await until(lambda: _moved(catalog, head))
        await asyncio.sleep(1)
    assert await catalog.store.head() == head + 1


async def test_without_watching_a_location_is_read_when_it_is_due(catalog: Catalog):
    catalog.settings = {"processingInterval": {"seconds": 1}, "watch": False}
    catalog.write("all.yaml", component("a"))
    async with running(catalog):
        await until(has(catalog, "a"))
        catalog.write("all.yaml", component("b"))
        await until(has(catalog, "b"))


async def test_a_location_that_is_no_longer_configured_goes_at_the_next_start(catalog: Catalog):
    catalog.targets, catalog.settings = ("a/all.yaml", "b/all.yaml"), {"removalGrace": {"seconds": 0}}
    for name in "ab":
        catalog.write(f"{name}/all.yaml", component(name))
    async with running(catalog):
        await until(has(catalog, "a", "b"))
    catalog.targets = ("b/all.yaml",)
    async with running(catalog):
        await until(has(catalog, "b"))


async def test_what_no_document_declares_any_more_goes_when_its_grace_is_over(catalog: Catalog):
    catalog.targets, catalog.settings = ("a/all.yaml", "b/all.yaml"), {"removalGrace": {"seconds": 1}}
    for name in "ab":
        catalog.write(f"{name}/all.yaml", component(name), component(f"{name}2"))
    async with running(catalog):
        await until(has(catalog, "a", "a2", "b", "b2"))
        catalog.write("a/all.yaml", component("a"))
        await until(has(catalog, "a", "b", "b2"))
    assert (await catalog.changes())[-1] == ("removed", "component:default/a2")


async def test_progress_is_told_on_the_first_read_alone(catalog: Catalog):
    catalog.targets = ("all.yaml",)
    catalog.write("all.yaml", location("all", "./a.yaml"))
    catalog.write("a.yaml", component("a"), component("b"))
    for expected in (True, False):
        told: list[Progressed] = []
        async with running_worker(configured(catalog), catalog.store, RelationRegistry(), told.append):
            await until(lambda: _read(catalog))
            await asyncio.sleep(0.5)
        assert bool(told) is expected
        if told:
            assert told[-1] == Progressed(catalog.path("all.yaml"), 2, 2, 3, finished=True)


async def _read(catalog: Catalog) -> bool:
    return all(stored.read_at for stored in await catalog.store.locations() or [Location("", "", "", "", 0)])


class _FlakyStore(SqliteStore):
    """The embedded store, which can be made to be out of reach."""

    reachable = True

    async def locations(self) -> Sequence[Location]:
        if not self.reachable:
            raise StoreUnavailableError("the store does not answer")
        return await super().locations()


async def test_a_store_that_does_not_answer_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workers.jobs._UNAVAILABLE_SECONDS", 0.2)
    (tmp_path / "catalog").mkdir()
    store = _FlakyStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    catalog = Catalog(tmp_path / "catalog", store)
    catalog.write("all.yaml", component("a"))
    store.reachable = False
    async with running(catalog):
        await asyncio.sleep(0.5)
        assert (await store.counts()).entities == 0
        store.reachable = True
        await until(has(catalog, "a"))
    await store.close()


async def test_leaving_while_a_read_goes_on_ends_it(catalog: Catalog):
    catalog.targets = ("**/*.yaml",)
    for number in range(1500):
        catalog.write(f"{number}.yaml", component(f"c{number}"))
    async with running(catalog):
        await asyncio.sleep(0.5)
    written = (await catalog.store.counts()).entities
    await asyncio.sleep(0.3)
    assert (await catalog.store.counts()).entities == written
    async with running(catalog):
        await until(lambda: _counted(catalog, 1500), 30)


async def _counted(catalog: Catalog, entities: int) -> bool:
    return (await catalog.store.counts()).entities == entities


async def test_a_refresh_that_a_user_asked_for_names_the_user_in_the_log(catalog: Catalog):
    catalog.targets = ("all.yaml",)
    catalog.write("all.yaml", component("a"))
    config = configured(catalog, watch=False)
    async with running_worker(config, catalog.store, RelationRegistry()) as beside:
        await until(has(catalog, "a"))
        catalog.write("all.yaml", component("b"))
        await beside.actions.refresh(["component:a"], ANN)
        await until(has(catalog, "b"))
    causes = {change.cause for change in await catalog.store.changes(1, 10, visible=EVERYTHING)}
    assert causes == {Cause("user", "user:default/ann")}


async def test_a_registered_location_is_kept_in_step_after_a_restart(catalog: Catalog):
    catalog.targets, catalog.settings = (), {"registration": {"fileRoots": [str(catalog.folder)]}}
    target = str(catalog.write("all.yaml", component("a")))
    async with running_worker(configured(catalog), catalog.store, RelationRegistry()) as beside:
        await beside.actions.register("file", target, ANN, dry_run=False)
        assert await catalog.refs() == ["component:default/a"]
    catalog.write("all.yaml", component("a"), component("b"))
    async with running_worker(configured(catalog, processing_interval=timedelta(seconds=1)), catalog.store, RelationRegistry()):
        await until(has(catalog, "a", "b"))
    assert [location.origin for location in await catalog.store.locations()] == ["registered"]
