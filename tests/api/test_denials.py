"""What the policy denies is not done: nothing changes, and nothing that is hidden shows in what is answered."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from api.graphql.context import Context
from api.graphql.schema import build_schema
from config import Config
from config.permission import Permission
from graph.access import GUEST_PRINCIPAL
from graph.conditions import EVERYTHING
from graph.policy import policy_from
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Cause, Store
from graph.stores.sqlite import SqliteStore
from ingest.entity_sets import ProvidedEntity, put_entities
from ingest.pipeline import add_locations, location_of, refresh
from ingest.settings import settings_from
from tests.api.acting import COMPONENT, Acting, acting_on, document
from tests.api.catalog import CountingStore
from tests.api.signed_in import application, bearer, client_of

SETS = "/api/catalog/entity-sets"
SETTINGS = settings_from(Config(), RelationRegistry())
OWN = {"allow": "catalog.entity.*", "to": "guests", "if": {"isEntityOwner": True}}
"""Guests see and change what is theirs: `mine` is, `theirs` is not, and `none` is not there."""

MUTATIONS = [
    ("registerLocation", '{ registerLocation(type: "file", target: "%(path)s") { existed } }', "catalog.location.create"),
    ("registerLocation", '{ registerLocation(type: "file", target: "%(path)s", dryRun: true) { existed } }', "catalog.location.create"),
    ("unregisterLocation", '{ unregisterLocation(id: "%(id)s") { removedRefs } }', "catalog.location.delete"),
    ("refresh", '{ refresh(of: ["component:mine"]) { unknown } }', "catalog.entity.refresh"),
    ("validateEntity", '{ validateEntity(document: "a: b") { valid } }', "catalog.entity.validate"),
    ("redeliverWebhook", '{ redeliverWebhook(id: "x") { deadLetter { id } } }', "callboard.admin"),
]


async def filled(folder: Path) -> SqliteStore:
    store = SqliteStore(folder / "catalog.db", RelationRegistry())
    await store.open()
    text = COMPONENT.format(name="mine").replace("team", "user:guest") + "---\n" + COMPONENT.format(name="theirs")
    (folder / "a.yaml").write_text(text)
    location = location_of("file", str(folder / "a.yaml"), origin="registered")
    await add_locations(store, [location])
    await refresh(location, store, SETTINGS)
    return store


def policy(*rules: Mapping[str, Any]) -> dict[str, Any]:
    return {"rules": rules}


def acting(store: Store, folder: Path, *rules: Mapping[str, Any]) -> Any:
    return acting_on(store, folder, {"registration": {"fileRoots": [str(folder)]}}, permission=policy(*rules))


async def everything(acting: Acting) -> object:
    """All that a mutation could have changed."""
    locations = await acting.store.locations()
    states = [await acting.store.states(name) for name in ("schedules", "providers", "releases")]
    return await acting.changes(), locations, [await acting.store.files(one.id) for one in locations], states, await acting.jobs()


def error_of(answer: Mapping[str, Any]) -> tuple[str, str]:
    [error] = answer["errors"]
    return error["extensions"]["code"], error["message"]


def audited(caplog: pytest.LogCaptureFixture) -> Sequence[Mapping[str, Any]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "callboard.audit"]


@pytest.mark.parametrize(("field", "mutation", "action"), MUTATIONS)
async def test_a_mutation_that_no_rule_allows_changes_nothing_and_is_recorded(
    field: str, mutation: str, action: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "callboard.audit")
    (tmp_path / "new.yaml").write_text(COMPONENT.format(name="new"))
    every_other = {"allow": "*", "to": "guests"}, {"deny": action, "to": "guests"}
    async with acting(await filled(tmp_path), tmp_path, *every_other) as catalog:
        before = await everything(catalog)
        given = {"path": str(tmp_path / "new.yaml"), "id": (await catalog.store.locations())[0].id}
        answer = await catalog.answer(f"mutation {mutation % given}")
        code, message = error_of(answer)
        assert (code, answer["data"]) == ("FORBIDDEN", None)
        assert message == f"user:default/guest may not do this: no rule of the permission policy allows {action}."
        assert await everything(catalog) == before
    told = [(line["principal"], line["outcome"], line["cause"]) for line in audited(caplog)]
    assert told == [("user:default/guest", "denied", f"GraphQL {field}")]


async def test_what_is_done_is_recorded_with_who_and_what(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "callboard.audit")
    async with acting(await filled(tmp_path), tmp_path, {"allow": "*", "to": "guests"}) as catalog:
        await catalog.data('mutation { refresh(of: ["component:mine"]) { unknown } }')
        await catalog.answer('mutation { unregisterLocation(id: "none") { removedRefs } }')
        await catalog.client.put(f"{SETS}/hr", json={"entities": [document("pushed")]})
        # What changes nothing is recorded only where it is denied.
        await catalog.client.put(f"{SETS}/hr?dryRun=true", json={"entities": []})
        await catalog.data('mutation { validateEntity(document: "a: b") { valid } }')
        await catalog.data(
            'mutation ($of: String!) { registerLocation(type: "file", target: $of, dryRun: true) { existed } }', of=str(tmp_path / "x.yaml")
        )
    told = [(line["action"], line["subject"], line["outcome"], line["cause"]) for line in audited(caplog)]
    assert told == [
        ("catalog.entity.refresh", "component:mine", "done", "GraphQL refresh"),
        ("catalog.location.delete", "none", "failed", "GraphQL unregisterLocation"),
        ("catalog.entity.create", "entity-set:hr", "done", f"PUT {SETS}/hr"),
    ]


async def test_an_entity_is_refreshed_by_whoever_may_and_a_hidden_one_is_as_unknown_as_a_missing_one(tmp_path: Path):
    async with acting(await filled(tmp_path), tmp_path, OWN) as catalog:
        refreshed = "mutation ($of: [String!]!) { refresh(of: $of) { locations { id } unknown } }"
        location = (await catalog.store.locations())[0].id
        for of in ("component:theirs", "component:none", location):
            assert (await catalog.data(refreshed, of=[of]))["refresh"] == {"locations": [], "unknown": [of]}
        assert await catalog.jobs() == []
        # Which location it is read from is told to whoever may read locations.
        assert (await catalog.data(refreshed, of=["component:mine"]))["refresh"] == {"locations": [], "unknown": []}
        assert await catalog.jobs() == [f"refresh_location:{location}:user:default/guest"]


async def test_an_entity_that_is_seen_and_not_to_be_refreshed_is_refused_and_none_of_the_others_is_read(tmp_path: Path):
    read = {"allow": "catalog.entity.read", "to": "guests"}
    own = {"allow": "catalog.entity.refresh", "to": "guests", "if": {"isEntityOwner": True}}
    async with acting(await filled(tmp_path), tmp_path, read, own) as catalog:
        before = await everything(catalog)
        answer = await catalog.answer('mutation { refresh(of: ["component:mine", "component:theirs"]) { unknown } }')
        assert error_of(answer)[0] == "FORBIDDEN"
        assert await everything(catalog) == before


@pytest.mark.parametrize("dry_run", [True, False])
async def test_registering_tells_of_a_hidden_entity_as_of_a_new_one(dry_run: bool, tmp_path: Path):
    create = {"allow": "catalog.location.create", "to": "guests"}
    (tmp_path / "b.yaml").write_text("---\n".join(COMPONENT.format(name=name) for name in ("theirs", "new")))
    async with acting(await filled(tmp_path), tmp_path, OWN, create) as catalog:
        register = """mutation ($target: String!, $dry: Boolean!) { registerLocation(type: "file", target: $target, dryRun: $dry) {
            entities { ref operation entity { ref } } problems { code ref } } }"""
        told = (await catalog.data(register, target=str(tmp_path / "b.yaml"), dry=dry_run))["registerLocation"]
        assert told == {
            "entities": [{"ref": f"component:default/{name}", "operation": "CREATED", "entity": None} for name in ("new", "theirs")],
            "problems": [],
        }
        stored = await catalog.store.entities_by_ref([Ref("component:default/theirs")], visible=EVERYTHING)
        assert [entity.origin.path for entity in stored.values()] == [str(tmp_path / "a.yaml")]


async def test_unregistering_tells_of_what_was_seen_alone(tmp_path: Path):
    async with acting(await filled(tmp_path), tmp_path, OWN, {"allow": "catalog.location.delete", "to": "guests"}) as catalog:
        location = (await catalog.store.locations())[0].id
        gone = await catalog.data("mutation ($id: ID!) { unregisterLocation(id: $id) { removedRefs orphanedRefs } }", id=location)
        assert gone["unregisterLocation"] == {"removedRefs": ["component:default/mine"], "orphanedRefs": []}
        refs = [Ref(f"component:default/{name}") for name in ("mine", "theirs")]
        assert await catalog.store.entities_by_ref(refs, visible=EVERYTHING) == {}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_sets_are_for_those_who_may_create_entities(method: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "callboard.audit")
    async with acting(await filled(tmp_path), tmp_path, {"allow": "catalog.entity.read", "to": "guests"}) as catalog:
        before = await everything(catalog)
        answer = await catalog.client.request(method, f"{SETS}/hr", json={"entities": [document("x")]})
        assert (answer.status_code, answer.json()["error"]["name"]) == (403, "NotAllowedError")
        assert await everything(catalog) == before
    assert [(line["principal"], line["outcome"], line["cause"]) for line in audited(caplog)] == [
        ("user:default/guest", "denied", f"{method} {SETS}/hr")
    ]


@pytest.mark.parametrize(
    ("method", "body"), [("PUT", {"entities": [document("kept")]}), ("PATCH", {"removed": ["component:gone"]}), ("DELETE", None)]
)
async def test_a_set_loses_no_entity_that_may_not_be_deleted(method: str, body: Any, tmp_path: Path):
    create = {"allow": "catalog.entity.create", "to": "guests"}
    async with acting(await filled(tmp_path), tmp_path, OWN, create) as catalog:
        given = [ProvidedEntity(document(name), "") for name in ("kept", "gone")]
        await put_entities(catalog.store, SETTINGS, "pushed:hr", given, full=True, cause=Cause("task", "test"))
        before = await everything(catalog)
        answer = await catalog.client.request(method, f"{SETS}/hr", json=body)
        assert answer.status_code == 403
        assert "gone" not in answer.text
        assert await everything(catalog) == before


async def test_whoever_owns_what_a_set_loses_may_take_it_out(tmp_path: Path):
    create = {"allow": "catalog.entity.create", "to": "guests"}
    async with acting(await filled(tmp_path), tmp_path, OWN, create) as catalog:
        await catalog.client.put(f"{SETS}/hr", json={"entities": [document("x", owner="user:guest")]})
        answer = await catalog.client.put(f"{SETS}/hr", json={"entities": []})
        assert (answer.status_code, answer.json()["removed"]) == (200, ["component:default/x"])


async def test_a_push_meets_a_hidden_entity_as_a_missing_one(tmp_path: Path):
    create = {"allow": "catalog.entity.create", "to": "guests"}
    async with acting(await filled(tmp_path), tmp_path, OWN, create) as catalog:
        hidden, missing = [
            (await catalog.client.put(f"{SETS}/{name}?dryRun=true", json={"entities": [document(name)]})).json()
            for name in ("theirs", "none")
        ]
        assert json.dumps(hidden).replace("theirs", "none") == json.dumps(missing)
        assert hidden["created"] == ["component:default/theirs"]
        await catalog.client.put(f"{SETS}/hr", json={"entities": [document("seen", owner="user:guest")]})
        listed = (await catalog.client.get(SETS)).json()["items"]
        # Numbers are of everything, hidden or not.
        assert [(one["name"], one["entities"], one["errors"]) for one in listed] == [("hr", None, None)]


READS = """{
  locations { totalCount nodes { id } pageInfo { endCursor } }
  jobs { jobs { name } }
  mine: entity(ref: "component:mine") { origin { location { id } provider error readAt } ancestry { location { id } } }
  whyMissing(ref: "component:mine") { presence claims { path location { id } } failedLocations { id } }
  catalogErrors { totalCount nodes { code location { id } } }
}"""


async def test_roots_of_reading_show_to_those_who_may_read_them(tmp_path: Path):
    store = await filled(tmp_path)
    (tmp_path / "a.yaml").write_text((tmp_path / "a.yaml").read_text() + "---\nkind: [\n")
    broken = location_of("file", str(tmp_path / "broken.yaml"))
    await add_locations(store, [*(await store.locations()), broken])
    for location in await store.locations():
        await refresh(location, store, SETTINGS)
    async with acting(store, tmp_path, OWN) as catalog:
        told = await catalog.data(READS)
    assert told == {
        "locations": {"totalCount": 0, "nodes": [], "pageInfo": {"endCursor": None}},
        "jobs": None,
        "mine": {"origin": {"location": None, "provider": None, "error": None, "readAt": None}, "ancestry": {"location": None}},
        "whyMissing": {"presence": "PRESENT", "claims": [{"path": str(tmp_path / "a.yaml"), "location": None}], "failedLocations": []},
        "catalogErrors": {"totalCount": 0, "nodes": []},
    }
    async with acting(store, tmp_path, OWN, {"allow": "catalog.location.read", "to": "guests"}) as catalog:
        told = await catalog.data(READS)
    assert told["locations"]["totalCount"] == 2
    assert told["mine"]["ancestry"]["location"] is not None
    assert [error["location"] is not None for error in told["catalogErrors"]["nodes"]] == [True] * 2
    assert told["catalogErrors"]["totalCount"] == 2


@pytest.mark.parametrize("field", ["webhooks { name }", "webhookDeadLetters { id }"])
async def test_webhooks_are_for_administrators(field: str, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "callboard.audit")
    async with acting(await filled(tmp_path), tmp_path, {"allow": "catalog.*", "to": "guests"}) as catalog:
        assert error_of(await catalog.answer(f"{{ {field} }}"))[0] == "FORBIDDEN"
    async with acting(await filled(tmp_path), tmp_path, {"allow": "callboard.admin", "to": "guests"}) as catalog:
        assert await catalog.data(f"{{ {field} }}") == {field.split(maxsplit=1)[0]: []}
    assert [(line["action"], line["outcome"]) for line in audited(caplog)] == [("callboard.admin", "denied")]


async def test_figures_are_for_administrators(tmp_path: Path):
    async with acting(await filled(tmp_path), tmp_path, {"allow": "catalog.*", "to": "guests"}) as catalog:
        answer = await catalog.client.get("/metrics")
        assert (answer.status_code, "callboard_stored" in answer.text) == (403, False)
    async with acting(await filled(tmp_path), tmp_path, {"allow": "callboard.admin", "to": "guests"}) as catalog:
        assert "callboard_stored" in (await catalog.client.get("/metrics")).text


ASKED_OF_ONE = [
    "{ entity(ref: %s) { ref origin { path } relations { totalCount } } }",
    "{ entitiesByRef(refs: [%s]) { ref } }",
    "{ whyMissing(ref: %s) { presence explanation claims { path } errors { code } lastChange { sequence } references { relation } } }",
    "{ impact(of: [%s]) { totalCount } }",
    "{ catalogErrors(of: [%s]) { totalCount nodes { code } } }",
    '{ paths(from: %s, to: "component:mine") { length } }',
]


@pytest.mark.parametrize("operation", ASKED_OF_ONE)
async def test_a_hidden_entity_costs_the_queries_of_a_missing_one(operation: str, tmp_path: Path):
    store = await filled(tmp_path)
    access = policy_from(Permission.model_validate(policy(OWN, {"allow": "catalog.location.read", "to": "guests"})))(GUEST_PRINCIPAL)
    schema = build_schema(RelationRegistry())
    asked: list[tuple[object, object]] = []
    for name in ("theirs", "none"):
        counting: Any = CountingStore(store)
        answer = await schema.execute(operation % f'"component:{name}"', context_value=Context(counting, RelationRegistry(), access))
        assert answer.errors is None
        asked.append((json.dumps(answer.data).replace("theirs", "none"), counting.calls))
    await store.close()
    assert asked[0] == asked[1]


async def test_whoever_is_not_let_in_is_recorded_once_with_address_and_reason(
    tmp_path: Path, organisation: Store, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "callboard.audit")
    async with application(organisation) as app, client_of(app) as client:
        answers = [await client.get("/metrics"), await client.post("/graphql", headers=bearer("forged"), json={"query": "{ a }"})]
    assert [answer.status_code for answer in answers] == [401, 401]
    told = [{**line, "reason": bool(line["reason"])} for line in audited(caplog) if line.pop("at")]
    assert told == [
        {"address": "127.0.0.1", "action": "request", "subject": path, "outcome": "denied", "cause": f"{method} {path}", "reason": True}
        for method, path in (("GET", "/metrics"), ("POST", "/graphql"))
    ]
    assert "forged" not in caplog.text


@pytest.mark.parametrize(
    ("headers", "messages", "reason"),
    [
        ([(b"authorization", b"Bearer forged")], [], ""),
        ([], [{"type": "connection_init"}], "Unauthorized: send a token as Authorization in the payload of connection_init"),
    ],
)
async def test_a_refused_connection_is_recorded(
    headers: object, messages: list[object], reason: str, organisation: Store, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "callboard.audit")
    coming = [{"type": "websocket.connect"}, *({"type": "websocket.receive", "text": json.dumps(message)} for message in messages)]
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Any:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    about = {"type": "websocket", "scheme": "ws", "server": ("localhost", 80), "client": ("127.0.0.1", 1), "headers": headers}
    asked = {"path": "/graphql", "raw_path": b"/graphql", "query_string": b"", "subprotocols": ["graphql-transport-ws"]}
    async with application(organisation) as app:
        await app({**about, **asked}, receive, send)
    assert sent[-1]["type"] == "websocket.close"
    told = [(line["subject"], line["cause"], line["outcome"], line.get("reason", "")) for line in audited(caplog)]
    assert told == [("/graphql", "WebSocket /graphql", "denied", reason)]
