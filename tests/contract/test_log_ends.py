"""The ends of the log: moments in it, and a log whose beginning was cut off."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from graph.conditions import EVERYTHING
from graph.relations import RelationRegistry
from graph.store import Cause, Change, Operation, Store
from graph.stores.sqlite import SqliteStore
from graph.stores.sqlite_migrations import SCHEMA, migrate
from tests.contract.shop import DB, ENTITIES, STOCK
from tests.graphs import batch, created, entity, removed, updated

NEW_DB = entity(DB, {"type": "cluster"})
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


async def _changed(store: Store) -> list[datetime]:
    """When the shop (1 to 9), an update (10), a removal (11) and an update back (12) were written."""
    await store.apply(batch(updated(ENTITIES[DB], NEW_DB)))
    await store.apply(batch(removals=[removed(ENTITIES[STOCK])]))
    await store.apply(batch(updated(NEW_DB, ENTITIES[DB])))
    changes = await store.changes(0, 99, visible=EVERYTHING)
    assert [change.sequence for change in changes] == list(range(1, 13))
    return [changes[place].at for place in (0, 9, 10, 11)]


async def test_a_moment_is_found_in_the_log(stocked: Store) -> None:
    stock, first, second, third = await _changed(stocked)
    assert stock < first < second < third
    for at, sequence in ((stock, 9), (first, 10), (second, 11), (third, 12)):
        assert await stocked.sequence_at(at) == sequence
        assert await stocked.sequence_at(at - TICK) == {9: 0, 10: 9, 11: 10, 12: 11}[sequence]
    assert await stocked.sequence_at(third + timedelta(days=9)) == 12
    assert await stocked.sequence_at(LONG_AGO) == 0


async def test_an_empty_log_knows_no_moment(store: Store) -> None:
    assert (await store.sequence_at(datetime.now(UTC)), await store.horizon(), await store.cut_log(7)) == (0, 0, 0)
    assert await store.horizon() == 0


async def test_entries_are_never_older_than_those_before_them(stocked: Store) -> None:
    await _changed(stocked)
    times = [change.at for change in await stocked.changes(0, 99, visible=EVERYTHING)]
    assert times == sorted(times)


async def test_a_cut_log_tells_what_came_after_the_cut(stocked: Store) -> None:
    stock, first, second, third = await _changed(stocked)
    counts = await stocked.counts()
    assert await stocked.cut_log(10) == 10
    assert (await stocked.horizon(), await stocked.head()) == (10, 12)
    assert [change.sequence for change in await stocked.changes(0, 99, visible=EVERYTHING)] == [11, 12]
    assert await stocked.change_counts(None, visible=EVERYTHING) == 2
    assert await stocked.change_counts([DB], visible=EVERYTHING) == 1
    after = await stocked.counts()
    assert (after.entities, after.edges, after.changes) == (counts.entities, counts.edges, 2)
    assert [await stocked.sequence_at(at) for at in (third, second, second - TICK, first)] == [12, 11, 10, 10]
    assert [await stocked.sequence_at(at) for at in (first - TICK, stock, LONG_AGO)] == [None, None, None]


async def test_cutting_less_than_was_cut_changes_nothing(stocked: Store) -> None:
    await stocked.cut_log(5)
    assert [await stocked.cut_log(until) for until in (5, 3, 0, -1)] == [0, 0, 0, 0]
    assert await stocked.horizon() == 5
    assert await stocked.cut_log(7) == 2
    assert await stocked.horizon() == 7


async def test_sequence_numbers_go_on_after_everything_was_cut(stocked: Store) -> None:
    assert await stocked.cut_log(10**9) == 9
    assert (await stocked.horizon(), await stocked.head()) == (9, 9)
    assert await stocked.sequence_at(datetime.now(UTC) + timedelta(days=1)) == 9
    assert await stocked.sequence_at(LONG_AGO) is None
    await stocked.close()
    await stocked.open()
    (change,) = await stocked.apply(batch(updated(ENTITIES[DB], NEW_DB)))
    assert (change.sequence, await stocked.head(), await stocked.horizon()) == (10, 10, 9)
    (change,) = await stocked.apply(batch(created(entity("component:default/new"))))
    assert change.sequence == 11
    assert await stocked.sequence_at(change.at) == 11


async def test_a_log_written_before_it_could_be_cut_is_complete(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    connection = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    migrate(connection, SCHEMA[:1])
    record = json.dumps([1, at.isoformat(), DB, "removed", [], "user", "anna"])
    connection.execute("INSERT INTO changes (sequence, ref, record) VALUES (1, ?, ?)", (DB, record))
    connection.execute("UPDATE counters SET value = 1")
    connection.close()
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    assert list(await store.changes(0, 9, visible=EVERYTHING)) == [Change(1, at, DB, Operation.REMOVED, [], Cause("user", "anna"))]
    assert (await store.horizon(), await store.sequence_at(at), await store.sequence_at(at - TICK), await store.head()) == (0, 1, 0, 1)
    assert list(await store.states("runs")) == []
    await store.close()


async def test_entries_are_merged_in_place_and_others_dropped(stocked: Store) -> None:
    await _changed(stocked)
    changes = {change.sequence: change for change in await stocked.changes(0, 99, visible=EVERYTHING)}
    merged = replace(changes[12], patch=[{"op": "add", "path": "/spec/tier", "value": 1}], cause=Cause("user", "user:default/anna"))
    await stocked.merge_changes([merged, replace(merged, sequence=99)], [10, 3, 77])
    expected = [change for sequence, change in changes.items() if sequence not in {3, 10, 12}]
    assert list(await stocked.changes(0, 99, visible=EVERYTHING)) == [*expected, merged]
    assert (await stocked.head(), await stocked.horizon()) == (12, 0)
    assert await stocked.sequence_at(changes[10].at) == 9
    assert await stocked.sequence_at(changes[11].at) == 11
    (change,) = await stocked.apply(batch(updated(ENTITIES[DB], NEW_DB)))
    assert change.sequence == 13
    assert await stocked.cut_log(10) == 8
    assert await stocked.horizon() == 10
    assert [change.sequence for change in await stocked.changes(0, 99, visible=EVERYTHING)] == [11, 12, 13]
