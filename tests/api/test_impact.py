"""Impact, paths and cycles."""

from typing import Any

import pytest

from graph.errors import CallboardError, InputError, InvalidCursorError, LimitExceededError
from graph.store import Batch, Store
from tests.api.catalog import CAUSE, Asking, described, write_of


async def test_an_impact_names_everything_that_feels_the_change_with_the_reasons(asking: Asking) -> None:
    data = await asking.data("""{ impact(of: ["component:shop"]) {
        roots { name } totalCount maxDepth truncated nodes { name }
        byKind { value count } byType { value count } byLifecycle { value count } byOwner { ownerRef count owner { name } }
        edges { depth node { name } path {
            fromRef fromEntity { name } toRef toEntity { name } relation direction evidence { field line } } } } }""")
    shop, orders = "component:default/shop", "api:default/orders"
    provided = {
        "fromRef": shop,
        "fromEntity": {"name": "shop"},
        "toRef": orders,
        "toEntity": {"name": "orders"},
        "relation": "PROVIDES_APIS",
        "direction": "OUT",
        "evidence": [{"field": "providesApis", "line": 91}],
    }
    consumed = {
        "fromRef": orders,
        "fromEntity": {"name": "orders"},
        "toRef": "component:default/ledger",
        "toEntity": {"name": "ledger"},
        "relation": "CONSUMES_APIS",
        "direction": "IN",
        "evidence": [{"field": "consumesApis", "line": 111}],
    }
    needed = {
        "fromRef": "component:default/ledger",
        "fromEntity": {"name": "ledger"},
        "toRef": "component:default/audit",
        "toEntity": {"name": "audit"},
        "relation": "DEPENDS_ON",
        "direction": "IN",
        "evidence": [{"field": "dependsOn", "line": 121}],
    }
    assert data["impact"] == {
        "roots": [{"name": "shop"}],
        "totalCount": 3,
        "maxDepth": 3,
        "truncated": False,
        "nodes": [{"name": "orders"}, {"name": "ledger"}, {"name": "audit"}],
        "byKind": [{"value": "Component", "count": 2}, {"value": "API", "count": 1}],
        "byType": [{"value": "service", "count": 2}, {"value": "openapi", "count": 1}],
        "byLifecycle": [{"value": "production", "count": 2}, {"value": "experimental", "count": 1}],
        "byOwner": [
            {"ownerRef": "group:default/blue", "count": 1, "owner": {"name": "blue"}},
            {"ownerRef": "group:default/ghosts", "count": 1, "owner": None},
            {"ownerRef": "group:default/red", "count": 1, "owner": {"name": "red"}},
        ],
        "edges": [
            {"depth": 1, "node": {"name": "orders"}, "path": [provided]},
            {"depth": 2, "node": {"name": "ledger"}, "path": [provided, consumed]},
            {"depth": 3, "node": {"name": "audit"}, "path": [provided, consumed, needed]},
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "total", "deepest", "names"),
    [
        ('of: ["component:shop"], maxDepth: 2', 2, 2, ["orders", "ledger"]),
        ('of: ["component:shop"], filter: { kind: "component" }', 2, 3, ["ledger", "audit"]),
        ('of: ["component:shop"], first: 1', 3, 3, ["orders"]),
        ('of: ["component:shop"], relations: [PART_OF]', 1, 1, ["cart"]),
        ('of: ["system:checkout"], relations: [PART_OF]', 6, 2, ["reviews", "orders", "ledger", "shop", "db", "cart"]),
        ('of: ["component:shop"], relations: []', 0, 0, []),
        ('of: ["component:audit"]', 0, 0, []),
        ('of: ["component:ghost"]', 0, 0, []),
        ("of: []", 0, 0, []),
        ('of: ["resource:db", "component:shop"]', 3, 3, ["orders", "ledger", "audit"]),
        ('of: ["component:shop"], direction: DEPENDENCIES', 4, 2, ["rates", "ledger", "db", "orders"]),
        ('of: ["component:audit"], direction: DEPENDENCIES, relations: [DEPENDS_ON]', 1, 1, ["ledger"]),
    ],
)
async def test_an_impact_follows_what_is_asked(asking: Asking, arguments: str, total: int, deepest: int, names: list[str]) -> None:
    data = await asking.data(f"{{ impact({arguments}) {{ totalCount maxDepth nodes {{ name }} }} }}")
    assert [node["name"] for node in data["impact"]["nodes"]] == names
    assert (data["impact"]["totalCount"], data["impact"]["maxDepth"]) == (total, deepest)


async def test_a_limit_that_cuts_an_impact_short_is_told(asking: Asking) -> None:
    operation = '{ impact(of: ["component:shop"]) { totalCount truncated } }'
    assert (await asking.answer(operation, most_reached=2)).data["impact"]["truncated"] is True
    assert (await asking.answer(operation, most_reached=3)).data["impact"] == {"totalCount": 3, "truncated": False}
    by_depth = await asking.data('{ impact(of: ["component:shop"], maxDepth: 1) { totalCount truncated } }')
    assert by_depth["impact"] == {"totalCount": 1, "truncated": True}


