"""Looking at what hosts of repositories hold without keeping it, and deleting what was read from them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from config import Config
from graph.access import UNRESTRICTED_GUEST, Access, Action
from graph.conditions import fact_in
from graph.errors import InputError
from graph.refs import Ref
from graph.relations import RelationRegistry
from ingest.analysis import MOST_FILES
from ingest.pipeline import refresh
from ingest.settings import settings_from
from plugins.hosts import opened_hosts
from tests.ingest.catalogs import Catalog, component
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github
from workers.lifecycle.actions import CatalogActions

GUEST = UNRESTRICTED_GUEST
SHOP = Ref("component:default/shop")


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    with serving_github(folder) as hub:
        hub.token("reader")
        files = {"catalog-info.yaml": yaml.safe_dump(component("shop")), "cart/catalog-info.yaml": yaml.safe_dump(component("cart"))}
        skeleton = "kind: Component\nmetadata: {name: '${{ values.name }}'}\n"
        hub.repository("acme/shop", {**files, "templates/skeleton/catalog-info.yaml": skeleton, "other.yaml": skeleton})
        hub.repository("acme/none", {"README.md": "nothing"})
        yield hub


@pytest.fixture
async def actions(catalog: Catalog, hub: Hub) -> AsyncIterator[CatalogActions]:
    config = Config.model_validate(
        {
            "backend": {"reading": {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]}},
            "integrations": {"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}]},
        }
    )
    async with opened_hosts(config) as hosts:
        yield CatalogActions(catalog.store, settings_from(config, RelationRegistry(), hosts), ())


async def test_the_catalog_files_of_a_repository_are_found(catalog: Catalog, hub: Hub, actions: CatalogActions):
    registered = f"{hub.url}/acme/shop/blob/main/cart/catalog-info.yaml"
    await actions.registrations.add("url", registered, GUEST, again=False)
    found = await actions.registrations.analyze(f"{hub.url}/acme/shop", "catalog-info.yaml", GUEST)
    told = [(file.target, file.exists, [document["metadata"]["name"] for document in file.documents]) for file in found.files]
    assert told == [(registered, True, ["cart"]), (f"{hub.url}/acme/shop/blob/HEAD/catalog-info.yaml", False, ["shop"])]
    assert found.suggestion is None
    assert (
        found.files[1].documents[0]["metadata"]["annotations"]["backstage.io/managed-by-origin-location"] == f"url:{found.files[1].target}"
    )
    assert (await catalog.refs(), await catalog.store.states("sources")) == ([], [])


async def test_a_repository_of_which_nothing_may_be_seen_is_as_one_without_files(hub: Hub, actions: CatalogActions):
    hub.repository("acme/secret", {"catalog-info.yaml": yaml.safe_dump(component("secret"))})
    access = Access(GUEST.principal, {**GUEST.conditions, Action.ENTITY_READ: fact_in("metadata.name", ["cart"])})
    found = await actions.registrations.analyze(f"{hub.url}/acme/secret", "catalog-info.yaml", access)
    assert (found.files, found.suggestion is not None) == ([], True)
    some = await actions.registrations.analyze(f"{hub.url}/acme/shop", "catalog-info.yaml", access)
    assert [file.target.rpartition("HEAD/")[2] for file in some.files] == ["cart/catalog-info.yaml"]


async def test_a_repository_without_catalog_files_gets_a_suggestion(hub: Hub, actions: CatalogActions):
    for url in (f"{hub.url}/acme/none", f"{hub.url}/acme/none/tree/main/"):
        found = await actions.registrations.analyze(url, "catalog-info.yaml", GUEST)
        assert (found.files, found.suggestion) == (
            [],
            {
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "Component",
                "metadata": {"name": "none", "annotations": {"github.com/project-slug": "acme/none"}},
                "spec": {"type": "other", "lifecycle": "unknown"},
            },
        )


async def test_what_can_not_be_read_is_told(hub: Hub, actions: CatalogActions):
    for url, filename in ((f"{hub.url}/acme/missing", "catalog-info.yaml"), (f"{hub.url}/acme/shop", "other.yaml"), ("nothing", "a.yaml")):
        with pytest.raises(InputError):
            await actions.registrations.analyze(url, filename, GUEST)


async def test_no_more_than_some_files_are_looked_at(hub: Hub, actions: CatalogActions):
    hub.repository("acme/many", {f"{n:03}/catalog-info.yaml": yaml.safe_dump(component(f"many{n}")) for n in range(MOST_FILES + 5)})
    found = await actions.registrations.analyze(f"{hub.url}/acme/many", "catalog-info.yaml", GUEST)
    assert len(found.files) == MOST_FILES


async def test_a_dry_run_reads_what_is_registered_anew(hub: Hub, actions: CatalogActions):
    url = f"{hub.url}/acme/shop/blob/main/catalog-info.yaml"
    await actions.registrations.add("url", url, GUEST, again=False)
    for _ in range(2):
        preview = await actions.registrations.preview("url", url, GUEST)
        assert (preview.exists, [document["metadata"]["name"] for document in preview.documents]) == (True, ["shop"])
        [location] = await actions.store.locations()
        await refresh(location, actions.store, actions.settings)
    with pytest.raises(InputError):
        await actions.registrations.preview("url", f"{hub.url}/acme/shop/blob/main/none.yaml", GUEST)


async def test_a_deleted_entity_of_a_repository_comes_back_though_nothing_changed_there(
    catalog: Catalog, hub: Hub, actions: CatalogActions
):
    await actions.registrations.add("url", f"{hub.url}/acme/shop/blob/main/catalog-info.yaml", GUEST, again=False)
    [location] = await actions.store.locations()
    await refresh(location, actions.store, actions.settings)
    await actions.registrations.delete_entity(SHOP, GUEST)
    assert await catalog.refs() == []
    await refresh((await actions.store.locations())[0], actions.store, actions.settings)
    assert await catalog.refs() == [SHOP]
