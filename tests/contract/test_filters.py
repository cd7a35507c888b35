"""What each condition lets through, for filters and for what a caller may see."""

import pytest

from graph.conditions import (
    EVERYTHING,
    NOTHING,
    All,
    AnyOf,
    Condition,
    FactContains,
    FactExists,
    FactHasPrefix,
    FactIn,
    HasErrors,
    IsOrphan,
    Not,
    RefIn,
    Related,
    TextContains,
    fact_in,
)
from graph.errors import InputError
from graph.refs import Ref, uid_of
from graph.relations import Direction
from graph.store import Store, Window
from tests.contract.shop import ALL, ANNA, CART, DB, GHOST, ORDERS, SHOP, STAFF, STOCK, TEAM, WEB, all_but
from tests.graphs import batch, created, entity

OUT, IN = Direction.OUT, Direction.IN

CASES: dict[str, tuple[Condition, tuple[Ref, ...]]] = {
    "everything": (EVERYTHING, ALL),
    "nothing": (NOTHING, ()),
    "a value in any spelling": (fact_in("spec.type", ["SERVICE"]), (CART, STOCK)),
    "several values": (fact_in("kind", ["api", "System", "nothing"]), (ORDERS, SHOP)),
    "a value with a NUL": (fact_in("spec.type", ["service\0", "website\0", "x"]), ()),
    "no value": (FactIn("kind", ()), ()),
    "many values": (fact_in("metadata.name", [*map(str, range(2000)), "db"]), (DB,)),
    "a missing namespace is default": (fact_in("metadata.namespace", ["default"]), ALL),
    "a path nobody has": (fact_in("spec.nothing", ["x"]), ()),
    "a path in another spelling": (fact_in("metadata.annotations.example.com/docs", ["YES"]), (ORDERS,)),
    "an element of a list": (fact_in("metadata.tags", ["public"]), (WEB,)),
    "an element as a path": (fact_in("metadata.tags.react", ["true"]), (WEB,)),
    "a path that exists": (FactExists("spec.lifecycle"), (ORDERS, CART, STOCK, WEB)),
    "a path that exists nowhere": (FactExists("spec.nothing"), ()),
    "a prefix": (FactHasPrefix("spec.type", "we"), (WEB,)),
    "a prefix that is the whole": (FactHasPrefix("spec.type", "service"), (CART, STOCK)),
    "an empty prefix": (FactHasPrefix("spec.lifecycle", ""), (ORDERS, CART, STOCK, WEB)),
    "a prefix is no pattern": (FactHasPrefix("spec.type", "%"), ()),
    "a part": (FactContains("spec.type", "rvi"), (CART, STOCK)),
    "a part of another value of the path": (FactContains("metadata.tags", "ubl"), (WEB,)),
    "an empty part": (FactContains("spec.lifecycle", ""), (ORDERS, CART, STOCK, WEB)),
    "a part is no pattern": (FactContains("spec.type", "s%e"), ()),
    "a uid": (fact_in("metadata.uid", [uid_of(CART)]), (CART,)),
    "a uid that an author wrote": (fact_in("metadata.uid", ["written"]), ()),
    "refs": (RefIn((WEB, GHOST, Ref("x:y/z"))), (WEB,)),
    "no refs": (RefIn(()), ()),
    "an edge to a target": (Related("ownedBy", OUT, (TEAM,)), (CART, WEB)),
    "an edge to one of several": (Related("ownedBy", OUT, (TEAM, STAFF)), (CART, STOCK, WEB)),
    "an edge to a missing target": (Related("ownedBy", OUT, (Ref("group:default/nobody"),)), (DB,)),
    "an edge from a source": (Related("dependsOn", IN, (CART,)), (STOCK, DB)),
    "any edge": (Related("dependsOn", OUT, None), (CART, STOCK, WEB)),
    "an edge to no target": (Related("dependsOn", OUT, ()), ()),
    "any edge to many targets": (Related("ownedBy", OUT, (*(Ref(f"group:x/{i}") for i in range(50)), TEAM)), (CART, WEB)),
    "a chain": (Related("dependsOn", OUT, (DB,), transitive=True), (CART, STOCK, WEB)),
    "a chain to a missing target": (Related("dependsOn", OUT, (GHOST,), transitive=True), (CART, STOCK, WEB)),
    "a chain that comes back": (Related("dependsOn", OUT, (CART,), transitive=True), (CART, STOCK, WEB)),
    "a chain backwards": (Related("dependsOn", IN, (WEB,), transitive=True), (CART, STOCK, DB)),
    "any chain is any edge": (Related("childOf", IN, None, transitive=True), (STAFF,)),
    "an unknown relation": (Related("nothing", OUT, None), ()),
    "a word of the title": (TextContains(("shop",)), (WEB, SHOP)),
    "every word": (TextContains(("shop", "web")), (WEB,)),
    "words of the ref, the description and a tag": (TextContains(("customers",)), (CART,)),
    "a part of a tag": (TextContains(("publ",)), (WEB,)),
    "a word with a separator": (TextContains(("\x1f",)), ()),
    "a word is no pattern": (TextContains(("%",)), ()),
    "words do not span texts": (TextContains(("shopreact",)), ()),
    "no words": (TextContains(()), ALL),
    "orphans": (IsOrphan(), (STOCK,)),
    "errors": (HasErrors(), (CART,)),
    "all of": (All((fact_in("kind", ["component"]), FactExists("metadata.title"))), (WEB,)),
    "any of": (AnyOf((IsOrphan(), HasErrors(), RefIn((ANNA,)))), (CART, STOCK, ANNA)),
    "not": (Not(fact_in("kind", ["component", "api", "resource"])), (STAFF, TEAM, SHOP, ANNA)),
    "not not": (Not(Not(IsOrphan())), (STOCK,)),
    "nested": (AnyOf((All((IsOrphan(), Not(IsOrphan()))), All((AnyOf((IsOrphan(),)), Not(NOTHING))))), (STOCK,)),
    "many parts": (AnyOf((*(fact_in("metadata.name", [str(i)]) for i in range(100)), IsOrphan())), (STOCK,)),
}


