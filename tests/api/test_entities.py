"""Entities and lists of them."""

import pytest

from graph.errors import CallboardError, InputError, InvalidCursorError, InvalidRefError, LimitExceededError
from tests.api.catalog import ORGANISATION, Asking, ref_of

REFS = sorted(ref_of(document) for document in ORGANISATION)


async def test_an_entity_shows_what_it_declares(asking: Asking) -> None:
    data = await asking.data("""{ entity(ref: "Component:Shop") {
        __typename ref kind namespace name apiVersion title description labels annotations tags links { url title icon type }
        orphan spec metadata ... on Component { type lifecycle } } }""")
    document = next(d for d in ORGANISATION if d["metadata"]["name"] == "shop")
    assert data["entity"] == {
        "__typename": "Component",
        "ref": "component:default/shop",
        "kind": "Component",
        "namespace": "default",
        "name": "shop",
        "apiVersion": "backstage.io/v1alpha1",
        "title": "The Shop",
        "description": "Sells things.",
        "labels": {"tier": "1"},
        "annotations": {"example.com/pager": "on-call"},
        "tags": ["java", "web"],
        "links": [{"url": "https://example.com/shop", "title": "Shop", "icon": None, "type": None}],
        "orphan": False,
        "spec": document["spec"],
        "metadata": document["metadata"],
        "type": "service",
        "lifecycle": "production",
    }


async def test_an_entity_without_the_optional_parts_shows_them_empty(asking: Asking) -> None:
    data = await asking.data('{ entity(ref: "group:blue") { title description labels annotations tags links { url } } }')
    assert data["entity"] == {"title": None, "description": None, "labels": {}, "annotations": {}, "tags": [], "links": []}


@pytest.mark.parametrize(
    ("ref", "typename"),
    [
        ("component:shop", "Component"),
        ("api:orders", "API"),
        ("resource:db", "Resource"),
        ("system:checkout", "System"),
        ("domain:commerce", "Domain"),
        ("group:red", "Group"),
        ("user:ann", "User"),
        ("template:service", "Template"),
        ("location:more", "LocationEntity"),
        ("airesource:reviews", "AiResource"),
        ("dataset:data/sales", "CustomEntity"),
    ],
)
async def test_each_kind_has_its_type(asking: Asking, ref: str, typename: str) -> None:
    data = await asking.data("query ($ref: String!) { entity(ref: $ref) { __typename } }", ref=ref)
    assert data == {"entity": {"__typename": typename}}


async def test_the_fields_of_single_kinds_are_read_from_the_spec(asking: Asking) -> None:
    data = await asking.data("""{
        api: entity(ref: "api:orders") { ... on API { type lifecycle definition remotes } }
        group: entity(ref: "group:red") { ... on Group { type displayName email picture } }
        user: entity(ref: "user:ann") { ... on User { displayName email picture } }
        location: entity(ref: "location:more") { ... on LocationEntity { type target targets presence } }
        dataset: entity(ref: "dataset:data/sales") { ... on CustomEntity { type lifecycle } } }""")
    assert data == {
        "api": {"type": "openapi", "lifecycle": "production", "definition": "openapi: 3.1.0", "remotes": None},
        "group": {"type": "team", "displayName": "Team Red", "email": "red@example.com", "picture": None},
        "user": {"displayName": "Ann", "email": "ann@example.com", "picture": "a.png"},
        "location": {"type": None, "target": None, "targets": ["./more.yaml", "./gone.yaml"], "presence": None},
        "dataset": {"type": "view", "lifecycle": "production"},
    }


async def test_a_missing_entity_is_null(asking: Asking) -> None:
    assert await asking.data('{ entity(ref: "component:ghost") { ref } }') == {"entity": None}


async def test_an_id_leads_back_to_its_entity_and_says_nothing_else(asking: Asking) -> None:
    handed_out = (await asking.data('{ entity(ref: "component:shop") { id } }'))["entity"]["id"]
    assert "shop" not in handed_out
    data = await asking.data("query ($id: ID!) { node(id: $id) { id __typename ... on Entity { ref } } }", id=handed_out)
    assert data["node"] == {"id": handed_out, "__typename": "Component", "ref": "component:default/shop"}


@pytest.mark.parametrize("id", ["", "nonsense", "c29tZXRoaW5nIGVsc2U", "ü"])
async def test_what_is_no_id_is_refused(asking: Asking, id: str) -> None:
    assert isinstance(await asking.error("query ($id: ID!) { node(id: $id) { id } }", id=id), InputError)


async def test_entities_by_ref_keep_the_order_asked_for(asking: Asking) -> None:
    data = await asking.data('{ entitiesByRef(refs: ["user:ann", "component:ghost", "api:orders", "user:ann"]) { ref } }')
    ann, orders = {"ref": "user:default/ann"}, {"ref": "api:default/orders"}
    assert data == {"entitiesByRef": [ann, None, orders, ann]}


async def test_a_ref_without_a_kind_is_refused_with_the_name_of_the_argument(asking: Asking) -> None:
    error = await asking.error('{ entitiesByRef(refs: ["shop"]) { ref } }')
    assert isinstance(error, InvalidRefError)
    assert str(error).startswith("`refs`: 'shop' names no kind")


