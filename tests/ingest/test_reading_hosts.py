"""Locations on every kind of host: read by commit, left alone while nothing changes, and followed to the files that they lead to."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from config import Config
from graph.relations import RelationRegistry
from ingest.pipeline import RefreshReport, add_locations, location_of, refresh
from ingest.settings import settings_from
from plugins.contract import Place, RepositoryHost
from plugins.hosts import Hosts
from plugins.outbound.client import Outbound
from tests.contract.hosts import KINDS, Kind
from tests.ingest.catalogs import KINDS as ENTITY_KINDS
from tests.ingest.catalogs import Catalog, component, location
from tests.servers.github.hub import Failure, Hub

TOKEN = "secret-token-of-a-reader"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def hub(kind: Kind, tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "hub").mkdir()
    with kind.serving(tmp_path / "hub") as hub:
        hub.token(TOKEN)
        yield hub


class Reading:
    """One location on a host."""

    def __init__(self, catalog: Catalog, host: RepositoryHost, place: Place, outbound: Outbound) -> None:
        self.catalog, self.host, self.place, self.outbound = catalog, host, place, outbound

    async def read(self, path: str) -> RefreshReport:
        """Read the location at the path anew."""
        config = Config.model_validate({"catalog": {"rules": [{"allow": list(ENTITY_KINDS)}]}})
        target = self.host.url(replace(self.place, path=path))
        await add_locations(self.catalog.store, [location_of("url", target)])
        [stored] = [one for one in await self.catalog.store.locations() if one.target == target]
        settings = settings_from(config, RelationRegistry(), Hosts([self.host], self.outbound))
        return await refresh(stored, self.catalog.store, settings)


@pytest.fixture
async def reading(kind: Kind, hub: Hub, catalog: Catalog) -> AsyncIterator[Reading]:
    keys = {"backend": {"reading": {"allowPrivate": ["127.0.0.1"]}}}
    outbound = Outbound(Config.model_validate(keys).backend.reading, kind.hosts(hub))
    yield Reading(catalog, kind.build(hub, outbound, TOKEN), Place(hub.host, kind.named, "main", ""), outbound)
    await outbound.close()


def text(*documents: object) -> str:
    return yaml.safe_dump_all(documents)


async def test_a_file_costs_two_requests_and_an_unchanged_one_a_single_one_and_no_write(reading: Reading, hub: Hub, kind: Kind):
    hub.repository(kind.repository, {"catalog-info.yaml": text(component("shop"))}, private=True)
    report = await reading.read("catalog-info.yaml")
    assert (report.created, report.errors, hub.count()) == (1, 0, 2)
    head = await reading.catalog.store.head()
    hub.forget()
    assert (await reading.read("catalog-info.yaml")).written == 0
    assert (hub.count(), await reading.catalog.store.head()) == (1, head)


async def test_many_files_are_one_tree_and_one_archive(reading: Reading, hub: Hub, kind: Kind):
    files = {f"services/{number}/catalog-info.yaml": text(component(f"c{number}")) for number in range(20)}
    hub.repository(kind.repository, {**files, "README.md": "x"}, private=True)
    report = await reading.read("**/catalog-info.yaml")
    assert (report.created, report.errors) == (20, 0)
    assert hub.count() == 1 + 1 + kind.archive_requests


@pytest.mark.parametrize("kind", [KINDS["bitbucket-cloud"]], ids=["bitbucket-cloud"])
async def test_a_tree_that_the_host_does_not_list_in_time_is_read_from_the_archive(reading: Reading, hub: Hub, kind: Kind):
    hub.repository(kind.repository, {f"services/{number}/catalog-info.yaml": text(component(f"c{number}")) for number in range(5)})
    hub.fail("/src/", Failure(555, b""))
    report = await reading.read("**/catalog-info.yaml")
    assert (report.created, report.errors, hub.count("/get/")) == (5, 0, 1)


async def test_files_that_a_location_names_are_found_beside_it(reading: Reading, hub: Hub, kind: Kind):
    files = {
        "all/catalog-info.yaml": text(location("all", "./cart.yaml", "../shop/catalog-info.yaml", "./more/*.yaml")),
        "all/cart.yaml": text(component("cart")),
        "all/more/pay.yaml": text(component("pay")),
        "shop/catalog-info.yaml": text(component("shop")),
    }
    hub.repository(kind.repository, files, private=True)
    report = await reading.read("all/catalog-info.yaml")
    assert (report.created, [error.message for error in await reading.catalog.errors()]) == (4, [])


async def test_a_host_that_fails_changes_nothing_and_is_named_once(reading: Reading, hub: Hub, kind: Kind):
    hub.repository(kind.repository, {"catalog-info.yaml": text(component("shop"))}, private=True)
    await reading.read("catalog-info.yaml")
    before = (await reading.catalog.dump())["entities"]
    for failure, code in [
        (Failure(502), "source-unavailable"),
        (Failure(keep=3), "source-unavailable"),
        (Failure(404), "source-not-found"),
    ]:
        hub.fail("GET", failure)
        hub.commit(kind.repository, {"catalog-info.yaml": text(component("other"))})
        await reading.read("catalog-info.yaml")
        assert [str(error.code) for error in await reading.catalog.errors()] == [code]
        assert (await reading.catalog.dump())["entities"] == before
        hub.heal()
