"""A GitHub organisation in a catalog: its repositories found, its people taken over, and what happens to them followed by webhooks.

The full sizes, 500 repositories and 1,000 users, run with scripts/soak.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.load import load
from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore
from ingest.pipeline import refresh
from ingest.settings import settings_from
from plugins.hosts import opened_hosts
from tests.e2e.hub import SECRET, component, serving_hub
from tests.e2e.serving import Serving
from tests.graph_dump import graph_dump
from tests.servers.github import deliveries
from tests.servers.github.hub import Failure, Hub
from tests.servers.github.serving import serving_github

SCHEDULE = {"frequency": {"hours": 6}, "timeout": {"minutes": 10}}
COUNT = '{ entities(filter: {kind: ["Component"]}) { totalCount } }'


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "hub").mkdir()
    with serving_github(tmp_path / "hub") as hub:
        yield hub


def discovery(hub: Hub, **more: Any) -> dict[str, Any]:
    return {"github": {"acme": {"organization": "acme", "host": hub.host, "schedule": SCHEDULE, **more}}}


def people(hub: Hub) -> dict[str, Any]:
    return {"githubOrg": {"id": "acme", "githubUrl": hub.url, "orgs": ["acme"], "schedule": SCHEDULE}}


def counted(count: int) -> dict[str, object]:
    return {"entities": {"totalCount": count}}


@pytest.mark.parametrize("count", [30, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
async def test_all_repositories_are_found_and_an_unchanged_cycle_is_one_request_each_without_a_write(hub: Hub, tmp_path: Path, count: int):
    for number in range(count):
        hub.repository(f"acme/service-{number}", {"catalog-info.yaml": component(f"service-{number}")})
    hub.repository("acme/without", {"README.md": "no catalog file"})
    with serving_hub(hub, tmp_path, providers=discovery(hub)) as server:
        server.wait_for(COUNT, counted(count), seconds=300)
        wait_until_all_are_read(server, count + 1)
        assert server.ask("{ catalogErrors { nodes { code path } } }")["data"] == {"catalogErrors": {"nodes": []}}
        assert server.stop() == 0
    hub.forget()
    written, requests = await read_all_again(tmp_path)
    assert (written, requests) == (0, count + 1)
    assert len(hub.seen) == count + 1
    assert {(seen.path.endswith("/commits/main"), seen.status) for seen in hub.seen} == {(True, 304)}


async def read_all_again(folder: Path) -> tuple[int, int]:
    """How many entities changed and how many locations were read, when all are read by themselves; the rest of the store stays the same."""
    config = load([folder / "app-config.yaml"])
    registry = RelationRegistry()
    store = SqliteStore(folder / "catalog.db", registry)
    await store.open()
    before = (await store.head(), await graph_dump(store), await store.locations(), await store.states("sources"))
    async with opened_hosts(config) as hosts:
        settings = settings_from(config, registry, hosts)
        reports = [await refresh(location, store, settings) for location in await store.locations() if location.type == "url"]
    assert (await store.head(), await graph_dump(store), await store.locations(), await store.states("sources")) == before
    await store.close()
    return sum(report.written for report in reports), len(reports)


def wait_until_all_are_read(server: Serving, count: int) -> None:
    read = "{ locations(first: 1000) { nodes { type readAt } } }"
    for _ in range(600):
        nodes = [node for node in server.ask(read)["data"]["locations"]["nodes"] if node["type"] == "url"]
        if len(nodes) == count and all(node["readAt"] for node in nodes):
            return
        time.sleep(0.1)
    raise AssertionError("not all locations were read")


@pytest.mark.parametrize("count", [120, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_the_people_of_an_organisation_are_taken_over_and_followed(hub: Hub, tmp_path: Path, count: int):
    for number in range(count):
        hub.person(f"user-{number}", f"User {number}", f"user-{number}@acme.example")
    hub.organisation("acme", [f"user-{number}" for number in range(count)])
    hub.team("acme", "all", ["user-0"])
    for team in range(count // 40):
        hub.team("acme", f"team-{team}", [f"user-{number}" for number in range(team, count, count // 40)], parent="all")
    size = "{ users { totalCount } groups { totalCount } }"
    members = '{ entity(ref: "group:default/team-0") { ... on Group { members { totalCount } parent { ref } } } }'
    with serving_hub(hub, tmp_path, providers=people(hub)) as server:
        server.wait_for(size, {"users": {"totalCount": count}, "groups": {"totalCount": count // 40 + 1}}, seconds=300)
        parent = {"ref": "group:default/all"}
        assert server.ask(members)["data"] == {"entity": {"members": {"totalCount": 40}, "parent": parent}}
        profile = server.ask('{ entity(ref: "user:default/user-7") { spec } }')["data"]["entity"]["spec"]["profile"]
        assert (profile["displayName"], profile["email"]) == ("User 7", "user-7@acme.example")
        hub.organisations["acme"].teams["team-0"].members.remove("user-0")
        hub.forget()
        deliveries.send(server.url, "membership", deliveries.of_team("acme", "membership", "removed"), SECRET, hub)
        server.wait_for(members, {"entity": {"members": {"totalCount": 39}, "parent": parent}}, seconds=60)
        assert hub.count("GET .*/users/user-") == 0


def test_what_happens_to_a_repository_as_a_whole_is_followed_and_an_entity_keeps_its_id_and_history(hub: Hub, tmp_path: Path):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
    identity = '{ entity(ref: "component:default/shop") { id history { nodes { operation } } } }'
    where = '{ entity(ref: "component:default/shop") { origin { path } } }'
    with serving_hub(hub, tmp_path, providers=discovery(hub), removalGrace={"seconds": 1}) as server:
        server.wait_for(COUNT, counted(1))
        before = server.ask(identity)["data"]["entity"]
        hub.rename("acme/shop", "acme/store")
        renamed = deliveries.of_repository(hub, "acme/store", "renamed", was="shop")
        assert deliveries.send(server.url, "repository", renamed, SECRET, hub).status_code == 202
        server.wait_for(where, {"entity": {"origin": {"path": f"{hub.url}/acme/store/blob/main/catalog-info.yaml"}}}, seconds=30)
        after = server.ask(identity)["data"]["entity"]
        assert (after["id"], [each["operation"] for each in after["history"]["nodes"]]) == (
            before["id"],
            ["CREATED", *["UPDATED"] * (len(after["history"]["nodes"]) - 1)],
        )
        hub.repository("acme/new", {"catalog-info.yaml": component("new")})
        created = deliveries.push(hub, "acme/new", touched=["catalog-info.yaml"])
        deliveries.send(server.url, "push", created, SECRET, hub)
        server.wait_for(COUNT, counted(2), seconds=30)
        gone = deliveries.of_repository(hub, "acme/new", "deleted")
        hub.delete("acme/new")
        deliveries.send(server.url, "repository", gone, SECRET, hub)
        server.wait_for(COUNT, counted(1), seconds=60)


def test_a_discovery_that_can_not_follow_an_event_looks_at_everything_anew(hub: Hub, tmp_path: Path):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
    with serving_hub(hub, tmp_path, providers=discovery(hub, validateLocationsExist=True)) as server:
        server.wait_for(COUNT, counted(1))
        hub.repository("acme/new", {"catalog-info.yaml": component("new")})
        hub.forget()
        hub.fail("/repos/acme/new/", Failure(500), times=1)
        push = deliveries.push(hub, "acme/new", touched=["catalog-info.yaml"])
        assert deliveries.send(server.url, "push", push, SECRET, hub).status_code == 202
        server.wait_for(COUNT, counted(2), seconds=40)
        assert hub.count("/orgs/acme/repos") == 1
