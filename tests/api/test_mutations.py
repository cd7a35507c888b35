"""Registering, unregistering, refreshing and validating over GraphQL: what is done, what is refused, and what the log says."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.relations import RelationRegistry
from graph.store import Cause, StateWrite
from graph.stores.sqlite import SqliteStore
from ingest.entity_sets import ProvidedEntity, put_entities
from ingest.pipeline import add_locations, location_of, refresh
from ingest.settings import settings_from
from tests.api.acting import COMPONENT, Acting, acting_on, document

REGISTER = """mutation($target: String!, $dryRun: Boolean!) { registerLocation(type: "file", target: $target, dryRun: $dryRun) {
    existed location { id type target origin error } entities { ref operation path line entity { name } }
    problems { code message path line column ref } } }"""
UNREGISTER = "mutation($id: ID!) { unregisterLocation(id: $id) { location { target } removedRefs orphanedRefs } }"
REFRESH = "mutation($of: [String!]!) { refresh(of: $of) { locations { id } unknown } }"
VALIDATE = """mutation($document: String!, $location: String) { validateEntity(document: $document, location: $location) {
    valid refs problems { code message remedy document line column ref } } }"""


@pytest.fixture
async def acting(tmp_path: Path) -> AsyncIterator[Acting]:
    folder = tmp_path / "allowed"
    folder.mkdir()
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    async with acting_on(store, folder, {"registration": {"fileRoots": [str(folder)]}}) as acting:
        yield acting


async def register(acting: Acting, target: str, *, dry_run: bool = False) -> Any:
    return (await acting.data(REGISTER, target=target, dryRun=dry_run))["registerLocation"]


async def test_a_registered_location_is_read_at_once_and_stays_registered(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    answer = await register(acting, path)
    location = location_of("file", path)
    assert answer == {
        "existed": False,
        "location": {"id": location.id, "type": "file", "target": path, "origin": "registered", "error": None},
        "entities": [{"ref": "component:default/a", "operation": "CREATED", "path": path, "line": 1, "entity": {"name": "a"}}],
        "problems": [],
    }
    assert [(change.ref, change.cause.kind, change.cause.detail) for change in await acting.changes()] == [
        ("component:default/a", "user", "user:default/guest")
    ]
    again = await register(acting, path)
    assert (again["existed"], again["location"], again["entities"]) == (True, answer["location"], [])
    assert len(await acting.changes()) == 1


async def test_a_dry_run_says_what_would_come_and_writes_nothing(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a") + "---\n" + COMPONENT.format(name="b").replace("  owner: team\n", ""))
    answer = await register(acting, path, dry_run=True)
    assert answer["location"] is None
    assert answer["entities"] == [{"ref": "component:default/a", "operation": "CREATED", "path": path, "line": 1, "entity": None}]
    assert [(p["code"], p["line"], p["ref"]) for p in answer["problems"]] == [("missing-field", 14, "component:default/b")]
    assert (await acting.store.locations(), await acting.changes()) == ([], [])


async def test_a_location_that_brings_nothing_is_not_registered(acting: Acting):
    group = acting.write(
        "group.yaml", "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: g}\nspec: {type: t, children: []}\n"
    )
    for target, code in ((group, "kind-not-allowed"), (str(acting.folder / "missing.yaml"), "unreadable")):
        answer = await register(acting, target)
        assert (answer["location"], answer["entities"]) == (None, [])
        assert [p["code"] for p in answer["problems"]] == [code]
    assert await acting.store.locations() == []


async def test_files_outside_of_the_allowed_folders_are_refused_alike_whether_they_exist_or_not(acting: Acting, tmp_path: Path):
    (tmp_path / "secret.yaml").write_text(COMPONENT.format(name="secret"))
    (acting.folder / "link").symlink_to(tmp_path)
    messages = set[str]()
    for target in (
        tmp_path / "secret.yaml",
        tmp_path / "nothing.yaml",
        acting.folder / "../secret.yaml",
        acting.folder / "link/secret.yaml",
    ):
        answer = await acting.answer(REGISTER, target=str(target), dryRun=True)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        messages.add(answer["errors"][0]["message"])
    assert len(messages) == 1
    assert await acting.store.locations() == []


@pytest.mark.parametrize("target", ["relative.yaml", "", "/a\nb"])
async def test_a_target_that_is_no_path_is_bad_input(acting: Acting, target: str):
    answer = await acting.answer(REGISTER, target=target, dryRun=False)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_a_conflict_is_told_before_and_resolves_when_the_holder_goes(acting: Acting):
    first, second = (acting.write(f"{name}.yaml", COMPONENT.format(name="same")) for name in ("one", "two"))
    held = await register(acting, first)
    answer = await register(acting, second, dry_run=True)
    assert [(entity["ref"], entity["operation"]) for entity in answer["entities"]] == [("component:default/same", None)]
    assert [p["code"] for p in answer["problems"]] == ["conflict"]
    await register(acting, second)
    gone = await acting.data(UNREGISTER, id=held["location"]["id"])
    assert gone["unregisterLocation"] == {"location": {"target": first}, "removedRefs": [], "orphanedRefs": []}
    found = await acting.data('{ entity(ref: "component:same") { origin { path } errors { code } } }')
    assert found["entity"] == {"origin": {"path": second}, "errors": []}


async def test_unregistering_removes_what_only_that_location_led_to_and_says_who_did_it(acting: Acting):
    answer = await register(acting, acting.write("a.yaml", COMPONENT.format(name="a")))
    gone = await acting.data(UNREGISTER, id=answer["location"]["id"])
    assert gone["unregisterLocation"]["removedRefs"] == ["component:default/a"]
    last = (await acting.changes())[-1]
    assert (last.operation, last.cause.kind, last.cause.detail) == ("removed", "user", "user:default/guest")
    assert await acting.store.locations() == []


async def test_what_the_configuration_or_a_provider_names_is_not_unregistered(acting: Acting):
    configured = location_of("file", acting.write("a.yaml", COMPONENT.format(name="a")))
    provided = location_of("file", acting.write("b.yaml", COMPONENT.format(name="b")), origin="provider:github:acme")
    await add_locations(acting.store, [configured, provided])
    for location, words in ((configured, "catalog.locations"), (provided, "provider:github:acme")):
        answer = await acting.answer(UNREGISTER, id=location.id)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["CONFLICT"]
        assert words in answer["errors"][0]["message"]
    assert (await acting.answer(UNREGISTER, id="none"))["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert len(await acting.store.locations()) == 2


async def test_refreshing_asks_for_the_locations_of_entities_once(acting: Acting):
    location = location_of("file", acting.write("a.yaml", COMPONENT.format(name="a") + "---\n" + COMPONENT.format(name="b")))
    await add_locations(acting.store, [location])
    await refresh(location, acting.store, settings_from(Config(), RelationRegistry()))
    answer = await acting.data(REFRESH, of=["component:a", "Component:default/B", location.id, "component:none", "nothing"])
    assert answer["refresh"] == {"locations": [{"id": location.id}], "unknown": ["component:none", "nothing"]}
    assert await acting.jobs() == [f"refresh_location:{location.id}:user:default/guest"]
    assert [row.id for row in await acting.store.states("schedules")] == [location.id]


async def test_a_document_is_validated_with_every_error_at_its_place(acting: Acting):
    text = COMPONENT.format(name="a").replace("  owner: team\n", "") + "---\n" + COMPONENT.format(name="fine")
    found = (await acting.data(VALIDATE, document=text))["validateEntity"]
    assert (found["valid"], found["refs"]) == (False, ["component:default/fine"])
    assert [(p["code"], p["document"], p["line"], p["ref"]) for p in found["problems"]] == [("missing-field", 0, 5, "component:default/a")]
    assert (await acting.data(VALIDATE, document=COMPONENT.format(name="x")))["validateEntity"]["valid"] is True
    assert (await acting.data(VALIDATE, document=""))["validateEntity"]["valid"] is False


async def test_a_document_is_validated_by_the_rules_for_its_location(acting: Acting):
    text = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: g}\nspec: {type: team, children: []}\n"
    assert (await acting.data(VALIDATE, document=text))["validateEntity"]["valid"] is True
    found = (await acting.data(VALIDATE, document=text, location="url:https://example.com/x.yaml"))["validateEntity"]
    assert [p["code"] for p in found["problems"]] == ["kind-not-allowed"]
    answer = await acting.answer(VALIDATE, document=text, location="nonsense")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_mutations_are_taken_by_post_of_json_alone(acting: Acting):
    query = 'mutation { refresh(of: ["x"]) { unknown } }'
    got = await acting.client.get("/graphql", params={"query": query})
    form = await acting.client.post("/graphql", data={"query": query})
    text = await acting.client.post("/graphql", content='{"query": "{ viewer { ref } }"}', headers={"content-type": "text/plain"})
    assert (got.status_code, form.status_code, text.status_code) == (405, 415, 415)


async def test_refreshing_what_a_provider_gave_has_the_provider_run(acting: Acting):
    settings = settings_from(Config(), RelationRegistry())
    entities = [ProvidedEntity(document("a"), "https://example.com/a")]
    await put_entities(acting.store, settings, "people:acme", entities, full=True, cause=Cause("task", "test"))
    later = datetime.now(UTC) + timedelta(hours=1)
    await acting.store.write_states([StateWrite("providers", "people:acme", {}, due=later)])
    answer = await acting.data(REFRESH, of=["component:a"])
    assert answer["refresh"]["unknown"] == []
    [row] = await acting.store.states("providers")
    assert row.due is not None
    assert row.due <= datetime.now(UTC)
    assert await acting.jobs() == []
