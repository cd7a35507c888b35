"""Durable state beside the graph: rows of collections with versions, found when they are due."""

import asyncio
import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta, timezone
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from graph.errors import InputError, StaleWriteError
from graph.relations import RelationRegistry
from graph.store import StateRow, StateWrite, Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore

PROCESSES = multiprocessing.get_context("spawn")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _write(row_id: str, value: dict[str, object] | None, **options: object) -> StateWrite:
    return StateWrite("runs", row_id, value, **options)  # pyright: ignore[reportArgumentType]


async def _ids(store: Store, **options: object) -> list[str]:
    return [row.id for row in await store.states("runs", **options)]  # pyright: ignore[reportArgumentType]


async def test_a_row_is_read_as_it_was_written(store: Store) -> None:
    value: dict[str, object] = {"text": "ä \u0000 \U0001f600", "number": 2**53, "of": [1.5, None, True, {"": []}], "at": NOON.isoformat()}
    await store.write_states([_write("a/ö 'b' \"c\"", value, due=NOON)])
    assert list(await store.states("runs")) == [StateRow("runs", "a/ö 'b' \"c\"", value, 1, NOON)]
    assert list(await store.states("others")) == []
    assert list(await store.states("runs", ids=["b"])) == []


async def test_the_version_rises_with_every_write_of_a_row_and_begins_again_after_its_removal(store: Store) -> None:
    for _ in range(3):
        await store.write_states([_write("a", {})])
    await store.write_states([_write("b", {"n": 1})])
    assert [(row.id, row.version) for row in await store.states("runs")] == [("a", 3), ("b", 1)]
    await store.write_states([_write("a", None), _write("b", {"n": 2}), _write("never there", None)])
    assert [(row.id, row.version, row.value) for row in await store.states("runs")] == [("b", 2, {"n": 2})]
    await store.write_states([_write("a", {})])
    assert [(row.id, row.version) for row in await store.states("runs")] == [("a", 1), ("b", 2)]


async def test_one_unexpected_version_keeps_all_rows_from_being_written(store: Store) -> None:
    await store.write_states([_write("a", {"n": 1}, expected=0)])
    for refused in (
        [_write("b", {}, expected=0), _write("a", {"n": 2}, expected=2)],
        [_write("b", {}), _write("a", {"n": 2}, expected=0)],
        [_write("b", {}), _write("a", None, expected=2)],
        [_write("b", {}), _write("c", None, expected=1)],
        [_write("a", {}, expected=1), _write("a", {})],
    ):
        with pytest.raises(StaleWriteError, match=r"read again and retry|written twice"):
            await store.write_states(refused)
    assert list(await store.states("runs")) == [StateRow("runs", "a", {"n": 1}, 1)]
    await store.write_states([_write("a", {"n": 2}, expected=1), _write("c", None, expected=0)])
    await store.write_states([_write("a", None, expected=2)])
    assert await _ids(store) == []


async def test_of_many_who_write_a_version_at_once_one_succeeds(store: Store) -> None:
    async def add_one() -> int:
        attempts = 0
        while True:
            attempts += 1
            rows = await store.states("runs", ids=["sum"])
            number, version = (rows[0].value["n"], rows[0].version) if rows else (0, 0)
            try:
                await store.write_states([_write("sum", {"n": number + 1}, expected=version)])
            except StaleWriteError:
                continue
            return attempts

    await asyncio.gather(*(add_one() for _ in range(8)))
    assert list(await store.states("runs")) == [StateRow("runs", "sum", {"n": 8}, 8)]


async def test_writers_of_many_rows_in_opposite_orders_do_not_block_each_other(store: Store) -> None:
    rows = [StateWrite(f"part {number % 3}", str(number), {}) for number in range(30)]
    await asyncio.gather(*(store.write_states(rows if turn % 2 else rows[::-1]) for turn in range(6)))
    versions = [row.version for part in range(3) for row in await store.states(f"part {part}")]
    assert versions == [6] * 30


