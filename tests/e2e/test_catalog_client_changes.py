"""Backstage's own client of the catalog, as npm has it, changing things on a server that reads from the emulator of GitHub."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from graph.refs import Ref, uid_of
from tests.e2e.hub import component, serving_hub
from tests.npm import NODE, install
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github

FOLDER = Path(__file__).parents[1] / "catalog_client"
SHOP, CART = "component:default/shop", "component:default/cart"


class Client:
    """The client in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def answer(self, method: str, *given: Any) -> dict[str, Any]:
        """What the call gives: `value`, or `error` with its name, message and status."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"method": method, "given": given}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def call(self, method: str, *given: Any) -> Any:
        """The value that the call gives."""
        answer = self.answer(method, *given)
        assert "error" not in answer, answer
        return answer["value"]

    def status(self, method: str, *given: Any) -> int:
        """The status that the call fails with."""
        return self.answer(method, *given)["error"]["status"]

    def wait_for_actions(self, seconds: float = 30) -> None:
        """Return once the server changes what it is asked to."""
        ends = time.monotonic() + seconds
        while "error" in (answer := self.answer("getLocations")):
            assert time.monotonic() < ends, answer
            time.sleep(0.05)

    def wait_for(self, ref: str, *, there: bool = True, seconds: float = 30) -> None:
        """Return once the entity is there, or gone."""
        ends = time.monotonic() + seconds
        while (self.call("getEntityByRef", ref) is not None) is not there:
            assert time.monotonic() < ends, f"{ref} {'does not come' if there else 'does not go'}"
            time.sleep(0.05)


@contextmanager
def client_of(url: str) -> Iterator[Client]:
    install(FOLDER, "Backstage's client of the catalog")
    with subprocess.Popen([NODE, FOLDER / "calls.mjs", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Client(process)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    with serving_github(folder) as hub:
        hub.repository("acme/shop", {"catalog-info.yaml": component("shop"), "broken.yaml": "kind: Component\n"})
        hub.repository("acme/cart", {"catalog-info.yaml": component("cart")})
        hub.repository("acme/none", {"README.md": "nothing"})
        yield hub


@pytest.fixture
def client(tmp_path: Path, hub: Hub) -> Iterator[Client]:
    with serving_hub(hub, tmp_path) as server, client_of(server.url) as client:
        client.wait_for_actions()
        yield client


def test_locations_live_their_lives(client: Client, hub: Hub):
    target = f"{hub.url}/acme/shop/blob/main/catalog-info.yaml"
    tried = client.call("addLocation", {"target": target, "dryRun": True})
    assert (tried["exists"], [entity["metadata"]["name"] for entity in tried["entities"]]) == (False, ["shop"])
    assert client.call("getLocations") == {"items": []}
    added = client.call("addLocation", {"target": target})
    location = added["location"]
    assert (location["type"], location["target"], added["entities"]) == ("url", target, [])
    client.wait_for(SHOP)
    assert client.status("addLocation", {"target": target}) == 409
    assert client.call("addLocation", {"target": target, "onConflict": "refresh"})["location"] == location
    assert client.call("addLocation", {"target": target, "dryRun": True})["exists"] is True
    other = client.call("addLocation", {"target": f"{hub.url}/acme/cart/blob/main/catalog-info.yaml"})["location"]
    client.wait_for(CART)
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
    client.wait_for(CART, there=False)
    assert client.status("removeLocationById", other["id"]) == 404
    moved = client.call("updateLocation", location["id"], {"target": other["target"]})
    assert moved == {**location, "target": other["target"]}
    client.wait_for(CART)
    client.wait_for(SHOP, there=False)
    assert client.call("getLocations") == {"items": [moved]}


def test_entities_are_refreshed_and_deleted(client: Client, hub: Hub):
    location = client.call("addLocation", {"target": f"{hub.url}/acme/shop/blob/main/catalog-info.yaml"})["location"]
    client.wait_for(SHOP)
    shop = client.call("getEntityByRef", SHOP)
    assert shop["metadata"]["uid"] == uid_of(Ref(SHOP))
    client.call("removeEntityByUid", shop["metadata"]["uid"])
    assert client.call("getEntityByRef", SHOP) is None
    client.call("removeEntityByUid", "00000000-0000-0000-0000-000000000000")
    assert client.status("refreshEntity", SHOP) == 404
    client.call("refreshEntity", location["entityRef"])
    client.wait_for(SHOP)
    hub.commit("acme/shop", {"catalog-info.yaml": component("cart")})
    client.call("refreshEntity", SHOP)
    client.wait_for(CART)


def test_entities_are_validated_and_repositories_analysed(client: Client, hub: Hub):
    shop = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "shop"}}
    spec = {"type": "service", "lifecycle": "production", "owner": "team"}
    assert client.call("validateEntity", {**shop, "spec": spec}, "url:https://example.com/a.yaml") == {"valid": True}
    for entity, place in (({**shop, "spec": {}}, "url:https://example.com/a.yaml"), ({**shop, "spec": spec}, "file:/a.yaml")):
        refused = client.call("validateEntity", entity, place)
        assert (refused["valid"], [error["name"] for error in refused["errors"]]) == (False, ["InputError"] * len(refused["errors"]))
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
    assert client.status("addLocation", {"target": f"{target}/blob/main/broken.yaml", "dryRun": True}) == 400
    assert client.status("addLocation", {"target": f"{target}/blob/main/missing.yaml", "dryRun": True}) == 400
    assert client.status("analyzeLocation", {"location": {"type": "url", "target": "nothing"}}) == 400
