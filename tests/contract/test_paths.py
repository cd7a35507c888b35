"""Shortest chains between two entities, all edges of some relations, and edges to what is missing."""

import pytest

from graph.conditions import EVERYTHING, Condition
from graph.errors import InvalidCursorError
from graph.refs import Ref
from graph.relations import Direction, Step
from graph.store import Store, Window
from tests.contract.shop import CART, DB, GHOST, ORDERS, SHOP, STAFF, STOCK, TEAM, WEB, all_but
from tests.graphs import batch, created, declared, entity

OUT, IN = Direction.OUT, Direction.IN
ON = (Step("dependsOn", OUT),)
EITHER_WAY = (Step("dependsOn", OUT), Step("dependsOn", IN), Step("providesApis", OUT), Step("consumesApis", OUT), Step("partOf", OUT))
NOBODY = Ref("group:default/nobody")


async def _chains(
    store: Store, source: Ref, target: Ref, steps: tuple[Step, ...] = ON, limit: int = 9, visible: Condition = EVERYTHING
) -> list[list[tuple[Ref, str, str]]]:
    chains = await store.shortest_paths(source, target, steps, limit, visible=visible)
    return [[(step.ref, step.edge.relation, step.direction.value) for step in chain] for chain in chains]


async def test_the_shortest_chain_is_found_with_its_evidence(stocked: Store) -> None:
    ((first, second),) = await stocked.shortest_paths(WEB, DB, ON, 9, visible=EVERYTHING)
    assert (first.edge, first.direction, first.ref) == (declared(WEB, "dependsOn", CART), OUT, CART)
    assert [(evidence.declarer, evidence.field) for evidence in second.edge.evidence] == [
        (CART, "spec.dependsOn"),
        (DB, "spec.dependsOnInverted"),
    ]


async def test_all_chains_of_the_least_length_come_in_the_order_of_their_steps(stocked: Store) -> None:
    assert await _chains(stocked, WEB, SHOP, EITHER_WAY) == [[(SHOP, "partOf", "out")]]
    through = (*ON, Step("consumesApis", OUT), Step("providesApis", IN))
    assert await _chains(stocked, WEB, STOCK, through) == [[(CART, "dependsOn", "out"), (STOCK, "dependsOn", "out")]]
    assert await _chains(stocked, CART, STOCK, EITHER_WAY) == [[(STOCK, "dependsOn", "in")], [(STOCK, "dependsOn", "out")]]
    assert await _chains(stocked, WEB, STOCK, EITHER_WAY) == [
        [(CART, "dependsOn", "out"), (STOCK, "dependsOn", "in")],
        [(CART, "dependsOn", "out"), (STOCK, "dependsOn", "out")],
    ]


async def test_no_more_chains_than_asked_for_and_the_first_of_them(store: Store) -> None:
    middle = [Ref(f"component:default/m{i:02}") for i in range(30)]
    source, target = Ref("component:default/from"), Ref("component:default/to")
    writes = [created(entity(ref), declared(ref, "dependsOn", target)) for ref in middle]
    await store.apply(
        batch(*writes, created(entity(target)), created(entity(source), *(declared(source, "dependsOn", ref) for ref in middle)))
    )
    assert [chain[0][0] for chain in await _chains(store, source, target, limit=3)] == middle[:3]
    assert len(await _chains(store, source, target, limit=100)) == 30
    assert await _chains(store, source, target, limit=0) == []


async def test_there_is_no_chain_to_itself_to_the_missing_or_against_the_steps(stocked: Store) -> None:
    for source, target in ((CART, CART), (STOCK, GHOST), (GHOST, STOCK), (DB, WEB), (WEB, ORDERS)):
        assert await _chains(stocked, source, target) == []


async def test_hidden_entities_are_on_no_chain(stocked: Store) -> None:
    for hidden in (WEB, CART, DB):
        assert await _chains(stocked, WEB, DB, visible=all_but(hidden)) == []
    assert await _chains(stocked, WEB, DB, visible=all_but(STOCK)) == [[(CART, "dependsOn", "out"), (DB, "dependsOn", "out")]]


async def test_edges_between_entities_are_listed_whole(stocked: Store) -> None:
    assert list(await stocked.edges(["dependsOn", "childOf", "nothing"], visible=EVERYTHING)) == [
        (CART, "dependsOn", STOCK),
        (CART, "dependsOn", DB),
        (STOCK, "dependsOn", CART),
        (WEB, "dependsOn", CART),
        (TEAM, "childOf", STAFF),
    ]
    assert list(await stocked.edges(["dependsOn"], visible=all_but(STOCK))) == [(CART, "dependsOn", DB), (WEB, "dependsOn", CART)]
    assert list(await stocked.edges(["dependsOn"], visible=all_but(CART))) == []
    assert list(await stocked.edges([], visible=EVERYTHING)) == []


async def test_dangling_edges_are_those_to_missing_targets(stocked: Store) -> None:
    page = await stocked.dangling(Window(9), visible=EVERYTHING)
    assert list(page.rows) == [declared(STOCK, "dependsOn", GHOST), declared(DB, "ownedBy", NOBODY)]
    assert list(page.keysets) == [(GHOST, STOCK, "dependsOn"), (NOBODY, DB, "ownedBy")]
    assert (page.has_previous, page.has_next) == (False, False)


async def test_an_edge_to_a_hidden_target_dangles_and_one_that_a_hidden_entity_declares_is_not_there(stocked: Store) -> None:
    page = await stocked.dangling(Window(9), visible=all_but(STOCK, STAFF))
    assert [(edge.source, edge.target) for edge in page.rows] == [(CART, STOCK), (DB, NOBODY), (TEAM, STAFF)]


async def test_an_edge_from_a_missing_source_dangles_as_well(stocked: Store) -> None:
    head = entity("group:default/head")
    edges = [declared(head.ref, "childOf", other, inverted=True) for other in (NOBODY, TEAM)]
    await stocked.apply(batch(created(head, *edges)))
    page = await stocked.dangling(Window(9), visible=EVERYTHING)
    assert list(page.keysets) == [(GHOST, STOCK, "dependsOn"), (head.ref, NOBODY, "childOf"), (NOBODY, DB, "ownedBy")]
    assert page.rows[1] == edges[0]
    assert await stocked.dangling_count(visible=EVERYTHING) == 3
    assert await stocked.dangling_count(visible=all_but(head.ref)) == 2
    assert await stocked.dangling_count(visible=all_but(TEAM, STOCK)) == len(
        (await stocked.dangling(Window(99), visible=all_but(TEAM, STOCK))).rows
    )


async def test_dangling_edges_are_paged(stocked: Store) -> None:
    for window, targets, has_previous, has_next in (
        (Window(1), [GHOST], False, True),
        (Window(1, after=(GHOST, STOCK, "dependsOn")), [NOBODY], True, False),
        (Window(1, backward=True), [NOBODY], True, False),
        (Window(9, before=(GHOST, STOCK, "dependsOn"), backward=True), [], False, True),
    ):
        page = await stocked.dangling(window, visible=EVERYTHING)
        assert ([edge.target for edge in page.rows], page.has_previous, page.has_next) == (targets, has_previous, has_next)
    with pytest.raises(InvalidCursorError):
        await stocked.dangling(Window(9, after=(GHOST,)), visible=EVERYTHING)
