"""Inferred edges in the graph: beside what is declared, kept when a file is read again, and taken back when nothing says so any more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Config
from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Cause
from ingest.infer.keeping import keep_inferred
from ingest.pipeline import add_locations, location_of, refresh
from ingest.settings import settings_from
from plugins.hosts import opened_hosts
from tests.ingest.catalogs import Catalog, component
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github

SHOP, LIB = Ref("component:default/shop"), Ref("component:default/lib")
GROUP = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Group",
    "metadata": {"name": "team", "annotations": {"github.com/team-slug": "acme/team"}},
    "spec": {"type": "team", "children": []},
}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    with serving_github(folder) as hub:
        hub.token("reader")
        yield hub


@pytest.fixture
def repositories(catalog: Catalog) -> Catalog:
    """Two repositories and the people, the first depending on the second by its manifest."""
    catalog.settings = {"inference": {"enabled": True}}
    catalog.targets = ("shop", "lib", "org")
    catalog.write("org/catalog-info.yaml", GROUP)
    catalog.write("lib/catalog-info.yaml", component("lib"))
    catalog.write("lib/pyproject.toml", '[project]\nname = "acme-lib"\n')
    catalog.write("shop/catalog-info.yaml", component("shop"))
    catalog.write("shop/pyproject.toml", '[project]\nname = "shop"\ndependencies = ["acme_lib"]\n')
    catalog.write("shop/CODEOWNERS", "* @acme/team\n")
    return catalog


async def edges(catalog: Catalog) -> list[tuple[Any, ...]]:
    declared = (await catalog.store.declared_by([SHOP])).get(SHOP, ())
    return [
        (edge.relation, edge.target, one.field, one.path.removeprefix(f"{catalog.folder}/"), one.line, one.inferred, one.confidence)
        for edge in declared
        for one in edge.evidence
    ]


DEPENDS = ("dependsOn", LIB, "pyproject.toml#project.dependencies", "shop/pyproject.toml", 3, True, 0.9)
OWNER = ("ownedBy", "group:default/team", "spec.owner", "shop/catalog-info.yaml", 8, False, 1.0)
BACKED = ("ownedBy", "group:default/team", "CODEOWNERS#owners", "shop/CODEOWNERS", 1, True, 0.6)


async def test_edges_are_inferred_between_repositories_and_the_log_tells_it(repositories: Catalog):
    await repositories.read_all()
    assert await edges(repositories) == [DEPENDS, BACKED, OWNER]
    last = (await repositories.store.changes(0, 100, visible=EVERYTHING))[-1]
    assert (last.ref, last.operation, last.cause) == (SHOP, "updated", Cause("task", "inference"))
    assert list(last.patch) == [{"op": "test", "path": "/metadata/name", "value": "shop"}]


async def test_a_second_time_nothing_is_written(repositories: Catalog):
    await repositories.read_all()
    head = await repositories.store.head()
    await repositories.read_all()
    assert await repositories.store.head() == head


async def test_what_is_inferred_stays_when_the_file_is_read_again(repositories: Catalog):
    await repositories.read_all()
    repositories.write("shop/catalog-info.yaml", component("shop", type="website", dependsOn=["component:lib"]))
    await repositories.read_all()
    declared = ("dependsOn", LIB, "spec.dependsOn[0]", "shop/catalog-info.yaml", 10, False, 1.0)
    assert await edges(repositories) == [DEPENDS, declared, BACKED, OWNER]


async def test_what_nothing_says_any_more_is_taken_back(repositories: Catalog):
    await repositories.read_all()
    (repositories.folder / "shop/CODEOWNERS").unlink()
    repositories.write("lib/pyproject.toml", '[project]\nname = "renamed"\n')
    await repositories.read_all()
    assert await edges(repositories) == [OWNER]


async def test_an_owner_that_is_declared_is_never_overwritten(repositories: Catalog):
    repositories.write("shop/CODEOWNERS", "* @acme/others\n")
    await repositories.read_all()
    assert await edges(repositories) == [DEPENDS, OWNER]


async def test_without_the_setting_nothing_is_inferred(repositories: Catalog):
    repositories.settings = {}
    await repositories.read_all()
    assert await edges(repositories) == [OWNER]


async def test_what_a_location_told_goes_with_it(repositories: Catalog):
    await repositories.read_all()
    repositories.targets = ("shop", "org")
    await repositories.read_all()
    assert await edges(repositories) == [BACKED, OWNER]


async def test_repositories_at_a_host_are_looked_at_by_commit_and_named_by_url(catalog: Catalog, hub: Hub):
    shop, lib = ({"catalog-info.yaml": yaml.safe_dump(component(name))} for name in ("shop", "lib"))
    hub.repository(
        "acme/shop", {**shop, "web/package.json": '{\n  "dependencies": {"@acme/lib": "1"}\n}', ".github/CODEOWNERS": "* @acme/x\n"}
    )
    hub.repository("acme/lib", {**lib, "package.json": '{"name": "@acme/lib"}'})
    config = Config.model_validate(
        {
            "backend": {"reading": {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]}},
            "integrations": {"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}]},
            "catalog": {"inference": {"enabled": True}},
        }
    )
    targets = [f"{hub.url}/acme/{name}/blob/main/catalog-info.yaml" for name in ("shop", "lib")]
    await add_locations(catalog.store, [location_of("url", target) for target in targets])

    async def read() -> None:
        async with opened_hosts(config) as hosts:
            for location in await catalog.store.locations():
                await refresh(location, catalog.store, settings_from(config, RelationRegistry(), hosts), processes=0)

    await read()
    assert await keep_inferred(catalog.store) == [SHOP]
    [edge] = [edge for edge in (await catalog.store.declared_by([SHOP]))[SHOP] if edge.target == LIB]
    [evidence] = edge.evidence
    assert (evidence.path, evidence.line, evidence.inferred) == (f"{hub.url}/acme/shop/blob/main/web/package.json", 2, True)
    head = await catalog.store.head()
    hub.forget()
    await read()
    assert (len(hub.seen), await keep_inferred(catalog.store), await catalog.store.head()) == (2, [], head)
