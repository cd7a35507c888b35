"""The job that builds documentation: what it publishes, what it leaves as it is, and what it tells of it, on both stores."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.entities import Entity, Origin
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Batch, Cause, EntityWrite, Location, Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore
from plugins.hosts import Hosts, opened_hosts
from workers.leases import BusyError, holding
from workers.techdocs.jobs import FORCED, Docs, build_docs
from workers.techdocs.publishing import Publisher, Site
from workers.techdocs.site_builds import SiteBuilds
from workers.techdocs.states import SiteState, all_problems, log_of, problems_of, state_of
from workers.techdocs.storing import publisher_from

SHOP = Site("Component", "default", "Shop")
REF = SHOP.ref
METADATA: Mapping[str, Any] = {"name": "Shop", "annotations": {"backstage.io/techdocs-ref": "dir:."}}


class Building:
    """A component whose documentation lies in a folder, and what builds it."""

    def __init__(self, store: Store, folder: Path, config: Config, hosts: Hosts) -> None:
        self.store, self.sources = store, folder / "sources"
        self.publisher: Publisher = publisher_from(config)
        self.touched: list[Ref] = []
        self._ctx = {"docs": Docs(config, store, hosts, SiteBuilds(config), lambda: self.publisher, (self._touch,))}

    async def _touch(self, ref: Ref) -> None:
        self.touched.append(ref)

    async def declare(self, metadata: Mapping[str, Any] = METADATA) -> None:
        location = Location("here", "file", str(self.sources / "catalog-info.yaml"), "configured", 0)
        document = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": dict(metadata), "spec": {"type": "service"}}
        entity = Entity(REF, document, Origin("here", str(self.sources / "catalog-info.yaml"), 0, 1))
        await self.store.apply(Batch(Cause("refresh", "here"), writes=[EntityWrite(entity, (), None)], locations=[location]))

    def write(self, path: str, text: str) -> None:
        (self.sources / path).parent.mkdir(parents=True, exist_ok=True)
        (self.sources / path).write_text(text)

    async def build(self, *args: str) -> SiteState:
        await build_docs(self._ctx, REF, *args)
        return await state_of(self.store, REF)

    async def page(self, path: str = "index.html") -> str | None:
        found = await self.publisher.read(SHOP, path)
        return found and found.content.decode()


@pytest.fixture(params=["sqlite", "neo4j"])
async def building(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Building]:
    registry = RelationRegistry()
    if request.param == "sqlite":
        store: Store = SqliteStore(tmp_path / "catalog.db", registry)
    else:
        store = Neo4jStore(request.getfixturevalue("empty_neo4j_uri"), registry=registry)
    await store.open()
    config = Config.model_validate({"backend": {"storage": {"url": f"file:{tmp_path}/blobs"}}})
    async with opened_hosts(config) as hosts:
        yield await _declared(Building(store, tmp_path, config, hosts))
    await store.close()


async def _declared(building: Building) -> Building:
    building.write("docs/index.md", "# Shop\n\nSee [more](more.md) and [nothing](nothing.md).\n")
    building.write("docs/more.md", "# More\n")
    await building.declare()
    return building


async def test_what_changed_is_built_and_what_did_not_is_left(building: Building):
    first = await building.build()
    page, described = await building.page(), await building.publisher.metadata(SHOP)
    again = await building.build()
    building.write("docs/index.md", "# Store\n")
    (building.sources / "docs" / "more.md").unlink()
    changed = await building.build()
    assert page is not None
    assert described is not None
    assert ("Shop</h1>" in page.replace("<a", "</h1><a"), described["etag"], first.problems, first.error) == (True, first.etag, 1, None)
    assert (again.etag, again.built_at) == (first.etag, first.built_at)
    assert again.checked_at is not None
    assert first.checked_at is not None
    assert again.checked_at > first.checked_at
    assert changed.etag != first.etag
    assert "Store" in (await building.page() or "")
    assert await building.page("more/index.html") is None
    assert building.touched == [REF, REF]
    assert [one async for one in all_problems(building.store)] == []


async def test_flaws_and_log_are_kept_until_the_next_build(building: Building):
    await building.build()
    (problem,) = await problems_of(building.store, REF)
    assert (problem.kind, problem.page, problem.target) == ("broken-link", "docs/index.md", "nothing.md")
    assert "nothing.md" in (await log_of(building.store, REF) or "")


async def test_a_build_that_fails_keeps_the_last_site_and_is_not_tried_again_for_the_same_sources(building: Building):
    good = await building.build()
    building.write("mkdocs.yml", "site_name: [unclosed")
    failed = await building.build()
    again = await building.build()
    kept = await building.page()
    (building.sources / "mkdocs.yml").unlink()
    mended = await building.build()
    assert failed.error is not None
    assert (failed.etag, failed.built_at, failed.failed_etag is not None) == (good.etag, good.built_at, True)
    assert (again.error, again.failed_etag) == (failed.error, failed.failed_etag)
    assert "Shop" in (kept or "")
    assert (mended.error, mended.etag, mended.failed_etag) == (None, good.etag, None)


async def test_a_build_on_request_is_done_although_nothing_changed(building: Building):
    first = await building.build()
    forced = await building.build("", FORCED)
    assert forced.etag == first.etag
    assert forced.built_at is not None
    assert first.built_at is not None
    assert forced.built_at > first.built_at


async def test_one_entity_is_built_by_one_worker_at_a_time(building: Building):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def elsewhere() -> None:
        begun.set()
        await go_on.wait()

    other = asyncio.create_task(holding(building.store, f"docs:{REF}", elsewhere))
    await begun.wait()
    with pytest.raises(BusyError):
        await building.build()
    go_on.set()
    await other
    assert (await building.build()).error is None


async def test_what_can_not_be_built_says_why(building: Building):
    version = await building.build("v1.2")
    kept = await state_of(building.store, f"{REF}@v1.2")
    assert version == SiteState()
    assert kept.error == (
        "The documentation is read from a folder, which has no branches or tags",
        "Read the entity from its repository.",
    )
