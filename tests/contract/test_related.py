"""The edges around entities, a window for each."""

import pytest

from graph.conditions import EVERYTHING, IsOrphan, Not, fact_in
from graph.entities import Edge, Evidence
from graph.errors import InvalidCursorError
from graph.refs import Ref
from graph.relations import Direction, Step
from graph.store import Keyset, Page, RelatedRow, Store, Window
from tests.contract.shop import ANNA, CART, DB, ENTITIES, GHOST, ORDERS, SHOP, STAFF, STOCK, TEAM, WEB, all_but
from tests.graphs import batch, created, declared, entity

OUT, IN = Direction.OUT, Direction.IN
DEPENDENCIES = (Step("dependsOn", OUT),)
DEPENDENTS = (Step("dependsOn", IN),)
AROUND = tuple(Step(relation, direction) for relation in ("dependsOn", "providesApis", "ownedBy", "partOf") for direction in Direction)


def _keys(page: Page[RelatedRow]) -> list[tuple[str, str, str]]:
    return [(row.ref, row.edge.relation, row.direction.value) for row in page.rows]


AROUND_CART = [
    (ORDERS, "providesApis", "out"),
    (STOCK, "dependsOn", "in"),
    (STOCK, "dependsOn", "out"),
    (WEB, "dependsOn", "in"),
    (TEAM, "ownedBy", "out"),
    (DB, "dependsOn", "out"),
    (SHOP, "partOf", "out"),
]


async def test_edges_come_with_their_other_end_and_their_evidence(stocked: Store) -> None:
    pages = await stocked.related([CART], DEPENDENCIES, Window(10), visible=EVERYTHING)
    said_by_cart = declared(CART, "dependsOn", DB).evidence
    said_by_db = declared(DB, "dependsOn", CART, inverted=True).evidence
    assert {ref: (list(page.rows), list(page.keysets), page.has_previous, page.has_next) for ref, page in pages.items()} == {
        CART: (
            [
                RelatedRow(declared(CART, "dependsOn", STOCK), STOCK, OUT, ENTITIES[STOCK]),
                RelatedRow(Edge(CART, "dependsOn", DB, (*said_by_cart, *said_by_db)), DB, OUT, ENTITIES[DB]),
            ],
            [(STOCK, "dependsOn", "out"), (DB, "dependsOn", "out")],
            False,
            False,
        )
    }


async def test_edges_are_ordered_by_the_other_end_the_relation_and_the_direction(stocked: Store) -> None:
    pages = await stocked.related([CART], AROUND, Window(100), visible=EVERYTHING)
    assert _keys(pages[CART]) == AROUND_CART
    assert list(pages[CART].keysets) == AROUND_CART


async def test_each_of_many_entities_has_a_page_of_its_own(stocked: Store) -> None:
    pages = await stocked.related([WEB, STOCK, GHOST, CART, WEB, ORDERS], DEPENDENTS, Window(1), visible=EVERYTHING)
    assert {ref: (_keys(page), page.has_previous, page.has_next) for ref, page in pages.items()} == {
        CART: ([(STOCK, "dependsOn", "in")], False, True),
        STOCK: ([(CART, "dependsOn", "in")], False, False),
        WEB: ([], False, False),
        ORDERS: ([], False, False),
    }


WINDOWS: tuple[tuple[Window, slice, bool, bool], ...] = (
    (Window(2), slice(0, 2), False, True),
    (Window(2, after=AROUND_CART[1]), slice(2, 4), True, True),
    (Window(9, after=AROUND_CART[1]), slice(2, 7), True, False),
    (Window(9, after=AROUND_CART[6]), slice(7, 7), True, False),
    (Window(9, before=AROUND_CART[2]), slice(0, 2), False, True),
    (Window(2, backward=True), slice(5, 7), True, False),
    (Window(2, before=AROUND_CART[4], backward=True), slice(2, 4), True, True),
    (Window(9, before=AROUND_CART[0], backward=True), slice(0, 0), False, True),
    (Window(9, after=AROUND_CART[1], before=AROUND_CART[4], backward=True), slice(2, 4), True, True),
    (Window(9, after=AROUND_CART[4], before=AROUND_CART[1]), slice(0, 0), True, True),
    (Window(0), slice(0, 0), False, True),
    (Window(0, backward=True), slice(0, 0), True, False),
    (Window(2, after=("component:default/stock", "dependsOn", "int")), slice(2, 4), True, True),
)


async def test_windows_hold_what_lies_between_their_bounds(stocked: Store) -> None:
    for window, inside, has_previous, has_next in WINDOWS:
        page = (await stocked.related([CART], AROUND, window, visible=EVERYTHING))[CART]
        assert (window, _keys(page), page.has_previous, page.has_next) == (window, AROUND_CART[inside], has_previous, has_next)


async def test_a_missing_or_hidden_other_end_is_named_and_has_no_node(stocked: Store) -> None:
    around_stock = (await stocked.related([STOCK], DEPENDENCIES, Window(10), visible=all_but(CART)))[STOCK]
    assert [(row.ref, row.node) for row in around_stock.rows] == [(CART, None), (GHOST, None)]


