"""Every way in which an entity may be there or not, told by whyMissing and origin with what to do."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.conditions import fact_in
from graph.relations import RelationRegistry
from graph.store import Location, StateWrite
from graph.stores.sqlite import SqliteStore
from ingest.pipeline import add_locations, location_of, refresh
from ingest.settings import settings_from
from tests.api.acting import COMPONENT, Acting, acting_on, document
from tests.api.catalog import Asking

WHY = """query($ref: String!) { whyMissing(ref: $ref) { presence explanation leavesAt errors { code } nearest { ref } sameName { ref }
    claims { path holds } entity { origin { provider readAt error path line location { target nextReadAt } } } } }"""


@pytest.fixture
async def acting(tmp_path: Path) -> AsyncIterator[Acting]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    folder = tmp_path / "allowed"
    folder.mkdir()
    async with acting_on(store, folder, {"registration": {"fileRoots": [str(folder)]}}) as acting:
        yield acting


async def why(acting: Acting, ref: str) -> Any:
    return (await acting.data(WHY, ref=ref))["whyMissing"]


async def read(acting: Acting, location: Location, **catalog: Any) -> None:
    await add_locations(acting.store, [location])
    await refresh(location, acting.store, settings_from(Config.model_validate({"catalog": catalog}), RelationRegistry()), processes=0)


async def test_a_kind_that_the_rules_refuse(acting: Acting):
    group = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: ops}\nspec: {type: team, children: []}\n"
    path = acting.write("group.yaml", group)
    await read(acting, location_of("file", path))
    answer = await why(acting, "group:ops")
    assert (answer["presence"], [error["code"] for error in answer["errors"]]) == ("REFUSED", ["kind-not-allowed"])
    assert answer["explanation"] == (
        f"group:default/ops is declared but refused: group:default/ops is of kind Group, which the rules don't allow from file:{path} "
        f"({path}, line 1). Add the kind to catalog.rules or to the rules of this location, or remove the document."
    )


async def test_a_document_that_broke_and_the_entity_it_was(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    await read(acting, location_of("file", path))
    acting.write("a.yaml", COMPONENT.format(name="a").replace("owner: team", "owner: 3"))
    await read(acting, location_of("file", path))
    answer = await why(acting, "component:a")
    assert (answer["presence"], [error["code"] for error in answer["errors"]]) == ("PRESENT", ["wrong-type"])
    assert answer["explanation"].startswith(
        f"component:default/a is read from {path}, line 1. It is as it was when last in order: spec.owner is the number 3"
    )


async def test_a_conflict_names_who_holds_the_ref_and_who_waits(acting: Acting):
    first, second = (acting.write(f"{name}.yaml", COMPONENT.format(name="same")) for name in "ab")
    await read(acting, location_of("file", first))
    await read(acting, location_of("file", second, order=1))
    answer = await why(acting, "component:same")
    assert answer["explanation"] == (
        f"component:default/same is read from {first}, line 1. {second}, line 1 declares it too and takes over when this declaration goes."
    )
    assert answer["claims"] == [{"path": first, "holds": True}, {"path": second, "holds": False}] or answer["claims"] == [
        {"path": second, "holds": False},
        {"path": first, "holds": True},
    ]


async def test_what_no_document_declares_any_more_says_until_when_it_stays(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a") + "---\n" + COMPONENT.format(name="b"))
    await add_locations(acting.store, [location_of("file", acting.write("other.yaml", COMPONENT.format(name="c")), order=1)])
    await read(acting, location_of("file", path))
    acting.write("a.yaml", COMPONENT.format(name="b"))
    await read(acting, location_of("file", path))
    answer = await why(acting, "component:a")
    assert answer["presence"] == "RELEASED"
    assert datetime.now(UTC) < datetime.fromisoformat(answer["leavesAt"]) < datetime.now(UTC) + timedelta(seconds=31)
    assert f"no document declares it since {datetime.now(UTC):%Y}" in answer["explanation"]
    assert (await why(acting, "component:b"))["leavesAt"] is None


async def test_an_orphan_that_is_kept(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a") + "---\n" + COMPONENT.format(name="b"))
    await read(acting, location_of("file", path))
    acting.write("a.yaml", COMPONENT.format(name="b"))
    await read(acting, location_of("file", path), orphanStrategy="keep")
    answer = await why(acting, "component:a")
    assert (answer["presence"], "kept as an orphan (catalog.orphanStrategy)" in answer["explanation"]) == ("ORPHAN", True)


async def test_what_was_unregistered_says_by_whom(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    register = 'mutation($target: String!) { registerLocation(type: "file", target: $target) { location { id } } }'
    location = (await acting.data(register, target=path))["registerLocation"]["location"]
    await acting.data("mutation($id: ID!) { unregisterLocation(id: $id) { removedRefs } }", id=location["id"])
    answer = await why(acting, "component:a")
    assert answer["presence"] == "REMOVED"
    assert answer["explanation"].endswith(" (user user:default/guest).")


async def test_a_location_that_fails_says_so_for_what_it_led_to_and_for_what_may_be_in_it(acting: Acting):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    await read(acting, location_of("file", path))
    (acting.folder / "a.yaml").unlink()
    await read(acting, location_of("file", path))
    failed = f"{path} does not exist."
    there, absent = await why(acting, "component:a"), await why(acting, "component:zz")
    assert there["explanation"].endswith(f"The last read of {path} failed: {failed}")
    assert there["entity"]["origin"]["error"] == failed[:-1]
    assert (absent["presence"], absent["explanation"].endswith(f"It may be in {path}, of which the last read failed: {failed}")) == (
        "UNKNOWN",
        True,
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"lastError": "github.com does not answer"}, "The last run of its provider github:acme failed: github.com does not answer."),
        (
            {"missingSince": "2026-01-01T00:00:00+00:00", "lastError": "x"},
            "Its provider github:acme is no longer configured, and what it gave goes at 2026-01-02T00:00:00+00:00 (catalog.providerGrace).",
        ),
        ({}, None),
    ],
)
async def test_what_a_provider_gave_names_it_and_its_state(acting: Acting, value: Mapping[str, Any], words: str | None):
    path = acting.write("a.yaml", COMPONENT.format(name="a"))
    await read(acting, location_of("file", path, origin="provider:github:acme"))
    due = datetime(2026, 1, 2, tzinfo=UTC)
    await acting.store.write_states([StateWrite("providers", "github:acme", value, due=due)])
    answer = await why(acting, "component:a")
    expected = f"component:default/a is read from {path}, line 1." + (f" {words}" if words else "")
    assert (answer["explanation"], answer["entity"]["origin"]["provider"]) == (expected, "github:acme")
    assert answer["entity"]["origin"]["location"] == {"target": path, "nextReadAt": None}
    assert answer["entity"]["origin"]["readAt"] is not None


async def test_a_typo_is_answered_with_what_is_most_alike(acting: Acting):
    await acting.client.put("/api/catalog/entity-sets/x", json={"entities": [document(name) for name in ("checkout", "checkin", "other")]})
    answer = await why(acting, "component:chekout")
    assert (answer["presence"], [near["ref"] for near in answer["nearest"]]) == (
        "UNKNOWN",
        ["component:default/checkout"],
    )
    assert [same["ref"] for same in (await why(acting, "resource:checkout"))["sameName"]] == ["component:default/checkout"]
    assert (await why(acting, "component:checkout"))["nearest"] == []


async def test_what_is_hidden_is_never_suggested(asking: Asking):
    query = '{ whyMissing(ref: "component:shopp") { nearest { ref } sameName { ref } explanation } }'
    seen = (await asking.data(query))["whyMissing"]
    assert "component:default/shop" in [near["ref"] for near in seen["nearest"]]
    hidden = (await asking.data(query, visible=fact_in("kind", ("api",))))["whyMissing"]
    assert [near["ref"] for near in hidden["nearest"] if near["ref"].startswith("component")] == []
