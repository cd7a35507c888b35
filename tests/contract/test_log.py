"""The log of changes, as its readers see it."""

from datetime import UTC, datetime, timedelta

from graph.conditions import EVERYTHING, Condition, fact_in
from graph.refs import Ref
from graph.store import Cause, Change, Operation, Store
from tests.contract.shop import CART, DB, ENTITIES, STOCK, WEB, all_but
from tests.graphs import CAUSE, batch, created, entity, removed, updated

LATER = Cause("user", "user:default/anna")
NEW_DB = entity(DB, {"type": "cluster"})


async def _changed(store: Store) -> list[Change]:
    """The shop after an update, a removal and another update."""
    changes = [*await store.apply(batch(updated(ENTITIES[DB], NEW_DB), removals=[removed(ENTITIES[STOCK])], cause=LATER))]
    return [*changes, *await store.apply(batch(updated(NEW_DB, ENTITIES[DB])))]


async def test_an_empty_log_has_no_head(store: Store) -> None:
    assert await store.head() == 0
    assert list(await store.changes(0, 10, visible=EVERYTHING)) == []
    assert await store.change_counts(None, visible=EVERYTHING) == 0


async def test_applying_returns_the_entries_that_readers_find(stocked: Store) -> None:
    before = datetime.now(UTC) - timedelta(seconds=30)
    update, removal, back = await _changed(stocked)
    patch = [
        {"op": "test", "path": "/spec", "value": {"type": "database"}},
        {"op": "replace", "path": "/spec", "value": {"type": "cluster"}},
    ]
    assert (update.sequence, update.ref, update.operation, list(update.patch), update.cause) == (10, DB, Operation.UPDATED, patch, LATER)
    assert (removal.sequence, removal.ref, removal.operation, removal.cause) == (11, STOCK, Operation.REMOVED, LATER)
    assert list(removal.patch) == [{"op": "test", "path": "", "value": ENTITIES[STOCK].document}, {"op": "remove", "path": ""}]
    assert (back.sequence, back.cause) == (12, CAUSE)
    assert await stocked.head() == 12
    found = await stocked.changes(9, 10, visible=EVERYTHING)
    assert [_plain(change) for change in found] == [_plain(change) for change in (update, removal, back)]
    assert all(before < change.at < datetime.now(UTC) + timedelta(seconds=30) for change in found)


def _plain(change: Change) -> tuple[object, ...]:
    return (change.sequence, change.at, change.ref, change.operation, list(change.patch), change.cause)


async def test_a_creation_has_no_patch(stocked: Store) -> None:
    (first,) = await stocked.changes(0, 1, visible=EVERYTHING)
    assert (first.sequence, first.ref, first.operation, list(first.patch), first.cause) == (1, WEB, Operation.CREATED, [], CAUSE)


async def _sequences(store: Store, after: int, limit: int, visible: Condition = EVERYTHING, **options: object) -> list[int]:
    return [change.sequence for change in await store.changes(after, limit, visible=visible, **options)]  # pyright: ignore[reportArgumentType]


async def test_the_log_is_read_onward_and_backward(stocked: Store) -> None:
    await _changed(stocked)
    assert await _sequences(stocked, 0, 3) == [1, 2, 3]
    assert await _sequences(stocked, 10, 9) == [11, 12]
    assert await _sequences(stocked, 12, 9) == []
    assert await _sequences(stocked, 100, 2, backward=True) == [12, 11]
    assert await _sequences(stocked, 3, 9, backward=True) == [2, 1]
    assert await _sequences(stocked, 0, 0) == []


async def test_the_log_of_some_entities(stocked: Store) -> None:
    await _changed(stocked)
    assert await _sequences(stocked, 0, 9, refs=[DB, STOCK]) == [3, 4, 10, 11, 12]
    assert await _sequences(stocked, 4, 9, refs=[DB]) == [10, 12]
    assert await _sequences(stocked, 12, 9, refs=[DB], backward=True) == [10, 4]
    assert await _sequences(stocked, 0, 9, refs=[]) == []
    assert await stocked.change_counts([DB, STOCK], visible=EVERYTHING) == 5
    assert await stocked.change_counts(None, visible=EVERYTHING) == 12


async def test_what_happened_to_hidden_and_gone_entities_is_not_told(stocked: Store) -> None:
    await _changed(stocked)
    assert await _sequences(stocked, 0, 99, visible=all_but(DB)) == [1, 2, 5, 6, 7, 8, 9]
    assert await stocked.change_counts(None, visible=all_but(DB)) == 7
    assert await stocked.change_counts([DB, STOCK, CART], visible=all_but(DB)) == 1
    assert await _sequences(stocked, 0, 99, visible=all_but(), refs=[STOCK]) == []
    assert await _sequences(stocked, 0, 99, visible=fact_in("spec.type", ["database"])) == [4, 10, 12]


async def test_an_entity_that_came_back_tells_all_that_happened_to_it(stocked: Store) -> None:
    await _changed(stocked)
    await stocked.apply(batch(created(ENTITIES[STOCK])))
    assert await _sequences(stocked, 0, 99, visible=all_but(DB), refs=[STOCK]) == [3, 11, 13]
    assert await _sequences(stocked, 0, 99, refs=[Ref("component:default/none")]) == []
