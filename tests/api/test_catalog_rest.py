"""What Backstage's clients read over REST: shapes, selection, order, cursors, errors, what is hidden, and the cost in store calls."""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, cast

import httpx
import orjson
import pytest

from api.rest.catalog.routes import PREFIX, catalog_routes
from graph.conditions import EVERYTHING, NOTHING, Not, RefIn
from graph.entities import Origin
from graph.refs import Ref, uid_of
from graph.store import Batch, Cause, EntityWrite, Store
from tests.api.catalog import CAUSE, CONFIGURED, CountingStore, described, seeing, write_of
from tests.api.http import asked_by

SHOP = Ref("component:default/shop")
READING = {"edges_of": 1, "errors": 1}


def client_of(store: Store, hidden: Sequence[str] = (), *, nothing: bool = False) -> httpx.AsyncClient:
    visible = NOTHING if nothing else Not(RefIn(tuple(map(Ref, hidden)))) if hidden else EVERYTHING
    # The catalog's own routes: those that change it are told of elsewhere.
    routes = catalog_routes(store, CONFIGURED, cast("Any", None))
    return asked_by(seeing(visible), routes)


@pytest.fixture
async def client(organisation: Store) -> AsyncIterator[httpx.AsyncClient]:
    # Links without an address are nothing that ingestion lets through.
    found = (await organisation.entities_by_ref([SHOP], visible=EVERYTHING))[SHOP]
    metadata = {key: value for key, value in found.metadata.items() if key != "links"}
    shop = {**found.document, "metadata": {**metadata, "uid": "mine", "etag": "mine"}}
    await organisation.apply(Batch(CAUSE, [write_of(shop, 91, previous=found.document, parent=Ref("location:default/more"))]))
    async with client_of(organisation) as connected:
        yield connected


