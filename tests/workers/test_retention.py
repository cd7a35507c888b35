"""The log is kept within its bounds: cut off by age, merged by age, never beyond what a consumer still waits for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from config import Config
from config.history import Compaction, History
from graph.conditions import EVERYTHING
from graph.patches import patch_between
from graph.relations import RelationRegistry
from graph.store import EntityWrite, StateWrite, Store
from graph.stores.sqlite import SqliteStore
from tests.graphs import batch, created, entity, hash_of
from workers.queue import QUEUE, Queue, working
from workers.refresh.jobs import Refreshing
from workers.retention.jobs import cron_jobs, functions, keep_within, request_history
from workers.webhooks.deliveries import begin

NOW = datetime.now(UTC)
YEARS_LATER = NOW + timedelta(days=1000)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await opened.open()
    yield opened
    await opened.close()


def _history(retention_days: int | None, **more: object) -> History:
    return History.model_validate({"retention": {"days": retention_days} if retention_days else False, **more})


async def _write(store: Store, versions: int) -> None:
    """One entity, created and then changed, in as many entries of the log."""
    present = [entity("component:default/a", {"n": n}) for n in range(versions)]
    await store.apply(batch(created(present[0])))
    for old, new in pairwise(present):
        patch = patch_between(old.document, new.document)
        await store.apply(batch(EntityWrite(new, (), hash_of(old), patch)))


async def _sequences(store: Store) -> list[int]:
    return [change.sequence for change in await store.changes(0, 1000, visible=EVERYTHING)]


async def test_changes_older_than_the_retention_are_cut_off_step_by_step(store: Store):
    await _write(store, 12)
    await keep_within(store, _history(999), datetime.now(UTC), step=5)
    assert await _sequences(store) == list(range(1, 13))
    await keep_within(store, _history(999), YEARS_LATER, step=5)
    assert (await _sequences(store), await store.horizon(), await store.head()) == ([], 12, 12)
    await keep_within(store, _history(999), YEARS_LATER, step=5)
    assert await store.horizon() == 12


async def test_without_retention_nothing_is_cut_off(store: Store):
    await _write(store, 3)
    await keep_within(store, _history(None), YEARS_LATER)
    assert await _sequences(store) == [1, 2, 3]


async def test_what_a_consumer_waits_for_is_kept_for_a_while_longer(store: Store):
    await _write(store, 6)
    await store.write_states([StateWrite("cursors", "mirror", {"sequence": 4}), StateWrite("cursors", "faster", {"sequence": 5})])
    history = _history(990, consumerGrace={"days": 30})
    await keep_within(store, history, YEARS_LATER)
    assert await _sequences(store) == [5, 6]
    await keep_within(store, history, YEARS_LATER + timedelta(days=25))
    assert await _sequences(store) == []


async def test_what_an_outgoing_webhook_waits_for_is_kept_as_well(store: Store):
    await _write(store, 3)
    await begin(store, "chat")
    await store.apply(batch(created(entity("component:default/b"))))
    await keep_within(store, _history(990), YEARS_LATER)
    assert await _sequences(store) == [4]


async def test_old_changes_are_merged_by_span_where_that_is_configured(store: Store):
    await _write(store, 12)
    days = Compaction(after=timedelta(days=30), span=timedelta(days=1))
    await keep_within(store, _history(365, compaction=days), datetime.now(UTC), step=5)
    assert await _sequences(store) == list(range(1, 13))
    await keep_within(store, _history(None, compaction=days), YEARS_LATER, step=5)
    left = await store.changes(0, 1000, visible=EVERYTHING)
    # At most one for each step, and one more where the test runs at midnight.
    assert 1 <= len(left) <= 4
    assert left[-1].sequence == 12
    (row,) = await store.states("history", ids=["compacted"])
    assert row.value == {"until": 12, "spanSeconds": 86400.0}
    await keep_within(store, _history(None, compaction=days), YEARS_LATER, step=100)
    assert list(await store.changes(0, 1000, visible=EVERYTHING)) == list(left)


async def test_what_a_consumer_waits_for_is_not_merged(store: Store):
    await _write(store, 6)
    await store.write_states([StateWrite("cursors", "mirror", {"sequence": 3})])
    compaction = Compaction(after=timedelta(days=995), span=timedelta(days=1))
    await keep_within(store, _history(None, compaction=compaction), YEARS_LATER)
    assert (await _sequences(store))[-3:] == [4, 5, 6]


def test_durations_are_written_as_in_backstage():
    config = Config.model_validate({"catalog": {"history": {"retention": {"days": 90}, "compaction": {"after": "P7D"}}}})
    assert config.catalog.history == _history(90, compaction={"after": {"days": 7}})
    assert Config.model_validate({"catalog": {"history": {"retention": False}}}).catalog.history.retention is None
    assert Config().catalog.history == _history(365, consumerGrace={"days": 30})


async def test_a_worker_asks_for_the_job_once_an_hour_and_does_it(store: Store, queue: Queue):
    await _write(store, 3)
    config = Config.model_validate({"catalog": {"history": {"retention": {"seconds": 1}}}})
    ctx = {"refreshing": Refreshing(config, store, RelationRegistry()), "queue": queue}
    await asyncio.sleep(1.05)
    async with working(queue, functions(), [], ctx):
        await request_history(ctx)
        async with asyncio.timeout(15):
            while not await store.states("history", ids=["look"]):  # noqa: ASYNC110 - what is awaited happens in a store
                await asyncio.sleep(0.02)
        assert (await _sequences(store), await store.horizon()) == ([], 3)
        (look,) = await store.states("history", ids=["look"])
        assert look.due is not None
        assert timedelta(minutes=59) < look.due - datetime.now(UTC) < timedelta(minutes=91)
        async with asyncio.timeout(15):
            while await queue.redis.zcard(QUEUE):  # noqa: ASYNC110 - what is awaited happens in Redis
                await asyncio.sleep(0.02)
        await request_history(ctx)
        assert await queue.redis.zcard(QUEUE) == 0


def test_every_worker_has_the_tick():
    assert [tick.name for tick in cron_jobs()] == ["request_history"]
