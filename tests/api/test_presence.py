"""Why something is here or not: origins, errors, locations, dangling edges and the log."""

import pytest

from graph.errors import CallboardError, InputError, InvalidCursorError
from graph.refs import Ref
from graph.store import Batch, Store
from tests.api.catalog import CAUSE, ORGANISATION, Asking, described, write_of


async def test_an_origin_says_where_an_entity_was_read(asking: Asking) -> None:
    data = await asking.data("""{ entity(ref: "component:shop") { origin { path document line parentRef parent { name } location { id } }
        ancestry { location { target } ancestors { name } } } }""")
    assert data["entity"] == {
        "origin": {
            "path": "/catalog/components.yaml",
            "document": 0,
            "line": 91,
            "parentRef": "location:default/more",
            "parent": {"name": "more"},
            "location": {"id": "loc-1"},
        },
        "ancestry": {"location": {"target": "/catalog/all.yaml"}, "ancestors": [{"name": "more"}]},
    }


async def test_what_a_root_led_to_directly_has_no_ancestors(asking: Asking) -> None:
    data = await asking.data('{ entity(ref: "user:ann") { origin { parentRef parent { name } } ancestry { ancestors { name } } } }')
    assert data["entity"] == {"origin": {"parentRef": None, "parent": None}, "ancestry": {"ancestors": []}}


async def test_ancestors_are_the_locations_on_the_way_nearest_first(asking: Asking, organisation: Store) -> None:
    outer, inner = Ref("location:default/outer"), Ref("location:default/inner")
    writes = [
        write_of(described("Location", "outer", {"target": "./inner.yaml"}), parent=inner),
        write_of(described("Location", "inner", {"target": "./leaf.yaml"}), parent=outer),
        write_of(described("Component", "leaf", {}), parent=inner),
        write_of(described("Component", "stray", {}), parent=Ref("location:default/gone")),
    ]
    await organisation.apply(Batch(CAUSE, writes))
    data = await asking.data("""{ leaf: entity(ref: "component:leaf") { ancestry { ancestors { name } } }
        stray: entity(ref: "component:stray") { ancestry { ancestors { name } } } }""")
    assert [entity["name"] for entity in data["leaf"]["ancestry"]["ancestors"]] == ["inner", "outer"]
    assert data["stray"]["ancestry"]["ancestors"] == []


async def test_catalog_errors_come_in_the_order_of_their_places(asking: Asking) -> None:
    data = await asking.data("""{ catalogErrors { totalCount edges { node { code } } nodes {
        id code message remedy path document line column ref entity { name } location { id } } } }""")
    errors = data["catalogErrors"]
    assert errors["totalCount"] == 3
    assert [edge["node"]["code"] for edge in errors["edges"]] == ["yaml", "unknown-field", "kind"]
    assert len({error["id"] for error in errors["nodes"]}) == 3
    assert {key: value for key, value in errors["nodes"][1].items() if key != "id"} == {
        "code": "unknown-field",
        "message": "the field ownr is unknown",
        "remedy": "Write owner.",
        "path": "/catalog/components.yaml",
        "document": 0,
        "line": 7,
        "column": 3,
        "ref": "component:default/shop",
        "entity": {"name": "shop"},
        "location": {"id": "loc-1"},
    }
    assert (errors["nodes"][0]["ref"], errors["nodes"][0]["entity"]) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ('of: ["component:shop", "component:lost"]', ["unknown-field", "kind"]),
        ("of: []", []),
        ('codes: ["yaml"]', ["yaml"]),
        ('locations: ["loc-2"]', []),
        ('locations: ["loc-1"], codes: ["kind", "yaml"]', ["yaml", "kind"]),
        ("first: 1", ["yaml"]),
        ("last: 1", ["kind"]),
    ],
)
async def test_catalog_errors_are_narrowed(asking: Asking, arguments: str, codes: list[str]) -> None:
    data = await asking.data(f"{{ catalogErrors({arguments}) {{ nodes {{ code }} }} }}")
    assert [error["code"] for error in data["catalogErrors"]["nodes"]] == codes


