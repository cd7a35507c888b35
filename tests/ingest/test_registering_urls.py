"""Registering what hosts of repositories hold: what may be read is registered, what may not is not, and neither is what is not there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from config import Config
from graph.relations import RelationRegistry
from ingest.lifecycle import Registered
from ingest.settings import settings_from
from plugins.hosts import opened_hosts
from tests.ingest.catalogs import ANN, Catalog, component
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github
from workers.lifecycle.actions import CatalogActions


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    with serving_github(folder) as hub:
        hub.token("reader")
        hub.repository("acme/shop", {"catalog-info.yaml": yaml.safe_dump(component("shop"))})
        yield hub


async def register(catalog: Catalog, hub: Hub, url: str, *, dry_run: bool = False) -> Registered:
    config = Config.model_validate(
        {
            "backend": {"reading": {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]}},
            "integrations": {"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}]},
        }
    )
    async with opened_hosts(config) as hosts:
        settings = settings_from(config, RelationRegistry(), hosts)
        return await CatalogActions(catalog.store, settings, ()).register("url", url, ANN, dry_run=dry_run)


async def test_a_repository_is_tried_and_then_registered(catalog: Catalog, hub: Hub):
    url = f"{hub.url}/acme/shop/blob/main/catalog-info.yaml"
    tried = await register(catalog, hub, url, dry_run=True)
    assert (tried.location, [entity.ref for entity in tried.entities], tried.problems) == (None, ["component:default/shop"], [])
    assert (await catalog.store.locations(), await catalog.refs(), await catalog.store.states("sources")) == ([], [], [])
    done = await register(catalog, hub, url)
    assert done.location is not None
    assert (done.location.type, done.location.target, done.location.origin) == ("url", url, "registered")
    assert await catalog.refs() == ["component:default/shop"]
    assert (await register(catalog, hub, url)).existed


async def test_a_host_that_may_not_be_read_and_a_file_that_is_not_there_are_refused(catalog: Catalog, hub: Hub):
    for url, code in (
        ("https://elsewhere.example/acme/shop/blob/main/catalog-info.yaml", "source-not-allowed"),
        (f"{hub.url}/acme/shop/blob/main/none.yaml", "source-not-found"),
        (f"{hub.url}/acme/none/blob/main/catalog-info.yaml", "source-not-found"),
    ):
        refused = await register(catalog, hub, url)
        assert (refused.location, refused.entities, [problem.code for problem in refused.problems]) == (None, [], [code])
    assert await catalog.store.locations() == []
