"""Backstage's own client of the catalog reads from a real server what it would read from Backstage: each of its methods, page by page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.refs import Ref, uid_of
from tests.e2e.catalog import component, write_catalog
from tests.e2e.catalog_client import CatalogClient, ClientError, catalog_client
from tests.e2e.serving import configuration, serving

NUMBERED = [f"part-{number:02}" for number in range(45)]
SHOP = "component:default/shop"
NAMES = {"kind": "Component", "spec.type": "service"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogClient]:
    folder = tmp_path_factory.mktemp("catalog")
    root = write_catalog(folder / "catalog")
    (folder / "catalog" / "parts.yaml").write_text("".join(component(name, "web-team") for name in NUMBERED))
    with serving(configuration(folder, root)) as server:
        server.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 52}})
        with catalog_client(server.url) as connected:
            yield connected


def test_every_method_of_the_client_is_called_here_or_where_it_writes(client: CatalogClient) -> None:
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_catalog_client*.py")]
    called = {name for text in texts for name in re.findall(r'\.call\(\s*"(\w+)"', text)}
    assert client.methods() - called - PRIVATE == set()


PRIVATE = {
    "requestIgnored",
    "requestRequired",
    "requestOptional",
    "getFilterValue",
    "queryEntitiesByPredicate",
    "getEntityFacetsByPredicate",
}
"""Not for callers: the methods above use them."""


def test_an_entity_is_as_backstage_shows_it(client: CatalogClient) -> None:
    shop = client.call("getEntityByRef", SHOP)
    annotations = shop["metadata"].pop("annotations")
    etag = shop["metadata"].pop("etag")
    assert shop == {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "shop", "namespace": "default", "uid": uid_of(Ref(SHOP))},
        "spec": {
            "type": "service",
            "lifecycle": "production",
            "owner": "shop-team",
            "providesApis": ["orders"],
            "dependsOn": ["resource:database"],
        },
        "relations": [
            {"type": "dependsOn", "targetRef": "resource:default/database"},
            {"type": "ownedBy", "targetRef": "group:default/shop-team"},
            {"type": "providesApi", "targetRef": "api:default/orders"},
        ],
    }
    assert re.fullmatch("[0-9a-f]{32}", etag)
    assert {name: value.rpartition("/")[2] for name, value in annotations.items()} == {
        "backstage.io/managed-by-location": "shop.yaml",
        "backstage.io/managed-by-origin-location": "all.yaml",
    }
    assert client.call("getEntityByName", {"kind": "component", "name": "shop"})["metadata"]["etag"] == etag
    assert client.call("getEntityByRef", "component:default/nothing") is None


def test_entities_are_listed_by_filter_order_fields_and_place(client: CatalogClient) -> None:
    asked = {"filter": NAMES, "fields": ["metadata.name"], "order": {"field": "metadata.name", "order": "desc"}, "limit": 2, "offset": 1}
    assert client.call("getEntities", asked) == {"items": [{"metadata": {"name": "shop"}}, {"metadata": {"name": "part-44"}}]}
    assert client.requests == ["GET /api/catalog/entities"]
    either = {"filter": [{"kind": "api"}, {"kind": ["group", "resource"], "metadata.name": ["database", "shop-team"]}], "fields": ["kind"]}
    assert [found["kind"] for found in client.call("getEntities", either)["items"]] == ["API", "Group", "Resource"]
    assert len(client.call("getEntities")["items"]) == 52
    with_profile = client.call("getEntities", {"filter": {"spec.profile.email": "$exists"}})
    assert [found["metadata"]["name"] for found in with_profile["items"]] == ["shop-team"]


def test_a_list_is_followed_page_by_page_both_ways(client: CatalogClient) -> None:
    asked = {"filter": {"kind": "component"}, "orderFields": {"field": "metadata.name", "order": "asc"}, "limit": 20}
    names, pages = [], []
    page = client.call("queryEntities", asked)
    while True:
        pages.append([found["metadata"]["name"] for found in page["items"]])
        names += pages[-1]
        assert page["totalItems"] == 47
        if "nextCursor" not in page["pageInfo"]:
            break
        page = client.call("queryEntities", {"cursor": page["pageInfo"]["nextCursor"], "limit": 20})
        # A list with a filter has it as a predicate in its cursor, by which the client knows to post.
        assert client.requests == ["POST /api/catalog/entities/by-query"]
    assert names == [*NUMBERED, "shop", "web"]
    assert [len(part) for part in pages] == [20, 20, 7]
    for before in reversed(pages[:-1]):
        page = client.call("queryEntities", {"cursor": page["pageInfo"]["prevCursor"], "limit": 20})
        assert [found["metadata"]["name"] for found in page["items"]] == before
    assert "prevCursor" not in page["pageInfo"]


def test_a_list_without_a_filter_is_followed_by_get(client: CatalogClient) -> None:
    page = client.call("queryEntities", {"fields": ["kind", "metadata.name"], "limit": 30, "totalItems": "exclude"})
    assert (len(page["items"]), page["totalItems"]) == (30, 0)
    following = client.call("queryEntities", {"cursor": page["pageInfo"]["nextCursor"], "limit": 30, "fields": ["kind"]})
    assert client.requests == ["GET /api/catalog/entities/by-query"]
    assert (len(following["items"]), list(following["pageInfo"])) == (22, ["prevCursor"])


def test_a_list_is_found_by_predicate_and_words(client: CatalogClient) -> None:
    query = {
        "$all": [
            {"kind": {"$in": ["component", "api"]}},
            {"$not": {"metadata.name": {"$hasPrefix": "part-"}}},
            {"$any": [{"relations.ownedBy": "group:default/shop-team"}, {"relations": {"$contains": {"type": "consumesApi"}}}]},
        ]
    }
    asked = {"query": query, "filter": {"spec.lifecycle": "production"}, "orderFields": [{"field": "metadata.name", "order": "desc"}]}
    page = client.call("queryEntities", {**asked, "limit": 2})
    assert client.requests == ["POST /api/catalog/entities/by-query"]
    assert [found["metadata"]["name"] for found in page["items"]] == ["web", "shop"]
    following = client.call("queryEntities", {"cursor": page["pageInfo"]["nextCursor"]})
    assert [found["metadata"]["name"] for found in following["items"]] == ["orders"]
    words = {"fullTextFilter": {"term": "shop TEAM", "fields": ["metadata.name", "spec.profile.displayName"]}}
    assert [found["metadata"]["name"] for found in client.call("queryEntities", words)["items"]] == ["shop-team"]
    with pytest.raises(ClientError, match=r"Invalid filter predicate value for field .kind.") as refused:
        client.call("queryEntities", {"query": {"kind": {"$like": "x"}}})
    assert (refused.value.name, refused.value.status) == ("ResponseError", 400)


def test_all_entities_are_streamed(client: CatalogClient) -> None:
    pages = client.call("streamEntities", {"pageSize": 25, "filter": {"kind": "$exists"}, "fields": ["metadata.name"]})
    assert [len(page) for page in pages] == [25, 25, 2]
    assert len({found["metadata"]["name"] for page in pages for found in page}) == 52


def test_entities_are_found_by_refs_in_their_order(client: CatalogClient) -> None:
    refs = ["component:default/web", "component:default/nothing", SHOP]
    found = client.call("getEntitiesByRefs", {"entityRefs": refs, "fields": ["metadata.name"]})["items"]
    assert found == [{"metadata": {"name": "web"}}, None, {"metadata": {"name": "shop"}}]
    owned = {"relations.ownedBy": "group:default/shop-team"}
    by_filter = client.call("getEntitiesByRefs", {"entityRefs": refs, "filter": owned, "fields": ["kind"]})["items"]
    assert by_filter == [None, None, {"kind": "Component"}]
    by_query = client.call("getEntitiesByRefs", {"entityRefs": refs, "query": owned, "filter": NAMES, "fields": ["kind"]})["items"]
    assert by_query == by_filter
    many = [f"component:default/nothing-{number}" for number in range(1500)]
    assert client.call("getEntitiesByRefs", {"entityRefs": [*many, SHOP], "fields": ["kind"]})["items"][1499:] == [
        None,
        {"kind": "Component"},
    ]
    assert len(client.requests) == 2


def test_values_are_counted(client: CatalogClient) -> None:
    asked = {"facets": ["kind", "relations.ownedBy", "nothing"], "filter": {"kind": ["component", "api"]}}
    assert client.call("getEntityFacets", asked) == {
        "facets": {
            "kind": [{"value": "API", "count": 1}, {"value": "Component", "count": 47}],
            "relations.ownedBy": [{"value": "group:default/shop-team", "count": 2}, {"value": "group:default/web-team", "count": 46}],
            "nothing": [],
        }
    }
    assert client.requests == ["GET /api/catalog/entity-facets"]
    by_query = client.call("getEntityFacets", {**asked, "query": {"metadata.name": {"$hasPrefix": "s"}}})
    assert client.requests == ["POST /api/catalog/entity-facets"]
    assert by_query["facets"]["kind"] == [{"value": "Component", "count": 1}]


def test_what_led_to_an_entity_is_told(client: CatalogClient) -> None:
    ancestry = client.call("getEntityAncestors", {"entityRef": SHOP})
    assert ancestry["rootEntityRef"] == SHOP
    assert [(item["entity"]["kind"], item["parentEntityRefs"]) for item in ancestry["items"]] == [
        ("Component", ["location:default/all"]),
        ("Location", []),
    ]
    with pytest.raises(ClientError) as missing:
        client.call("getEntityAncestors", {"entityRef": "component:default/nothing"})
    assert missing.value.status == 404
