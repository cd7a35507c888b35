"""What is reached from some roots: all of it, cut short, filtered, paged, with the chain that led there."""

import pytest

from graph.conditions import EVERYTHING, NOTHING, Condition, fact_in
from graph.errors import InvalidCursorError
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step
from graph.store import Closure, ClosureQuery, FacetCount, Store, Window
from tests.contract.shop import CART, DB, ENTITIES, GHOST, ORDERS, STOCK, TEAM, WEB, all_but
from tests.graphs import batch, created, declared, entity

OUT, IN = Direction.OUT, Direction.IN
DEPENDENTS = RelationRegistry().dependent_steps()
ON = (Step("dependsOn", OUT),)
ALL_OF_IT = Window(100)


async def _reached(store: Store, *roots: Ref, visible: Condition = EVERYTHING, **options: object) -> Closure:
    query = ClosureQuery(roots, **{"steps": DEPENDENTS, "window": ALL_OF_IT, **options})  # pyright: ignore[reportArgumentType]
    return await store.closure(query, visible=visible)


def _depths(closure: Closure) -> dict[Ref, int]:
    return {row.entity.ref: row.depth for row in closure.page.rows}


async def test_dependents_are_reached_in_the_direction_that_a_change_travels(stocked: Store) -> None:
    closure = await _reached(stocked, DB)
    # The cart depends on the database, the web and the stock on the cart, and what the cart provides is felt as well.
    assert _depths(closure) == {CART: 1, ORDERS: 2, STOCK: 2, WEB: 2}
    assert (closure.total, closure.deepest, closure.truncated, closure.facets) == (4, 2, False, {})
    assert list(closure.page.keysets) == [("000001", CART), ("000002", ORDERS), ("000002", STOCK), ("000002", WEB)]
    assert [row.entity for row in closure.page.rows] == [ENTITIES[ref] for ref in (CART, ORDERS, STOCK, WEB)]


async def test_each_entity_comes_with_the_chain_that_led_to_it(stocked: Store) -> None:
    paths = {row.entity.ref: row.path for row in (await _reached(stocked, DB)).page.rows}
    assert [(step.ref, step.edge.relation, step.direction) for step in paths[ORDERS]] == [
        (CART, "dependsOn", IN),
        (ORDERS, "providesApis", OUT),
    ]
    first, second = paths[WEB]
    assert (first.edge.source, first.edge.target, [evidence.declarer for evidence in first.edge.evidence]) == (CART, DB, [CART, DB])
    assert second.edge == declared(WEB, "dependsOn", CART)


async def test_roots_are_not_counted_even_on_a_cycle(stocked: Store) -> None:
    assert _depths(await _reached(stocked, CART)) == {ORDERS: 1, STOCK: 1, WEB: 1}
    assert _depths(await _reached(stocked, CART, steps=ON)) == {STOCK: 1, DB: 1}
    assert _depths(await _reached(stocked, CART, STOCK, CART)) == {ORDERS: 1, WEB: 1}


async def test_placeholders_are_neither_reached_nor_roots(stocked: Store) -> None:
    assert _depths(await _reached(stocked, GHOST)) == {}
    assert GHOST not in _depths(await _reached(stocked, WEB, steps=ON))
    assert (await _reached(stocked)).total == 0


async def test_hidden_entities_are_neither_reached_nor_passed_nor_roots(stocked: Store) -> None:
    assert _depths(await _reached(stocked, DB, visible=all_but(CART))) == {}
    assert _depths(await _reached(stocked, CART, visible=all_but(CART))) == {}
    assert _depths(await _reached(stocked, DB, visible=all_but(WEB))) == {CART: 1, ORDERS: 2, STOCK: 2}
    assert (await _reached(stocked, DB, visible=NOTHING)).total == 0


async def test_what_hidden_entities_declare_leads_nowhere(stocked: Store) -> None:
    # Only the cart says that it depends on the stock.
    assert _depths(await _reached(stocked, STOCK, visible=all_but(CART))) == {}
    (row,) = (await _reached(stocked, DB, steps=[Step("dependsOn", IN)], visible=all_but(WEB, STOCK))).page.rows
    assert [evidence.declarer for evidence in row.path[0].edge.evidence] == [CART, DB]


async def test_a_depth_that_leaves_something_out_truncates(stocked: Store) -> None:
    for max_depth, total, truncated in ((0, 0, True), (1, 1, True), (2, 4, False), (3, 4, False), (None, 4, False)):
        closure = await _reached(stocked, DB, max_depth=max_depth)
        assert (max_depth, closure.total, closure.truncated) == (max_depth, total, truncated)