async def test_an_impact_pages_by_depth_and_ref(asking: Asking) -> None:
    operation = """query ($after: String) { impact(of: ["component:shop"], first: 2, after: $after) {
        totalCount maxDepth nodes { name } edges { cursor } pageInfo { hasPreviousPage hasNextPage startCursor endCursor } } }"""
    first = (await asking.data(operation))["impact"]
    cursors = [edge["cursor"] for edge in first["edges"]]
    assert first["pageInfo"] == {"hasPreviousPage": False, "hasNextPage": True, "startCursor": cursors[0], "endCursor": cursors[1]}
    second = (await asking.data(operation, after=cursors[1]))["impact"]
    assert [node["name"] for node in (*first["nodes"], *second["nodes"])] == ["orders", "ledger", "audit"]
    assert (second["totalCount"], second["maxDepth"]) == (3, 3)
    assert second["pageInfo"]["hasPreviousPage"] is True
    assert second["pageInfo"]["hasNextPage"] is False


async def test_a_cursor_of_another_impact_is_refused(asking: Asking) -> None:
    first = await asking.data('{ impact(of: ["component:shop"], first: 1) { pageInfo { endCursor } } }')
    cursor = first["impact"]["pageInfo"]["endCursor"]
    operation = 'query ($c: String) { impact(of: ["component:ledger"], after: $c) { totalCount } }'
    assert isinstance(await asking.error(operation, c=cursor), InvalidCursorError)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ("maxDepth: 0", InputError, "`maxDepth` is 0; give 1 or more, or leave it out for no limit"),
        ("first: -1", InputError, "`first` is -1; it counts rows, so give 0 or more"),
        ("first: 10001", LimitExceededError, "`first` is 10,001, and one page holds 10,000 at most; ask for the rest by cursor"),
        ("relations: [MEMBER_OF]", InputError, "`relations`: no change travels along MEMBER_OF; leave it out"),
    ],
)
async def test_impact_arguments_without_sense_are_refused(
    asking: Asking, arguments: str, error: type[CallboardError], message: str
) -> None:
    raised = await asking.error(f'{{ impact(of: ["component:shop"], {arguments}) {{ totalCount }} }}')
    assert type(raised) is error
    assert str(raised) == message


async def test_ten_thousand_rows_may_be_asked_of_an_impact(asking: Asking) -> None:
    assert (await asking.data('{ impact(of: ["component:shop"], first: 10000) { totalCount } }'))["impact"] == {"totalCount": 3}


async def test_an_entity_answers_its_own_impact(asking: Asking) -> None:
    data = await asking.data("""{ entity(ref: "component:ledger") {
        impact { roots { name } totalCount nodes { name } } feels: impact(direction: DEPENDENCIES, maxDepth: 1) { nodes { name } } } }""")
    assert data["entity"] == {
        "impact": {"roots": [{"name": "ledger"}], "totalCount": 3, "nodes": [{"name": "audit"}, {"name": "shop"}, {"name": "orders"}]},
        "feels": {"nodes": [{"name": "orders"}]},
    }


async def test_an_impact_computes_no_more_than_is_selected(asking: Asking) -> None:
    calls = await asking.calls("""{ impact(of: ["component:shop"]) { ...what } }
        fragment what on Impact { totalCount ... on Impact { byOwner { count } } }""")
    assert calls == {"closure": 1}


async def _paths(asking: Asking, arguments: str) -> list[Any]:
    data = await asking.data(f"{{ paths({arguments}) {{ length nodes {{ name }} }} }}")
    assert all(path["length"] == len(path["nodes"]) - 1 for path in data["paths"])
    return [[node["name"] for node in path["nodes"]] for path in data["paths"]]


async def test_paths_lead_from_what_depends_to_what_it_depends_on(asking: Asking) -> None:
    chain = ["audit", "ledger", "orders", "shop", "db"]
    assert await _paths(asking, 'from: "component:audit", to: "resource:db"') == [chain]


async def test_paths_the_other_way_are_found_where_there_are_none_forward(asking: Asking) -> None:
    chain = ["db", "shop", "orders", "ledger", "audit"]
    assert await _paths(asking, 'from: "resource:db", to: "component:audit"') == [chain]


async def test_paths_along_relations_that_carry_no_change_follow_them_as_stored(asking: Asking) -> None:
    arguments = 'from: "component:shop", to: "group:company", relations: [OWNED_BY, CHILD_OF]'
    assert await _paths(asking, arguments) == [["shop", "red", "platform", "company"]]


async def test_several_shortest_paths_are_listed_in_order(asking: Asking, organisation: Store) -> None:
    diamond = [
        described("Component", "top", {"dependsOn": ["component:left", "component:right"]}),
        described("Component", "left", {"dependsOn": ["component:end"]}),
        described("Component", "right", {"dependsOn": ["component:end"]}),
        described("Component", "end", {}),
    ]
    await organisation.apply(Batch(CAUSE, [write_of(document) for document in diamond]))
    both = 'from: "component:top", to: "component:end"'
    assert await _paths(asking, both) == [["top", "left", "end"], ["top", "right", "end"]]
    assert await _paths(asking, f"{both}, limit: 1") == [["top", "left", "end"]]
    assert await _paths(asking, f"{both}, limit: 0") == []


