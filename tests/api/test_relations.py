"""The relation fields of every kind, and the edges of an entity."""

from typing import Any

import pytest

from graph.entities import Edge, Evidence
from graph.errors import InputError, InvalidCursorError
from graph.refs import Ref
from graph.store import Batch, EntityWrite, Store
from tests.api.catalog import CAUSE, CONFIGURED, Asking, described, write_of

SINGLE = [
    ("component:shop", "Component", "owner", "red"),
    ("component:cart", "Component", "owner", "ann"),
    ("component:audit", "Component", "owner", None),
    ("user:ann", "User", "owner", None),
    ("component:shop", "Component", "system", "checkout"),
    ("component:cart", "Component", "system", None),
    ("component:cart", "Component", "subcomponentOf", "shop"),
    ("component:shop", "Component", "subcomponentOf", None),
    ("api:orders", "API", "system", "checkout"),
    ("resource:db", "Resource", "system", "checkout"),
    ("airesource:reviews", "AiResource", "system", "checkout"),
    ("system:checkout", "System", "domain", "payments"),
    ("domain:payments", "Domain", "subdomainOf", "commerce"),
    ("domain:commerce", "Domain", "subdomainOf", None),
    ("group:red", "Group", "parent", "platform"),
    ("group:company", "Group", "parent", None),
]

PLURAL = [
    ("component:shop", "Component", "subcomponents", ["cart"]),
    ("component:shop", "Component", "dependsOn", ["ledger", "db"]),
    ("component:ledger", "Component", "dependencyOf", ["audit", "shop"]),
    ("component:shop", "Component", "providesApis", ["orders"]),
    ("component:shop", "Component", "consumesApis", ["rates"]),
    ("api:orders", "API", "providers", ["shop"]),
    ("api:orders", "API", "consumers", ["ledger"]),
    ("api:rates", "API", "providers", []),
    ("api:orders", "API", "dependencyOf", []),
    ("resource:db", "Resource", "dependencyOf", ["shop"]),
    ("resource:db", "Resource", "dependsOn", []),
    ("airesource:reviews", "AiResource", "dependsOn", []),
    ("airesource:reviews", "AiResource", "dependencyOf", []),
    ("system:checkout", "System", "components", ["ledger", "shop"]),
    ("system:checkout", "System", "apis", ["orders"]),
    ("system:checkout", "System", "resources", ["db"]),
    ("system:checkout", "System", "aiResources", ["reviews"]),
    ("domain:payments", "Domain", "systems", ["checkout"]),
    ("domain:commerce", "Domain", "systems", []),
    ("domain:commerce", "Domain", "subdomains", ["payments"]),
    ("group:company", "Group", "children", ["blue", "platform"]),
    ("group:company", "Group", "descendants", ["blue", "platform", "red"]),
    ("group:red", "Group", "ancestors", ["company", "platform"]),
    ("group:company", "Group", "members", []),
    ("group:platform", "Group", "members", ["bob"]),
    ("group:platform", "Group", "members(transitive: true)", ["ann", "bob"]),
    ("group:company", "Group", "members(transitive: true)", ["ann", "bob"]),
    ("group:platform", "Group", "owns(transitive: false)", ["payments", "db", "checkout", "service"]),
    ("group:platform", "Group", "owns", ["reviews", "orders", "shop", "payments", "db", "checkout", "service"]),
    ("group:platform", "Group", 'owns(filter: { kind: "component" })', ["shop"]),
    ("user:ann", "User", "memberOf", ["red"]),
    ("user:ann", "User", "memberOf(transitive: true)", ["company", "platform", "red"]),
    ("user:bob", "User", "memberOf(transitive: true)", ["blue", "company", "platform"]),
    ("user:ann", "User", "owns(throughGroups: false)", ["cart"]),
    ("user:ann", "User", "owns", ["reviews", "orders", "cart", "shop"]),
    ("user:bob", "User", 'owns(filter: { kind: "api" })', ["rates"]),
    ("component:shop", "Component", "dependents", ["orders"]),
    ("component:shop", "Component", "dependencies", ["rates", "ledger", "db"]),
    ("component:shop", "Component", "dependents(relations: [PART_OF])", ["cart"]),
    ("component:shop", "Component", "dependencies(relations: [DEPENDS_ON, PART_OF])", ["ledger", "db", "checkout"]),
    ("component:shop", "Component", "dependents(relations: [])", []),
    ("api:orders", "API", "dependents", ["ledger"]),
    ("api:orders", "API", "dependencies", ["shop"]),
    ("component:shop", "Component", 'dependencies(filter: { kind: "resource" })', ["db"]),
    ("component:shop", "Component", "owners", ["red"]),
]