async def got(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    answer = await client.get(PREFIX + path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def posted(client: httpx.AsyncClient, path: str, body: object, **parameters: Any) -> Any:
    answer = await client.post(PREFIX + path, json=body, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(entities: Sequence[Any]) -> list[str]:
    return [entity["metadata"]["name"] for entity in entities]


async def test_an_entity_has_what_the_catalog_alone_knows_of_it(client: httpx.AsyncClient) -> None:
    shop = await got(client, "/entities/by-name/Component/Default/Shop")
    assert shop["metadata"]["uid"] == uid_of(SHOP)
    assert shop["metadata"]["namespace"] == "default"
    assert shop["relations"] == [
        {"type": "consumesApi", "targetRef": "api:default/rates"},
        {"type": "dependsOn", "targetRef": "component:default/ghost"},
        {"type": "dependsOn", "targetRef": "component:default/ledger"},
        {"type": "dependsOn", "targetRef": "resource:default/db"},
        {"type": "hasPart", "targetRef": "component:default/cart"},
        {"type": "ownedBy", "targetRef": "group:default/red"},
        {"type": "partOf", "targetRef": "system:default/checkout"},
        {"type": "providesApi", "targetRef": "api:default/orders"},
    ]
    message = "the field ownr is unknown Write owner."
    assert shop["status"]["items"] == [
        {
            "type": "backstage.io/catalog-processing",
            "level": "error",
            "message": f"InputError: {message}",
            "error": {"name": "InputError", "message": message, "code": "unknown-field"},
        }
    ]
    assert "status" not in await got(client, "/entities/by-name/component/default/cart")
    assert await got(client, f"/entities/by-uid/{uid_of(SHOP)}") == shop
    assert (await client.get(f"{PREFIX}/entities/by-uid/mine")).status_code == 404


async def test_an_etag_changes_with_what_is_shown_and_only_then(client: httpx.AsyncClient, organisation: Store) -> None:
    async def etags() -> list[str]:
        return [(await got(client, f"/entities/by-name/component/default/{name}"))["metadata"]["etag"] for name in ("shop", "cart")]

    shop, cart = await etags()
    assert await etags() == [shop, cart]
    await organisation.apply(Batch(CAUSE, [write_of(described("Component", "new", {"dependsOn": ["component:cart"]}))]))
    assert [etag == before for etag, before in zip(await etags(), (shop, cart), strict=True)] == [True, False]


async def test_an_entity_that_is_missing_is_named_in_the_error(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{PREFIX}/entities/by-name/component/default/none")
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {"name": "NotFoundError", "message": "No entity named 'none' found, with kind 'component' in namespace 'default'"},
        "request": {"method": "GET", "url": "/api/catalog/entities/by-name/component/default/none"},
        "response": {"statusCode": 404},
    }


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("kind,metadata.name", {"kind": "Component", "metadata": {"name": "shop"}}),
        ("metadata.annotations.example.com/pager", {"metadata": {"annotations": {"example.com/pager": "on-call"}}}),
        ("metadata.nothing, spec.owner ,", {"spec": {"owner": "red"}}),
        ("metadata.name,metadata.labels,metadata.labels.tier", {"metadata": {"name": "shop", "labels": {"tier": "1"}}}),
        ("nothing.at.all", {}),
    ],
)
async def test_fields_select_what_is_kept(client: httpx.AsyncClient, fields: str, shown: object) -> None:
    assert await got(client, "/entities", filter="metadata.name=shop", fields=fields) == [shown]
    assert await posted(client, "/entities/by-refs", {"entityRefs": [SHOP], "fields": fields.split(",")}) == {"items": [shown]}


async def test_an_etag_that_is_selected_is_that_of_the_whole(client: httpx.AsyncClient) -> None:
    whole = await got(client, "/entities/by-name/component/default/shop")
    for fields in ("metadata.etag", "metadata"):
        [selected] = await got(client, "/entities", filter="metadata.name=shop", fields=fields)
        assert selected["metadata"]["etag"] == whole["metadata"]["etag"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["kind=SYSTEM"], ["checkout"]),
        (["kind=domain,kind=system"], ["commerce", "payments", "checkout"]),
        (["kind=component,spec.type=library", "metadata.name=bob"], ["cart", "bob"]),
        (["metadata.tags.web=true"], ["shop"]),
        (["metadata.tags=web"], ["shop"]),
        (["relations.ownedBy=group:default/Blue"], ["rates", "ledger"]),
        (["relations.hasMember,spec.type=team"], ["blue", "red"]),
        (["relations.nothing"], []),
        (["spec.lifecycle=experimental, ,"], ["ledger"]),
        (["kind=component,metadata.title="], []),
        ([f"metadata.uid={uid_of(SHOP)}"], ["shop"]),
        (["kind=component,metadata.title"], ["shop"]),
    ],
)
async def test_filters_mean_what_they_mean_in_backstage(client: httpx.AsyncClient, filters: Sequence[str], found: Sequence[str]) -> None:
    assert names(await got(client, "/entities", filter=filters)) == found
    assert names((await got(client, "/entities/by-query", filter=filters))["items"]) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 20),
        ({"$all": []}, 20),
        ({"$any": []}, 0),
        ({"kind": {"$in": []}}, 0),
        ({"kind": "component", "spec.type": "library"}, ["cart"]),
        ({"$not": {"kind": {"$exists": True}}}, 0),
        ({"$all": [{"kind": "component"}, {"spec.owner": {"$hasPrefix": "R"}}]}, ["shop"]),
        ({"metadata.title": {"$exists": False}, "kind": "system"}, 0),
        ({"metadata.labels.tier": 1}, ["shop"]),
        ({"metadata.tags": {"$contains": "java"}}, ["ledger", "shop"]),
        ({"relations": {"$contains": {"type": "ownedBy", "targetRef": {"$in": ["group:default/blue"]}}}}, ["rates", "ledger"]),
        ({"relations.memberOf": {"$hasPrefix": "group:default/b"}}, ["bob"]),
        ({"relations.memberOf": {"$hasPrefix": "group:other/"}}, 0),
        ({"$any": [{"kind": "system"}, {"$not": {"$not": {"kind": "location"}}}]}, ["more", "checkout"]),
    ],
)
async def test_predicates_mean_what_they_mean_in_backstage(client: httpx.AsyncClient, query: object, found: Sequence[str] | int) -> None:
    answer = await posted(client, "/entities/by-query", {"query": query, "limit": 100})
    assert (len(answer["items"]) if isinstance(found, int) else names(answer["items"])) == found
    assert answer["totalItems"] == len(answer["items"])


