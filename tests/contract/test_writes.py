"""Batches: all of one or nothing, written against what was read, numbered in the order of their commits."""

import asyncio

import pytest

from graph.conditions import EVERYTHING, HasErrors, TextContains, fact_in
from graph.entities import Edge, Evidence
from graph.errors import ConflictError, InputError, StaleWriteError
from graph.refs import Ref
from graph.relations import Direction, Step
from graph.store import Batch, Cause, Claim, Counts, EntityWrite, Removal, SourceFile, Store, Window
from tests.contract import shop
from tests.contract.shop import CART, DB, ENTITIES, GHOST, STOCK, TEAM, WEB
from tests.graphs import CAUSE, LOCATION, batch, created, declared, entity, hash_of, removed, updated

NOBODY = Ref("group:default/nobody")
AFTER_SHOP = Counts(entities=9, placeholders=2, edges=15, errors=3, changes=9)


async def test_a_placeholder_becomes_the_entity_when_it_arrives(stocked: Store) -> None:
    ghost = entity(GHOST, {"type": "service"})
    await stocked.apply(batch(created(ghost)))
    assert await stocked.counts() == Counts(entities=10, placeholders=1, edges=15, errors=3, changes=10)
    page = (await stocked.related([GHOST], [Step("dependsOn", Direction.IN)], Window(9), visible=EVERYTHING))[GHOST]
    assert [row.ref for row in page.rows] == [STOCK]


async def test_a_removed_entity_stays_as_placeholder_while_others_point_to_it(stocked: Store) -> None:
    await stocked.apply(batch(removals=[removed(ENTITIES[CART])]))
    # What the cart declared is gone but for what the database says as well; web and stock still point to it.
    assert await stocked.counts() == Counts(entities=8, placeholders=3, edges=11, errors=3, changes=10)
    assert list(await stocked.entities_by_ref([CART, DB], visible=EVERYTHING)) == [DB]
    assert await stocked.count(fact_in("metadata.name", ["cart"]), visible=EVERYTHING) == 0
    assert await stocked.count(TextContains(("cart",)), visible=EVERYTHING) == 0
    assert await stocked.count(HasErrors(), visible=EVERYTHING) == 0
    await stocked.apply(batch(removals=[removed(ENTITIES[ref]) for ref in (WEB, STOCK, DB)]))
    assert await stocked.counts() == Counts(entities=5, placeholders=0, edges=2, errors=3, changes=13)


async def test_an_update_replaces_the_document_and_all_that_was_declared(stocked: Store) -> None:
    new = entity(CART, {"type": "Library", "owner": "staff"}, title="Basket")
    await stocked.apply(batch(updated(ENTITIES[CART], new, declared(CART, "ownedBy", TEAM, line=99))))
    assert await stocked.entities_by_ref([CART], visible=EVERYTHING) == {CART: new}
    assert await stocked.counts() == Counts(entities=9, placeholders=2, edges=12, errors=3, changes=10)
    assert await stocked.count(fact_in("spec.type", ["service"]), visible=EVERYTHING) == 1
    assert await stocked.count(fact_in("spec.type", ["library"]), visible=EVERYTHING) == 1
    assert await stocked.count(TextContains(("customers",)), visible=EVERYTHING) == 0
    assert await stocked.count(TextContains(("basket",)), visible=EVERYTHING) == 1
    assert await stocked.declared_by([CART]) == {CART: [declared(CART, "ownedBy", TEAM, line=99)]}


async def test_an_update_lets_go_of_placeholders_that_only_it_pointed_to(stocked: Store) -> None:
    new = entity(STOCK, {"type": "service"})
    await stocked.apply(batch(updated(ENTITIES[STOCK], new, declared(STOCK, "dependsOn", CART))))
    assert await stocked.counts() == Counts(entities=9, placeholders=1, edges=13, errors=3, changes=10)


async def test_an_update_without_a_patch_moves_things_and_logs_nothing(stocked: Store) -> None:
    moved = entity(STOCK, ENTITIES[STOCK].spec, path="/elsewhere.yaml", labels={"tier": "1"})
    changes = await stocked.apply(batch(updated(ENTITIES[STOCK], moved, declared(STOCK, "dependsOn", CART, line=70))))
    assert list(changes) == []
    assert await stocked.head() == 9
    assert await stocked.entities_by_ref([STOCK], visible=EVERYTHING) == {STOCK: moved}
    assert (await stocked.declared_by([STOCK]))[STOCK][0].evidence[0].line == 70


async def test_an_edge_lives_while_any_entity_declares_it(stocked: Store) -> None:
    dependencies = [Step("dependsOn", Direction.OUT)]
    await stocked.apply(batch(updated(ENTITIES[DB], ENTITIES[DB])))
    (edge,) = [row.edge for row in (await _related(stocked, CART, dependencies)) if row.ref == DB]
    assert [evidence.declarer for evidence in edge.evidence] == [CART]
    await stocked.apply(batch(updated(ENTITIES[CART], ENTITIES[CART])))
    assert await _related(stocked, CART, dependencies) == []


async def _related(store: Store, ref: Ref, steps: list[Step]) -> list:
    return list((await store.related([ref], steps, Window(99), visible=EVERYTHING))[ref].rows)


async def test_what_was_declared_comes_back_by_declarer_ordered(stocked: Store) -> None:
    assert await stocked.declared_by([DB, GHOST, CART, shop.ORDERS]) == {
        DB: [declared(DB, "dependsOn", CART, inverted=True), declared(DB, "ownedBy", NOBODY)],
        CART: [
            declared(CART, "dependsOn", STOCK),
            declared(CART, "dependsOn", DB),
            declared(CART, "ownedBy", TEAM),
            declared(CART, "partOf", shop.SHOP),
            declared(CART, "providesApis", shop.ORDERS),
        ],
    }


