"""How many entities have each value under a path."""

from graph.conditions import EVERYTHING, NOTHING, Condition, FactExists, fact_in
from graph.refs import Ref
from graph.store import FacetCount, Store
from tests.contract.shop import CART, GHOST, ORDERS, SHOP, STAFF, STOCK, TEAM, WEB, all_but
from tests.graphs import batch, created, entity


async def test_values_come_by_frequency_and_then_by_value(stocked: Store) -> None:
    facets = await stocked.facets(["kind", "spec.lifecycle", "metadata.namespace"], EVERYTHING, visible=EVERYTHING)
    assert {path: list(counts) for path, counts in facets.items()} == {
        "kind": [
            FacetCount("Component", 3),
            FacetCount("Group", 2),
            FacetCount("API", 1),
            FacetCount("Resource", 1),
            FacetCount("System", 1),
            FacetCount("User", 1),
        ],
        "spec.lifecycle": [FacetCount("production", 3), FacetCount("experimental", 1)],
        "metadata.namespace": [FacetCount("default", 9)],
    }


async def test_of_several_spellings_the_least_among_the_counted_entities_is_shown(stocked: Store) -> None:
    assert await _facet(stocked, "spec.type", fact_in("kind", ["component"])) == [("Service", 2), ("Website", 1)]
    assert await _facet(stocked, "spec.type", fact_in("metadata.name", ["cart"])) == [("service", 1)]
    hidden = await stocked.facets(["spec.type"], fact_in("kind", ["component"]), visible=all_but(STOCK))
    assert list(hidden["spec.type"]) == [FacetCount("service", 1), FacetCount("Website", 1)]


async def test_an_entity_counts_once_for_each_of_its_values(store: Store) -> None:
    await store.apply(
        batch(
            created(entity("component:default/a", {"x": ["b", "B", "c"]})),
            created(entity("component:default/b", {"x": "C"})),
        )
    )
    assert await _facet(store, "spec.x") == [("C", 2), ("b", 1)]


async def test_any_text_is_counted_under_any_path(store: Store) -> None:
    text = "snow ☃, clef \U0001d11e, quote ' \" \\ \\u0041 `, newline \n, tab \t, % _ $x :y {z} [0] . é"
    odd = {"x": {text: text, "": "", "0": "1", "null": "NULL"}}
    await store.apply(batch(created(entity("component:default/a", odd)), created(entity("component:default/b", odd))))
    for path, value in odd["x"].items():
        assert await _facet(store, f"spec.x.{path}".lower(), EVERYTHING) == [(value, 2)]
        assert await store.count(fact_in(f"spec.x.{path}", [value]), visible=EVERYTHING) == 2


async def test_relations_count_the_refs_at_the_other_end_by_either_name(stocked: Store) -> None:
    names = ["ownedby", "ownerof", "dependson", "dependencyof", "providesapi", "providesapis", "apiprovidedby", "nothing"]
    facets = await stocked.facets([f"relations.{name}" for name in names], EVERYTHING, visible=EVERYTHING)
    assert {path: [(count.value, count.count) for count in counts] for path, counts in facets.items()} == {
        "relations.ownedby": [(TEAM, 2), ("group:default/nobody", 1), (STAFF, 1)],
        "relations.ownerof": [(CART, 1), (STOCK, 1), (WEB, 1)],
        "relations.dependson": [(CART, 2), (GHOST, 1), (STOCK, 1), ("resource:default/db", 1)],
        "relations.dependencyof": [(CART, 2), (STOCK, 1), (WEB, 1)],
        "relations.providesapi": [(ORDERS, 1)],
        "relations.providesapis": [(ORDERS, 1)],
        "relations.apiprovidedby": [(CART, 1)],
        "relations.nothing": [],
    }


async def test_relations_that_hidden_entities_declare_are_not_counted(stocked: Store) -> None:
    facets = await stocked.facets(["relations.partof", "relations.haspart"], EVERYTHING, visible=all_but(CART))
    assert list(facets["relations.partof"]) == [FacetCount(SHOP, 1)]
    assert list(facets["relations.haspart"]) == [FacetCount(WEB, 1)]
    filtered = await stocked.facets(["relations.ownedby"], FactExists("metadata.title"), visible=EVERYTHING)
    assert list(filtered["relations.ownedby"]) == [FacetCount(TEAM, 1)]


async def test_the_other_end_of_a_relation_is_named_even_when_hidden_as_if_it_were_missing(stocked: Store) -> None:
    facets = await stocked.facets(["relations.partof"], EVERYTHING, visible=all_but(SHOP))
    assert list(facets["relations.partof"]) == [FacetCount(SHOP, 2)]


async def test_nothing_visible_nothing_counted(stocked: Store) -> None:
    paths = ["kind", "relations.ownedby", "unknown"]
    assert await stocked.facets(paths, EVERYTHING, visible=NOTHING) == {path: [] for path in paths}
    assert await stocked.facets([], EVERYTHING, visible=EVERYTHING) == {}


async def _facet(store: Store, path: str, filter: Condition = EVERYTHING) -> list[tuple[Ref | str, int]]:
    facets = await store.facets([path], filter, visible=EVERYTHING)
    return [(count.value, count.count) for count in facets[path]]