async def test_without_nodes_none_is_given(stocked: Store) -> None:
    page = (await stocked.related([WEB], DEPENDENCIES, Window(10), visible=EVERYTHING, with_nodes=False))[WEB]
    assert list(page.rows) == [RelatedRow(declared(WEB, "dependsOn", CART), CART, OUT, None)]


async def test_hidden_entities_have_no_page_and_what_they_declare_no_edge(stocked: Store) -> None:
    pages = await stocked.related([CART, DB, TEAM], AROUND, Window(10), visible=all_but(CART))
    assert {ref: _keys(page) for ref, page in pages.items()} == {
        # The database itself says that the cart depends on it.
        DB: [(CART, "dependsOn", "in"), ("group:default/nobody", "ownedBy", "out")],
        TEAM: [(WEB, "ownedBy", "in")],
    }
    assert pages[DB].rows[0].edge.evidence == declared(DB, "dependsOn", CART, inverted=True).evidence


async def test_a_filter_keeps_edges_to_visible_entities_it_lets_through(stocked: Store) -> None:
    services = fact_in("spec.type", ["service"])
    for visible, condition, refs in (
        (EVERYTHING, services, [CART]),
        (EVERYTHING, Not(services), []),
        (EVERYTHING, EVERYTHING, [CART]),
        (all_but(CART), EVERYTHING, []),
        (EVERYTHING, IsOrphan(), []),
    ):
        page = (await stocked.related([STOCK], DEPENDENCIES, Window(10), visible=visible, filter=condition))[STOCK]
        assert [row.ref for row in page.rows] == refs


async def test_counts_are_those_of_the_whole_lists(stocked: Store) -> None:
    refs = [CART, ORDERS, ANNA, GHOST, STOCK]
    assert await stocked.related_counts(refs, AROUND, visible=EVERYTHING) == {CART: 7, ORDERS: 1, ANNA: 0, STOCK: 4}
    assert await stocked.related_counts(refs, AROUND, visible=all_but(CART)) == {ORDERS: 0, ANNA: 0, STOCK: 3}
    assert await stocked.related_counts([STOCK], DEPENDENCIES, visible=EVERYTHING, filter=EVERYTHING) == {STOCK: 1}
    assert await stocked.related_counts([STAFF], (), visible=EVERYTHING) == {STAFF: 0}


async def test_the_edges_of_an_entity_are_listed_without_evidence_by_relation_direction_and_other_end(stocked: Store) -> None:
    refs = [CART, ORDERS, ANNA, GHOST, CART]
    around_cart = sorted((relation, Direction(direction), ref) for ref, relation, direction in AROUND_CART)
    assert await stocked.edges_of(refs, AROUND, visible=EVERYTHING) == {
        CART: around_cart,
        ORDERS: [("providesApis", IN, CART)],
        ANNA: [],
    }
    assert await stocked.edges_of(refs, AROUND, visible=all_but(CART)) == {ORDERS: [], ANNA: []}
    assert await stocked.edges_of([STAFF], (), visible=EVERYTHING) == {STAFF: []}


async def test_no_steps_no_edges_and_no_refs_no_pages(stocked: Store) -> None:
    pages = await stocked.related([CART], (), Window(10), visible=EVERYTHING)
    assert {ref: _keys(page) for ref, page in pages.items()} == {CART: []}
    assert await stocked.related([], AROUND, Window(10), visible=EVERYTHING) == {}
    assert _keys((await stocked.related([CART], [Step("unknown", OUT)], Window(9), visible=EVERYTHING))[CART]) == []


async def test_an_edge_from_an_entity_to_itself_is_seen_from_both_ends(store: Store) -> None:
    loop = Ref("component:default/loop")
    await store.apply(batch(created(entity(loop), declared(loop, "dependsOn", loop))))
    page = (await store.related([loop], [*DEPENDENTS, *DEPENDENCIES, *DEPENDENTS], Window(9), visible=EVERYTHING))[loop]
    assert _keys(page) == [(loop, "dependsOn", "in"), (loop, "dependsOn", "out")]


async def test_evidence_is_kept_whole(store: Store) -> None:
    a, b = Ref("component:default/a"), Ref("component:default/b")
    evidence = (
        Evidence(a, "spec.dependsOn", "/catalog/a.yaml", 3),
        Evidence(a, "spec.traffic", "/catalog/a.yaml", 9, inferred=True, confidence=0.25),
    )
    await store.apply(batch(created(entity(a), Edge(a, "dependsOn", b, evidence))))
    page = (await store.related([a], DEPENDENCIES, Window(9), visible=EVERYTHING))[a]
    assert [row.edge for row in page.rows] == [Edge(a, "dependsOn", b, evidence)]


async def test_a_keyset_of_another_list_is_refused(stocked: Store) -> None:
    keysets: tuple[Keyset, ...] = (("a",), ("a", "dependsOn"), ("a", "dependsOn", None), ("a", "b", "c", "d"))
    for keyset in keysets:
        with pytest.raises(InvalidCursorError):
            await stocked.related([CART], AROUND, Window(2, after=keyset), visible=EVERYTHING)
