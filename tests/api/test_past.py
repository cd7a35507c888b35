"""The catalog at earlier moments: single entities as they were, and what differs between two moments."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graph.conditions import EVERYTHING, Condition, Not, RefIn
from graph.patches import applied, patch_of_removal
from graph.refs import Ref
from graph.store import Batch, Removal, Store
from tests.api.catalog import CAUSE, ORGANISATION, Asking, described, ref_of, write_of
from tests.graphs import hash_of

BY_REF = {ref_of(document): document for document in ORGANISATION}
SHOP, LEDGER, CART = (Ref(f"component:default/{name}") for name in ("shop", "ledger", "cart"))
NEW_SHOP = {
    **BY_REF[SHOP],
    "metadata": {"name": "shop", "title": "The Store"},
    "spec": {"type": "service", "owner": "blue", "dependsOn": ["component:ledger"]},
}
GONE = Not(RefIn((CART,)))


async def _remove(store: Store, *refs: Ref) -> None:
    present = await store.entities_by_ref(refs, visible=EVERYTHING)
    removals = [Removal(ref, hash_of(found), patch_of_removal(found.document)) for ref, found in present.items()]
    await store.apply(Batch(CAUSE, removals=removals))


@pytest.fixture
async def then(organisation: Store) -> str:
    """The moment before the shop was changed, the ledger and its user were removed, and a component came that depends on the database."""
    head = str(await organisation.head())
    await organisation.apply(Batch(CAUSE, [write_of(NEW_SHOP, previous=BY_REF[SHOP])]))
    await _remove(organisation, LEDGER)
    late = described("Component", "late", {"owner": "red", "dependsOn": ["resource:db"], "consumesApis": ["orders"]})
    await organisation.apply(Batch(CAUSE, [write_of(late)]))
    return head


async def test_an_entity_is_shown_as_it_was(asking: Asking, then: str) -> None:
    fields = "{ __typename id ref title description tags spec ... on Component { type } }"
    asked = f'{{ now: entity(ref: "component:shop") {fields} then: entity(ref: "component:shop", at: "{then}") {fields} }}'
    data = await asking.data(asked)
    assert (data["now"]["title"], data["now"]["description"], data["now"]["spec"]) == ("The Store", None, NEW_SHOP["spec"])
    assert (data["then"]["title"], data["then"]["description"]) == ("The Shop", "Sells things.")
    assert (data["then"]["spec"], data["then"]["tags"]) == (BY_REF[SHOP]["spec"], ["java", "web"])
    assert (data["then"]["__typename"], data["then"]["type"], data["then"]["id"]) == ("Component", "service", data["now"]["id"])


async def test_a_moment_is_a_time_as_well(asking: Asking, organisation: Store, then: str) -> None:
    (first,) = await organisation.changes(int(then), 1, visible=EVERYTHING)
    for at, title in ((first.at - timedelta(microseconds=1), "The Shop"), (first.at, "The Store"), (datetime.now(UTC), "The Store")):
        data = await asking.data('query ($at: String) { entity(ref: "component:shop", at: $at) { title } }', at=at.isoformat())
        assert data["entity"]["title"] == title
    assert await asking.data('{ entity(ref: "component:shop", at: "2001-01-01T00:00:00Z") { title } }') == {"entity": None}


async def test_what_was_not_there_is_null_and_what_is_gone_is_shown(asking: Asking, then: str) -> None:
    asked = (
        f'{{ late: entity(ref: "component:late", at: "{then}") {{ ref }} ledger: entity(ref: "component:ledger", at: "{then}") {{ ref }} }}'
    )
    assert await asking.data(asked) == {"late": None, "ledger": {"ref": LEDGER}}
    assert await asking.data(asked, visible=GONE) == {"late": None, "ledger": None}


async def test_edges_of_the_past_lead_to_entities_of_the_past(asking: Asking, then: str) -> None:
    data = await asking.data(
        f"""{{ entity(ref: "component:shop", at: "{then}") {{
            owner {{ name }}
            relations(direction: OUT) {{ totalCount edges {{ relation targetRef node {{ title ref }} }} }}
            ... on Component {{
                dependsOn {{ totalCount edges {{ targetRef node {{ ref }} evidence {{ declarer }} }} }}
                subcomponents {{ nodes {{ ref owner {{ ref }} }} }}
                system {{ title components {{ nodes {{ ref }} totalCount }} }}
                providesApis {{ nodes {{ consumers {{ nodes {{ ref }} }} }} }}
            }} }} }}"""
    )
    shop = data["entity"]
    assert shop["owner"] == {"name": "red"}
    assert shop["dependsOn"]["totalCount"] == 2
    assert [(edge["targetRef"], edge["node"] is not None) for edge in shop["dependsOn"]["edges"]] == [
        ("component:default/ghost", False),
        (LEDGER, True),
        ("resource:default/db", True),
    ]
    assert shop["subcomponents"] == {"nodes": [{"ref": CART, "owner": {"ref": "user:default/ann"}}]}
    assert shop["system"] == {"title": "Checkout", "components": {"nodes": [{"ref": LEDGER}, {"ref": SHOP}], "totalCount": 2}}
    assert shop["providesApis"] == {"nodes": [{"consumers": {"nodes": [{"ref": LEDGER}]}}]}
    assert shop["relations"]["totalCount"] == 7


async def test_edges_at_an_entity_that_is_gone_are_those_of_then(asking: Asking, then: str) -> None:
    asked = f"""{{ entity(ref: "component:ledger", at: "{then}") {{ ... on Component {{
        dependencyOf {{ nodes {{ ref title }} totalCount }}
        few: dependencyOf(first: 1) {{ nodes {{ ref }} pageInfo {{ hasNextPage }} }}
        services: dependencyOf(filter: {{ owner: "red", type: "SERVICE" }}) {{ nodes {{ ref }} }}
        consumesApis {{ nodes {{ ref }} }} }} }} }}"""
    assert (await asking.data(asked))["entity"] == {
        "dependencyOf": {"nodes": [{"ref": "component:default/audit", "title": None}, {"ref": SHOP, "title": "The Shop"}], "totalCount": 2},
        "few": {"nodes": [{"ref": "component:default/audit"}], "pageInfo": {"hasNextPage": True}},
        "services": {"nodes": [{"ref": SHOP}]},
        "consumesApis": {"nodes": [{"ref": "api:default/orders"}]},
    }


@pytest.mark.parametrize("depth", ["owns { totalCount nodes { ref } }", "ancestors { nodes { ref } } members { nodes { ref } }"])
async def test_walks_through_groups_are_answered_for_then(asking: Asking, then: str, depth: str) -> None:
    operation = '{{ entity(ref: "group:platform"{}) {{ ... on Group {{ {} }} }} }}'
    found = await asking.data(operation.format(f', at: "{then}"', depth))
    await _remove(asking.store, *(ref for ref in BY_REF if ref.startswith(("user:", "api:", "group:default/red"))))
    assert await asking.data(operation.format(f', at: "{then}"', depth)) == found
    assert await asking.data(operation.format("", depth)) != found or "ancestors" in depth


@pytest.mark.parametrize(
    "field", ["impact { totalCount }", "errors { code }", "origin { path }", "orphan", "ancestry { ancestors { ref } }"]
)
async def test_what_the_log_does_not_hold_is_an_error(asking: Asking, then: str, field: str) -> None:
    answer = await asking.answer(f'{{ entity(ref: "component:shop", at: "{then}") {{ {field} }} }}')
    (error,) = answer.errors
    assert "can't be told of an entity of the past" in str(error.message)
    assert f"`{field.split(maxsplit=1)[0]}`" in str(error.message)
    assert error.original_error.code == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("yesterday", "`at` is no moment; write a time such as"),
        ("2026-05-01T12:00:00", "`at` names no offset from UTC"),
        ("9999", "`at` is 9,999, and no change has that number yet"),
        ("3", r"`at` is 3, and the log tells what came after number 5, whose next change was written at 2"),
        ("2001-01-01T00:00:00Z", "`at`: the log tells what came after number 5"),
    ],
)
async def test_a_moment_that_can_not_be_told_of_is_refused(asking: Asking, organisation: Store, then: str, at: str, message: str) -> None:
    await organisation.cut_log(5)
    answer = await asking.answer('query ($at: String!) { entity(ref: "component:shop", at: $at) { ref } }', at=at)
    assert message in str(answer.errors[0].message)
    assert answer.errors[0].original_error.code == "BAD_USER_INPUT"
    assert (await asking.data('{ entity(ref: "component:shop", at: "5") { ref } }'))["entity"] is None


@pytest.mark.parametrize(
    "field", ['changes(since: "4")', 'entity(ref: "component:shop") { history(after: $cursor) { nodes { sequence } } }']
)
async def test_what_was_cut_off_is_not_passed_over_in_silence(asking: Asking, organisation: Store, then: str, field: str) -> None:
    data = await asking.data("{ changes(first: 4) { pageInfo { endCursor } nodes { sequence } } }")
    cursor = data["changes"]["pageInfo"]["endCursor"]
    await organisation.cut_log(5)
    asked = field if "nodes" in field else f"{field} {{ nodes {{ sequence }} }}"
    head = "query ($cursor: String!)" if "$cursor" in asked else "query"
    answer = await asking.answer(f"{head} {{ {asked} }}", **({"cursor": cursor} if "$cursor" in asked else {}))
    assert "and the log tells what came after number 5" in str(answer.errors[0].message)
    assert answer.errors[0].original_error.code == "BAD_USER_INPUT"
    left = await asking.data('{ changes { totalCount nodes { sequence } } same: changes(since: "5") { nodes { sequence } } }')
    assert left["changes"]["nodes"] == left["same"]["nodes"]
    assert (left["changes"]["totalCount"], left["changes"]["nodes"][0]) == (21, {"sequence": "6"})


DIFF = """query ($from: String!, $to: String, $of: [String!], $filter: EntityFilter, $first: Int, $after: String) {
    diff(from: $from, to: $to, of: $of, filter: $filter, first: $first, after: $after) {
        totalCount fromSequence toSequence pageInfo { hasNextPage endCursor }
        nodes { ref operation patch before { spec } after { spec } entity { ref }
            addedRelations { sourceRef relation targetRef } removedRelations { sourceRef relation targetRef } }
    } }"""


async def _diff(asking: Asking, visible: Condition = EVERYTHING, **variables: object) -> Mapping[str, Any]:
    return (await asking.data(DIFF, visible=visible, **variables))["diff"]


def _edges(relations: list[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    return [(edge["sourceRef"], edge["relation"], edge["targetRef"]) for edge in relations]


async def test_the_difference_tells_what_came_went_and_changed(asking: Asking, then: str) -> None:
    found = await _diff(asking, **{"from": then})
    assert (found["totalCount"], found["fromSequence"], found["toSequence"]) == (3, then, str(int(then) + 3))
    assert found["pageInfo"]["hasNextPage"] is False
    late, ledger, shop = found["nodes"]
    assert [(node["ref"], node["operation"]) for node in found["nodes"]] == [
        ("component:default/late", "CREATED"),
        (LEDGER, "REMOVED"),
        (SHOP, "UPDATED"),
    ]
    assert (late["before"], late["after"]["spec"]["owner"], late["entity"]) == (None, "red", {"ref": "component:default/late"})
    assert (ledger["before"]["spec"], ledger["after"], ledger["entity"]) == (BY_REF[LEDGER]["spec"], None, None)
    assert applied(BY_REF[SHOP], shop["patch"]) == NEW_SHOP
    assert _edges(late["addedRelations"]) == [
        ("component:default/late", "CONSUMES_APIS", "api:default/orders"),
        ("component:default/late", "DEPENDS_ON", "resource:default/db"),
        ("component:default/late", "OWNED_BY", "group:default/red"),
    ]
    assert _edges(shop["addedRelations"]) == [(SHOP, "OWNED_BY", "group:default/blue")]
    assert (SHOP, "DEPENDS_ON", LEDGER) not in _edges(shop["removedRelations"])
    assert len(shop["removedRelations"]) == 6
    assert len(ledger["removedRelations"]) == 3


async def test_an_edge_that_both_ends_declare_stays_while_one_of_them_does(asking: Asking, organisation: Store) -> None:
    a = described("Component", "a", {"dependsOn": ["component:b"]})
    b = described("Component", "b", {"dependencyOf": ["component:a"]})
    heads: list[str] = []
    steps: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
        (described("Component", "x"), None),
        (a, None),
        (b, None),
        ({**a, "spec": {}}, a),
        ({**b, "spec": {}}, b),
    ]
    for new, old in steps:
        await organisation.apply(Batch(CAUSE, [write_of(new, previous=old)]))
        heads.append(str(await organisation.head()))
    edge = ("component:default/a", "DEPENDS_ON", "component:default/b")

    async def told(start: int, end: int) -> list[tuple[str, list[Any], list[Any]]]:
        nodes = (await _diff(asking, **{"from": heads[start], "to": heads[end]}))["nodes"]
        return [(node["ref"][-1], _edges(node["addedRelations"]), _edges(node["removedRelations"])) for node in nodes]

    assert await told(0, 2) == [("a", [edge], []), ("b", [], [])]
    assert await told(1, 2) == [("b", [], [])]
    assert await told(2, 3) == [("a", [], [])]
    assert await told(3, 4) == [("b", [], [edge])]
    assert await told(2, 4) == [("a", [], [edge]), ("b", [], [])]
    assert await told(1, 3) == [("a", [], []), ("b", [], [])]


async def test_what_is_as_it_was_is_not_listed(asking: Asking, organisation: Store, then: str) -> None:
    await organisation.apply(Batch(CAUSE, [write_of(BY_REF[SHOP], previous=NEW_SHOP), write_of(BY_REF[LEDGER])]))
    found = await _diff(asking, **{"from": then})
    assert [node["ref"] for node in found["nodes"]] == ["component:default/late"]
    assert (found["totalCount"], found["pageInfo"]["hasNextPage"]) == (3, False)


async def test_a_difference_is_read_page_by_page(asking: Asking, then: str) -> None:
    read: list[str] = []
    after = None
    for page in range(3):
        found = await _diff(asking, **{"from": "0", "first": 9, "after": after, "to": then})
        read += [node["ref"] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        assert (len(found["nodes"]), found["pageInfo"]["hasNextPage"]) == ((9, True), (9, True), (2, False))[page]
    assert read == sorted(BY_REF)
    none = await _diff(asking, **{"from": "0", "first": 0})
    assert (none["nodes"], none["pageInfo"]["hasNextPage"]) == ([], True)


@pytest.mark.parametrize(
    ("filter", "refs"),
    [
        ({"kind": "component"}, ["component:default/late", LEDGER, SHOP]),
        ({"owner": "blue"}, [LEDGER, SHOP]),
        ({"owner": "red", "not": {"name": "late"}}, [SHOP]),
        ({"tag": "java"}, [LEDGER, SHOP]),
        ({"related": {"relation": "DEPENDS_ON", "target": "resource:db"}}, ["component:default/late", SHOP]),
        ({"kind": "group"}, []),
    ],
)
async def test_a_filter_speaks_of_what_was_as_well(asking: Asking, then: str, filter: Mapping[str, object], refs: list[str]) -> None:
    found = await _diff(asking, **{"from": then, "filter": filter})
    assert [node["ref"] for node in found["nodes"]] == refs
    assert found["pageInfo"]["hasNextPage"] is False


async def test_what_can_not_be_told_of_the_past_is_refused_in_a_filter(asking: Asking, then: str) -> None:
    for asked in ({"orphan": True}, {"hasErrors": False}, {"system": "checkout"}):
        answer = await asking.answer(DIFF, **{"from": then, "filter": asked})
        assert "can't be told of the past" in str(answer.errors[0].message)
    answer = await asking.answer(DIFF, **{"from": "9", "to": "8"})
    assert str(answer.errors[0].message) == "`from` lies after `to`; exchange them"


async def test_hidden_and_gone_entities_are_not_in_the_difference(asking: Asking, then: str) -> None:
    found = await _diff(asking, GONE, **{"from": then})
    assert ([node["ref"] for node in found["nodes"]], found["totalCount"]) == (["component:default/late", SHOP], 2)
    found = await _diff(asking, Not(RefIn((SHOP,))), **{"from": then, "of": ["component:shop", "component:late"]})
    assert ([node["ref"] for node in found["nodes"]], found["totalCount"]) == (["component:default/late"], 1)


@pytest.mark.parametrize("first", [1, 5])
async def test_a_page_of_differences_calls_the_store_as_often_whatever_its_size(asking: Asking, then: str, first: int) -> None:
    operation = DIFF.replace("totalCount", "").replace("entity { ref }", "")
    calls = await asking.calls(operation, **{"from": "0", "to": then, "first": first})
    assert {name: calls[name] for name in ("changed_refs", "changes", "entities_by_ref")} == {
        "changed_refs": 1,
        "changes": 2,
        "entities_by_ref": 2,
    }


async def test_totals_of_many_histories_are_one_call(asking: Asking) -> None:
    calls = await asking.calls("{ entities { nodes { history { totalCount } } } }")
    assert calls == {"page": 1, "change_counts_by_ref": 1}
    data = await asking.data('{ a: entity(ref: "dataset:data/sales") { history { totalCount } } }')
    assert data == {"a": {"history": {"totalCount": 2}}}


@pytest.mark.parametrize("first", [2, 4])
async def test_edges_of_the_past_are_read_for_a_whole_page_at_once(asking: Asking, then: str, first: int) -> None:
    operation = f'{{ diff(from: "1", to: "{then}", first: {first}) {{ nodes {{ after {{ owner {{ name }} }} }} }} }}'
    calls = await asking.calls(operation)
    # For the page and for the other ends of changed edges; for owners: what is there, what changed since, and the owners.
    assert {name: calls[name] for name in ("changed_refs", "related", "entities_by_ref")} == {
        "changed_refs": 1,
        "related": 1,
        "entities_by_ref": 5,
    }