async def test_an_entity_lists_its_own_errors(asking: Asking) -> None:
    data = await asking.data('{ entitiesByRef(refs: ["component:shop", "component:cart"]) { errors { code } } }')
    assert data["entitiesByRef"] == [{"errors": [{"code": "unknown-field"}]}, {"errors": []}]


async def test_locations_say_when_they_were_read_and_what_they_led_to(asking: Asking) -> None:
    data = await asking.data("""{ locations { totalCount nodes { id type target origin readAt error counts { files entities errors } }
        pageInfo { hasNextPage } } }""")
    assert data["locations"] == {
        "totalCount": 2,
        "pageInfo": {"hasNextPage": False},
        "nodes": [
            {
                "id": "loc-1",
                "type": "file",
                "target": "/catalog/all.yaml",
                "origin": "configured",
                "readAt": "2024-05-01T12:00:00+00:00",
                "error": None,
                "counts": {"files": 3, "entities": 20, "errors": 3},
            },
            {
                "id": "loc-2",
                "type": "file",
                "target": "/elsewhere/all.yaml",
                "origin": "configured",
                "readAt": None,
                "error": "no such file",
                "counts": {"files": 0, "entities": 0, "errors": 0},
            },
        ],
    }


async def test_locations_page_both_ways(asking: Asking) -> None:
    first = (await asking.data("{ locations(first: 1) { nodes { id } pageInfo { endCursor hasNextPage } } }"))["locations"]
    assert (first["nodes"], first["pageInfo"]["hasNextPage"]) == ([{"id": "loc-1"}], True)
    operation = "query ($c: String) {{ locations({}: $c) {{ nodes {{ id }} pageInfo {{ hasPreviousPage hasNextPage }} }} }}"
    rest = (await asking.data(operation.format("after"), c=first["pageInfo"]["endCursor"]))["locations"]
    assert rest == {"nodes": [{"id": "loc-2"}], "pageInfo": {"hasPreviousPage": True, "hasNextPage": False}}
    last = (await asking.data("{ locations(last: 1) { nodes { id } pageInfo { startCursor hasPreviousPage } } }"))["locations"]
    assert (last["nodes"], last["pageInfo"]["hasPreviousPage"]) == ([{"id": "loc-2"}], True)


async def test_edges_of_which_an_end_is_missing_are_listed(asking: Asking) -> None:
    data = await asking.data("""{ danglingRelations { pageInfo { hasNextPage } totalCount
        nodes { sourceRef source { name } relation targetRef target { name } evidence { field line } } } }""")
    assert data["danglingRelations"]["totalCount"] == 3
    assert data["danglingRelations"]["nodes"][0] == {
        "sourceRef": "component:default/shop",
        "source": {"name": "shop"},
        "relation": "DEPENDS_ON",
        "targetRef": "component:default/ghost",
        "target": None,
        "evidence": [{"field": "dependsOn", "line": 91}],
    }
    assert data["danglingRelations"]["nodes"][1]["targetRef"] == "group:default/ghosts"
    last = data["danglingRelations"]["nodes"][2]
    assert (last["sourceRef"], last["source"], last["target"]) == ("group:default/nobody", None, {"name": "platform"})


WHY = """query ($ref: String!) { whyMissing(ref: $ref) { ref presence explanation entity { name } errors { code }
  claims { path document line holds location { id } } lastChange { operation }
  references { entity { ref } relation direction evidence { field } } failedLocations { id }
  sameName { ref } } }"""


