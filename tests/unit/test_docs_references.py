"""Where the documentation of an entity comes from, and what of its annotations leads nowhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.entities import Entity, Origin
from graph.refs import Ref
from graph.store import Location
from plugins.hosts import Hosts, hosts_from
from plugins.outbound.client import outbound_from
from workers.techdocs.references import LocalFolder, OtherDocs, RepositoryFolder, docs_source, root_of
from workers.techdocs.results import NoDocs

REPOSITORY = "https://github.com/acme/shop"


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    config = Config.model_validate({"integrations": {"github": [{"host": "github.com"}]}})
    yield hosts_from(config, outbound_from(config))


def entity(path: str, **annotations: Any) -> Entity:
    named = {f"backstage.io/{name.replace('_', '-')}": value for name, value in annotations.items()}
    document = {"kind": "Component", "metadata": {"name": "shop", "annotations": named}}
    return Entity(Ref("component:default/shop"), document, Origin("one", path, 0, 1))


def local(tmp_path: Path, reference: str) -> object:
    return docs_source(entity(f"{tmp_path}/a/shop/catalog-info.yaml", techdocs_ref=reference), NO_HOSTS, f"{tmp_path}/a")


NO_HOSTS: Any = None


@pytest.mark.parametrize(
    ("reference", "folder"), [("dir:.", "a/shop"), ("dir:./docs", "a/shop/docs"), ("dir:../other", "a/other"), ("dir:..", "a")]
)
def test_a_folder_beside_the_catalog_file_is_one_of_this_machine(tmp_path: Path, reference: str, folder: str):
    assert local(tmp_path, reference) == LocalFolder(f"{tmp_path}/{folder}", f"{tmp_path}/a")


@pytest.mark.parametrize("reference", ["dir:../..", "dir:../../b", "dir:/etc", "dir:./../../../../../../etc", "dir:x\0y"])
def test_what_leads_out_of_the_location_is_refused(tmp_path: Path, reference: str):
    found = local(tmp_path, reference)
    assert isinstance(found, NoDocs)
    assert "outside of" in found.message


def test_a_link_that_leads_out_of_the_location_is_refused(tmp_path: Path):
    (tmp_path / "a" / "shop").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "shop" / "docs").symlink_to(tmp_path / "b")
    assert isinstance(local(tmp_path, "dir:./docs"), NoDocs)


def test_the_root_is_that_of_the_location(tmp_path: Path):
    assert root_of(Location("1", "file", f"{tmp_path}/services/*/catalog-info.yaml", "config", 0)) == f"{tmp_path}/services"
    assert root_of(Location("1", "url", REPOSITORY, "config", 0)) is None
    assert root_of(None) is None


def test_an_entity_that_says_nothing_has_no_documentation(hosts: Hosts):
    assert docs_source(entity("/a/catalog-info.yaml"), hosts, "/a") is None


@pytest.mark.parametrize("reference", [".", "docs", "dir:", "github:acme/shop", "file:/etc"])
def test_a_reference_of_another_form_is_refused(hosts: Hosts, reference: str):
    assert isinstance(docs_source(entity("/a/catalog-info.yaml", techdocs_ref=reference), hosts, "/a"), NoDocs)


@pytest.mark.parametrize(
    ("reference", "path"),
    [("dir:.", "services/shop"), ("dir:./docs/", "services/shop/docs"), ("dir:../other", "services/other"), ("dir:../..", "")],
)
def test_an_entity_of_a_repository_has_its_documentation_there(hosts: Hosts, reference: str, path: str):
    found = docs_source(entity(f"{REPOSITORY}/blob/main/services/shop/catalog-info.yaml", techdocs_ref=reference), hosts, None)
    assert isinstance(found, RepositoryFolder)
    assert (found.place.repository, found.place.revision, found.place.path) == ("acme/shop", "main", path)


def test_the_source_location_is_where_relative_references_begin(hosts: Hosts):
    source = f"url:{REPOSITORY}/tree/next/code/"
    found = docs_source(entity("/a/catalog-info.yaml", techdocs_ref="dir:./docs", source_location=source), hosts, "/a")
    assert isinstance(found, RepositoryFolder)
    assert found.url == f"{REPOSITORY}/tree/next/code/docs/"


def test_a_source_location_that_is_a_file_does_not_lead_elsewhere_on_this_machine(hosts: Hosts):
    found = docs_source(entity("/a/catalog-info.yaml", techdocs_ref="dir:.", source_location="file:/etc/"), hosts, "/a")
    assert found == LocalFolder("/a", "/a")


@pytest.mark.parametrize("reference", ["dir:../../..", "dir:/etc", "dir:../../../other"])
def test_what_leads_out_of_the_repository_is_refused(hosts: Hosts, reference: str):
    found = docs_source(entity(f"{REPOSITORY}/blob/main/services/shop/catalog-info.yaml", techdocs_ref=reference), hosts, None)
    assert isinstance(found, NoDocs)
    assert "out of the repository acme/shop" in found.message


def test_a_url_names_a_folder_of_any_repository_that_may_be_read(hosts: Hosts):
    found = docs_source(entity("/a/catalog-info.yaml", techdocs_ref=f"url:{REPOSITORY}/tree/v1/docs"), hosts, "/a", "v2")
    assert isinstance(found, RepositoryFolder)
    assert (found.place.revision, found.place.path) == ("v2", "docs")
    refused = docs_source(entity("/a/catalog-info.yaml", techdocs_ref="url:https://elsewhere.example/a/b"), hosts, "/a")
    assert isinstance(refused, NoDocs)
    assert "is not read" in refused.message


def test_a_folder_of_this_machine_has_no_versions(tmp_path: Path, hosts: Hosts):
    found = docs_source(entity(f"{tmp_path}/catalog-info.yaml", techdocs_ref="dir:."), hosts, str(tmp_path), "v2")
    assert isinstance(found, NoDocs)


def test_an_entity_may_have_the_documentation_of_another(hosts: Hosts):
    both = entity("/a/catalog-info.yaml", techdocs_entity="system:shop", techdocs_entity_path="/guide/start", techdocs_ref="dir:.")
    assert docs_source(both, hosts, "/a") == OtherDocs(Ref("system:default/shop"), "guide/start")
    assert isinstance(docs_source(entity("/a/catalog-info.yaml", techdocs_entity="shop"), hosts, "/a"), NoDocs)
