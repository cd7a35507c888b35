"""A host that does not answer in time: what was read before stays, the error says so, and the next read makes it good."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from plugins.github.api import GitHubApi
from tests.ingest.catalogs import Catalog, component
from tests.ingest.test_reading_urls import Urls
from tests.servers.github.hub import Failure, Hub
from tests.servers.github.serving import serving_github


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "hub").mkdir()
    with serving_github(tmp_path / "hub") as hub:
        hub.token("reader")
        yield hub


@pytest.mark.parametrize("slow", ["/commits/", "/trees/", "/contents/"])
async def test_a_host_that_does_not_answer_in_time_loses_nothing(catalog: Catalog, hub: Hub, monkeypatch: pytest.MonkeyPatch, slow: str):
    """A minute, as it is, would be long for a test."""
    defaults = inspect.unwrap(GitHubApi.request).__kwdefaults__
    assert defaults is not None and defaults["timeout_seconds"] == 60.0
    urls = Urls(catalog, hub)
    target = urls.url("*/catalog-info.yaml", view="tree/main")
    hub.repository("acme/shop", {"a/catalog-info.yaml": yaml.safe_dump(component("a"))})
    assert (await urls.read(target)).errors == 0
    before, head = await catalog.refs(), await catalog.store.head()
    hub.commit("acme/shop", {"b/catalog-info.yaml": yaml.safe_dump(component("b"))})
    hub.fail(slow, Failure(delay_seconds=4))
    with monkeypatch.context() as impatient:
        impatient.setitem(defaults, "timeout_seconds", 1.5)
        await urls.read(target)
    errors = await catalog.errors()
    assert (await catalog.refs(), await catalog.store.head()) == (before, head)
    assert {str(error.code) for error in errors} == {"source-unavailable"}
    assert all("does not answer in time" in error.message and error.remedy for error in errors)
    hub.heal()
    assert ((await urls.read(target)).created, await catalog.errors()) == (1, [])
