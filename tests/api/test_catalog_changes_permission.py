"""Who may do what over Backstage's catalog API: what is not allowed is refused, changes nothing and shows nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.audit import Audit
from api.rest.catalog.acting import Acting
from api.rest.catalog.changing import changing_routes
from api.rest.catalog.locations import location_routes
from api.rest.catalog.reading import Catalog
from config import Config
from graph.access import Access, Action, Principal, PrincipalKind, Redaction
from graph.conditions import EVERYTHING, Condition, Related, fact_in
from graph.refs import Ref, uid_of
from graph.relations import Direction, RelationRegistry
from graph.stores.sqlite import SqliteStore
from ingest.pipeline import refresh
from ingest.settings import settings_from
from tests.api.acting import COMPONENT
from tests.api.http import asked_by
from workers.lifecycle.actions import CatalogActions

API = "/api/catalog"
ANN = Principal(Ref("user:default/ann"), PrincipalKind.USER, ())
ALL: Mapping[Action, Condition] = dict.fromkeys(Action, EVERYTHING)
SEEN = fact_in("metadata.name", ["seen"])


class Guarded:
    """A catalog with the entities `seen` and `hidden` of one registered location."""

    def __init__(self, actions: CatalogActions, path: str) -> None:
        self.actions, self.path = actions, path
        self.store = actions.store
        self.registry = RelationRegistry()

    def client(
        self, *, redactions: Sequence[Redaction] = (), hides_references: bool = False, **conditions: Condition | None
    ) -> httpx.AsyncClient:
        """A client that may do everything but for these actions: with a condition on those entities, with None not at all."""
        allowed = {**ALL, **{Action[name]: condition for name, condition in conditions.items() if condition is not None}}
        kept = {action: allowed[action] for action in allowed if conditions.get(action.name, EVERYTHING) is not None}
        access = Access(ANN, kept, tuple(redactions), hides_references)
        acting = Acting(lambda: self.actions, Audit())
        return asked_by(access, [*location_routes(API, acting), *changing_routes(API, acting, Catalog(self.store, self.registry))])

    async def refs(self) -> list[str]:
        return sorted(
            await self.store.entities_by_ref([Ref("component:default/seen"), Ref("component:default/hidden")], visible=EVERYTHING)
        )


BOTH = ["component:default/hidden", "component:default/seen"]


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    registry = RelationRegistry()
    store = SqliteStore(tmp_path / "catalog.db", registry)
    await store.open()
    path = tmp_path / "a.yaml"
    path.write_text(COMPONENT.format(name="seen") + "---\n" + COMPONENT.format(name="hidden"))
    actions = CatalogActions(store, settings_from(Config(), registry), [str(tmp_path)])
    guarded = Guarded(actions, str(path))
    async with guarded.client() as client:
        await client.post(f"{API}/locations", json={"type": "file", "target": str(path)})
    await refresh((await store.locations())[0], store, actions.settings)
    yield guarded
    await store.close()


async def test_each_request_needs_its_action(guarded: Guarded):
    [location] = await guarded.store.locations()
    body = {"type": "file", "target": guarded.path + "x"}
    for name, method, path, sent in (
        ("LOCATION_CREATE", "POST", "/locations", body),
        ("LOCATION_CREATE", "POST", "/locations?dryRun=true", body),
        ("LOCATION_CREATE", "PUT", f"/locations/{location.id}", body),
        ("LOCATION_DELETE", "PUT", f"/locations/{location.id}", body),
        ("LOCATION_DELETE", "DELETE", f"/locations/{location.id}", None),
        ("ENTITY_REFRESH", "POST", "/refresh", {"entityRef": "component:seen"}),
        ("ENTITY_DELETE", "DELETE", f"/entities/by-uid/{uid_of(Ref('component:default/seen'))}", None),
        ("ENTITY_DELETE", "DELETE", "/entities/by-uid/unknown", None),
        ("ENTITY_VALIDATE", "POST", "/validate-entity", {}),
        ("LOCATION_ANALYZE", "POST", "/analyze-location", {"location": {"type": "url", "target": "https://a/b/c"}}),
    ):
        async with guarded.client(**{name: None}) as client:
            answer = await client.request(method, f"{API}{path}", json=sent)
        assert (path, answer.status_code, answer.json()["error"]["name"]) == (path, 403, "NotAllowedError")
    assert (await guarded.refs(), await guarded.store.locations()) == (BOTH, [location])


async def test_who_may_not_read_locations_finds_none(guarded: Guarded):
    [location] = await guarded.store.locations()
    async with guarded.client(LOCATION_READ=None) as client:
        assert (await client.get(f"{API}/locations")).json() == []
        assert (await client.post(f"{API}/locations/by-query", json={})).json() == {"items": [], "totalItems": 0, "pageInfo": {}}
        assert (await client.get(f"{API}/locations/{location.id}")).status_code == 404
        assert (await client.get(f"{API}/locations/by-entity/component/default/seen")).status_code == 404


async def test_a_hidden_entity_is_as_one_that_is_missing(guarded: Guarded):
    async with guarded.client(ENTITY_READ=SEEN) as client:
        for name, status in (("seen", 200), ("hidden", 404), ("missing", 404)):
            assert (await client.post(f"{API}/refresh", json={"entityRef": f"component:{name}"})).status_code == status
            assert (await client.get(f"{API}/locations/by-entity/component/default/{name}")).status_code == status
        for name in ("hidden", "missing"):
            assert (await client.delete(f"{API}/entities/by-uid/{uid_of(Ref(f'component:default/{name}'))}")).status_code == 204
    assert await guarded.refs() == BOTH


async def test_what_may_be_done_to_some_is_not_done_to_others(guarded: Guarded):
    async with guarded.client(ENTITY_DELETE=SEEN, ENTITY_REFRESH=SEEN) as client:
        assert (await client.post(f"{API}/refresh", json={"entityRef": "component:hidden"})).status_code == 403
        refused = await client.delete(f"{API}/entities/by-uid/{uid_of(Ref('component:default/hidden'))}")
        assert (refused.status_code, await guarded.refs()) == (403, BOTH)
        assert (await client.delete(f"{API}/entities/by-uid/{uid_of(Ref('component:default/seen'))}")).status_code == 204
    assert await guarded.refs() == ["component:default/hidden"]


async def test_a_dry_run_shows_what_would_be_seen_in_the_catalog(guarded: Guarded):
    body = {"type": "file", "target": guarded.path}

    async def shown(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        return (await client.post(f"{API}/locations?dryRun=true", json=body)).json()["entities"]

    async with guarded.client(ENTITY_READ=SEEN) as client:
        assert [entity["metadata"]["name"] for entity in await shown(client)] == ["seen"]
    owned = Related("ownedBy", Direction.OUT, (Ref("group:default/team"),))
    async with guarded.client(ENTITY_READ=owned) as client:
        assert [entity["metadata"]["name"] for entity in await shown(client)] == ["seen", "hidden"]
    async with guarded.client(ENTITY_READ=Related("partOf", Direction.OUT, (Ref("system:default/s"),), transitive=True)) as client:
        assert await shown(client) == []
    redactions = (Redaction(("spec.lifecycle", "metadata.annotations"), SEEN),)
    async with guarded.client(redactions=redactions, hides_references=True) as client:
        seen, hidden = await shown(client)
    assert (seen["spec"], "annotations" in seen["metadata"]) == ({"type": "service"}, False)
    assert (hidden["spec"], "annotations" in hidden["metadata"]) == ({"type": "service", "lifecycle": "production"}, True)
