"""Which locations an event has read: those that read what it touched, by file, include, pattern or further repository, and no others."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore
from plugins.contract import Touched
from plugins.hosts import opened_hosts
from tests.ingest.catalogs import Catalog, component, location
from tests.ingest.test_reading_urls import Urls
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github
from workers.webhooks.matching import touched_locations


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "hub").mkdir()
    with serving_github(tmp_path / "hub") as hub:
        hub.token("reader")
        yield hub


@pytest.fixture
async def urls(tmp_path: Path, hub: Hub) -> AsyncIterator[Urls]:
    """Three locations: a tree of files, what a Location entity leads to in two repositories, and one file of the second."""
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    urls = Urls(Catalog(tmp_path, store), hub)
    described = {**component("app"), "metadata": {"name": "app", "description": {"$text": "./about.md"}}}
    root = location("root", "./parts/*/catalog-info.yaml", "/top/later.yaml", urls.url("lib.yaml", "acme/lib"), presence="optional")
    hub.repository("acme/lib", {"lib.yaml": yaml.safe_dump(component("lib")), "own.yaml": yaml.safe_dump(component("own"))})
    hub.repository("acme/tree", {"a/catalog-info.yaml": yaml.safe_dump(component("a"))})
    hub.repository("acme/shop", {"catalog-info.yaml": yaml.safe_dump_all([root, described]), "about.md": "The app"})
    for target in (urls.url("*/catalog-info.yaml", "acme/tree", "tree/main"), urls.url(), urls.url("own.yaml", "acme/lib", "blob/HEAD")):
        report = await urls.read(target)
        assert report.errors == 0
    yield urls
    await store.close()


TREE, SHOP, OWN = "tree", "shop", "own"

CASES: Sequence[tuple[str, str | None, list[str] | None, list[str]]] = [
    ("acme/tree", "main", ["a/catalog-info.yaml"], [TREE]),
    ("ACME/Tree", "main", ["new/catalog-info.yaml"], [TREE]),
    ("acme/tree", "main", ["catalog-info.yaml", "a/b/catalog-info.yaml", "README.md"], []),
    ("acme/tree", "main", None, [TREE]),
    ("acme/tree", None, None, [TREE]),
    ("acme/tree", "other", None, []),
    ("acme/tree", "mainline", None, []),
    ("acme/other", "main", None, []),
    ("acme/shop", "main", ["catalog-info.yaml"], [SHOP]),
    ("acme/shop", "main", ["about.md"], [SHOP]),
    ("acme/shop", "main", ["parts/new/catalog-info.yaml"], [SHOP]),
    ("acme/shop", "main", ["top/later.yaml"], [SHOP]),
    ("acme/shop", "main", ["later.yaml", "parts/catalog-info.yaml", "other/about.md"], []),
    ("acme/lib", "main", ["lib.yaml"], [SHOP]),
    ("acme/lib", "main", ["own.yaml"], [OWN]),
    ("acme/lib", "main", None, [OWN, SHOP]),
]


async def touched(urls: Urls, *events: Touched) -> list[str]:
    names = {"tree": TREE, "shop": SHOP, "lib": OWN}
    async with opened_hosts(urls.config) as hosts:
        found = await touched_locations(urls.catalog.store, lambda url: (known := hosts.of(url)) and known[1], events)
    targets = {stored.id: stored.target for stored in await urls.catalog.store.locations()}
    return sorted(names[targets[each].split("/acme/")[1].split("/")[0]] for each in found)


async def test_a_push_has_read_what_reads_the_pushed_files(urls: Urls, hub: Hub):
    payload = {"repository": {"default_branch": "main"}}
    for repository, revision, paths, expected in CASES:
        event = Touched(hub.host, "push", repository, revision, paths, payload=payload)
        assert (repository, paths, await touched(urls, event)) == (repository, paths, [*expected])


async def test_a_default_branch_is_that_of_the_host_or_any_if_it_does_not_say(urls: Urls, hub: Hub):
    def push(**payload: object) -> Touched:
        return Touched(hub.host, "push", "acme/lib", "develop", ["own.yaml"], payload=payload)

    assert await touched(urls, push(repository={"default_branch": "develop"})) == [OWN]
    assert await touched(urls, push(project={"default_branch": "main"})) == []
    assert await touched(urls, push()) == [OWN]


async def test_a_renamed_repository_is_read_by_its_old_name_and_other_hosts_and_events_touch_nothing(urls: Urls, hub: Hub):
    assert await touched(urls, Touched(hub.host, "repository.renamed", "acme/store", renamed_from="acme/shop")) == [SHOP]
    assert await touched(urls, Touched("", "push", "acme/shop", "main")) == [SHOP]
    assert await touched(urls, Touched("elsewhere.example", "push", "acme/shop", "main")) == []
    assert await touched(urls, Touched(hub.host, "team.created")) == []
