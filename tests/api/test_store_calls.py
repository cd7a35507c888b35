"""How often an operation calls the store: once for each level and relation, whether there is one parent or fifty."""

import pytest

from graph.store import Batch, Store
from tests.api.catalog import CAUSE, Asking, described, write_of

FIFTY = 50


@pytest.fixture
async def fifty_of_each(organisation: Store) -> None:
    """Fifty groups, users, systems, APIs and components, the first letter of each in front of its number, all related."""
    documents = [
        described("Location", "fifty", {"targets": []}),
        *(described("Group", f"g{i:02}", {"parent": "company" if i < 10 else f"g{i % 10:02}", "children": []}) for i in range(FIFTY)),
        *(described("User", f"u{i:02}", {"memberOf": [f"g{i:02}"]}) for i in range(FIFTY)),
        *(described("System", f"s{i:02}", {"owner": f"g{i:02}", "domain": "payments"}) for i in range(FIFTY)),
        *(described("API", f"a{i:02}", {"owner": f"g{i:02}", "system": f"s{i:02}"}) for i in range(FIFTY)),
        *(
            described(
                "Component",
                f"c{i:02}",
                {
                    "owner": f"g{i:02}",
                    "system": f"s{i:02}",
                    "subcomponentOf": "shop",
                    "dependsOn": [f"component:c{i - 1:02}" if i else "component:ledger"],
                    "providesApis": [f"a{i:02}"],
                    "consumesApis": [f"a{(i + 7) % FIFTY:02}"],
                },
            )
            for i in range(FIFTY)
        ),
    ]
    await organisation.apply(Batch(CAUSE, [write_of(document) for document in documents]))


LISTS = [
    ("components", "c", "ref kind namespace name title description tags links { url } labels annotations spec type lifecycle orphan", {}),
    ("components", "c", "origin { path line document } ", {}),
    ("components", "c", "origin { location { target } }", {"locations": 1}),
    ("components", "c", "owner { name } owners { name }", {"related": 1}),
    ("components", "c", "system { name } subcomponentOf { name }", {"related": 1}),
    ("components", "c", "owner { name } system { name domain { name } }", {"related": 3}),
    (
        "components",
        "c",
        "dependsOn { nodes { name owner { name } } } providesApis { nodes { name consumers { nodes { name } } } }",
        {"related": 4},
    ),
    ("components", "c", "dependsOn { edges { node { name } } nodes { name } pageInfo { hasNextPage } }", {"related": 1}),
    ("components", "c", "dependsOn { totalCount }", {"related_counts": 1}),
    (
        "components",
        "c",
        "dependsOn { totalCount nodes { name } } few: dependsOn(first: 1) { nodes { name } }",
        {"related": 2, "related_counts": 1},
    ),
    ("components", "c", 'dependsOn(filter: { kind: "component" }) { totalCount nodes { name } }', {"related": 1, "related_counts": 1}),
    ("components", "c", "dependents { nodes { name } } dependencies { totalCount }", {"related": 2}),
    ("components", "c", "relations { totalCount nodes { name } }", {"related": 1, "related_counts": 1}),
    ("components", "c", "errors { code }", {"errors": 1}),
    ("components", "c", "history { nodes { sequence } }", {"changes": 1}),
    ("components", "c", "ancestry { ancestors { name } }", {}),
    ("systems", "s", "components { nodes { name } } apis { nodes { name } } resources { totalCount }", {"related": 2, "related_counts": 1}),
    ("groups", "g", "parent { name } ", {"related": 1}),
    ("groups", "g", "children { nodes { name } } members { nodes { name } }", {"related": 2}),
    ("groups", "g", "owns(transitive: false) { totalCount nodes { name } }", {"related": 1, "related_counts": 1}),
    ("users", "u", "memberOf { nodes { name } }", {"related": 1}),
    ("users", "u", "owns { nodes { name } }", {"related": 3}),
    ("users", "u", "owns(throughGroups: false) { totalCount }", {"related_counts": 1}),
]


