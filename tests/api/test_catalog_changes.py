"""Backstage's catalog API where it changes something: locations, refreshing, deleting, validating, analysing."""

import base64
from collections.abc import AsyncIterator
from hashlib import sha1
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from config import Config
from graph.conditions import EVERYTHING
from graph.refs import Ref, uid_of
from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore
from ingest.pipeline import add_locations, location_of, refresh
from ingest.settings import settings_from
from tests.api.acting import COMPONENT, Acting, acting_on, document
from workers.lifecycle.registrations import finish_moves_of

API = "/api/catalog"
LOCATIONS = f"{API}/locations"
SETTINGS = settings_from(Config(), RelationRegistry())


@pytest.fixture
async def acting(tmp_path: Path) -> AsyncIterator[Acting]:
    folder = tmp_path / "allowed"
    folder.mkdir()
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    async with acting_on(store, folder, {"registration": {"fileRoots": [str(folder)]}}) as acting:
        yield acting


def ref_of(target: str, type: str = "file") -> str:
    return f"location:default/generated-{sha1(f'{type}:{target}'.encode()).hexdigest()}"


async def add(acting: Acting, target: str, query: str = "", type: str = "file") -> httpx.Response:
    return await acting.client.post(f"{LOCATIONS}{query}", json={"type": type, "target": target})


def told(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["name"], error["message"]


async def read(acting: Acting, target: str) -> None:
    """What the workers do with what is due."""
    stored = next(one for one in await acting.store.locations() if one.target == target)
    await refresh(stored, acting.store, SETTINGS)


async def entities(acting: Acting) -> list[str]:
    names = [f"component:default/{name}" for name in "abcde"]
    return sorted(await acting.store.entities_by_ref([Ref(name) for name in names], visible=EVERYTHING))


async def test_registering_reads_nothing_and_asks_for_a_read(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    answer = await add(acting, path)
    location = {"id": location_of("file", path).id, "type": "file", "target": path, "entityRef": ref_of(path)}
    assert (answer.status_code, answer.json()) == (201, {"location": location, "entities": []})
    assert (await entities(acting), await acting.jobs()) == ([], [f"refresh_location:{location['id']}:user:default/guest"])
    assert [row.id for row in await acting.store.states("schedules")] == [location["id"]]
    assert (await acting.client.get(LOCATIONS)).json() == [{"data": location}]
    assert (await acting.client.get(f"{LOCATIONS}/{location['id']}")).json() == location
    assert told(await acting.client.get(f"{LOCATIONS}/x")) == (404, "NotFoundError", "Found no location with ID x")


async def test_a_known_target_is_refused_or_read_again(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    first = await add(acting, path)
    assert told(await add(acting, path)) == (409, "ConflictError", f"Location file:{path} already exists")
    assert (await add(acting, path, "?onConflict=reject")).status_code == 409
    assert (await add(acting, path, "?onConflict=other")).status_code == 400
    again = await add(acting, path, "?onConflict=refresh")
    assert (again.status_code, again.json()) == (201, first.json())


async def test_an_unreadable_target_is_registered_all_the_same(acting: Acting):
    missing = str(acting.folder / "missing.yaml")
    assert (await add(acting, missing)).status_code == 201
    await read(acting, missing)
    assert [location.error is not None for location in await acting.store.locations()] == [True]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "url"},
        {"type": "url", "target": 1},
        {"type": "url", "target": "https://a/b", "more": 1},
        {"type": "url", "target": "https://a/b", "presence": "never"},
        {"type": "ftp", "target": "x"},
        {"type": "url", "target": "no url"},
        {"type": "url", "target": "https://user:pass@host/x"},
    ],
)
async def test_what_is_no_location_is_refused(acting: Acting, body: dict[str, Any]):
    answer = await acting.client.post(LOCATIONS, json=body)
    assert told(answer)[:2] == (400, "InputError")
    assert await acting.store.locations() == []


async def test_files_outside_of_the_allowed_folders_are_refused(acting: Acting, tmp_path: Path):
    for query in ("", "?dryRun=true"):
        assert told(await add(acting, str(tmp_path / "x.yaml"), query))[:2] == (403, "NotAllowedError")
    assert await acting.store.locations() == []