@pytest.mark.parametrize(("ref", "typename", "field", "name"), SINGLE)
async def test_a_single_relation_leads_to(asking: Asking, ref: str, typename: str, field: str, name: str | None) -> None:
    data = await asking.data(f"query ($ref: String!) {{ entity(ref: $ref) {{ ... on {typename} {{ {field} {{ name }} }} }} }}", ref=ref)
    assert data["entity"][field] == (None if name is None else {"name": name})


@pytest.mark.parametrize(("ref", "typename", "field", "names"), PLURAL)
async def test_a_plural_relation_lists(asking: Asking, ref: str, typename: str, field: str, names: list[str]) -> None:
    selection = "{ name }" if field == "owners" else "{ totalCount nodes { name } edges { node { name } } }"
    data = await asking.data(
        f"query ($ref: String!) {{ entity(ref: $ref) {{ ... on {typename} {{ answer: {field} {selection} }} }} }}", ref=ref
    )
    answer = data["entity"]["answer"]
    nodes = [{"name": name} for name in names]
    if field == "owners":
        assert answer == nodes
    else:
        assert answer["nodes"] == nodes
        assert answer["totalCount"] == len(names)
        assert [edge["node"] for edge in answer["edges"] if edge["node"]] == nodes


async def test_an_edge_to_a_missing_entity_keeps_its_ref_and_is_not_counted(asking: Asking) -> None:
    data = await asking.data("""{ entity(ref: "component:shop") { ... on Component { dependsOn {
        totalCount nodes { ref } edges { targetRef node { ref } evidence { declarer field path line inferred confidence } } } } } }""")
    ledger, db = {"ref": "component:default/ledger"}, {"ref": "resource:default/db"}
    evidence = {
        "declarer": "component:default/shop",
        "field": "dependsOn",
        "path": "/catalog/components.yaml",
        "line": 91,
        "inferred": False,
        "confidence": 1.0,
    }
    assert data["entity"]["dependsOn"] == {
        "totalCount": 2,
        "nodes": [ledger, db],
        "edges": [
            {"targetRef": "component:default/ghost", "node": None, "evidence": [evidence]},
            {"targetRef": "component:default/ledger", "node": ledger, "evidence": [evidence]},
            {"targetRef": "resource:default/db", "node": db, "evidence": [evidence]},
        ],
    }


async def test_a_missing_child_is_listed_without_its_entity(asking: Asking) -> None:
    data = await asking.data("""{ entity(ref: "group:platform") { ... on Group {
        children { totalCount edges { targetRef node { name } } } descendants { totalCount edges { targetRef node { name } } } } } }""")
    listed = {
        "totalCount": 1,
        "edges": [{"targetRef": "group:default/nobody", "node": None}, {"targetRef": "group:default/red", "node": {"name": "red"}}],
    }
    assert data["entity"] == {"children": listed, "descendants": listed}


async def test_a_filter_leaves_missing_entities_out(asking: Asking) -> None:
    data = await asking.data('{ entity(ref: "component:shop") { ... on Component { dependsOn(filter: {}) { edges { targetRef } } } } }')
    assert [edge["targetRef"] for edge in data["entity"]["dependsOn"]["edges"]] == ["component:default/ledger", "resource:default/db"]


async def test_relations_list_the_edges_both_ways(asking: Asking) -> None:
    data = await asking.data(
        """{ entity(ref: "component:shop") { relations { totalCount nodes { ref } edges { relation direction targetRef } } } }"""
    )
    relations = data["entity"]["relations"]
    assert [(edge["relation"], edge["direction"], edge["targetRef"]) for edge in relations["edges"]] == [
        ("PROVIDES_APIS", "OUT", "api:default/orders"),
        ("CONSUMES_APIS", "OUT", "api:default/rates"),
        ("PART_OF", "IN", "component:default/cart"),
        ("DEPENDS_ON", "OUT", "component:default/ghost"),
        ("DEPENDS_ON", "OUT", "component:default/ledger"),
        ("OWNED_BY", "OUT", "group:default/red"),
        ("DEPENDS_ON", "OUT", "resource:default/db"),
        ("PART_OF", "OUT", "system:default/checkout"),
    ]
    assert relations["totalCount"] == 8
    assert len(relations["nodes"]) == 7