async def test_a_number_of_nodes_that_leaves_something_out_truncates(stocked: Store) -> None:
    for max_nodes, refs, truncated in (
        (0, [], True),
        (1, [CART], True),
        (2, [CART, ORDERS], True),
        (3, [CART, ORDERS, STOCK], True),
        (4, [CART, ORDERS, STOCK, WEB], False),
        (5, [CART, ORDERS, STOCK, WEB], False),
    ):
        closure = await _reached(stocked, DB, max_nodes=max_nodes)
        assert (max_nodes, list(_depths(closure)), closure.truncated) == (max_nodes, refs, truncated)


async def test_a_filter_restricts_what_is_reported_and_not_what_is_passed(stocked: Store) -> None:
    closure = await _reached(stocked, DB, filter=fact_in("spec.type", ["website", "openapi"]), facets=["kind", "relations.ownedby"])
    assert _depths(closure) == {ORDERS: 2, WEB: 2}
    assert (closure.total, closure.deepest) == (2, 2)
    assert {path: list(counts) for path, counts in closure.facets.items()} == {
        "kind": [FacetCount("API", 1), FacetCount("Component", 1)],
        "relations.ownedby": [FacetCount(TEAM, 1)],
    }
    assert (await _reached(stocked, DB, filter=NOTHING)).deepest == 0


async def test_facets_speak_of_everything_reached_and_the_page_of_a_window(stocked: Store) -> None:
    closure = await _reached(stocked, DB, window=Window(1, after=("000001", CART)), facets=["kind"])
    assert list(_depths(closure)) == [ORDERS]
    assert (closure.total, closure.page.has_previous, closure.page.has_next) == (4, True, True)
    assert list(closure.facets["kind"]) == [FacetCount("Component", 3), FacetCount("API", 1)]


async def test_windows_hold_what_lies_between_their_bounds(stocked: Store) -> None:
    for window, refs, has_previous, has_next in (
        (Window(2), [CART, ORDERS], False, True),
        (Window(2, backward=True), [STOCK, WEB], True, False),
        (Window(9, after=("000002", ORDERS)), [STOCK, WEB], True, False),
        (Window(1, before=("000002", WEB), backward=True), [STOCK], True, True),
        (Window(9, before=("000002", "")), [CART], False, True),
        (Window(0), [], False, True),
        (Window(9, after=("000003", "")), [], True, False),
    ):
        page = (await _reached(stocked, DB, window=window)).page
        assert (window, [row.entity.ref for row in page.rows], page.has_previous, page.has_next) == (window, refs, has_previous, has_next)


async def test_of_several_shortest_chains_the_least_by_its_end_is_told(store: Store) -> None:
    names = ("a", "b", "c", "y", "z", "end")
    a, b, c, y, z, end = (Ref(f"component:default/{name}") for name in names)
    edges = {b: [(a, "dependsOn")], c: [(a, "dependsOn")], y: [(c, "dependsOn")], z: [(b, "dependsOn")]}
    writes = [created(entity(ref), *(declared(ref, relation, to) for to, relation in edges.get(ref, ()))) for ref in (a, b, c, y, z)]
    last = [declared(end, "dependsOn", y), declared(end, "consumesApis", y), declared(end, "dependsOn", z)]
    await store.apply(batch(*writes, created(entity(end), *last)))
    (row,) = [row for row in (await _reached(store, a)).page.rows if row.entity.ref == end]
    # b comes before c, but of the last edges those from y come before that from z, and consumesApis before dependsOn.
    assert [(step.ref, step.edge.relation) for step in row.path] == [(c, "dependsOn"), (y, "dependsOn"), (end, "consumesApis")]


async def test_a_long_chain_is_followed_to_its_end(store: Store) -> None:
    refs = [Ref(f"component:default/c{i:03}") for i in range(60)]
    await store.apply(
        batch(*[created(entity(ref), declared(ref, "dependsOn", before)) for before, ref in zip(["x:y/z", *refs], refs, strict=False)])
    )
    closure = await _reached(store, refs[0], window=Window(1, backward=True))
    (row,) = closure.page.rows
    assert (closure.total, closure.deepest, row.entity.ref) == (59, 59, refs[-1])
    assert [step.ref for step in row.path] == refs[1:]


async def test_a_keyset_of_another_list_is_refused(stocked: Store) -> None:
    for keyset in (("a",), ("000001", None), ("000001", "a", "b")):
        with pytest.raises(InvalidCursorError):
            await _reached(stocked, DB, window=Window(2, after=keyset))