async def test_lists_are_ordered_and_entities_without_a_value_come_last_or_are_left_out(client: httpx.AsyncClient) -> None:
    components = {"filter": "kind=component", "fields": "metadata.name"}
    ordered = ["audit", "cart", "ledger", "shop"]
    assert names(await got(client, "/entities", **components, order="desc:metadata.name")) == ordered[::-1]
    parts = await got(client, "/entities", **components, order=["asc:metadata.title", "desc:metadata.name"], limit=10)
    assert names(parts) == ["shop", "ledger", "cart", "audit"]
    assert names(await got(client, "/entities", **components, order="desc:metadata.title")) == ["shop"]
    page = await got(client, "/entities/by-query", **components, orderField="metadata.title,asc")
    assert (names(page["items"]), page["totalItems"]) == (["shop"], 1)
    page = await got(client, "/entities/by-query", **components, orderField="metadata.name")
    assert names(page["items"]) == ordered


async def test_a_list_by_offset_is_followed_by_its_link(client: httpx.AsyncClient) -> None:
    found: list[str] = []
    path = "/entities?filter=kind=component&fields=metadata.name&limit=3"
    while path:
        answer = await client.get(PREFIX + path)
        found += names(answer.json())
        path = answer.headers.get("link", "").removesuffix('>; rel="next"').removeprefix("<")
    assert found == ["audit", "cart", "ledger", "shop"]
    assert names(await got(client, "/entities", filter="kind=component", offset=2)) == ["ledger", "shop"]
    assert await got(client, "/entities", filter="kind=component", offset=9) == []


async def test_a_long_list_is_answered_whole(client: httpx.AsyncClient, organisation: Store) -> None:
    await organisation.apply(Batch(CAUSE, [write_of(described("Resource", f"r{i:04}")) for i in range(2100)]))
    found = names(await got(client, "/entities", filter="kind=resource", fields="metadata.name"))
    assert found == ["db", *(f"r{i:04}" for i in range(2100))]
    page = await got(client, "/entities/by-query", filter="kind=resource", limit=1)
    assert page["totalItems"] == 2101


async def test_words_are_looked_for_in_the_named_fields_or_in_what_is_ordered_by(client: httpx.AsyncClient) -> None:
    async def found(**parameters: str) -> list[str]:
        return names((await got(client, "/entities/by-query", fullTextFilterTerm=parameters.pop("term"), **parameters))["items"])

    assert await found(term=" SHO ", fullTextFilterFields="metadata.title,metadata.description") == ["shop"]
    assert await found(term="edge", orderField="metadata.name,asc") == ["ledger"]
    assert await found(term=uid_of(SHOP)[3:20]) == ["shop"]
    assert await found(term="shop") == []
    assert await found(term="%", fullTextFilterFields="metadata.name") == []


async def test_cursors_lead_both_ways_and_keep_the_total(client: httpx.AsyncClient) -> None:
    asked = {"filter": "kind=component", "orderField": "metadata.name,desc", "limit": 2, "fields": "metadata.name"}
    first = await got(client, "/entities/by-query", **asked)
    assert (names(first["items"]), first["totalItems"], list(first["pageInfo"])) == (["shop", "ledger"], 4, ["nextCursor"])
    cursor = orjson.loads(b64decode(first["pageInfo"]["nextCursor"]))
    assert cursor == {
        "orderFields": [{"field": "metadata.name", "order": "desc"}],
        "orderFieldValues": ["ledger", "component:default/ledger"],
        "firstSortFieldValues": ["shop", "component:default/shop"],
        "isPrevious": False,
        "totalItems": 4,
        "query": {"kind": "component"},
    }
    second = await posted(client, "/entities/by-query", {"cursor": first["pageInfo"]["nextCursor"], "limit": 2})
    assert (names(second["items"]), second["totalItems"], list(second["pageInfo"])) == (["cart", "audit"], 4, ["prevCursor"])
    again = await posted(client, "/entities/by-query", {"cursor": second["pageInfo"]["prevCursor"], "limit": 2})
    assert (names(again["items"]), again["totalItems"], list(again["pageInfo"])) == (["shop", "ledger"], 4, ["nextCursor"])
    assert len((await client.post(f"{PREFIX}/entities/by-query")).json()["items"]) == 20
    assert (await got(client, "/entities/by-query", limit=0)) == {"items": [], "totalItems": 20, "pageInfo": {}}
    assert (await got(client, "/entities/by-query", limit=1, totalItems="exclude"))["totalItems"] == 0