@pytest.mark.parametrize(
    ("arguments", "targets"),
    [
        ("types: [PART_OF]", ["component:default/cart", "system:default/checkout"]),
        ("types: [PART_OF, PART_OF], direction: IN", ["component:default/cart"]),
        ("types: []", []),
        ("direction: IN", ["component:default/cart"]),
        ('types: [DEPENDS_ON], filter: { kind: "component" }', ["component:default/ledger"]),
        ("first: 2", ["api:default/orders", "api:default/rates"]),
        ("last: 1", ["system:default/checkout"]),
    ],
)
async def test_relations_are_narrowed(asking: Asking, arguments: str, targets: list[str]) -> None:
    data = await asking.data(f'{{ entity(ref: "component:shop") {{ relations({arguments}) {{ edges {{ targetRef }} }} }} }}')
    assert [edge["targetRef"] for edge in data["entity"]["relations"]["edges"]] == targets


LISTS = [
    ("component:shop", "Entity", "relations"),
    ("component:shop", "Entity", "dependencies"),
    ("component:shop", "Component", "dependsOn"),
    ("group:platform", "Group", "owns"),
    ("group:company", "Group", "descendants"),
    ("group:company", "Group", "owns"),
    ("user:ann", "User", "memberOf(transitive: true)"),
    ("user:bob", "User", "owns"),
]


@pytest.mark.parametrize(("ref", "typename", "field"), LISTS)
@pytest.mark.parametrize("size", [1, 2, 3])
async def test_paging_a_relation_both_ways_visits_every_edge_once(asking: Asking, ref: str, typename: str, field: str, size: int) -> None:
    async def page(**arguments: object) -> Any:
        written = ", ".join(f"{name}: {value!r}".replace("'", '"') for name, value in arguments.items())
        called = f"{field[:-1]}, {written})" if field.endswith(")") else f"{field}({written})"
        inner = "edges { cursor targetRef } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
        data = await asking.data(
            f"query ($r: String!) {{ entity(ref: $r) {{ ... on {typename} {{ a: {called} {{ {inner} }} }} }} }}", r=ref
        )
        return data["entity"]["a"]

    whole = [edge["targetRef"] for edge in (await page(first=100))["edges"]]
    forward = await page(first=size)
    seen = [edge["targetRef"] for edge in forward["edges"]]
    while forward["pageInfo"]["hasNextPage"]:
        forward = await page(first=size, after=forward["pageInfo"]["endCursor"])
        assert forward["pageInfo"]["hasPreviousPage"]
        seen += [edge["targetRef"] for edge in forward["edges"]]
    assert seen == whole
    backward = await page(last=size)
    seen = [edge["targetRef"] for edge in backward["edges"]]
    while backward["pageInfo"]["hasPreviousPage"]:
        backward = await page(last=size, before=backward["pageInfo"]["startCursor"])
        assert backward["pageInfo"]["hasNextPage"]
        seen = [edge["targetRef"] for edge in backward["edges"]] + seen
    assert seen == whole
    assert len(whole) >= 3


async def test_a_cursor_of_another_relation_is_refused(asking: Asking) -> None:
    data = await asking.data('{ entity(ref: "component:shop") { ... on Component { dependsOn { pageInfo { endCursor } } } } }')
    cursor = data["entity"]["dependsOn"]["pageInfo"]["endCursor"]
    operation = 'query ($c: String!) { entity(ref: "component:shop") { ... on Component { providesApis(after: $c) { nodes { ref } } } } }'
    assert isinstance(await asking.error(operation, c=cursor), InvalidCursorError)


async def test_a_relation_that_carries_no_change_has_no_dependents(asking: Asking) -> None:
    error = await asking.error('{ entity(ref: "component:shop") { dependents(relations: [OWNED_BY]) { nodes { ref } } } }')
    assert type(error) is InputError
    assert str(error) == "`relations`: no change travels along OWNED_BY; leave it out"