STALE: dict[str, Batch] = {
    "a creation of what is there": batch(created(ENTITIES[WEB])),
    "an update of what changed": batch(EntityWrite(entity(WEB), (), hash_of(entity(WEB, {"type": "other"})))),
    "an update of what is not there": batch(updated(entity(GHOST), entity(GHOST, {"type": "x"}))),
    "a removal of what changed": batch(removals=[Removal(WEB, hash_of(entity(WEB, {"type": "other"})))]),
    "a removal of what is not there": batch(removals=[removed(entity(GHOST))]),
    "a file that was read meanwhile": Batch(CAUSE, expected={(LOCATION, "/catalog/all.yaml"): "d0"}),
    "a file that is new": Batch(CAUSE, expected={(LOCATION, "/catalog/new.yaml"): "d0"}),
    "a file that should be new": Batch(CAUSE, expected={(LOCATION, "/catalog/all.yaml"): ""}),
}


async def test_a_stale_batch_is_refused_and_leaves_nothing(stocked: Store) -> None:
    new = created(entity("component:default/new", {"type": "new"}), declared("component:default/new", "dependsOn", "component:x/y"))
    file = SourceFile(LOCATION, "/catalog/all.yaml", "d2")
    for name, stale in STALE.items():
        with pytest.raises(StaleWriteError):
            await stocked.apply(
                Batch(
                    CAUSE,
                    writes=[new, *stale.writes],
                    removals=[removed(ENTITIES[CART]), *stale.removals],
                    files=[file],
                    forgotten=[(LOCATION, "/catalog/more.yaml")],
                    removed_locations=[LOCATION],
                    expected=stale.expected,
                )
            )
        assert (name, await stocked.counts()) == (name, AFTER_SHOP)
    assert await stocked.entities_by_ref(shop.ALL, visible=EVERYTHING) == ENTITIES
    assert await stocked.files(LOCATION) == {"/catalog/all.yaml": shop.FILE}
    assert list(await stocked.locations()) == [shop.PLACE]
    assert issubclass(StaleWriteError, ConflictError)


async def test_a_file_that_is_as_expected_lets_the_batch_through(stocked: Store) -> None:
    expected = {(LOCATION, "/catalog/all.yaml"): "d1", (LOCATION, "/catalog/new.yaml"): ""}
    await stocked.apply(Batch(CAUSE, files=[SourceFile(LOCATION, "/catalog/new.yaml", "n1")], expected=expected))
    assert set(await stocked.files(LOCATION)) == {"/catalog/all.yaml", "/catalog/new.yaml"}


async def test_a_batch_that_fails_halfway_leaves_nothing(stocked: Store) -> None:
    broken = created(entity("component:default/broken", {"type": "\ud800"}))
    claim = Claim(Ref("component:default/fine"), LOCATION, "/catalog/new.yaml", 0, 1)
    with pytest.raises((InputError, TypeError)):
        await stocked.apply(batch(created(entity("component:default/fine")), broken, claims=[claim]))
    assert await stocked.counts() == AFTER_SHOP
    assert await stocked.claims([Ref("component:default/fine")]) == {}
    await stocked.apply(batch(created(entity("component:default/fine"))))
    assert await stocked.head() == 10


async def test_an_empty_batch_does_nothing(stocked: Store) -> None:
    assert list(await stocked.apply(Batch(CAUSE))) == []
    assert await stocked.counts() == AFTER_SHOP


async def test_concurrent_writers_number_their_changes_without_gaps(store: Store) -> None:
    async def write(writer: int) -> None:
        for i in range(5):
            refs = [f"component:w{writer}/{i}-{n}" for n in range(3)]
            shared = declared(refs[0], "ownedBy", "group:default/all")
            await store.apply(
                batch(*[created(entity(ref), *([shared] if ref == refs[0] else ())) for ref in refs], cause=Cause("task", str(writer)))
            )

    await asyncio.gather(*(write(writer) for writer in range(6)))
    log = await store.changes(0, 1000, visible=EVERYTHING)
    assert [change.sequence for change in log] == list(range(1, 91))
    # Each batch's changes follow one another, in the order given.
    for first in range(0, 90, 3):
        refs = [change.ref for change in log[first : first + 3]]
        assert [ref.rsplit("-", 1) for ref in refs] == [[refs[0].rsplit("-", 1)[0], str(n)] for n in range(3)]
    assert await store.counts() == Counts(entities=90, placeholders=1, edges=30, errors=0, changes=90)


async def test_of_writers_that_meet_at_one_entity_one_wins(stocked: Store) -> None:
    async def write(value: str) -> bool:
        try:
            await stocked.apply(batch(updated(ENTITIES[DB], entity(DB, {"type": value}))))
        except StaleWriteError:
            return False
        return True

    assert sorted(await asyncio.gather(*(write(str(i)) for i in range(5)))) == [False, False, False, False, True]
    assert await stocked.head() == 10


async def test_evidence_of_one_edge_from_several_fields_is_written_once_for_each(store: Store) -> None:
    a, b = Ref("component:default/a"), Ref("component:default/b")
    evidence = tuple(Evidence(a, field, "/a.yaml", 1) for field in ("spec.dependsOn", "spec.needs"))
    await store.apply(batch(created(entity(a), Edge(a, "dependsOn", b, evidence))))
    assert await store.declared_by([a]) == {a: [Edge(a, "dependsOn", b, evidence)]}
    assert (await store.counts()).edges == 1
