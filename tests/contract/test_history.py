"""Past states worked out from the log: they are what was recorded when they were the present."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

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
