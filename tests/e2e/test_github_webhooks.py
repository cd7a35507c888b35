"""A push is seen by who asks: from the signed webhook to the answer, in a server of its own, beside ten thousand entities."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.hub import SECRET, component, serving_hub, write_config
from tests.e2e.serving import Serving, serving
from tests.e2e.test_worker import working
from tests.servers.github import deliveries
from tests.servers.github.hub import Failure, Hub
from tests.servers.github.serving import serving_github

COUNT = "{ entities { totalCount } }"
TITLE = '{ entity(ref: "component:default/shop") { title } }'
LONGEST_SECONDS = 2.0


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "hub").mkdir()
    with serving_github(tmp_path / "hub") as hub:
        yield hub


def target(hub: Hub, name: str, path: str = "catalog-info.yaml") -> dict[str, str]:
    return {"type": "url", "target": f"{hub.url}/acme/{name}/blob/main/{path}"}


def titled(title: str) -> dict[str, object]:
    return {"entity": {"title": title}}


def push(hub: Hub, server: Serving, name: str, *touched: str, delivery: str | None = None) -> str:
    payload = deliveries.push(hub, f"acme/{name}", touched=touched)
    answer = deliveries.send(server.url, "push", payload, SECRET, hub, delivery=delivery)
    assert answer.status_code == 202
    return answer.json()["status"]


def test_a_push_is_visible_within_two_seconds_beside_ten_thousand_entities(hub: Hub, tmp_path: Path):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop", "Before")})
    files = {f"{part}/catalog-info.yaml": "---\n".join(component(f"c{part}-{number}") for number in range(500)) for part in range(20)}
    hub.repository("acme/bulk", files)
    bulk = {"type": "url", "target": f"{hub.url}/acme/bulk/tree/main/**/catalog-info.yaml"}
    with serving_hub(hub, tmp_path, locations=[bulk, target(hub, "shop")]) as server:
        server.wait_for(COUNT, {"entities": {"totalCount": 10_001}})
        server.wait_for(TITLE, titled("Before"))
        waits: list[float] = []
        for title in ("Once", "Twice", "Thrice"):
            hub.commit("acme/shop", {"catalog-info.yaml": component("shop", title)})
            hub.forget()
            began = time.monotonic()
            assert push(hub, server, "shop", "catalog-info.yaml") == "accepted"
            server.wait_for(TITLE, titled(title), seconds=30)
            waits.append(time.monotonic() - began)
            assert [(seen.path.rpartition("/repos/")[2], seen.status) for seen in hub.seen] == [
                ("acme/shop/commits/main", 200),
                ("acme/shop/contents/catalog-info.yaml", 200),
            ]
    # One of three may fall on a busy moment of the machine.
    assert min(waits) < LONGEST_SECONDS, waits


def test_a_push_refreshes_what_it_touched_and_nothing_else(hub: Hub, tmp_path: Path):
    for name in ("shop", "other"):
        hub.repository(f"acme/{name}", {"catalog-info.yaml": component(name, "Before"), "README.md": "# Read me"})
    with serving_hub(hub, tmp_path, locations=[target(hub, "shop"), target(hub, "other")]) as server:
        server.wait_for(COUNT, {"entities": {"totalCount": 2}})
        hub.commit("acme/other", {"catalog-info.yaml": component("other", "Nobody told of this")})
        hub.commit("acme/shop", {"README.md": "# Other"})
        hub.forget()
        push(hub, server, "shop", "README.md", delivery="readme")
        hub.commit("acme/shop", {"catalog-info.yaml": component("shop", "After")})
        assert push(hub, server, "shop", "catalog-info.yaml", delivery="catalog") == "accepted"
        server.wait_for(TITLE, titled("After"))
        assert push(hub, server, "shop", "catalog-info.yaml", delivery="catalog") == "known"
        time.sleep(1.5)
        assert [seen.path.rpartition("/repos/")[2] for seen in hub.seen] == [
            "acme/shop/commits/main",
            "acme/shop/contents/catalog-info.yaml",
        ]
        assert server.ask('{ entity(ref: "component:default/other") { title } }')["data"] == titled("Before")


def test_a_push_that_arrived_is_not_lost_with_the_server(hub: Hub, tmp_path: Path):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop", "Before")})
    with serving_hub(hub, tmp_path, locations=[target(hub, "shop")]) as server:
        server.wait_for(TITLE, titled("Before"))
        hub.commit("acme/shop", {"catalog-info.yaml": component("shop", "After")})
        push(hub, server, "shop", "catalog-info.yaml")
        server.process.kill()
        server.process.wait()
    with serving_hub(hub, tmp_path, locations=[target(hub, "shop")]) as server:
        server.wait_for(TITLE, titled("After"))


@pytest.mark.soak
def test_a_push_is_taken_by_another_worker_if_the_first_is_killed(hub: Hub, tmp_path: Path, empty_redis_url: str, empty_neo4j_uri: str):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop", "Before")})
    database = {"client": "neo4j", "connection": {"uri": empty_neo4j_uri}}
    backend = {"database": database, "queue": {"url": empty_redis_url}}
    config = write_config(hub, tmp_path, backend=backend, locations=[target(hub, "shop")])
    with serving(config) as server:
        with working(config) as worker:
            server.wait_for(TITLE, titled("Before"))
            hub.commit("acme/shop", {"catalog-info.yaml": component("shop", "After")})
            hub.fail("/commits/", Failure(delay_seconds=5))
            push(hub, server, "shop", "catalog-info.yaml")
            time.sleep(1.5)
            worker.kill()
        hub.heal()
        with working(config):
            server.wait_for(TITLE, titled("After"))
