"""Entities by their refs, and the totals."""

import pytest

from graph.conditions import EVERYTHING, NOTHING, FactExists
from graph.errors import InputError, StoreUnavailableError
from graph.refs import Ref
from graph.store import Counts, Store
from tests.contract.shop import CART, ENTITIES, GHOST, STOCK, WEB, all_but
from tests.graphs import batch, created, entity


async def test_an_empty_store_counts_nothing(store: Store) -> None:
    assert await store.counts() == Counts(entities=0, placeholders=0, edges=0, errors=0, changes=0)
    await store.check()


async def test_counts_are_totals(stocked: Store) -> None:
    assert await stocked.counts() == Counts(entities=9, placeholders=2, edges=15, errors=3, changes=9)


async def test_entities_come_back_as_they_were_written(stocked: Store) -> None:
    assert await stocked.entities_by_ref(list(ENTITIES), visible=EVERYTHING) == ENTITIES


async def test_missing_and_placeholder_refs_are_absent_and_repeated_ones_there_once(stocked: Store) -> None:
    found = await stocked.entities_by_ref([WEB, GHOST, WEB, Ref("component:default/none")], visible=EVERYTHING)
    assert found == {WEB: ENTITIES[WEB]}


async def test_no_refs_no_entities(stocked: Store) -> None:
    assert await stocked.entities_by_ref([], visible=EVERYTHING) == {}


async def test_a_hidden_entity_reads_as_a_missing_one(stocked: Store) -> None:
    assert set(await stocked.entities_by_ref([WEB, CART], visible=all_but(CART))) == {WEB}
    assert await stocked.entities_by_ref([WEB, CART], visible=NOTHING) == {}
    assert set(await stocked.entities_by_ref([WEB, CART, STOCK], visible=FactExists("metadata.labels.tier"))) == {STOCK}


async def test_any_text_survives(store: Store) -> None:
    text = "snow ☃, clef \U0001d11e, quote ' \" \\ `, nul \x00, newline \n, % _ $x :y {z}"
    odd = entity("component:default/odd", {"texts": [text], text: {"deep": [[1, 2.5, None, True, {"e": -(2**63)}]]}}, title=text)
    await store.apply(batch(created(odd)))
    assert await store.entities_by_ref([odd.ref], visible=EVERYTHING) == {odd.ref: odd}


async def test_text_that_is_not_unicode_is_refused(stocked: Store) -> None:
    with pytest.raises(InputError):
        await stocked.entities_by_ref([Ref("component:default/\ud800")], visible=EVERYTHING)


async def test_a_closed_store_is_unavailable_and_closing_twice_is_fine(stocked: Store) -> None:
    await stocked.close()
    await stocked.close()
    with pytest.raises(StoreUnavailableError):
        await stocked.check()
    with pytest.raises(StoreUnavailableError):
        await stocked.entities_by_ref([WEB], visible=EVERYTHING)


async def test_a_store_opens_again_with_what_it_held(stocked: Store) -> None:
    await stocked.close()
    await stocked.open()
    assert await stocked.counts() == Counts(entities=9, placeholders=2, edges=15, errors=3, changes=9)
    assert await stocked.entities_by_ref([WEB], visible=EVERYTHING) == {WEB: ENTITIES[WEB]}