async def test_each_condition_filters_exactly_its_entities(stocked: Store) -> None:
    found = {name: await _refs(stocked, condition, EVERYTHING) for name, (condition, _) in CASES.items()}
    assert found == {name: refs for name, (_, refs) in CASES.items()}


async def test_each_condition_shows_exactly_its_entities(stocked: Store) -> None:
    found = {name: await _refs(stocked, EVERYTHING, condition) for name, (condition, _) in CASES.items()}
    assert found == {name: refs for name, (_, refs) in CASES.items()}


async def test_each_condition_counts_its_entities(stocked: Store) -> None:
    found = {name: await stocked.count(condition, visible=EVERYTHING) for name, (condition, _) in CASES.items()}
    assert found == {name: len(refs) for name, (_, refs) in CASES.items()}


async def test_a_filter_sees_no_edge_that_hidden_entities_declare(stocked: Store) -> None:
    on_cart = Related("dependsOn", IN, (CART,))
    assert await _refs(stocked, on_cart, all_but(CART)) == (DB,)
    assert await _refs(stocked, on_cart, all_but(DB)) == (STOCK,)
    to_ghost = Related("dependsOn", OUT, (GHOST,), transitive=True)
    assert await _refs(stocked, to_ghost, all_but(STOCK)) == ()
    assert await _refs(stocked, Related("dependsOn", OUT, (DB,), transitive=True), all_but(CART)) == (STOCK, WEB)


async def test_what_is_visible_is_decided_on_the_whole_graph(stocked: Store) -> None:
    # Of these only the cart declares an edge, and what hides the others is an edge of the hidden web.
    assert await _refs(stocked, EVERYTHING, Related("dependsOn", IN, (WEB,), transitive=True)) == (CART, STOCK, DB)
    assert await stocked.count(EVERYTHING, visible=Not(Related("dependsOn", OUT, None))) == 6


async def test_errors_hide_and_show_like_other_conditions(stocked: Store) -> None:
    assert await _refs(stocked, HasErrors(), Not(HasErrors())) == ()
    assert await stocked.count(Not(HasErrors()), visible=HasErrors()) == 0


async def test_facts_longer_than_the_limit_are_not_seen(store: Store) -> None:
    await store.apply(batch(created(entity("component:default/long", {"short": "x" * 200, "long": "x" * 201}))))
    assert await store.count(FactExists("spec.short"), visible=EVERYTHING) == 1
    assert await store.count(FactExists("spec.long"), visible=EVERYTHING) == 0


async def test_values_that_are_not_unicode_are_refused(stocked: Store) -> None:
    for condition in (fact_in("kind", ["\ud800"]), FactHasPrefix("kind", "\ud800"), TextContains(("\ud800",)), FactExists("\ud800")):
        with pytest.raises(InputError):
            await stocked.count(condition, visible=EVERYTHING)


async def _refs(store: Store, filter: Condition, visible: Condition) -> tuple[Ref, ...]:
    page = await store.page(filter, (), Window(100), visible=visible)
    assert not page.has_previous
    assert not page.has_next
    return tuple(entity.ref for entity in page.rows)