async def test_a_present_entity_says_where_it_comes_from_and_who_else_claims_it(asking: Asking) -> None:
    assert (await asking.data(WHY, ref="component:shop"))["whyMissing"] == {
        "ref": "component:default/shop",
        "presence": "PRESENT",
        "explanation": "component:default/shop is read from /catalog/components.yaml, line 91. /catalog/lost.yaml, line 5 declares it too "
        "and takes over when this declaration goes. It is as it was when last in order: the field ownr is unknown. Write owner.",
        "entity": {"name": "shop"},
        "errors": [{"code": "unknown-field"}],
        "claims": [
            {"path": "/catalog/components.yaml", "document": 0, "line": 91, "holds": True, "location": {"id": "loc-1"}},
            {"path": "/catalog/lost.yaml", "document": 2, "line": 5, "holds": False, "location": {"id": "loc-1"}},
        ],
        "lastChange": {"operation": "CREATED"},
        "references": [],
        "failedLocations": [],
        "sameName": [],
    }


@pytest.mark.parametrize(
    ("ref", "presence", "explanation"),
    [
        (
            "component:lost",
            "UNREADABLE",
            "component:default/lost is declared but can't be read: the kind is missing (/catalog/lost.yaml, line 1). Name a kind.",
        ),
        (
            "component:ghost",
            "REFERENCED",
            "No file that the catalog reads declares component:default/ghost, but component:default/shop points to it. "
            "Declare it, or mend the ref; and see that a location leads to its file. "
            "It may be in /elsewhere/all.yaml, of which the last read failed: no such file.",
        ),
        (
            "component:other/shop",
            "UNKNOWN",
            "No file that the catalog reads declares component:other/shop. "
            "See that a location leads to its file, and that a rule allows its kind. "
            "It may be in /elsewhere/all.yaml, of which the last read failed: no such file.",
        ),
    ],
)
async def test_a_missing_entity_has_its_reason(asking: Asking, ref: str, presence: str, explanation: str) -> None:
    why = (await asking.data(WHY, ref=ref))["whyMissing"]
    assert (why["presence"], why["explanation"], why["entity"]) == (presence, explanation, None)
    assert why["failedLocations"] == [{"id": "loc-2"}]


async def test_a_removed_entity_says_when_and_by_whom(asking: Asking) -> None:
    why = (await asking.data(WHY, ref="component:old"))["whyMissing"]
    assert (why["presence"], why["lastChange"]) == ("REMOVED", {"operation": "REMOVED"})
    assert why["explanation"].startswith("component:default/old was removed at 20")
    assert why["explanation"].endswith(" (user user:default/ann).")


@pytest.mark.parametrize(
    ("ref", "references"),
    [
        ("component:ghost", [("component:default/shop", "DEPENDS_ON", "OUT", "dependsOn")]),
        ("group:nobody", [("group:default/platform", "CHILD_OF", "IN", "children")]),
        ("group:ghosts", [("component:default/audit", "OWNED_BY", "OUT", "owner")]),
        ("component:gho", []),
    ],
)
async def test_who_points_to_a_missing_ref_is_listed(asking: Asking, ref: str, references: list[tuple[str, ...]]) -> None:
    found = (await asking.data(WHY, ref=ref))["whyMissing"]["references"]
    shown = [(r["entity"]["ref"], r["relation"], r["direction"], r["evidence"][0]["field"]) for r in found]
    assert shown == references


async def test_the_same_name_elsewhere_is_offered(asking: Asking) -> None:
    assert (await asking.data(WHY, ref="api:other/shop"))["whyMissing"]["sameName"] == [{"ref": "component:default/shop"}]