async def test_all_entities_come_in_the_order_of_their_refs(asking: Asking) -> None:
    data = await asking.data(
        "{ entities { totalCount nodes { ref } edges { targetRef evidence { line } } pageInfo { hasNextPage hasPreviousPage } } }"
    )
    assert [node["ref"] for node in data["entities"]["nodes"]] == REFS
    assert data["entities"]["totalCount"] == 20
    assert data["entities"]["edges"] == [{"targetRef": ref, "evidence": []} for ref in REFS]
    assert data["entities"]["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False}


async def test_lists_by_kind_hold_that_kind_alone(asking: Asking) -> None:
    fields = ("components", "apis", "resources", "systems", "domains", "groups", "users")
    data = await asking.data("{" + " ".join(f"{f} {{ totalCount nodes {{ name __typename }} }}" for f in fields) + "}")
    assert {field: [node["name"] for node in data[field]["nodes"]] for field in fields} == {
        "components": ["audit", "cart", "ledger", "shop"],
        "apis": ["orders", "rates"],
        "resources": ["db"],
        "systems": ["checkout"],
        "domains": ["commerce", "payments"],
        "groups": ["blue", "company", "platform", "red"],
        "users": ["ann", "bob"],
    }
    assert all(data[field]["totalCount"] == len(data[field]["nodes"]) for field in fields)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ('{ path: "metadata.name", direction: DESC }', ["shop", "ledger", "cart", "audit"]),
        ('{ path: "spec.type" }, { path: "metadata.name", direction: DESC }', ["cart", "shop", "ledger", "audit"]),
        ('{ path: "metadata.title" }', ["shop", "audit", "cart", "ledger"]),
        ('{ path: "metadata.title", direction: DESC }', ["shop", "audit", "cart", "ledger"]),
    ],
)
async def test_a_list_is_sorted_as_asked(asking: Asking, order: str, names: list[str]) -> None:
    data = await asking.data(f"{{ components(orderBy: [{order}]) {{ nodes {{ name }} }} }}")
    assert [node["name"] for node in data["components"]["nodes"]] == names


PAGED = """query ($order: [EntityOrder!], $first: Int, $after: String, $last: Int, $before: String) {
  entities(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    nodes { ref } pageInfo { hasPreviousPage hasNextPage startCursor endCursor } } }"""

ORDERS = [None, [{"path": "kind", "direction": "DESC"}], [{"path": "metadata.title"}, {"path": "metadata.namespace", "direction": "DESC"}]]


@pytest.mark.parametrize("order", ORDERS)
async def test_paging_forward_and_backward_visits_every_row_once(asking: Asking, order: object) -> None:
    whole = [node["ref"] for node in (await asking.data(PAGED, order=order))["entities"]["nodes"]]
    forward: list[str] = []
    after = None
    while True:
        page = (await asking.data(PAGED, order=order, first=3, after=after))["entities"]
        assert page["pageInfo"]["hasPreviousPage"] is bool(forward)
        forward += [node["ref"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    backward: list[str] = []
    before = None
    while True:
        page = (await asking.data(PAGED, order=order, last=3, before=before))["entities"]
        assert page["pageInfo"]["hasNextPage"] is bool(backward)
        backward = [node["ref"] for node in page["nodes"]] + backward
        before = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert forward == backward == whole
    assert sorted(whole) == REFS


async def test_an_empty_page_says_what_lies_beyond(asking: Asking) -> None:
    page = (await asking.data(PAGED, first=0))["entities"]
    assert page == {"nodes": [], "pageInfo": {"hasPreviousPage": False, "hasNextPage": True, "startCursor": None, "endCursor": None}}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("first: -1", InputError),
        ("last: -5", InputError),
        ("first: 1, last: 1", InputError),
        ("first: 1001", LimitExceededError),
        ("last: 1001", LimitExceededError),
        ('after: "?"', InvalidCursorError),
        ('after: ""', InvalidCursorError),
        ('before: "bm9uZQ"', InvalidCursorError),
        ('after: "bnVsbA"', InvalidCursorError),
    ],
)
async def test_page_arguments_without_sense_are_refused(asking: Asking, arguments: str, error: type[CallboardError]) -> None:
    assert type(await asking.error(f"{{ entities({arguments}) {{ nodes {{ ref }} }} }}")) is error


async def test_a_thousand_rows_may_be_asked_for(asking: Asking) -> None:
    assert len((await asking.data("{ entities(first: 1000) { nodes { ref } } }"))["entities"]["nodes"]) == 20


async def test_a_cursor_of_another_ordering_or_connection_is_refused(asking: Asking) -> None:
    cursor = (await asking.data("{ entities(first: 1) { pageInfo { endCursor } } }"))["entities"]["pageInfo"]["endCursor"]
    sorted_otherwise = 'query ($c: String) { entities(after: $c, orderBy: [{ path: "kind" }]) { nodes { ref } } }'
    related = 'query ($c: String) { entity(ref: "component:shop") { relations(after: $c) { nodes { ref } } } }'
    for operation in (sorted_otherwise, related, "query ($c: String) { catalogErrors(after: $c) { nodes { id } } }"):
        assert isinstance(await asking.error(operation, c=cursor), InvalidCursorError)


async def test_facets_count_the_values_of_what_the_filter_lets_through(asking: Asking) -> None:
    data = await asking.data("""{ facets(of: ["kind", "spec.Type", "relations.ownedBy", "nothing"], filter: { kind: "component" }) {
        of values { value count } } }""")
    assert data["facets"] == [
        {"of": "kind", "values": [{"value": "Component", "count": 4}]},
        {"of": "spec.Type", "values": [{"value": "service", "count": 3}, {"value": "library", "count": 1}]},
        {
            "of": "relations.ownedBy",
            "values": [
                {"value": owner, "count": 1}
                for owner in ("group:default/blue", "group:default/ghosts", "group:default/red", "user:default/ann")
            ],
        },
        {"of": "nothing", "values": []},
    ]


async def test_the_viewer_is_the_guest(asking: Asking) -> None:
    assert await asking.data("{ viewer { ref entity { ref } } }") == {"viewer": {"ref": "user:default/guest", "entity": None}}