async def test_values_are_counted_in_their_order(client: httpx.AsyncClient) -> None:
    answer = await got(client, "/entity-facets", facet=["Spec.Type", "relations.ownedBy"], filter="kind=component")
    assert answer["facets"] == {
        "Spec.Type": [{"value": "library", "count": 1}, {"value": "service", "count": 3}],
        "relations.ownedBy": [
            {"value": "group:default/blue", "count": 1},
            {"value": "group:default/ghosts", "count": 1},
            {"value": "group:default/red", "count": 1},
            {"value": "user:default/ann", "count": 1},
        ],
    }


async def test_what_led_to_an_entity_is_told_as_far_as_it_can_be_seen(client: httpx.AsyncClient, organisation: Store) -> None:
    ancestry = await got(client, "/entities/by-name/component/default/shop/ancestry")
    above = [(names([item["entity"]])[0], item["parentEntityRefs"]) for item in ancestry["items"]]
    assert (ancestry["rootEntityRef"], above) == (SHOP, [("shop", ["location:default/more"]), ("more", [])])
    async with client_of(organisation, ["location:default/more"]) as limited:
        ancestry = await got(limited, "/entities/by-name/component/default/shop/ancestry")
    assert [item["parentEntityRefs"] for item in ancestry["items"]] == [[]]


@pytest.mark.parametrize(
    ("path", "parameters", "message"),
    [
        ("/entities", {"limit": 0}, "Invalid limit, must be greater than zero"),
        ("/entities", {"limit": -1}, "Invalid limit, must be a whole number, 0 or greater"),
        ("/entities", {"offset": "x"}, "Invalid offset, must be a whole number, 0 or greater"),
        ("/entities", {"after": ""}, "Invalid after, must not be empty"),
        ("/entities", {"after": "!"}, "Malformed after cursor, could not be parsed"),
        ("/entities", {"after": b64encode(b"[1]").decode()}, "Malformed after cursor, could not be parsed"),
        ("/entities", {"order": "metadata.name"}, 'Invalid order parameter "metadata.name", expected "<asc or desc>:<field name>"'),
        ("/entities", {"fields": "a[0]"}, 'Invalid field "a[0]", array type fields are not supported'),
        (
            "/entities",
            {"filter": "=x"},
            "Invalid filter, '=x' is not a valid statement (expected a string on the form a=b or a= or a)",
        ),
        ("/entities/by-query", {"orderField": "metadata.name,up"}, "Invalid order field order, must be asc or desc"),
        ("/entities/by-query", {"totalItems": "some"}, 'Invalid totalItems value "some", expected one of: include, exclude'),
        ("/entity-facets", {"facet": ""}, "Missing facet parameter"),
    ],
)
async def test_parameters_that_make_no_sense_are_refused(
    client: httpx.AsyncClient, path: str, parameters: dict[str, Any], message: str
) -> None:
    answer = await client.get(PREFIX + path, params=parameters)
    assert (answer.status_code, answer.json()["error"]) == (400, {"name": "InputError", "message": message})