@pytest.mark.parametrize(
    "arguments",
    [
        'from: "component:shop", to: "component:shop"',
        'from: "component:shop", to: "component:ghost"',
        'from: "component:shop", to: "user:ann"',
        'from: "component:shop", to: "resource:db", relations: []',
    ],
)
async def test_there_is_no_path(asking: Asking, arguments: str) -> None:
    assert await _paths(asking, arguments) == []


async def test_path_limits_are_kept(asking: Asking) -> None:
    operation = '{{ paths(from: "component:shop", to: "resource:db", limit: {}) {{ length }} }}'
    assert type(await asking.error(operation.format(-1))) is InputError
    assert type(await asking.error(operation.format(101))) is LimitExceededError


async def test_a_cycle_names_its_members_and_a_way_round_with_evidence(asking: Asking) -> None:
    data = await asking.data("""{ cycles { totalCount pageInfo { hasNextPage } nodes { size
        members { totalCount nodes { name } edges { targetRef } }
        steps { fromRef toRef relation direction evidence { field line } } } } }""")
    orders, shop, ledger = "api:default/orders", "component:default/shop", "component:default/ledger"
    members = {
        "totalCount": 3,
        "nodes": [{"name": "orders"}, {"name": "ledger"}, {"name": "shop"}],
        "edges": [{"targetRef": orders}, {"targetRef": ledger}, {"targetRef": shop}],
    }
    steps = [
        {
            "fromRef": orders,
            "toRef": shop,
            "relation": "PROVIDES_APIS",
            "direction": "IN",
            "evidence": [{"field": "providesApis", "line": 91}],
        },
        {"fromRef": shop, "toRef": ledger, "relation": "DEPENDS_ON", "direction": "OUT", "evidence": [{"field": "dependsOn", "line": 91}]},
        {
            "fromRef": ledger,
            "toRef": orders,
            "relation": "CONSUMES_APIS",
            "direction": "OUT",
            "evidence": [{"field": "consumesApis", "line": 111}],
        },
    ]
    nodes = [{"size": 3, "members": members, "steps": steps}]
    assert data["cycles"] == {"totalCount": 1, "pageInfo": {"hasNextPage": False}, "nodes": nodes}


@pytest.fixture
async def with_cycles(organisation: Store) -> None:
    documents = [
        described("Component", "self", {"dependsOn": ["component:self"]}),
        described("Component", "one", {"dependsOn": ["component:two"], "owner": "blue"}),
        described("Component", "two", {"dependsOn": ["component:one"]}),
        described("Group", "a", {"parent": "b", "children": []}),
        described("Group", "b", {"parent": "a", "children": []}),
    ]
    await organisation.apply(Batch(CAUSE, [write_of(document) for document in documents]))


@pytest.mark.usefixtures("with_cycles")
@pytest.mark.parametrize(
    ("arguments", "first_members"),
    [
        ("(first: 10)", ["orders", "one", "self"]),
        ("(relations: [DEPENDS_ON])", ["one", "self"]),
        ("(relations: [CHILD_OF])", ["a"]),
        ("(relations: [])", []),
        ('(filter: { owner: "blue" })', ["orders", "one"]),
        ('(filter: { name: "self" })', ["self"]),
        ('(filter: { kind: "user" })', []),
        ("(first: 1)", ["orders"]),
        ("(first: 0)", []),
    ],
)
async def test_cycles_are_the_largest_first_and_of_what_is_asked(asking: Asking, arguments: str, first_members: list[str]) -> None:
    data = await asking.data(f"{{ cycles{arguments} {{ nodes {{ members(first: 1) {{ nodes {{ name }} }} }} }} }}")
    assert [cycle["members"]["nodes"][0]["name"] for cycle in data["cycles"]["nodes"]] == first_members


@pytest.mark.usefixtures("with_cycles")
async def test_cycles_page(asking: Asking) -> None:
    operation = (
        "query ($after: String) { cycles(first: 2, after: $after) { totalCount nodes { size } pageInfo { endCursor hasNextPage } } }"
    )
    first = (await asking.data(operation))["cycles"]
    second = (await asking.data(operation, after=first["pageInfo"]["endCursor"]))["cycles"]
    assert [cycle["size"] for cycle in (*first["nodes"], *second["nodes"])] == [3, 2, 1]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (3, True, False)


@pytest.mark.usefixtures("with_cycles")
async def test_an_impact_does_not_run_round_in_cycles(asking: Asking) -> None:
    data = await asking.data(
        '{ impact(of: ["component:one"]) { totalCount nodes { name } } alone: impact(of: ["component:self"]) { totalCount } }'
    )
    assert data == {"impact": {"totalCount": 1, "nodes": [{"name": "two"}]}, "alone": {"totalCount": 0}}