@pytest.mark.usefixtures("fifty_of_each")
@pytest.mark.parametrize(("field", "letter", "selection", "further"), LISTS)
@pytest.mark.parametrize("size", [1, FIFTY])
async def test_a_list_calls_the_store_once_for_each_level_and_relation(
    asking: Asking, field: str, letter: str, *, selection: str, further: dict[str, int], size: int
) -> None:
    filtered = f'{{ where: {{ path: "metadata.name", hasPrefix: "{letter}" }}, not: {{ name: ["cart", "company", "checkout"] }} }}'
    calls = await asking.calls(f"{{ {field}(filter: {filtered}, first: {size}) {{ nodes {{ {selection} }} }} }}")
    assert calls == {"page": 1, **further}


@pytest.mark.usefixtures("fifty_of_each")
@pytest.mark.parametrize(
    ("selection", "lists"),
    [
        ("owns { nodes { name } }", 1),
        ("owns { totalCount }", 1),
        ("members(transitive: true) { nodes { name } } owns { nodes { name } }", 2),
        ("descendants { nodes { name } }", 1),
    ],
)
# One group leads to those within it, within which a second level finds nothing; all fifty at once hold one another already.
@pytest.mark.parametrize(("size", "levels"), [(1, 2), (FIFTY, 1)])
async def test_what_lies_below_groups_is_found_level_by_level_for_all_of_them(
    asking: Asking, selection: str, lists: int, size: int, levels: int
) -> None:
    filtered = '{ where: { path: "metadata.name", hasPrefix: "g" } }'
    calls = await asking.calls(f"{{ groups(filter: {filtered}, first: {size}) {{ nodes {{ {selection} }} }} }}")
    assert calls == {"page": 1, "related": levels + lists}


@pytest.mark.usefixtures("fifty_of_each")
@pytest.mark.parametrize(
    ("operation", "calls"),
    [
        ("{ entities { totalCount } }", {"count": 1}),
        ("{ entities { pageInfo { hasNextPage } edges { cursor } nodes { ref } } }", {"page": 1}),
        ("{ entities { totalCount nodes { ref } } }", {"count": 1, "page": 1}),
        (
            '{ entity(ref: "user:u01") { ref } b: entity(ref: "user:u02") { ref } c: entity(ref: "user:u02") { kind } }',
            {"entities_by_ref": 1},
        ),
        ('{ facets(of: ["kind", "spec.type"]) { values { value } } }', {"facets": 1}),
        ('{ impact(of: ["component:c00"]) { totalCount nodes { name } byKind { value } byOwner { count } } }', {"closure": 1}),
        ('{ impact(of: ["component:c00"]) { byOwner { owner { name } } roots { name } } }', {"closure": 1, "entities_by_ref": 1}),
        ('{ impact(of: ["component:c00"]) { nodes { name kind owner { ref } } edges { depth } } }', {"closure": 1, "related": 1}),
        (
            "{ catalogErrors { totalCount nodes { code entity { ref } location { id } } } }",
            {"errors": 1, "error_count": 1, "entities_by_ref": 1, "locations": 1},
        ),
        ("{ danglingRelations { nodes { source { ref } target { ref } } } }", {"dangling": 1, "entities_by_ref": 1}),
        ("{ danglingRelations { totalCount } }", {"dangling_count": 1}),
        ("{ changes { totalCount nodes { entity { ref } } } }", {"changes": 1, "change_counts": 1, "entities_by_ref": 1}),
        ("{ cycles { totalCount nodes { size } } }", {"edges": 1}),
        ("{ cycles { nodes { members { nodes { ref } } } } }", {"edges": 1, "entities_by_ref": 1}),
        ("{ locations { nodes { counts { files } } } }", {"locations": 1, "location_counts": 1}),
        ("{ viewer { ref } }", {}),
    ],
)
async def test_an_operation_calls_the_store(asking: Asking, operation: str, calls: dict[str, int]) -> None:
    assert await asking.calls(operation) == calls


@pytest.mark.usefixtures("fifty_of_each")
async def test_a_list_holds_fifty_rows_unless_more_are_asked_for(asking: Asking) -> None:
    data = await asking.data("{ entities { nodes { ref } } more: entities(first: 60) { nodes { ref } } }")
    assert (len(data["entities"]["nodes"]), len(data["more"]["nodes"])) == (50, 60)
    related = await asking.data('{ entity(ref: "component:shop") { ... on Component { subcomponents { totalCount nodes { ref } } } } }')
    assert (related["entity"]["subcomponents"]["totalCount"], len(related["entity"]["subcomponents"]["nodes"])) == (51, 50)