FORGED = [
    "x",
    b64encode(b"{}").decode(),
    b64encode(b"[]").decode(),
    b64encode(b'{"orderFields":[],"orderFieldValues":[],"firstSortFieldValues":["a"],"isPrevious":false}').decode(),
    b64encode(b'{"orderFields":[],"orderFieldValues":["a"],"firstSortFieldValues":["a"],"isPrevious":1}').decode(),
    b64encode(b'{"orderFields":[],"orderFieldValues":["a"],"firstSortFieldValues":["a"],"isPrevious":false,"filter":{}}').decode(),
    b64encode(b'{"orderFields":[],"orderFieldValues":["a"],"firstSortFieldValues":["a"],"isPrevious":false,"totalItems":"9"}').decode(),
]


@pytest.mark.parametrize("cursor", FORGED)
async def test_cursors_that_nobody_handed_out_are_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answers = [
        await client.get(f"{PREFIX}/entities/by-query", params={"cursor": cursor}),
        await client.post(f"{PREFIX}/entities/by-query", json={"cursor": cursor}),
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert all(answer.json()["error"]["message"].startswith("Malformed cursor: ") for answer in answers)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/entities/by-refs", {}),
        ("/entities/by-refs", {"entityRefs": [1]}),
        ("/entities/by-refs", {"entityRefs": ["component:default/x"] * 1001}),
        ("/entities/by-refs", {"entityRefs": [], "query": "x"}),
        ("/entities/by-query", {"query": []}),
        ("/entities/by-query", {"query": {"kind": None}}),
        ("/entities/by-query", {"query": {"kind": {"$like": "x"}}}),
        ("/entities/by-query", {"query": {"$all": {}}}),
        ("/entities/by-query", {"query": {"$all": [], "kind": "x"}}),
        ("/entities/by-query", {"query": {"$all": ["component"]}}),
        ("/entities/by-query", {"query": {"$some": []}}),
        ("/entities/by-query", {"query": {"spec": {"$contains": {"type": "x"}}}}),
        ("/entities/by-query", {"query": {"relations": {"$contains": {"targetRef": "x"}}}}),
        ("/entities/by-query", {"query": {"$any": [{"kind": "x"}] * 1000}}),
        ("/entities/by-query", {"limit": 1.5}),
        ("/entities/by-query", {"orderBy": [{"field": "kind"}]}),
        ("/entities/by-query", {"cursor": ""}),
        ("/entity-facets", {"facets": []}),
        ("/entity-facets", {"facets": [f"a{i}" for i in range(51)]}),
    ],
)
async def test_bodies_that_make_no_sense_are_refused(client: httpx.AsyncClient, path: str, body: object) -> None:
    answer = await client.post(PREFIX + path, json=body)
    assert (answer.status_code, answer.json()["response"]) == (400, {"statusCode": 400})


async def test_predicates_nested_without_end_are_refused(client: httpx.AsyncClient) -> None:
    nested: object = {"kind": "component"}
    for _ in range(200):
        nested = {"$not": nested}
    answer = await client.post(f"{PREFIX}/entities/by-query", json={"query": nested})
    assert (answer.status_code, answer.json()["error"]["name"]) == (400, "InputError")


async def test_a_hidden_entity_reads_as_a_missing_one_at_the_same_cost(client: httpx.AsyncClient, organisation: Store) -> None:
    ghost = "component:default/ghost"
    for ref in (SHOP, ghost):
        counting = CountingStore(organisation)
        async with client_of(cast("Store", counting), [SHOP]) as limited:
            kind, _, path = ref.partition(":")
            answers = [
                await limited.get(f"{PREFIX}/entities/by-name/{kind}/{path}"),
                await limited.get(f"{PREFIX}/entities/by-uid/{uid_of(Ref(ref))}"),
                await limited.get(f"{PREFIX}/entities/by-name/{kind}/{path}/ancestry"),
            ]
            assert [answer.status_code for answer in answers] == [404, 404, 404]
            assert await posted(limited, "/entities/by-refs", {"entityRefs": [ref]}) == {"items": [None]}
        assert counting.calls == {"entities_by_ref": 3, "edges_of": 2, "errors": 2, "page": 1}


