"""When locations are read next: spread over time, not before their source allows, and nothing asked for is forgotten."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graph.relations import RelationRegistry
from graph.store import StateRow
from graph.stores.sqlite import SqliteStore
from workers.schedules import ask_for_reads, due_ids, forget, note_read, schedules


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield store
    await store.close()


async def _row(store: SqliteStore) -> StateRow:
    return (await schedules(store, ["a"]))["a"]


def _seconds_until(row: StateRow) -> float:
    assert row.due is not None
    return (row.due - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize(
    ("interval", "retry_after", "least", "most"), [(100, None, 95, 150), (100, 1000, 995, 1500), (100, 1, 95, 150), (None, 1000, 995, 1500)]
)
async def test_the_next_read_is_spread_and_waits_for_the_source(
    store: SqliteStore, interval: float | None, retry_after: float | None, least: float, most: float
):
    await note_read(store, "a", None, None, interval, retry_after)
    assert least <= _seconds_until(await _row(store)) <= most


async def test_without_an_interval_nothing_is_planned(store: SqliteStore):
    await note_read(store, "a", None, None, None)
    assert (await _row(store)).due is None
    assert await due_ids(store) == []


async def test_failures_are_counted_until_a_read_succeeds(store: SqliteStore):
    counted: list[int] = []
    for error in ("away", "away", None, "away"):
        begun = (await schedules(store, ["a"])).get("a")
        await note_read(store, "a", begun, error, 100)
        counted.append((await _row(store)).value["failures"])
    assert counted == [1, 2, 0, 1]


async def test_what_is_asked_for_while_it_is_read_is_read_again(store: SqliteStore):
    await note_read(store, "a", None, None, 100)
    begun = await _row(store)
    await ask_for_reads(store, ["a"])
    await note_read(store, "a", begun, None, 100)
    assert _seconds_until(await _row(store)) <= 0
    assert await due_ids(store) == ["a"]


async def test_what_waits_longest_comes_first_and_what_is_gone_is_forgotten(store: SqliteStore):
    for name in "ab":
        await note_read(store, name, None, None, 0)
    await ask_for_reads(store, ["c"])
    found = await due_ids(store)
    assert sorted(found) == ["a", "b", "c"]
    rows = await schedules(store, found)
    assert [rows[name].due for name in found] == sorted(rows[name].due or datetime.max.replace(tzinfo=UTC) for name in found)
    await forget(store, ["a", "b"])
    assert await due_ids(store) == ["c"]
    assert datetime.now(UTC) - (rows["c"].due or datetime.min.replace(tzinfo=UTC)) < timedelta(seconds=30)
