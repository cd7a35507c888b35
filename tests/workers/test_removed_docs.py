"""Documentation of entities that are gone: removed after a while if it was built here, and never all at once or by accident."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.conditions import EVERYTHING
from graph.entities import canonical_json, content_hash
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Batch, Removal, Store
from graph.stores.sqlite import SqliteStore
from plugins.hosts import opened_hosts
from tests.api.catalog import CAUSE, described, write_of
from workers.leases import holding
from workers.techdocs.jobs import Docs
from workers.techdocs.publishing import Publisher, Site
from workers.techdocs.removing import GONE, remove_as_of, remove_docs_of_gone, removes
from workers.techdocs.results import DocsProblem, ProblemKind
from workers.techdocs.site_builds import SiteBuilds
from workers.techdocs.states import SiteState, log_of, problems_of, state_of, write_state
from workers.techdocs.storing import publisher_from

WEEK = timedelta(days=7)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SHOP, OLD_SHOP = Site("Component", "default", "Shop"), Site("Component", "default", "Shop", "v1/x")


def configured(folder: Path, **techdocs: Any) -> Config:
    return Config.model_validate({"backend": {"storage": {"url": f"file:{folder}/blobs"}}, "techdocs": techdocs})


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("x")
    return folder


@pytest.fixture
async def docs(tmp_path: Path) -> AsyncIterator[Docs]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    config = configured(tmp_path)
    publisher = publisher_from(config)
    async with opened_hosts(config) as hosts:
        yield Docs(config, store, hosts, SiteBuilds(config), lambda: publisher)
    await store.close()


async def declare(store: Store, *names: str) -> None:
    await store.apply(Batch(CAUSE, writes=[write_of(described("Component", name, {"type": "service"})) for name in names]))


async def remove(store: Store, *names: str) -> None:
    found = await store.entities_by_ref([Ref(f"component:default/{name.lower()}") for name in names], visible=EVERYTHING)
    removals = [Removal(ref, content_hash(canonical_json(entity.document))) for ref, entity in found.items()]
    await store.apply(Batch(CAUSE, removals=removals))


async def publish(docs: Docs, folder: Path, site: Site, *, built: bool = True) -> None:
    await docs.publisher().publish(site, folder)
    if built:
        problems = [DocsProblem(ProblemKind.BROKEN_LINK, "a.md", "b.md")]
        await write_state(docs.store, site.id, SiteState("etag"), problems=problems, log="log")


async def kept(publisher: Publisher, *sites: Site) -> list[bool]:
    return [await publisher.find(site, "index.html") is not None for site in sites]


async def test_what_was_built_of_an_entity_goes_when_it_has_been_gone_for_long(docs: Docs, site: Path):
    await declare(docs.store, "Shop", "Cart")
    cart = Site("Component", "default", "Cart")
    for each in (SHOP, OLD_SHOP, cart):
        await publish(docs, site, each)
    await remove(docs.store, "Shop")
    await remove_as_of(docs, NOW, WEEK)
    await remove_as_of(docs, NOW + WEEK - timedelta(seconds=1), WEEK)
    assert await kept(docs.publisher(), SHOP, OLD_SHOP, cart) == [True, True, True]
    await remove_as_of(docs, NOW + WEEK, WEEK)
    assert await kept(docs.publisher(), SHOP, OLD_SHOP, cart) == [False, False, True]
    assert (await state_of(docs.store, SHOP.id), await log_of(docs.store, SHOP.id), await problems_of(docs.store, SHOP.id)) == (
        SiteState(),
        None,
        (),
    )
    assert (await state_of(docs.store, cart.id)).etag == "etag"
    assert await docs.store.states(GONE) == []


async def test_an_entity_that_comes_back_keeps_its_documentation(docs: Docs, site: Path):
    await declare(docs.store, "Shop")
    await publish(docs, site, SHOP)
    await remove(docs.store, "Shop")
    await remove_as_of(docs, NOW, WEEK)
    await declare(docs.store, "Shop")
    await remove_as_of(docs, NOW + WEEK, WEEK)
    # Gone once more, it is kept as long again.
    await remove(docs.store, "Shop")
    await remove_as_of(docs, NOW + 2 * WEEK, WEEK)
    assert await kept(docs.publisher(), SHOP) == [True]
    await remove_as_of(docs, NOW + 3 * WEEK, WEEK)
    assert await kept(docs.publisher(), SHOP) == [False]


async def test_what_somebody_else_published_is_left_alone(docs: Docs, site: Path):
    await publish(docs, site, SHOP, built=False)
    await publish(docs, site, OLD_SHOP, built=False)
    await write_state(docs.store, SHOP.id, SiteState().failed(("No docs", "Write some."), None))
    await remove_as_of(docs, NOW, WEEK)
    await remove_as_of(docs, NOW + WEEK, WEEK)
    assert await kept(docs.publisher(), SHOP, OLD_SHOP) == [True, True]
    assert await state_of(docs.store, SHOP.id) == SiteState()


async def test_no_more_than_a_hundred_go_at_once_and_none_that_is_being_built(docs: Docs, site: Path):
    sites = [Site("Component", "default", f"s{number}") for number in range(105)]
    for each in sites:
        await publish(docs, site, each)
    await remove_as_of(docs, NOW, WEEK)

    async def at_the_same_time() -> None:
        await remove_as_of(docs, NOW + WEEK, WEEK)

    await holding(docs.store, f"docs:{sites[0].id}", at_the_same_time)
    left = await kept(docs.publisher(), *sites)
    assert (left[0], left.count(True)) == (True, 6)
    await remove_as_of(docs, NOW + WEEK, WEEK)
    assert any(await kept(docs.publisher(), *sites)) is False


@pytest.mark.parametrize(
    ("techdocs", "removed"),
    [
        ({}, True),
        ({"builder": "external"}, False),
        ({"keepRemoved": False}, False),
        ({"legacyUseCaseSensitiveTripletPaths": True}, False),
    ],
)
async def test_only_where_sites_are_built_here_any_are_removed(
    docs: Docs, site: Path, tmp_path: Path, techdocs: dict[str, Any], removed: bool
):
    config = configured(tmp_path, **techdocs)
    assert removes(config) is removed
    await publish(docs, site, SHOP)
    await remove_docs_of_gone({"docs": Docs(config, docs.store, docs.hosts, docs.builds, docs.publisher)})
    assert len(await docs.store.states(GONE)) == removed
