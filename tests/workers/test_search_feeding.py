"""The search index keeps in step with the catalog by itself, and repairs itself after whatever was done to it."""

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config import Config
from graph.access import UNRESTRICTED_GUEST
from graph.entities import Document
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Batch, StateWrite, Store
from graph.stores.sqlite import SqliteStore
from ingest.touching import touch
from plugins.contract import CollatedDocument, TextField
from tests.api.catalog import CAUSE, described, write_of
from tests.searching import searchable
from tests.workers.test_leases import gone
from tests.workers.test_refreshing import until
from workers.composition import running_worker
from workers.leases import LEASES
from workers.search.collation import Collation
from workers.search.composition import embedded_index, feeding_from
from workers.search.finding import Request, Results, Search
from workers.search.indexing import Indexing
from workers.search.jobs import LEASE
from workers.search.searching import Searching
from workers.search.terms import NO_SYNONYMS

_ROOT = Path(__file__).parent.parent.parent
_CODE = """
import asyncio, sys
sys.path[:] = {path!r}
from pathlib import Path
from tests.workers.test_search_feeding import forever
asyncio.run(forever(Path({folder!r})))
"""


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    store = SqliteStore(folder / "catalog.db", RelationRegistry())
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def running(store: Store, folder: Path) -> AsyncIterator[Search]:
    config = Config.model_validate({"search": {"folder": str(folder / "search")}, "catalog": {"watch": False}})
    async with running_worker(config, store, RelationRegistry()) as beside:
        assert beside.search is not None
        yield beside.search


async def add(store: Store, *names: str) -> None:
    await store.apply(Batch(CAUSE, [write_of(described("Component", name, {"type": "service"})) for name in names]))


def finds(search: Search, term: str, total: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        found: Results = await search.results(Request(term), UNRESTRICTED_GUEST)
        return (found.total, found.degraded) == (total, False)

    return check


async def test_changes_are_found_soon_and_a_lost_or_damaged_index_is_built_again(tmp_path: Path):
    async with opened(tmp_path) as store, running(store, tmp_path) as search:
        await add(store, "ledger")
        await until(finds(search, "ledger", 1))
        await add(store, "ledger-api", "shop")
        await until(finds(search, "ledger", 2))
        shutil.rmtree(tmp_path / "search", ignore_errors=True)
        await add(store, "ledger-web")
        await until(finds(search, "ledger", 3))
    for file in (tmp_path / "search").rglob("*"):
        if file.is_file() and file.stat().st_size:
            file.write_bytes(b"damaged")
    async with opened(tmp_path) as store, running(store, tmp_path) as search:
        await until(finds(search, "ledger", 3))


async def test_a_predecessor_that_was_killed_keeps_nothing_waiting(tmp_path: Path):
    held = {"holder": "the predecessor", "process": gone(), "ends": "2999-01-01T00:00:00+00:00"}
    async with opened(tmp_path) as store:
        await add(store, "ledger")
        await store.write_states([StateWrite(LEASES, LEASE, held)])
        async with running(store, tmp_path) as search:
            await until(finds(search, "ledger", 1))


class Notes:
    """A collator that tells what is noted of each entity, and waits at one of them."""

    type, version, paths = "note", "1", ()

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.waits_at: str | None = None
        self.reached, self.goes_on = asyncio.Event(), asyncio.Event()

    async def documents(self, ref: Ref, document: Document) -> Sequence[CollatedDocument]:
        name = document["metadata"]["name"]
        told = [CollatedDocument("note", {TextField.BODY: self.notes[name]})] if name in self.notes else []
        if name == self.waits_at:
            self.reached.set()
            await self.goes_on.wait()
        return told


async def test_what_changes_while_the_index_is_built_anew_is_found_meanwhile_and_afterwards(tmp_path: Path):
    async with opened(tmp_path) as store:
        index, notes = embedded_index(tmp_path / "search"), Notes()
        await index.open()
        try:
            indexing = Indexing(store, index, Collation([notes], ()), RelationRegistry())
            search = Searching(store, index, RelationRegistry(), {"entity": (), "note": ()}, NO_SYNONYMS)
            await add(store, "ledger", "shop")
            await indexing.rebuild()
            notes.waits_at = "shop"
            building = asyncio.create_task(indexing.rebuild())
            await notes.reached.wait()
            notes.waits_at, notes.notes["ledger"] = None, "reconciliation"
            await add(store, "warehouse")
            await touch(store, [Ref("component:default/ledger")])
            await until(finds(search, "warehouse", 1))
            await until(finds(search, "reconciliation", 1))
            assert not building.done()
            notes.goes_on.set()
            await building
            assert await finds(search, "warehouse", 1)()
            assert await finds(search, "reconciliation", 1)()
            assert not await indexing.is_behind()
        finally:
            await index.close()


async def forever(folder: Path) -> None:
    """Build the index anew and write changes into it, over and over, until killed."""
    async with opened(folder) as store:
        index = embedded_index(folder / "search")
        await index.open()
        indexing = feeding_from(Config(), store, index, RelationRegistry()).indexing
        await indexing.rebuild()
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        number = 0
        while True:
            number += 1
            await add(store, *(f"extra-{number}-{each}" for each in range(20)))
            await (indexing.rebuild() if number % 3 == 0 else indexing.update())


@pytest.mark.parametrize("seconds", [0.15, *(pytest.param(seconds, marks=pytest.mark.soak) for seconds in (0.0, 0.4))])
async def test_an_index_whose_writer_was_killed_ends_as_one_that_was_built_anew(tmp_path: Path, seconds: float):
    code = _CODE.format(path=[str(_ROOT), *sys.path], folder=str(tmp_path))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begins\n"
    await asyncio.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with opened(tmp_path) as store:
        index = embedded_index(tmp_path / "search")
        await index.open()
        try:
            indexing = feeding_from(Config(), store, index, RelationRegistry()).indexing
            assert not await indexing.needs_rebuild()
            await indexing.update()
            async with searchable(store, RelationRegistry()) as anew:
                assert (await index.figures()).documents == (await anew.index.figures()).documents
                assert await index.state() == await anew.index.state()
        finally:
            await index.close()
