"""Backstage's own client of the catalog, as npm has it, changing things on a server that reads from the emulator of GitHub."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from graph.refs import Ref, uid_of
from tests.e2e.catalog_client import CatalogClient, ClientError, catalog_client
from tests.e2e.hub import component, serving_hub
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github

SHOP, CART = "component:default/shop", "component:default/cart"


def wait_for_actions(client: CatalogClient, seconds: float = 30) -> None:
    """Return once the server changes what it is asked to."""
    ends = time.monotonic() + seconds
    while True:
        try:
            client.call("getLocations")
        except ClientError:
            assert time.monotonic() < ends
            time.sleep(0.05)
        else:
            return


def wait_for(client: CatalogClient, ref: str, *, there: bool = True, seconds: float = 30) -> None:
    """Return once the entity is there, or gone."""
    ends = time.monotonic() + seconds
    while (client.call("getEntityByRef", ref) is not None) is not there:
        assert time.monotonic() < ends, f"{ref} {'does not come' if there else 'does not go'}"
        time.sleep(0.05)


def refused(client: CatalogClient, method: str, *given: Any) -> int | None:
    """The status that the call fails with."""
    with pytest.raises(ClientError) as failed:
        client.call(method, *given)
    return failed.value.status


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with serving_github(tmp_path_factory.mktemp("hub")) as hub:
        hub.repository("acme/shop", {"catalog-info.yaml": component("shop"), "broken.yaml": "kind: Component\n"})
        hub.repository("acme/cart", {"catalog-info.yaml": component("cart")})
        hub.repository("acme/none", {"README.md": "nothing"})
        yield hub


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[CatalogClient]:
    """A client of a catalog in which nothing is registered before each test but the last."""
    with serving_hub(hub, tmp_path_factory.mktemp("served")) as server, catalog_client(server.url) as client:
        wait_for_actions(client)
        yield client


def test_entities_are_validated_and_repositories_analysed(client: CatalogClient, hub: Hub):
    shop = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "shop"}}
    spec = {"type": "service", "lifecycle": "production", "owner": "team"}
    assert client.call("validateEntity", {**shop, "spec": spec}, "url:https://example.com/a.yaml") == {"valid": True}
    for entity, place in (({**shop, "spec": {}}, "url:https://example.com/a.yaml"), ({**shop, "spec": spec}, "file:/a.yaml")):
        answer = client.call("validateEntity", entity, place)
        assert (answer["valid"], {error["name"] for error in answer["errors"]}) == (False, {"InputError"})
    target = f"{hub.url}/acme/shop"
    found = client.call("analyzeLocation", {"location": {"type": "url", "target": target}})
    [file] = found["existingEntityFiles"]
    assert (file["isRegistered"], file["entity"]["metadata"]["name"], found["generateEntities"]) == (False, "shop", [])
    assert client.call("addLocation", {**file["location"], "dryRun": True})["entities"] == [file["entity"]]
    generated = client.call("analyzeLocation", {"location": {"type": "url", "target": f"{hub.url}/acme/none"}})
    assert generated["existingEntityFiles"] == []
    assert generated["generateEntities"][0]["entity"]["metadata"] == {
        "name": "none",
        "annotations": {"github.com/project-slug": "acme/none"},
    }
    assert refused(client, "addLocation", {"target": f"{target}/blob/main/broken.yaml", "dryRun": True}) == 400
    assert refused(client, "addLocation", {"target": f"{target}/blob/main/missing.yaml", "dryRun": True}) == 400
    assert refused(client, "analyzeLocation", {"location": {"type": "url", "target": "nothing"}}) == 400


def test_locations_live_their_lives(client: CatalogClient, hub: Hub):
    target = f"{hub.url}/acme/shop/blob/main/catalog-info.yaml"
    tried = client.call("addLocation", {"target": target, "dryRun": True})
    assert (tried["exists"], [entity["metadata"]["name"] for entity in tried["entities"]]) == (False, ["shop"])
    assert client.call("getLocations") == {"items": []}
    added = client.call("addLocation", {"target": target})
    location = added["location"]
    assert (location["type"], location["target"], added["entities"]) == ("url", target, [])
    wait_for(client, SHOP)
    assert refused(client, "addLocation", {"target": target}) == 409
    assert client.call("addLocation", {"target": target, "onConflict": "refresh"})["location"] == location
    assert client.call("addLocation", {"target": target, "dryRun": True})["exists"] is True
    other = client.call("addLocation", {"target": f"{hub.url}/acme/cart/blob/main/catalog-info.yaml"})["location"]
    wait_for(client, CART)
    every = sorted([location, other], key=lambda one: one["id"])
    assert client.call("getLocations", {}) == {"items": every}
    assert client.call("queryLocations", {"query": {"target": target}}) == {"items": [location], "totalItems": 1, "pageInfo": {}}
    assert client.call("streamLocations", {"limit": 1}) == [[every[0]], [every[1]]]
    assert client.call("getLocationById", location["id"]) == location
    assert client.call("getLocationById", "unknown") is None
    assert client.call("getLocationByRef", f"url:{target}") == location
    assert client.call("getLocationByEntity", SHOP) == location
    assert client.call("getLocationByEntity", location["entityRef"]) == location
    assert client.call("getLocationByEntity", "component:default/unknown") is None
    client.call("removeLocationById", other["id"])
    wait_for(client, CART, there=False)
    assert refused(client, "removeLocationById", other["id"]) == 404
    moved = client.call("updateLocation", location["id"], {"target": other["target"]})
    assert moved == {**location, "target": other["target"]}
    wait_for(client, CART)
    wait_for(client, SHOP, there=False)
    assert client.call("getLocations") == {"items": [moved]}
    client.call("removeLocationById", moved["id"])
    wait_for(client, CART, there=False)


def test_entities_are_refreshed_and_deleted(client: CatalogClient, hub: Hub):
    location = client.call("addLocation", {"target": f"{hub.url}/acme/shop/blob/main/catalog-info.yaml"})["location"]
    wait_for(client, SHOP)
    shop = client.call("getEntityByRef", SHOP)
    assert shop["metadata"]["uid"] == uid_of(Ref(SHOP))
    client.call("removeEntityByUid", shop["metadata"]["uid"])
    assert client.call("getEntityByRef", SHOP) is None
    client.call("removeEntityByUid", "00000000-0000-0000-0000-000000000000")
    assert refused(client, "refreshEntity", SHOP) == 404
    client.call("refreshEntity", location["entityRef"])
    wait_for(client, SHOP)
    hub.commit("acme/shop", {"catalog-info.yaml": component("cart")})
    client.call("refreshEntity", SHOP)
    wait_for(client, CART)