async def test_a_hidden_entity_leaves_no_trace(client: httpx.AsyncClient, organisation: Store) -> None:
    async with client_of(organisation, [SHOP]) as limited:
        page = await got(limited, "/entities/by-query", filter="kind=component", orderField="metadata.name,asc", limit=3)
        assert (names(page["items"]), page["totalItems"], page["pageInfo"]) == (["audit", "cart", "ledger"], 3, {})
        facets = (
            await got(limited, "/entity-facets", facet=["metadata.name", "relations.apiProvidedBy"], filter="kind=component,kind=api")
        )["facets"]
        assert ([found["value"] for found in facets["metadata.name"]], facets["relations.apiProvidedBy"]) == (
            ["audit", "cart", "ledger", "orders", "rates"],
            [],
        )
        ledger = await got(limited, "/entities/by-name/component/default/ledger")
        assert [r["targetRef"] for r in ledger["relations"] if r["type"] == "dependencyOf"] == ["component:default/audit"]
        assert await got(limited, "/entities", filter="relations.dependsOn=component:default/ghost") == []
    async with client_of(organisation, nothing=True) as blind:
        assert await got(blind, "/entities") == []
        assert (await got(blind, "/entities/by-query"))["totalItems"] == 0
        assert await got(blind, "/entity-facets", facet="kind") == {"facets": {"kind": []}}


@pytest.mark.parametrize("number", [1, 50])
async def test_the_store_is_called_as_often_for_one_entity_as_for_fifty(organisation: Store, number: int) -> None:
    documents = [described("Component", f"c{i:02}", {"owner": "red", "dependsOn": ["resource:db"]}) for i in range(50)]
    await organisation.apply(Batch(CAUSE, [write_of(document) for document in documents]))
    counting = CountingStore(organisation)
    refs = [f"component:default/c{i:02}" for i in range(number)]
    async with client_of(cast("Store", counting)) as client:

        async def calls(request: httpx.Request) -> dict[str, int]:
            counting.calls.clear()
            answer = await client.send(request)
            assert answer.status_code == 200, answer.text
            return dict(counting.calls)

        numbered = {"filter": ",".join(f"metadata.name=c{i:02}" for i in range(number)), "orderField": "metadata.name,asc", "limit": 50}
        by_query = client.build_request("GET", f"{PREFIX}/entities/by-query", params=numbered)
        assert await calls(by_query) == {"page": 1, "count": 1, **READING}
        listed = client.build_request("GET", f"{PREFIX}/entities", params={"filter": numbered["filter"]})
        assert await calls(listed) == {"page": 1, **READING}
        by_refs = client.build_request("POST", f"{PREFIX}/entities/by-refs", json={"entityRefs": refs})
        assert await calls(by_refs) == {"entities_by_ref": 1, **READING}
        filtered = client.build_request("POST", f"{PREFIX}/entities/by-refs?filter=kind=component", json={"entityRefs": refs})
        assert await calls(filtered) == {"page": 1, **READING}
        names_alone = client.build_request("POST", f"{PREFIX}/entities/by-refs", json={"entityRefs": refs, "fields": ["metadata.name"]})
        assert await calls(names_alone) == {"entities_by_ref": 1}
        facets = client.build_request("GET", f"{PREFIX}/entity-facets", params={"facet": ["kind", "spec.type"], "filter": "kind=component"})
        assert await calls(facets) == {"facets": 1}


async def test_a_circle_of_locations_ends(organisation: Store) -> None:
    first, second = (Ref(f"location:default/{name}") for name in ("first", "second"))
    writes: list[EntityWrite] = []
    for ref, parent in ((first, second), (second, first)):
        written = write_of(described("Location", ref.rpartition("/")[2], {"targets": []}))
        origin = Origin("loc-1", "/catalog/locations.yaml", 0, 1, parent)
        writes.append(replace(written, entity=replace(written.entity, origin=origin)))
    await organisation.apply(Batch(Cause("refresh", "loc-1"), writes))
    async with client_of(organisation) as client:
        ancestry = await got(client, "/entities/by-name/location/default/first/ancestry")
    assert names([item["entity"] for item in ancestry["items"]]) == ["first", "second"]


async def test_the_description_is_served(client: httpx.AsyncClient) -> None:
    assert (await got(client, "/openapi.json"))["servers"] == [{"url": PREFIX}]