async def test_an_end_of_a_kind_that_the_list_can_not_show_stays_without_its_entity(asking: Asking, organisation: Store) -> None:
    await organisation.apply(Batch(CAUSE, [write_of(described("Component", "odd", {"providesApis": ["component:shop", "rates"]}))]))
    data = await asking.data("""{ entity(ref: "component:odd") { ... on Component {
        providesApis { totalCount nodes { name } edges { targetRef node { name } } } } relations { nodes { ref } } } }""")
    assert data["entity"]["providesApis"] == {
        "totalCount": 1,
        "nodes": [{"name": "rates"}],
        "edges": [{"targetRef": "api:default/rates", "node": {"name": "rates"}}, {"targetRef": "component:default/shop", "node": None}],
    }
    assert data["entity"]["relations"]["nodes"] == [{"ref": "api:default/rates"}, {"ref": "component:default/shop"}]


async def test_groups_that_contain_each_other_are_no_trap(asking: Asking, organisation: Store) -> None:
    round_trip = [described("Group", "a", {"parent": "b", "children": []}), described("Group", "b", {"parent": "a", "children": []})]
    owned = described("Component", "owned", {"owner": "b"})
    await organisation.apply(Batch(CAUSE, [write_of(document) for document in (*round_trip, owned)]))
    data = await asking.data("""{ entity(ref: "group:a") { ... on Group {
        ancestors { totalCount nodes { name } } descendants { nodes { name } } owns { nodes { name } } } } }""")
    b = [{"name": "b"}]
    assert data["entity"] == {
        "ancestors": {"totalCount": 1, "nodes": b},
        "descendants": {"nodes": b},
        "owns": {"nodes": [{"name": "owned"}]},
    }


async def test_an_entity_owned_by_two_of_a_users_groups_is_listed_once_with_both_reasons(asking: Asking, organisation: Store) -> None:
    shared = write_of(described("Component", "shared", {"owner": "blue"}))
    again = Edge(
        Ref("component:default/shared"), "ownedBy", Ref("group:default/platform"), (Evidence(shared.entity.ref, "owner", "/x", 2),)
    )
    await organisation.apply(Batch(CAUSE, [EntityWrite(shared.entity, [*shared.declares, again], None)]))
    data = await asking.data("""{ entity(ref: "user:bob") { ... on User { owns(filter: { name: "shared" }) {
        totalCount edges { targetRef evidence { path line } } } } } }""")
    assert data["entity"]["owns"] == {
        "totalCount": 1,
        "edges": [
            {
                "targetRef": "component:default/shared",
                "evidence": [{"path": "/catalog/components.yaml", "line": 1}, {"path": "/x", "line": 2}],
            }
        ],
    }


async def test_a_configured_relation_is_listed_filtered_and_followed(organisation: Store) -> None:
    asking = Asking(organisation, CONFIGURED)
    sales = Ref("dataset:data/sales")
    lake = write_of(described("Dataset", "lake", {"type": "table"}))
    edge = Edge(lake.entity.ref, "ownsData", sales, (Evidence(lake.entity.ref, "ownsData", "/catalog/datasets.yaml", 3),))
    await organisation.apply(Batch(CAUSE, [EntityWrite(lake.entity, [edge], None)]))
    data = await asking.data("""{
        entities(filter: { related: { relation: OWNS_DATA, target: "dataset:data/sales" } }) { nodes { ref } }
        entity(ref: "dataset:data/sales") { __typename relations(types: [OWNS_DATA]) { edges { relation direction targetRef } } }
        paths(from: "dataset:lake", to: "dataset:data/sales", relations: [OWNS_DATA]) { steps { relation direction } } }""")
    assert data == {
        "entities": {"nodes": [{"ref": "dataset:default/lake"}]},
        "entity": {
            "__typename": "CustomEntity",
            "relations": {"edges": [{"relation": "OWNS_DATA", "direction": "IN", "targetRef": "dataset:default/lake"}]},
        },
        "paths": [{"steps": [{"relation": "OWNS_DATA", "direction": "OUT"}]}],
    }