async def test_a_dry_run_shows_the_entities_and_keeps_nothing(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="b") + "---\n" + COMPONENT.format(name="a"))
    answer = await add(acting, path, "?dryRun=true")
    annotations = {"backstage.io/managed-by-location": f"file:{path}", "backstage.io/managed-by-origin-location": f"file:{path}"}
    entity = document("b")
    entity["metadata"] = {"namespace": "default", "name": "b", "annotations": annotations}
    body = answer.json()
    assert (answer.status_code, body["exists"], body["entities"][0]) == (201, False, entity)
    assert [entity["metadata"]["name"] for entity in body["entities"]] == ["b", "a"]
    assert body["location"] == {"type": "file", "target": path, "id": f"file:{path}", "entityRef": ref_of(path)}
    assert (await acting.store.locations(), await acting.changes(), await acting.jobs()) == ([], [], [])


async def test_a_dry_run_of_what_is_registered_or_declared_elsewhere_shows_the_same(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    await add(acting, path)
    await read(acting, path)
    same = (await add(acting, path, "?dryRun=true")).json()
    other = acting.write("b.yaml", COMPONENT.format(name="a"))
    twice = (await add(acting, other, "?dryRun=true")).json()
    assert (same["exists"], [one["metadata"]["name"] for one in same["entities"]]) == (True, ["a"])
    assert (twice["exists"], [one["metadata"]["name"] for one in twice["entities"]]) == (False, ["a"])


async def test_a_dry_run_of_what_is_not_in_order_is_refused_with_places(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a").replace("  owner: team\n", ""))
    status, name, message = told(await add(acting, path, "?dryRun=true"))
    assert (status, name) == (400, "InputError")
    assert message.startswith(f"{path}:5: ")
    assert told(await add(acting, str(acting.folder / "missing.yaml"), "?dryRun=yes"))[:2] == (400, "InputError")
    assert await acting.store.locations() == []


async def test_configured_locations_are_none_of_these(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    configured = location_of("file", path)
    await add_locations(acting.store, [configured])
    await read(acting, path)
    assert (await acting.client.get(LOCATIONS)).json() == []
    for method in ("GET", "DELETE"):
        assert (await acting.client.request(method, f"{LOCATIONS}/{configured.id}")).status_code == 404
    assert (await acting.client.get(f"{LOCATIONS}/by-entity/component/default/a")).status_code == 404
    assert told(await add(acting, path))[:2] == (409, "ConflictError")
    assert await entities(acting) == ["component:default/a"]


async def test_the_location_of_an_entity_is_found(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    location = (await add(acting, path)).json()["location"]
    await read(acting, path)
    assert (await acting.client.get(f"{LOCATIONS}/by-entity/Component/default/A")).json() == location
    generated = location["entityRef"].partition("/")[2]
    assert (await acting.client.get(f"{LOCATIONS}/by-entity/location/default/{generated}")).json() == location
    assert (await acting.client.get(f"{LOCATIONS}/by-entity/component/default/none")).status_code == 404


async def test_a_location_is_removed_with_what_it_led_to(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    location = (await add(acting, path)).json()["location"]
    await read(acting, path)
    gone = await acting.client.delete(f"{LOCATIONS}/{location['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await entities(acting), await acting.store.locations()) == ([], [])
    assert (await acting.client.delete(f"{LOCATIONS}/{location['id']}")).status_code == 404


async def test_a_moved_location_keeps_its_names_and_loses_nothing_on_the_way(acting: Acting):
    old = acting.write("old.yaml", COMPONENT.format(name="a") + "---\n" + COMPONENT.format(name="b"))
    new = str(acting.folder / "new.yaml")
    location = (await add(acting, old)).json()["location"]
    await read(acting, old)
    moved = await acting.client.put(f"{LOCATIONS}/{location['id']}", json={"type": "file", "target": new})
    assert (moved.status_code, moved.json()) == (200, {**location, "target": new})
    assert (await acting.client.get(LOCATIONS)).json() == [{"data": {**location, "target": new}}]
    await read(acting, new)
    assert (await finish_moves_of(acting.store, SETTINGS), await entities(acting)) == ([], ["component:default/a", "component:default/b"])
    acting.write("new.yaml", COMPONENT.format(name="b") + "---\n" + COMPONENT.format(name="c"))
    await read(acting, new)
    [waiting] = await acting.store.states("moves")
    await acting.client.put(f"{LOCATIONS}/{location['id']}", json={"type": "file", "target": old})
    await acting.client.put(f"{LOCATIONS}/{location['id']}", json={"type": "file", "target": new})
    assert [row.id for row in await acting.store.states("moves")] == [waiting.id]
    assert [gone.target for gone in await finish_moves_of(acting.store, SETTINGS)] == [old]
    assert await entities(acting) == ["component:default/b", "component:default/c"]
    removed = [change.ref for change in await acting.changes() if change.operation == "removed"]
    assert (removed, await acting.store.states("moves")) == (["component:default/a"], [])
    again = (await add(acting, old)).json()["location"]
    assert (again["id"] != location["id"], len((await acting.client.get(LOCATIONS)).json())) == (True, 2)
    assert (await acting.client.delete(f"{LOCATIONS}/{location['id']}")).status_code == 204
    assert [one["data"]["target"] for one in (await acting.client.get(LOCATIONS)).json()] == [old]


async def test_a_move_that_never_ends_is_undone_or_ended_by_hand(acting: Acting):
    old, new = acting.write("old.yaml", COMPONENT.format(name="a")), str(acting.folder / "missing.yaml")
    location = (await add(acting, old)).json()["location"]
    await read(acting, old)
    at = f"{LOCATIONS}/{location['id']}"
    moved = (await acting.client.put(at, json={"type": "file", "target": new})).json()
    await read(acting, new)
    assert await finish_moves_of(acting.store, SETTINGS) == []
    assert (await acting.client.get(f"{LOCATIONS}/by-entity/component/default/a")).json() == moved
    assert (await acting.client.put(at, json={"type": "file", "target": old})).json() == location
    assert [gone.target for gone in await finish_moves_of(acting.store, SETTINGS)] == [new]
    assert ((await acting.client.get(LOCATIONS)).json(), await entities(acting)) == ([{"data": location}], ["component:default/a"])
    await acting.client.put(at, json={"type": "file", "target": new})
    assert (await acting.client.delete(at)).status_code == 204
    assert (await acting.client.get(LOCATIONS)).json() == []
    assert (await entities(acting), await acting.store.locations(), await acting.store.states("moves")) == ([], [], [])


async def test_a_target_that_brought_nothing_goes_at_once(acting: Acting):
    old, new = (str(acting.folder / name) for name in ("one.yaml", "two.yaml"))
    location = (await add(acting, old)).json()["location"]
    await acting.client.put(f"{LOCATIONS}/{location['id']}", json={"type": "file", "target": new})
    assert [gone.target for gone in await finish_moves_of(acting.store, SETTINGS)] == [old]


async def test_what_was_moved_away_from_stays_if_it_is_registered_again(acting: Acting):
    old, new = (acting.write(f"{name}.yaml", COMPONENT.format(name=name)) for name in "ab")
    location = (await add(acting, old)).json()["location"]
    await read(acting, old)
    await acting.client.put(f"{LOCATIONS}/{location['id']}", json={"type": "file", "target": new})
    register = 'mutation($target: String!) { registerLocation(type: "file", target: $target) { existed } }'
    assert await acting.data(register, target=old) == {"registerLocation": {"existed": True}}
    await read(acting, new)
    assert await finish_moves_of(acting.store, SETTINGS) == []
    assert sorted(one["data"]["target"] for one in (await acting.client.get(LOCATIONS)).json()) == [old, new]


async def test_a_location_is_not_moved_to_what_is_there(acting: Acting):
    first, second = (acting.write(f"{name}.yaml", COMPONENT.format(name=name)) for name in "ab")
    location = (await add(acting, first)).json()["location"]
    await add(acting, second)
    at = f"{LOCATIONS}/{location['id']}"
    assert (await acting.client.put(at, json={"type": "file", "target": second})).status_code == 409
    assert (await acting.client.put(at, json={"type": "file", "target": first})).json() == location
    assert (await acting.client.put(f"{LOCATIONS}/x", json={"type": "file", "target": first + "x"})).status_code == 404
    assert await acting.store.states("moves") == []


async def test_locations_are_queried_in_pages(acting: Acting):
    for name in "abc":
        await add(acting, acting.write(f"{name}.yaml", COMPONENT.format(name=name)))
    every = sorted((one["data"] for one in (await acting.client.get(LOCATIONS)).json()), key=lambda one: one["id"])

    async def asked(**body: Any) -> Any:
        return (await acting.client.post(f"{LOCATIONS}/by-query", json=body)).json()

    assert await asked() == {"items": every, "totalItems": 3, "pageInfo": {}}
    assert (await acting.client.post(f"{LOCATIONS}/by-query")).json()["totalItems"] == 3
    first = await asked(limit=2, query={"type": "FILE"})
    assert (first["items"], first["totalItems"]) == (every[:2], 3)
    assert orjson.loads(base64.b64decode(first["pageInfo"]["nextCursor"])) == {
        "limit": 2,
        "afterId": every[1]["id"],
        "query": {"type": "FILE"},
    }
    assert await asked(cursor=first["pageInfo"]["nextCursor"]) == {"items": every[2:], "totalItems": 3, "pageInfo": {}}
    one = every[0]
    for query, found in [
        ({"id": one["id"]}, 1),
        ({"entityRef": {"$in": [one["entityRef"].upper()]}}, 1),
        ({"id": {"$in": [one["id"].upper() + "x"]}}, 0),
        ({"target": {"$hasPrefix": str(acting.folder).upper()}}, 3),
        ({"target": {"$exists": True}}, 3),
        ({"target": {"$exists": False}}, 0),
        ({"target": {"$contains": "a"}}, 0),
        ({"$not": {"id": one["id"]}}, 2),
        ({"$any": [{"id": one["id"]}, {"type": "file"}]}, 3),
        ({"$all": [{"id": one["id"]}, {"type": "url"}]}, 0),
        ({"$all": []}, 0),
        ({"$any": []}, 0),
        ({}, 3),
    ]:
        assert (query, (await asked(query=query))["totalItems"]) == (query, found)
    for wrong in (
        {"limit": 0},
        {"limit": 1.5},
        {"limit": True},
        {"cursor": ""},
        {"cursor": "%%"},
        {"cursor": base64.b64encode(b"[]").decode()},
        {"cursor": base64.b64encode(b'{"limit":1,"query":[]}').decode()},
        {"query": []},
        {"query": {"$or": []}},
        {"query": {"name": "x"}},
        {"query": {"type": {"$near": 1}}},
        {"query": {"$all": {}}},
    ):
        assert (wrong, (await asked(**wrong))["error"]["name"]) == (wrong, "InputError")


async def test_an_entity_is_refreshed_by_its_ref_or_its_locations(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    location = (await add(acting, path)).json()["location"]
    await read(acting, path)
    await acting.store.write_states([])
    for ref in ("component:a", "Component:default/A", location["entityRef"]):
        answer = await acting.client.post(f"{API}/refresh", json={"entityRef": ref, "authorizationToken": "old"})
        assert (answer.status_code, answer.content) == (200, b"")
    for ref in ("component:default/none", "not a ref::"):
        assert told(await acting.client.post(f"{API}/refresh", json={"entityRef": ref}))[:2] == (404, "NotFoundError")
    assert (await acting.client.post(f"{API}/refresh", json={})).status_code == 400


async def test_a_deleted_entity_comes_back_when_its_file_is_read_next(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a") + "---\n" + COMPONENT.format(name="b") + "---\nbroken: 1\n")
    await add(acting, path)
    await read(acting, path)
    errors = await acting.data("{ catalogErrors { nodes { code line } } }")
    for _ in range(2):
        answer = await acting.client.delete(f"{API}/entities/by-uid/{uid_of(Ref('component:default/a'))}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert (await acting.client.delete(f"{API}/entities/by-uid/unknown")).status_code == 204
    assert await entities(acting) == ["component:default/b"]
    assert await acting.data("{ catalogErrors { nodes { code line } } }") == errors
    last = (await acting.changes())[-1]
    assert (last.operation, last.ref, last.cause.kind, last.cause.detail) == (
        "removed",
        "component:default/a",
        "user",
        "user:default/guest",
    )
    await read(acting, path)
    assert await entities(acting) == ["component:default/a", "component:default/b"]
    before = len(await acting.changes())
    await read(acting, path)
    assert len(await acting.changes()) == before


async def test_a_deleted_entity_of_a_set_comes_back_when_it_is_pushed_next(acting: Acting):
    given = {"entities": [document("a"), document("b")]}
    await acting.client.put(f"{API}/entity-sets/hr", json=given)
    await acting.client.delete(f"{API}/entities/by-uid/{uid_of(Ref('component:default/a'))}")
    assert await entities(acting) == ["component:default/b"]
    await acting.client.put(f"{API}/entity-sets/hr", json=given)
    assert await entities(acting) == ["component:default/a", "component:default/b"]


async def test_a_deleted_orphan_stays_away(tmp_path: Path):
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    settings = {"registration": {"fileRoots": [str(tmp_path)]}, "orphanStrategy": "keep"}
    async with acting_on(store, tmp_path, settings) as acting:
        path = acting.write("a.yaml", COMPONENT.format(name="a"))
        location = (await add(acting, path)).json()["location"]
        await read(acting, path)
        await acting.client.delete(f"{LOCATIONS}/{location['id']}")
        [orphan] = (await store.entities_by_ref([Ref("component:default/a")], visible=EVERYTHING)).values()
        assert orphan.orphan
        await acting.client.delete(f"{API}/entities/by-uid/{uid_of(orphan.ref)}")
        assert await entities(acting) == []


async def test_a_deleted_entity_that_is_declared_twice_comes_back_from_one_of_its_files(acting: Acting):
    for name in ("one.yaml", "two.yaml"):
        path = acting.write(name, COMPONENT.format(name="a"))
        await add(acting, path)
        await read(acting, path)
    await acting.client.delete(f"{API}/entities/by-uid/{uid_of(Ref('component:default/a'))}")
    assert await entities(acting) == []
    for location in await acting.store.locations():
        await refresh(location, acting.store, SETTINGS)
    assert await entities(acting) == ["component:default/a"]
    assert (await acting.data("{ catalogErrors { totalCount } }"))["catalogErrors"]["totalCount"] == 2


async def test_an_entity_is_validated(acting: Acting):
    async def validated(body: Any) -> httpx.Response:
        return await acting.client.post(f"{API}/validate-entity", json=body)

    place = "url:https://example.com/catalog-info.yaml"
    answer = await validated({"entity": document("a"), "location": place})
    assert (answer.status_code, answer.content) == (200, b"")
    wrong = document("a")
    del wrong["spec"]["owner"]
    answer = await validated({"entity": wrong, "location": place})
    assert (answer.status_code, [one["name"] for one in answer.json()["errors"]]) == (400, ["InputError"])
    assert "owner" in answer.json()["errors"][0]["message"]
    for body in (
        {"entity": document("a"), "location": "file:/x"},
        {"entity": document("a"), "location": "url:"},
        {"entity": document("a")},
        {"entity": "text", "location": place},
        {"entity": {}, "location": place},
        {"location": place},
        {"entity": {**document("g"), "kind": "Nothing"}, "location": place},
    ):
        answer = await validated(body)
        assert (answer.status_code, list(answer.json()), len(answer.json()["errors"])) == (400, ["errors"], 1)
    assert (await acting.store.locations(), await acting.changes()) == ([], [])


async def test_a_target_of_no_known_host_gets_a_suggestion(acting: Acting):
    async def analyzed(target: object) -> httpx.Response:
        return await acting.client.post(f"{API}/analyze-location", json={"location": {"type": "url", "target": target}})

    single = await analyzed("https://git.example.com/shop")
    assert single.json()["generateEntities"][0]["entity"]["metadata"] == {"name": "shop"}
    answer = await analyzed("https://git.example.com/acme/shop.git")
    suggestion = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "shop"},
        "spec": {"type": "other", "lifecycle": "unknown"},
    }
    assert (answer.status_code, answer.json()) == (
        200,
        {"existingEntityFiles": [], "generateEntities": [{"entity": suggestion, "fields": []}]},
    )
    assert told(await analyzed("not a url")) == (400, "InputError", "The given location.target is not a URL")
    assert (await analyzed(1)).status_code == 400
    assert (await acting.client.post(f"{API}/analyze-location", json={})).status_code == 400
