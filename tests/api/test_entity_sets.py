"""The push API: sets of entities by PUT, PATCH and DELETE, idempotent, validated, and refused in the one shape of errors."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore
from tests.api.acting import Acting, acting_on, document

SETS = "/api/catalog/entity-sets"


@pytest.fixture
async def acting(tmp_path: Path) -> AsyncIterator[Acting]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    async with acting_on(store, tmp_path, {"registration": {"maxSetBytes": 5000}}) as acting:
        yield acting


def refs(*names: str) -> list[str]:
    return [f"component:default/{name}" for name in names]


async def put(acting: Acting, *names: str, headers: dict[str, str] | None = None, query: str = "") -> httpx.Response:
    return await acting.client.put(f"{SETS}/hr{query}", json={"entities": [document(name) for name in names]}, headers=headers)


async def test_a_set_is_put_replaced_and_told(acting: Acting):
    first = await put(acting, "a", "b")
    assert (first.status_code, first.json()) == (
        200,
        {
            "name": "hr",
            "dryRun": False,
            "created": refs("a", "b"),
            "updated": [],
            "removed": [],
            "unchanged": 0,
            "problems": [],
            "conflicts": [],
        },
    )
    second = await put(acting, "b", "c")
    assert (second.json()["created"], second.json()["removed"], second.json()["unchanged"]) == (refs("c"), refs("a"), 1)
    assert second.headers["etag"] != first.headers["etag"]
    assert [(c.operation, c.ref, c.cause.kind, c.cause.detail) for c in (await acting.changes())[-1:]] == [
        ("removed", "component:default/a", "user", "user:default/guest")
    ]
    listed = (await acting.client.get(SETS)).json()["items"]
    assert [(one["name"], one["entities"], one["errors"], one["etag"]) for one in listed] == [("hr", 2, 0, second.headers["etag"])]
    one = await acting.client.get(f"{SETS}/hr")
    assert (one.json(), one.headers["etag"]) == (listed[0], second.headers["etag"])


async def test_the_second_time_nothing_is_written(acting: Acting):
    first, second = await put(acting, "a"), await put(acting, "a")
    assert (second.json()["unchanged"], second.headers["etag"], len(await acting.changes())) == (1, first.headers["etag"], 1)


async def test_a_dry_run_tells_and_writes_nothing(acting: Acting):
    answer = await put(acting, "a", query="?dryRun=true")
    assert (answer.json()["dryRun"], answer.json()["created"], "etag" in answer.headers) == (True, refs("a"), False)
    assert (await acting.changes(), (await acting.client.get(SETS)).json()) == ([], {"items": []})


async def test_a_patch_adds_and_removes_and_leaves_the_rest(acting: Acting):
    await put(acting, "a", "b")
    answer = await acting.client.patch(f"{SETS}/hr", json={"added": [document("c")], "removed": ["component:a"]})
    assert (answer.json()["created"], answer.json()["removed"]) == (refs("c"), refs("a"))
    assert (await acting.client.get(f"{SETS}/hr")).json()["entities"] == 2


async def test_a_set_is_deleted_with_what_it_holds(acting: Acting):
    await put(acting, "a")
    gone = await acting.client.delete(f"{SETS}/hr")
    assert (gone.status_code, gone.json()) == (200, {"removed": refs("a"), "orphaned": []})
    assert (await acting.client.delete(f"{SETS}/hr")).status_code == 404
    assert (await acting.client.get(f"{SETS}/hr")).status_code == 404


async def test_an_invalid_entity_is_told_with_its_pointer_and_the_others_are_taken(acting: Acting):
    body = {"entities": [document("a"), document("b", lifecycle=3)]}
    answer = await acting.client.put(f"{SETS}/hr", json=body)
    assert answer.json()["created"] == refs("a")
    [problem] = answer.json()["problems"]
    assert (problem["index"], problem["ref"], problem["pointer"], problem["code"]) == (1, *refs("b"), "/spec/lifecycle", "wrong-type")


async def test_conflicts_with_others_are_told(acting: Acting):
    await put(acting, "a")
    answer = await acting.client.put(f"{SETS}/other", json={"entities": [document("a")]})
    assert [conflict["ref"] for conflict in answer.json()["conflicts"]] == refs("a")
    assert answer.json()["created"] == []


async def test_a_set_is_changed_only_as_it_was_seen(acting: Acting):
    tag = (await put(acting, "a", headers={"If-None-Match": "*"})).headers["etag"]
    assert (await put(acting, "b", headers={"If-None-Match": "*"})).status_code == 412
    assert (await put(acting, "b", headers={"If-Match": '"other"'})).status_code == 412
    assert (await acting.client.delete(f"{SETS}/hr", headers={"If-Match": '"other"'})).status_code == 412
    assert (await acting.client.put(f"{SETS}/new", json={"entities": []}, headers={"If-Match": "*"})).status_code == 412
    assert len(await acting.changes()) == 1
    assert (await put(acting, "b", headers={"If-Match": f'"x", {tag}'})).json()["created"] == refs("b")


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("-hr", b'{"entities": []}', 400, "name has 1 to 63"),
        ("hr", b"{", 400, "not valid JSON"),
        ("hr", b"[]", 400, "JSON object"),
        ("hr", b"{}", 400, "`entities` has to be a list"),
        ("hr", b'{"entities": [1]}', 400, "`entities[0]` is no JSON object"),
        ("hr", b'{"entities": [], "entitys": []}', 400, "'entitys'"),
        ("hr", b'{"entities": [' + b" " * 5000 + b"]}", 413, "maxSetBytes"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_the_one_shape(acting: Acting, name: str, content: bytes, status: int, words: str):
    answer = await acting.client.put(f"{SETS}/{name}", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["response"]) == (status, {"statusCode": status})
    assert words in answer.json()["error"]["message"]
    assert (await acting.client.get(SETS)).json() == {"items": []}


async def test_other_media_types_and_methods_are_refused(acting: Acting):
    assert (await acting.client.put(f"{SETS}/hr", content=b'{"entities": []}', headers={"content-type": "text/plain"})).status_code == 415
    assert (await acting.client.post(f"{SETS}/hr", json={})).status_code == 405
    assert (await acting.client.patch(f"{SETS}/hr", json={"removed": ["nonsense"]})).status_code == 400
    assert (await acting.client.put(f"{SETS}/hr?dryRun=maybe", json={"entities": []})).status_code == 400