async def test_the_log_is_read_oldest_first_and_pages_both_ways(asking: Asking) -> None:
    operation = """query ($first: Int, $after: String, $last: Int, $before: String) {
        changes(first: $first, after: $after, last: $last, before: $before) {
            totalCount nodes { sequence } pageInfo { hasPreviousPage hasNextPage startCursor endCursor } } }"""
    whole = (await asking.data(operation))["changes"]
    sequences = [change["sequence"] for change in whole["nodes"]]
    assert sequences == [str(number) for number in range(1, 24)]
    assert whole["totalCount"] == 23
    first = (await asking.data(operation, first=10))["changes"]
    assert (first["pageInfo"]["hasPreviousPage"], first["pageInfo"]["hasNextPage"]) == (False, True)
    rest = (await asking.data(operation, first=20, after=first["pageInfo"]["endCursor"]))["changes"]
    assert (rest["pageInfo"]["hasPreviousPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert [change["sequence"] for change in (*first["nodes"], *rest["nodes"])] == sequences
    last = (await asking.data(operation, last=4))["changes"]
    assert ([change["sequence"] for change in last["nodes"]], last["pageInfo"]["hasPreviousPage"]) == (["20", "21", "22", "23"], True)
    before = (await asking.data(operation, last=30, before=last["pageInfo"]["startCursor"]))["changes"]
    assert [change["sequence"] for change in before["nodes"]] == sequences[:19]
    assert (before["pageInfo"]["hasPreviousPage"], before["pageInfo"]["hasNextPage"]) == (False, True)


async def test_changes_are_narrowed_by_sequence_and_refs(asking: Asking) -> None:
    data = await asking.data("""{
        since: changes(since: "20") { nodes { sequence } }
        of: changes(of: ["dataset:data/sales"]) { totalCount nodes {
            ref operation patch cause { kind detail } entity { ref } } }
        none: changes(of: []) { totalCount nodes { ref } } }""")
    assert [change["sequence"] for change in data["since"]["nodes"]] == ["21", "22", "23"]
    sales = {"ref": "dataset:data/sales", "entity": {"ref": "dataset:data/sales"}}
    replaced = [{"op": "test", "path": "/spec/type", "value": "table"}, {"op": "replace", "path": "/spec/type", "value": "view"}]
    assert data["of"] == {
        "totalCount": 2,
        "nodes": [
            {**sales, "operation": "CREATED", "patch": [], "cause": {"kind": "refresh", "detail": "loc-1"}},
            {**sales, "operation": "UPDATED", "patch": replaced, "cause": {"kind": "user", "detail": "user:default/ann"}},
        ],
    }
    assert data["none"] == {"totalCount": 0, "nodes": []}


async def test_an_entity_tells_its_own_history(asking: Asking) -> None:
    data = await asking.data("""{ entitiesByRef(refs: ["dataset:data/sales", "user:ann"]) {
        history { totalCount nodes { operation } } latest: history(last: 1) { nodes { operation } pageInfo { hasPreviousPage } } } }""")
    assert data["entitiesByRef"] == [
        {
            "history": {"totalCount": 2, "nodes": [{"operation": "CREATED"}, {"operation": "UPDATED"}]},
            "latest": {"nodes": [{"operation": "UPDATED"}], "pageInfo": {"hasPreviousPage": True}},
        },
        {
            "history": {"totalCount": 1, "nodes": [{"operation": "CREATED"}]},
            "latest": {"nodes": [{"operation": "CREATED"}], "pageInfo": {"hasPreviousPage": False}},
        },
    ]


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ('{ changes(since: "yesterday") { nodes { ref } } }', InputError),
        ('{ changes(since: "-1") { nodes { ref } } }', InputError),
        ('{ changes(after: "x") { nodes { ref } } }', InvalidCursorError),
        ("{ changes(first: 1, last: 1) { nodes { ref } } }", InputError),
        ('{ whyMissing(ref: "") { ref } }', InputError),
    ],
)
async def test_arguments_without_sense_are_refused(asking: Asking, operation: str, error: type[CallboardError]) -> None:
    assert isinstance(await asking.error(operation), error)


async def test_every_stored_entity_has_one_creation_in_the_log(asking: Asking) -> None:
    data = await asking.data("{ changes(first: 1000) { nodes { ref operation } } }")
    created = [change["ref"] for change in data["changes"]["nodes"] if change["operation"] == "CREATED"]
    assert len(created) == len(set(created)) == len(ORGANISATION) + 1
