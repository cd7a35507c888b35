"""Past states worked out from the log: they are what was recorded when they were the present."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.compaction import compact
from graph.conditions import EVERYTHING
from graph.errors import PatchError
from graph.history import documents_at, past_documents
from graph.patches import applied, patch_of_difference
from graph.refs import Ref
from graph.store import Store
from tests.contract.histories import REFS, batches, write_all
from tests.contract.shop import DB, ENTITIES, STOCK, all_but
from tests.graphs import batch, created, entity, removed, updated

Steps = list[Mapping[Ref, Mapping[str, object] | None]]
SOME = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def _emptied(store: Store) -> None:
    present = await store.entities_by_ref(REFS, visible=EVERYTHING)
    await store.apply(batch(removals=[removed(found) for found in present.values()]))


@SOME
@given(batches)
async def test_what_was_is_what_was_recorded_then(store: Store, steps: Steps) -> None:
    await _emptied(store)
    recorded = await write_all(store, steps)
    moments = list(recorded)
    found = await past_documents(store, REFS, moments, visible=EVERYTHING)
    assert {at: {ref: found[ref][i] for ref in REFS if found[ref][i] is not None} for i, at in enumerate(moments)} == recorded


@SOME
@given(batches)
async def test_the_difference_of_two_moments_leads_from_one_to_the_other(store: Store, steps: Steps) -> None:
    await _emptied(store)
    recorded = await write_all(store, steps)
    for earlier in recorded:
        for later in recorded:
            found = await past_documents(store, REFS, [earlier, later], visible=EVERYTHING)
            for ref, (before, after) in found.items():
                assert applied(before, patch_of_difference(before, after)) == recorded[later].get(ref)


@SOME
@given(batches)
async def test_a_cut_log_tells_as_much_of_what_came_after_the_cut(store: Store, steps: Steps) -> None:
    await _emptied(store)
    recorded = await write_all(store, steps)
    horizon = list(recorded)[len(recorded) // 2]
    await store.cut_log(horizon)
    moments = [at for at in recorded if at >= horizon]
    found = await past_documents(store, REFS, moments, visible=EVERYTHING)
    assert {at: {ref: found[ref][i] for ref in REFS if found[ref][i] is not None} for i, at in enumerate(moments)} == {
        at: recorded[at] for at in moments
    }


async def test_hidden_and_gone_entities_have_no_past_for_whoever_may_not_see_everything(stocked: Store) -> None:
    await stocked.apply(batch(updated(ENTITIES[DB], entity(DB, {"type": "cluster"})), removals=[removed(ENTITIES[STOCK])]))
    everything = await past_documents(stocked, [DB, STOCK], [0, 9, 11], visible=EVERYTHING)
    then: dict[Ref, list[Any]] = {
        DB: [None, ENTITIES[DB].document, entity(DB, {"type": "cluster"}).document],
        STOCK: [None, ENTITIES[STOCK].document, None],
    }
    assert {ref: list(of) for ref, of in everything.items()} == then
    some = await past_documents(stocked, [DB, STOCK], [0, 9, 11], visible=all_but())
    assert {ref: list(of) for ref, of in some.items()} == {**then, STOCK: [None] * 3}
    none = await past_documents(stocked, [DB, STOCK], [0, 9, 11], visible=all_but(DB))
    assert {ref: list(of) for ref, of in none.items()} == {DB: [None] * 3, STOCK: [None] * 3}


async def test_a_log_that_does_not_fit_is_told_with_its_entry(store: Store) -> None:
    old, new = entity("component:default/a", {"n": 1}), entity("component:default/a", {"n": 2})
    await store.apply(batch(created(old)))
    changes = await store.apply(batch(updated(old, new)))
    with pytest.raises(PatchError, match="entry 2 of the log, of component:default/a"):
        documents_at(old.document, changes, [1])
    with pytest.raises(PatchError, match="entry 2 of the log does not fit"):
        documents_at(None, changes, [1])


@SOME
@given(batches, st.sampled_from([timedelta(days=9000), timedelta(milliseconds=2)]), st.integers(1, 20))
async def test_a_compacted_log_tells_the_same_at_every_entry_that_remains(store: Store, steps: Steps, span: timedelta, limit: int) -> None:
    await _emptied(store)
    recorded = await write_all(store, steps)
    first, *_, head = [*recorded, max(recorded)]
    done = first
    while done < head:
        done = await compact(store, done, head, span, limit)
    await _assert_same(store, recorded, first)
    left = await store.changes(first, 1000, visible=EVERYTHING)
    while (done := await compact(store, done if done < head else first, head, span, limit)) < head:
        pass
    if limit == 20:
        assert list(await store.changes(first, 1000, visible=EVERYTHING)) == list(left)


async def _assert_same(store: Store, recorded: Mapping[int, Mapping[Ref, Any]], first: int) -> None:
    changes = await store.changes(first, 1000, visible=EVERYTHING)
    moments = sorted({first, *(change.sequence for change in changes), max(recorded)})
    found = await past_documents(store, REFS, moments, visible=EVERYTHING)
    for change in changes:
        written = min(at for at in recorded if at >= change.sequence)
        assert found[change.ref][moments.index(change.sequence)] == recorded[written].get(change.ref)
    for at in (first, max(recorded)):
        assert {ref: of[moments.index(at)] for ref, of in found.items() if of[moments.index(at)] is not None} == recorded[at]


async def test_changes_that_come_to_nothing_leave_no_entry(store: Store) -> None:
    old, new = entity("component:default/a", {"n": 1}), entity("component:default/a", {"n": 2})
    await store.apply(batch(created(old)))
    await store.apply(batch(updated(old, new)))
    await store.apply(batch(updated(new, old), created(entity("component:default/b"))))
    assert await compact(store, 1, 4, timedelta(days=9000), 100) == 4
    assert [change.sequence for change in await store.changes(0, 9, visible=EVERYTHING)] == [1, 4]
    assert await compact(store, 4, 4, timedelta(days=9000), 100) == 4
    assert await store.head() == 4
