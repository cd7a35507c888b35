"""Locations of type url: repositories read by commit, with as few requests as can be, and nothing lost whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Config
from graph.relations import RelationRegistry
from graph.store import Location
from ingest.pipeline import RefreshReport, add_locations, location_of, refresh, remove_location
from ingest.settings import settings_from
from plugins.hosts import opened_hosts
from tests.ingest.catalogs import KINDS, Catalog, component, location
from tests.servers.github.hub import Failure, Hub, rate_limited
from tests.servers.github.serving import serving_github
from tests.servers.http import http_server, response


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    with serving_github(folder) as hub:
        hub.token("reader")
        yield hub


class Urls:
    """A catalog of URL locations on the emulator."""

    def __init__(self, catalog: Catalog, hub: Hub) -> None:
        self.catalog, self.hub = catalog, hub
        self.more: dict[str, Any] = {}

    @property
    def config(self) -> Config:
        reading = {"allow": [{"host": self.hub.codeload_host}], "allowPrivate": ["127.0.0.1"], **self.more}
        integration = {"host": self.hub.host, "apiBaseUrl": self.hub.api_url, "token": "reader"}
        return Config.model_validate(
            {"backend": {"reading": reading}, "integrations": {"github": [integration]}, "catalog": {"rules": [{"allow": list(KINDS)}]}}
        )

    def url(self, path: str = "catalog-info.yaml", repository: str = "acme/shop", view: str = "blob/main") -> str:
        return f"{self.hub.url}/{repository}/{view}/{path}"

    async def read(self, target: str | None = None, type: str = "url") -> RefreshReport:
        """Refresh the one location, with hosts that know nothing from before; the requests seen are those of this read."""
        self.hub.forget()
        target = target or self.url()
        await add_locations(self.catalog.store, [location_of(type, target)])
        (stored,) = [one for one in await self.catalog.store.locations() if one.target == target]
        async with self.settled() as settings:
            return await refresh(stored, self.catalog.store, settings)

    @asynccontextmanager
    async def settled(self) -> AsyncIterator[Any]:
        async with opened_hosts(self.config) as hosts:
            yield settings_from(self.config, RelationRegistry(), hosts)

    async def stored(self) -> Location:
        (found,) = await self.catalog.store.locations()
        return found

    async def codes(self) -> list[tuple[str, str]]:
        """Path below the hub and code of every error."""
        return [(error.path.removeprefix(f"{self.hub.url}/"), str(error.code)) for error in await self.catalog.errors()]


@pytest.fixture
def urls(catalog: Catalog, hub: Hub) -> Urls:
    return Urls(catalog, hub)


def text(*documents: Mapping[str, Any]) -> str:
    return yaml.safe_dump_all(documents)


async def test_a_file_is_read_by_two_requests_and_an_unchanged_one_by_one_without_a_write(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("shop"))}, private=True)
    report = await urls.read()
    assert (report.created, report.errors, len(hub.seen)) == (1, 0, 2)
    store = urls.catalog.store
    before = (await store.head(), await urls.catalog.dump(), await store.locations(), await store.states("sources"))
    again = await urls.read()
    assert ((again.written, again.unchanged, again.files), [seen.status for seen in hub.seen]) == ((0, 1, 1), [304])
    assert (await store.head(), await urls.catalog.dump(), await store.locations(), await store.states("sources")) == before
    assert "reader" not in str(before)


async def test_what_changed_is_read_and_nothing_else(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("shop"))})
    await urls.read()
    hub.commit("acme/shop", {"catalog-info.yaml": text(component("shop", lifecycle="deprecated"))})
    report = await urls.read()
    assert (report.updated, report.created, len(hub.seen)) == (1, 0, 2)
    hub.commit("acme/shop", {"README.md": "nothing that matters"})
    report = await urls.read()
    assert (report.written, report.unchanged) == (0, 1)
    assert ((await urls.read()).written, len(hub.seen)) == (0, 1)


async def test_entities_say_where_they_came_from_as_in_backstage(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"a/catalog-info.yaml": text(component("shop"))})
    await urls.read(urls.url("a/catalog-info.yaml"))
    annotations = (await urls.catalog.entity("component:default/shop")).metadata["annotations"]
    assert annotations == {
        "backstage.io/managed-by-location": f"url:{urls.url('a/catalog-info.yaml')}",
        "backstage.io/managed-by-origin-location": f"url:{urls.url('a/catalog-info.yaml')}",
        "backstage.io/view-url": urls.url("a/catalog-info.yaml"),
        "backstage.io/edit-url": urls.url("a/catalog-info.yaml", view="edit/main"),
        "backstage.io/source-location": f"url:{urls.url('a/', view='tree/main')}",
    }


@pytest.mark.parametrize("target", ["**/catalog-info.yaml", ""])
async def test_many_files_are_one_tree_and_one_archive(urls: Urls, hub: Hub, target: str):
    hub.repository("acme/shop", {f"services/{i}/catalog-info.yaml": text(component(f"c{i}")) for i in range(50)})
    report = await urls.read(urls.url(target, view="tree/main"))
    assert (report.created, report.files, report.errors) == (50, 50, 0)
    assert len(hub.seen) == 4
    assert [(await urls.read(urls.url(target, view="tree/main"))).written, len(hub.seen)] == [0, 1]


async def test_location_entities_lead_to_files_beside_them_from_the_root_and_elsewhere(urls: Urls, hub: Hub):
    hub.repository("other/lib", {"lib.yaml": text(component("lib"))})
    root = location("root", "./b.yaml", "../top.yaml", "/from/root.yaml", urls.url("lib.yaml", "other/lib"), "./none.yaml", "./*/x.yaml")
    optional = location("maybe", "./none2.yaml", presence="optional")
    files = {
        "a/catalog-info.yaml": text(root, optional),
        "a/b.yaml": text({**component("b"), "metadata": {"name": "b", "description": {"$text": "./b.md"}}}),
        "a/b.md": "of b",
        "top.yaml": text(component("top")),
        "from/root.yaml": text(component("root")),
        "a/deep/x.yaml": text(component("x")),
    }
    hub.repository("acme/shop", files)
    await urls.read(urls.url("a/catalog-info.yaml"))
    refs = [f"component:default/{name}" for name in ("b", "lib", "root", "top", "x")]
    assert await urls.catalog.refs() == [*refs, "location:default/maybe", "location:default/root"]
    assert (await urls.catalog.entity("component:default/b")).metadata["description"] == "of b"
    assert await urls.codes() == [("acme/shop/blob/main/a/none.yaml", "source-not-found")]
    assert ((await urls.read(urls.url("a/catalog-info.yaml"))).written, len(hub.seen)) == (0, 2)


async def test_a_file_location_leads_to_urls_and_a_url_never_to_files(urls: Urls, hub: Hub, tmp_path: Path):
    secret = tmp_path / "catalog" / "secret.yaml"
    secret.write_text(text(component("secret")))
    there = text(component("shop"), location("evil", str(secret), type="file"))
    hub.repository("acme/shop", {"catalog-info.yaml": there})
    (tmp_path / "catalog" / "all.yaml").write_text(text(location("all", urls.url())))
    report = await urls.read(str(tmp_path / "catalog" / "all.yaml"), "file")
    assert await urls.catalog.refs() == ["component:default/shop", "location:default/all", "location:default/evil"]
    assert (report.errors, await urls.codes()) == (1, [("acme/shop/blob/main/catalog-info.yaml", "outside-root")])
    assert ((await urls.read(str(tmp_path / "catalog" / "all.yaml"), "file")).written, [seen.status for seen in hub.seen]) == (0, [304])


FAILURES: list[tuple[Failure, str]] = [
    (Failure(401, b'{"message": "Bad credentials"}'), "source-unauthorized"),
    (Failure(403, b'{"message": "Resource not accessible"}'), "source-unauthorized"),
    (Failure(404, b'{"message": "Not Found"}'), "source-not-found"),
    (Failure(500), "source-unavailable"),
    (Failure(503, headers={"retry-after": "30"}), "source-unavailable"),
    # Longer than all tests take: the time is that of the import.
    (rate_limited(86_400), "source-rate-limited"),
    (Failure(429, headers={"retry-after": "30"}), "source-rate-limited"),
    (Failure(keep=5), "source-unavailable"),
    (Failure(redirect="http://127.0.0.2/latest/meta-data/"), "source-not-allowed"),
    (Failure(redirect="http://[::1]:9/"), "source-not-allowed"),
]


@pytest.mark.parametrize(("failure", "code"), FAILURES)
@pytest.mark.parametrize("request_", ["/commits/", "/trees/", "/contents/|/tarball/|/codeload/"])
async def test_whatever_fails_nothing_is_lost_and_the_error_says_what_to_do(
    urls: Urls, hub: Hub, failure: Failure, code: str, request_: str
):
    target = urls.url("**/*.yaml", view="tree/main")
    hub.repository("acme/shop", {f"{i}/catalog-info.yaml": text(component(f"c{i}")) for i in range(5)})
    await urls.read(target)
    before, head = await urls.catalog.refs(), await urls.catalog.store.head()
    hub.commit("acme/shop", {"0/catalog-info.yaml": text(component("c0", lifecycle="deprecated"))})
    hub.fail(request_, failure)
    report = await urls.read(target)
    assert (await urls.catalog.refs(), await urls.catalog.store.head()) == (before, head)
    errors = await urls.catalog.errors()
    assert {str(error.code) for error in errors} == {code}
    assert all(error.remedy for error in errors)
    assert (report.retry_after_seconds is not None) is ("retry-after" in failure.headers or code == "source-rate-limited")
    again = await urls.read(target)
    assert (again.written, await urls.catalog.errors()) == (0, errors)
    hub.heal()
    assert ((await urls.read(target)).updated, await urls.catalog.errors()) == (1, [])


async def test_a_deleted_repository_keeps_what_it_declared_and_a_new_one_takes_it_up(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("shop"))})
    await urls.read()
    hub.delete("acme/shop")
    await urls.read()
    assert (await urls.catalog.refs(), await urls.codes()) == (
        ["component:default/shop"],
        [("acme/shop/blob/main/catalog-info.yaml", "source-not-found")],
    )
    assert "is gone" in ((await urls.stored()).error or "")
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("store"))})
    await urls.read()
    assert (await urls.catalog.refs(), await urls.codes(), (await urls.stored()).error) == (["component:default/store"], [], None)


async def test_an_optional_file_may_go_but_not_with_all_of_its_repository(urls: Urls, hub: Hub):
    hub.repository("acme/root", {"catalog-info.yaml": text(location("all", urls.url(), presence="optional"))})
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("shop")), "other.yaml": ""})
    await urls.read(urls.url(repository="acme/root"))
    hub.fail("/acme/shop/commits/", Failure(404, b'{"message": "Not Found"}'))
    await urls.read(urls.url(repository="acme/root"))
    assert await urls.catalog.refs() == ["component:default/shop", "location:default/all"]
    assert await urls.codes() == [("acme/shop/blob/main/catalog-info.yaml", "source-not-found")]
    hub.heal()
    hub.commit("acme/shop", {}, removed=["catalog-info.yaml"])
    await urls.read(urls.url(repository="acme/root"))
    assert (await urls.catalog.refs(), await urls.codes()) == (["location:default/all"], [])


async def test_what_is_remembered_of_repositories_goes_with_the_location(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("shop"))})
    await urls.read()
    (stored,) = await urls.catalog.store.locations()
    assert [row.id for row in await urls.catalog.store.states("sources")] == [stored.id]
    async with urls.settled() as settings:
        await remove_location(stored, urls.catalog.store, settings, at_once=True)
    assert (await urls.catalog.store.states("sources"), await urls.catalog.refs()) == ([], [])


async def test_a_renamed_repository_is_read_on_and_its_new_name_told(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("shop"))})
    await urls.read()
    hub.rename("acme/shop", "acme/store")
    await urls.read()
    (error,) = await urls.catalog.errors()
    assert (error.code, error.message) == ("source-renamed", f"The repository is called {hub.url}/acme/store by now")
    assert "/acme/store instead" in error.remedy
    hub.commit("acme/store", {"catalog-info.yaml": text(component("renamed"))})
    await urls.read()
    assert (await urls.catalog.refs(), len(await urls.catalog.errors())) == (["component:default/renamed"], 1)
    assert ((await urls.read()).written, len(await urls.catalog.errors())) == (0, 1)


async def test_a_force_push_is_a_change_like_any_other(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("shop")), "other.yaml": "x"})
    await urls.read()
    hub.commit("acme/shop", {"catalog-info.yaml": text(component("anew"))}, anew=True)
    assert (await urls.read()).errors == 0
    assert await urls.catalog.refs() == ["component:default/anew"]


async def test_a_branch_with_slashes_in_its_name_is_found(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("main"))})
    hub.commit("acme/shop", {"a/catalog-info.yaml": text(component("branch"))}, branch="feature/new")
    target = urls.url("a/catalog-info.yaml", view="blob/feature%2Fnew")
    assert (await urls.read(target)).errors == 0
    assert await urls.catalog.refs() == ["component:default/branch"]


async def test_a_host_that_is_not_allowed_is_not_asked_and_takes_nothing_along(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": text(location("all", "http://127.0.0.1:9/evil.yaml", "http://127.0.0.2/x"))})
    await urls.read()
    assert [str(error.code) for error in await urls.catalog.errors()] == ["source-not-allowed"] * 2
    head = await urls.catalog.store.head()
    assert ((await urls.read()).written, await urls.catalog.store.head()) == (0, head)


async def test_a_plain_file_is_one_request_and_asked_for_by_its_tag(urls: Urls, hub: Hub):
    async with http_server({"/all.yaml": response(200, text(component("plain")).encode(), ETag='"1"')}) as server:
        urls.more = {"allow": [{"host": f"127.0.0.1:{server.port}"}]}
        target = f"{server.url}/all.yaml"
        assert ((await urls.read(target)).created, len(server.received)) == (1, 1)
        server.answers["/all.yaml"] = response(304)
        assert ((await urls.read(target)).written, server.received[-1].headers["if-none-match"]) == (0, '"1"')
        server.answers["/all.yaml"] = response(404)
        await urls.read(target)
        assert (await urls.catalog.refs(), [str(error.code) for error in await urls.catalog.errors()]) == (
            ["component:default/plain"],
            ["source-not-found"],
        )


async def test_where_no_url_can_be_read_those_read_elsewhere_stay(urls: Urls, hub: Hub, tmp_path: Path):
    hub.repository("acme/shop", {"catalog-info.yaml": text(component("shop"), location("more", "./*/more.yaml"))})
    hub.commit("acme/shop", {"a/more.yaml": text(component("more"))})
    file = tmp_path / "catalog" / "all.yaml"
    file.write_text(text(location("all", urls.url()), location("tree", urls.url("*/more.yaml", view="tree/main"))))
    await urls.read(str(file), "file")
    refs, head = await urls.catalog.refs(), await urls.catalog.store.head()
    stored = await urls.stored()
    await refresh(stored, urls.catalog.store, settings_from(urls.config, RelationRegistry()))
    assert (await urls.catalog.refs(), await urls.catalog.store.head()) == (refs, head)
    assert {code for _, code in await urls.codes()} == {"unsupported-location"}
    assert ((await urls.read(str(file), "file")).errors, await urls.catalog.refs()) == (0, refs)


@pytest.mark.parametrize("slow", ["/commits/", "/trees/", "/codeload/"])
async def test_a_read_that_is_cancelled_ends_at_once_and_the_next_goes_on(urls: Urls, hub: Hub, slow: str):
    target = urls.url("**/catalog-info.yaml", view="tree/main")
    hub.repository("acme/shop", {f"{i}/catalog-info.yaml": text(component(f"c{i}")) for i in range(5)})
    hub.fail(slow, Failure(delay_seconds=2), times=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await urls.read(target)
    hub.heal()
    assert (await urls.read(target)).created == 5


async def test_a_file_that_is_too_large_is_an_error(urls: Urls, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": "a" * (11 * 1024 * 1024)})
    await urls.read()
    assert [code for _, code in await urls.codes()] == ["source-too-large"]


async def test_an_archive_that_is_too_large_gives_way_to_single_files(urls: Urls, hub: Hub):
    urls.more = {"maxArchiveBytes": 100}
    hub.repository("acme/shop", {f"{i}/catalog-info.yaml": text(component(f"c{i}")) for i in range(6)})
    report = await urls.read(urls.url("", view="tree/main"))
    assert (report.created, report.errors, hub.count("/contents/")) == (6, 0, 6)
