"""Windows of an ordered list: what they hold, and whether more lies on either side."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.conditions import EVERYTHING, Condition, fact_in
from graph.entities import Entity
from graph.errors import InvalidCursorError
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Batch, Keyset, Order, Page, Store, Window
from graph.stores.sqlite import SqliteStore
from tests.contract.shop import ALL, CART, DB, ORDERS, SHOP, STAFF, STOCK, TEAM, WEB, all_but
from tests.graphs import catalogs, conditions, orders

SERVICES = fact_in("kind", ["component"])


def _refs(page: Page[Entity]) -> tuple[Ref, ...]:
    return tuple(entity.ref for entity in page.rows)


async def test_entities_come_in_the_order_of_their_refs(stocked: Store) -> None:
    page = await stocked.page(EVERYTHING, (), Window(100), visible=EVERYTHING)
    assert _refs(page) == ALL
    assert list(page.keysets) == [(ref,) for ref in ALL]
    assert (page.has_previous, page.has_next) == (False, False)


WINDOWS: tuple[tuple[Window, tuple[Ref, ...], bool, bool], ...] = (
    (Window(2), ALL[:2], False, True),
    (Window(9), ALL, False, False),
    (Window(0), (), False, True),
    (Window(2, after=(ALL[1],)), ALL[2:4], True, True),
    (Window(100, after=(ALL[1],)), ALL[2:], True, False),
    (Window(2, after=("a",)), ALL[:2], False, True),
    (Window(2, after=("zzz",)), (), True, False),
    (Window(0, after=(ALL[1],)), (), True, True),
    (Window(100, before=(ALL[3],)), ALL[:3], False, True),
    (Window(2, before=(ALL[3],)), ALL[:2], False, True),
    (Window(2, before=("zzz",)), ALL[:2], False, True),
    (Window(100, after=(ALL[1],), before=(ALL[5],)), ALL[2:5], True, True),
    (Window(1, after=(ALL[1],), before=(ALL[5],)), ALL[2:3], True, True),
    (Window(100, after=(ALL[5],), before=(ALL[1],)), (), True, True),
    (Window(100, after=("a",), before=("b",)), (ORDERS,), False, True),
    (Window(100, after=("b",), before=("c",)), (), True, True),
    (Window(2, backward=True), ALL[-2:], True, False),
    (Window(100, backward=True), ALL, False, False),
    (Window(0, backward=True), (), True, False),
    (Window(2, before=(ALL[4],), backward=True), ALL[2:4], True, True),
    (Window(100, before=(ALL[4],), backward=True), ALL[:4], False, True),
    (Window(2, before=("a",), backward=True), (), False, True),
    (Window(2, after=(ALL[1],), backward=True), ALL[-2:], True, False),
    (Window(100, after=(ALL[1],), before=(ALL[5],), backward=True), ALL[2:5], True, True),
    (Window(2, after=(ALL[1],), before=(ALL[5],), backward=True), ALL[3:5], True, True),
    (Window(100, after=(ALL[5],), before=(ALL[1],), backward=True), (), True, True),
)


async def test_windows_hold_what_lies_between_their_bounds_and_know_what_lies_beyond(stocked: Store) -> None:
    for window, refs, has_previous, has_next in WINDOWS:
        page = await stocked.page(EVERYTHING, (), window, visible=EVERYTHING)
        assert (window, _refs(page), page.has_previous, page.has_next) == (window, refs, has_previous, has_next)


async def test_what_is_filtered_out_or_hidden_lies_on_neither_side(stocked: Store) -> None:
    first = await stocked.page(SERVICES, (), Window(2, after=(CART,)), visible=all_but(CART))
    assert (_refs(first), first.has_previous, first.has_next) == ((STOCK, WEB), False, False)


ORDERINGS: tuple[tuple[tuple[Order, ...], tuple[Ref, ...], tuple[Keyset, ...]], ...] = (
    (
        (Order("spec.type"),),
        (DB, STAFF, ORDERS, CART, STOCK, TEAM, WEB),
        (
            ("database", DB), ("department", STAFF), ("openapi", ORDERS), ("service", CART), ("service", STOCK), ("team", TEAM),
            ("website", WEB),
        ),
    ),
    (
        (Order("spec.type", descending=True),),
        (WEB, TEAM, CART, STOCK, ORDERS, STAFF, DB),
        (
            ("website", WEB), ("team", TEAM), ("service", CART), ("service", STOCK), ("openapi", ORDERS), ("department", STAFF),
            ("database", DB),
        ),
    ),
    (
        (Order("spec.lifecycle"), Order("spec.type", descending=True)),
        (STOCK, WEB, CART, ORDERS, TEAM, STAFF, DB),
        (
            ("experimental", "service", STOCK), ("production", "website", WEB), ("production", "service", CART),
            ("production", "openapi", ORDERS), (None, "team", TEAM), (None, "department", STAFF), (None, "database", DB),
        ),
    ),
)  # fmt: skip


async def test_orderings_put_entities_without_a_value_last_and_then_go_by_ref(stocked: Store) -> None:
    typed = fact_in("spec.type", ["website", "service", "database", "openapi", "team", "department"])
    for order, refs, keysets in ORDERINGS:
        page = await stocked.page(typed, order, Window(100), visible=EVERYTHING)
        assert (_refs(page), tuple(page.keysets)) == (refs, keysets)
        for start in (0, 3, len(refs) - 1):
            after = await stocked.page(typed, order, Window(2, after=keysets[start]), visible=EVERYTHING)
            assert (_refs(after), after.has_previous) == (refs[start + 1 : start + 3], True)
            before = await stocked.page(typed, order, Window(2, before=keysets[start], backward=True), visible=EVERYTHING)
            assert (_refs(before), before.has_next) == (refs[max(start - 2, 0) : start], True)


async def test_an_entity_is_ordered_by_its_least_value(stocked: Store) -> None:
    tagged = await stocked.page(fact_in("metadata.name", ["web"]), (Order("metadata.tags"),), Window(1), visible=EVERYTHING)
    assert list(tagged.keysets) == [("public", WEB)]


async def test_several_entities_without_any_value_go_by_ref(stocked: Store) -> None:
    page = await stocked.page(fact_in("kind", ["group", "system"]), (Order("spec.no", descending=True),), Window(9), visible=EVERYTHING)
    assert list(page.keysets) == [(None, STAFF), (None, TEAM), (None, SHOP)]


async def test_a_keyset_of_another_ordering_is_refused(stocked: Store) -> None:
    for order, keyset in (((), ("a", "b")), ((Order("kind"),), ("a",)), ((Order("kind"),), ("a", None)), ((), ()), ((), (None,))):
        for window in (Window(2, after=keyset), Window(2, before=keyset, backward=True)):
            with pytest.raises(InvalidCursorError):
                await stocked.page(EVERYTHING, order, window, visible=EVERYTHING)


@given(catalogs(), st.lists(st.tuples(orders, conditions), min_size=1, max_size=4), st.integers(1, 4))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
async def test_paging_either_way_visits_every_entity_once(
    catalog: Batch, lists: Sequence[tuple[tuple[Order, ...], Condition]], limit: int
) -> None:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "catalog.db", RelationRegistry())
        await store.open()
        try:
            await store.apply(catalog)
            for order, condition in lists:
                whole = _refs(await store.page(condition, order, Window(1000), visible=EVERYTHING))
                assert len(whole) == await store.count(condition, visible=EVERYTHING)
                assert await _visited(store, condition, order, Window(limit)) == whole
                assert await _visited(store, condition, order, Window(limit, backward=True)) == whole
        finally:
            await store.close()


async def _visited(store: Store, filter: Condition, order: Sequence[Order], window: Window) -> tuple[Ref, ...]:
    visited: tuple[Ref, ...] = ()
    while True:
        page = await store.page(filter, order, window, visible=EVERYTHING)
        visited = (*_refs(page), *visited) if window.backward else (*visited, *_refs(page))
        if not (page.has_previous if window.backward else page.has_next):
            return visited
        window = Window(
            window.limit,
            after=None if window.backward else page.keysets[-1],
            before=page.keysets[0] if window.backward else None,
            backward=window.backward,
        )


@pytest.mark.parametrize(
    ("window", "refs", "beside"),
    [
        (Window(2, skip=1), ALL[1:3], (True, True)),
        (Window(2, after=(ALL[0],), skip=1), ALL[2:4], (True, True)),
        (Window(2, before=(ALL[-1],), backward=True, skip=1), ALL[-4:-2], (True, True)),
        (Window(100, skip=len(ALL) - 1), ALL[-1:], (True, False)),
        (Window(2, skip=len(ALL)), (), (False, True)),
    ],
)
async def test_rows_are_passed_over(stocked: Store, window: Window, refs: tuple[Ref, ...], beside: tuple[bool, bool]) -> None:
    page = await stocked.page(EVERYTHING, (), window, visible=EVERYTHING)
    assert (_refs(page), (page.has_previous, page.has_next)) == (refs, beside)
    ordered = await stocked.page(EVERYTHING, [Order("kind")], Window(100, skip=2), visible=EVERYTHING)
    assert _refs(ordered) == _refs(await stocked.page(EVERYTHING, [Order("kind")], Window(100), visible=EVERYTHING))[2:]