async def test_what_is_due_comes_in_the_order_in_which_it_was_to_be_done(store: Store) -> None:
    berlin = timezone(timedelta(hours=1))
    dues = {"late": NOON + timedelta(hours=2), "b": NOON, "a": NOON, "early": (NOON - timedelta(microseconds=1)).astimezone(berlin)}
    await store.write_states([_write("never", {}), *(_write(name, {}, due=due) for name, due in dues.items())])
    assert await _ids(store, due_by=NOON) == ["early", "a", "b"]
    assert await _ids(store, due_by=NOON, limit=2) == ["early", "a"]
    assert await _ids(store, due_by=NOON + timedelta(days=1)) == ["early", "a", "b", "late"]
    assert await _ids(store, due_by=NOON, ids=["b", "late", "never"]) == ["b"]
    assert await _ids(store, due_by=NOON - timedelta(seconds=1)) == []
    await store.write_states([_write("early", {}, due=None), _write("a", {}, due=NOON + timedelta(hours=1))])
    assert await _ids(store, due_by=NOON) == ["b"]


async def test_a_collection_is_read_page_by_page(store: Store) -> None:
    names = [f"{number:03}" for number in range(25)]
    await store.write_states([_write(name, {}) for name in reversed(names)])
    read: list[str] = []
    while page := await _ids(store, after=read[-1] if read else "", limit=10):
        read += page
    assert read == names
    assert await _ids(store, ids=["003", "020", "none"]) == ["003", "020"]
    assert await _ids(store, ids=["003", "020"], after="003") == ["020"]
    assert await _ids(store, ids=[]) == []
    assert await _ids(store, limit=0) == []


async def test_rows_outlive_a_restart(store: Store) -> None:
    await store.write_states([_write("a", {"n": 1}, due=NOON)])
    await store.close()
    await store.open()
    assert list(await store.states("runs")) == [StateRow("runs", "a", {"n": 1}, 1, NOON)]


async def test_rows_are_no_part_of_the_graph_or_its_log(store: Store) -> None:
    before = await store.counts()
    await store.write_states([_write("a", {})])
    assert (await store.counts(), await store.head()) == (before, 0)


def _store_at(place: str) -> Store:
    """A store of its own on what is stored at a path or an address."""
    return Neo4jStore(place, registry=RelationRegistry()) if "://" in place else SqliteStore(Path(place), RelationRegistry())


def _write_on(place: str, begun: Event) -> None:
    async def write() -> None:
        store = _store_at(place)
        await store.open()
        for turn in range(1_000_000):
            await store.write_states([_write(str(number), {"turn": turn}) for number in range(20)])
            begun.set()

    asyncio.run(write())


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 3), ("neo4j", 1)])
async def test_a_process_killed_while_it_writes_leaves_whole_writes(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, kills: int
) -> None:
    place = str(tmp_path / "catalog.db") if kind == "sqlite" else request.getfixturevalue("empty_neo4j_uri")
    for kill in range(kills):
        begun = PROCESSES.Event()
        writer = PROCESSES.Process(target=_write_on, args=(place, begun))
        writer.start()
        await asyncio.to_thread(begun.wait)
        await asyncio.sleep(0.05 * kill)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        await asyncio.to_thread(writer.join)
        store = _store_at(place)
        await store.open()
        # Waits for what the server may still commit, and so reads what stays.
        await store.write_states([_write("last", {})])
        rows = await store.states("runs", ids=[str(number) for number in range(20)])
        assert len(rows) == 20
        assert len({(row.value["turn"], row.version - 1) for row in rows}) == 1
        await store.write_states([_write("last", None), *(_write(row.id, None, expected=row.version) for row in rows)])
        assert await _ids(store) == []
        await store.close()


async def test_a_write_that_fails_in_the_middle_leaves_nothing(store: Store) -> None:
    await store.write_states([_write("a", {"n": 1})])
    with pytest.raises(InputError):
        await store.write_states([_write("a", {"n": 2}), _write("b", {"text": "\ud800"})])
    assert list(await store.states("runs")) == [StateRow("runs", "a", {"n": 1}, 1)]


async def test_two_processes_with_one_file_see_each_others_versions(tmp_path: Path) -> None:
    first, second = (SqliteStore(tmp_path / "catalog.db", RelationRegistry()) for _ in range(2))
    await first.open()
    await second.open()
    await first.write_states([_write("a", {}, expected=0)])
    with pytest.raises(StaleWriteError):
        await second.write_states([_write("a", {}, expected=0)])
    await second.write_states([_write("a", {}, expected=1)])
    assert [row.version for row in await first.states("runs")] == [2]
    await first.close()
    await second.close()
