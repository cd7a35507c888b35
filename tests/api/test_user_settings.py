"""The settings of users: kept for each alone, by bucket and key, as long and as many as one may."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.audit import Audit
from api.rest.user_settings import MOST_SETTINGS, user_settings_routes
from graph.access import Access, Action, Principal, PrincipalKind, unrestricted
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores.sqlite import SqliteStore
from tests.api.http import asked_by, client_of

KEYS = "/api/user-settings/buckets/shell/keys"
MULTI = "/api/user-settings/multiget"


def user(name: str, kind: PrincipalKind = PrincipalKind.USER, actions: frozenset[Action] | None = None) -> Access:
    ref = Ref(f"{'service' if kind is PrincipalKind.SERVICE else 'user'}:default/{name}")
    return unrestricted(Principal(ref, kind, (ref,), actions))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield store
    await store.close()


def client(store: Store, access: Access) -> httpx.AsyncClient:
    return asked_by(access, user_settings_routes(store, lambda: True, Audit()))


async def put(client: httpx.AsyncClient, key: str, value: Any) -> httpx.Response:
    return await client.put(f"{KEYS}/{key}", json={"value": value})


async def test_a_setting_is_kept_read_and_forgotten(store: Store):
    async with client(store, user("ann")) as ann:
        kept = await put(ann, "theme", {"name": "dark", "sizes": [1, 2.5, None]})
        assert (kept.status_code, kept.json()) == (
            200,
            {"bucket": "shell", "key": "theme", "value": {"name": "dark", "sizes": [1, 2.5, None]}},
        )
        assert (await ann.get(f"{KEYS}/theme")).json() == kept.json()
        assert (await put(ann, "theme", None)).json()["value"] is None
        gone = await ann.delete(f"{KEYS}/theme")
        assert (gone.status_code, gone.content) == (204, b"")
        missing = await ann.get(f"{KEYS}/theme")
        assert (missing.status_code, missing.json()["error"]) == (
            404,
            {"name": "NotFoundError", "message": "Unable to find 'theme' in bucket 'shell'"},
        )
        assert (await ann.delete(f"{KEYS}/theme")).status_code == 204


async def test_many_are_read_at_once_in_the_order_asked(store: Store):
    async with client(store, user("ann")) as ann:
        await put(ann, "a/b c", 1)
        await put(ann, "null", None)
        items = [{"bucket": "shell", "key": key} for key in ("null", "missing", "a/b c", "a/b c")]
        answer = await ann.post(MULTI, json={"items": items})
        assert (answer.status_code, answer.json()) == (200, {"items": [{"value": None}, None, {"value": 1}, {"value": 1}]})
        assert (await ann.post(MULTI, json={"items": []})).json() == {"items": []}
        for wrong in ({}, {"items": {}}, {"items": [1]}, {"items": [{"bucket": "shell"}]}, {"items": [{"bucket": "", "key": "a"}]}):
            assert (await ann.post(MULTI, json=wrong)).status_code == 400
        assert (await ann.post(MULTI, json={"items": items * 251})).status_code == 400


async def test_names_may_hold_slashes_and_anything_else(store: Store):
    async with client(store, user("ann")) as ann:
        path = "/api/user-settings/buckets/a%2Fkeys%2Fb%20%C3%BC/keys/c%2Fd/e%3Ff"
        kept = await ann.put(path, json={"value": 1})
        assert kept.json() == {"bucket": "a/keys/b ü", "key": "c/d/e?f", "value": 1}
        assert (await ann.get(path)).json() == kept.json()
        asked = {"items": [{"bucket": "a/keys/b ü", "key": "c/d/e?f"}, {"bucket": "a", "key": "b ü/keys/c/d/e?f"}]}
        assert (await ann.post(MULTI, json=asked)).json() == {"items": [{"value": 1}, None]}
        for wrong in ("/a", "/a/keys", "/a/kees/b", "/a/b/keys/c"):
            assert (await ann.get(f"/api/user-settings/buckets{wrong}")).status_code == 404


async def test_nobody_reaches_the_settings_of_others(store: Store):
    async with client(store, user("ann")) as ann, client(store, user("an")) as an:
        await put(ann, "n%09key", "mine")
        assert (await an.get(f"{KEYS}/n%09key")).status_code == 404
        assert (await an.post(MULTI, json={"items": [{"bucket": "shell", "key": "n\tkey"}]})).json() == {"items": [None]}
        await an.delete(f"{KEYS}/n%09key")
        await put(an, "n%09key", "other")
        assert (await ann.get(f"{KEYS}/n%09key")).json()["value"] == "mine"


@pytest.mark.parametrize(
    "access", [user("ci", PrincipalKind.SERVICE), user("ann", actions=frozenset({Action.ENTITY_READ}))], ids=["service", "scoped"]
)
async def test_services_and_scoped_tokens_have_none(store: Store, access: Access):
    async with client(store, access) as other:
        for answer in (await other.get(f"{KEYS}/a"), await put(other, "a", 1), await other.delete(f"{KEYS}/a"), await other.post(MULTI)):
            assert (answer.status_code, answer.json()["error"]["name"]) == (403, "NotAllowedError")
    assert await store.states("user-settings") == []


async def test_what_is_too_long_or_too_much_is_refused(store: Store):
    async with client(store, user("ann")) as ann, client(store, user("bea")) as bea:
        assert (await put(ann, "a", "x" * 100_000)).status_code == 413
        assert (await put(ann, "k" * 256, 1)).status_code == 400
        assert (await put(ann, "%00", 1)).status_code == 400
        assert (await ann.put(f"{KEYS}/a", json={"values": 1})).json()["error"]["message"] == 'Missing required field "value"'
        deep = b'{"value": ' + b"[" * 400 + b"]" * 400 + b"}"
        assert (await ann.put(f"{KEYS}/a", content=deep, headers={"content-type": "application/json"})).status_code == 400
        assert await store.states("user-settings") == []
        for index in range(MOST_SETTINGS):
            assert (await put(ann, f"key{index}", index)).status_code == 200
        refused = await put(ann, "one-more", 1)
        assert (refused.status_code, "as many as one may" in refused.json()["error"]["message"]) == (400, True)
        assert (await put(ann, "key7", "changed")).status_code == 200
        assert (await put(bea, "one-more", 1)).status_code == 200


async def test_the_application_keeps_them_for_guests(store: Store):
    async with client_of(store) as guest:
        await put(guest, "theme", "dark")
        assert [row.id.partition("\n")[0] for row in await store.states("user-settings")] == ["user:default/guest"]
