"""What the discoveries of GitLab, Bitbucket, Azure DevOps and Gitea find, and by how many requests."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from config.backend import Reading
from config.provider import ProviderConfig
from config.providers_hosts import (
    AzureDevOpsDiscovery,
    BitbucketCloudDiscovery,
    BitbucketServerDiscovery,
    GiteaDiscovery,
    GitLabDiscovery,
)
from plugins.azure.discovery import AzureSearch
from plugins.bitbucket_cloud.discovery import BitbucketCloudSearch
from plugins.bitbucket_server.discovery import BitbucketServerSearch
from plugins.contract import SourceError, SourceReason
from plugins.discovery import Search
from plugins.gitea.discovery import GiteaSearch
from plugins.gitlab.discovery import GitLabSearch
from plugins.outbound.client import Outbound
from tests.contract.hosts import KINDS
from tests.servers.forges.bitbucket_cloud import BitbucketCloud
from tests.servers.forges.gitlab import GitLab
from tests.servers.github.hub import Failure, Hub

TOKEN = "a-reader"
FILE = {"catalog-info.yaml": "kind: Component\n"}
EMPTY: Mapping[str, str] = {"README.md": "Nothing here\n"}

SEARCHES: dict[str, tuple[type[ProviderConfig], Callable[..., Search], Mapping[str, Any]]] = {
    "gitlab": (GitLabDiscovery, GitLabSearch, {"group": "acme"}),
    "gitea": (GiteaDiscovery, GiteaSearch, {"organization": "acme"}),
    "bitbucket-cloud": (BitbucketCloudDiscovery, BitbucketCloudSearch, {"workspace": "acme"}),
    "bitbucket-server": (BitbucketServerDiscovery, BitbucketServerSearch, {"validateLocationsExist": True}),
    "azure": (AzureDevOpsDiscovery, AzureSearch, {"organization": "acme", "project": "*"}),
}
NAMES = {
    "gitlab": "acme/web/{}",
    "gitea": "acme/{}",
    "bitbucket-cloud": "acme/{}",
    "bitbucket-server": "ACME/{}",
    "azure": "acme/web/{}",
}


@pytest.fixture(params=SEARCHES)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


class Forge:
    """An emulator with searches on it."""

    def __init__(self, kind: str, hub: Hub, outbound: Outbound) -> None:
        self.kind, self.hub, self.outbound = kind, hub, outbound

    def add(self, name: str, files: Mapping[str, str] | None = FILE, **more: Any) -> str:
        """Create a repository; its full name."""
        full_name = name if "/" in name else NAMES[self.kind].format(name)
        self.hub.repository(full_name, files, **more)
        if isinstance(self.hub, BitbucketCloud):
            self.hub.projects.setdefault(full_name, "WEB")
        return full_name

    def search(self, token: str = TOKEN, **keys: Any) -> Search:
        settings, build, usual = SEARCHES[self.kind]
        host = {} if self.kind == "bitbucket-cloud" else {"host": self.hub.host}
        return build(settings.model_validate({**host, **usual, **keys}), KINDS[self.kind].build(self.hub, self.outbound, token))

    async def found(self, **keys: Any) -> list[str]:
        """The URLs found, relative to the emulator."""
        search = self.search(**keys)
        return sorted(search.host.url(place).removeprefix(f"{self.hub.url}/") for place in await search.everywhere())


@pytest.fixture
async def forge(kind: str, tmp_path: Path) -> AsyncIterator[Forge]:
    for one in serving(kind, tmp_path):
        outbound = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}), [one.host])
        yield Forge(kind, one, outbound)
        await outbound.close()


def serving(kind: str, folder: Path) -> Iterator[Hub]:
    with KINDS[kind].serving(folder) as hub:
        hub.token(TOKEN)
        if isinstance(hub, GitLab):
            for path in ("acme", "acme/web", "other"):
                hub.group(path)
        yield hub


TARGETS = {
    "gitlab": "acme/web/{}/-/blob/{}/catalog-info.yaml",
    "gitea": "acme/{}/src/branch/{}/catalog-info.yaml",
    "bitbucket-cloud": "acme/{}/src/{}/catalog-info.yaml",
    "bitbucket-server": "projects/ACME/repos/{}/browse/catalog-info.yaml",
    "azure": "acme/web/_git/{}?path=/catalog-info.yaml",
}


def targets(kind: str, *repositories: tuple[str, str]) -> list[str]:
    return sorted(TARGETS[kind].format(*each) for each in repositories)


async def test_every_repository_with_the_file_is_found_on_its_default_branch(forge: Forge, kind: str):
    forge.add("shop", private=True)
    forge.add("cart", default_branch="trunk")
    forge.add("plain", EMPTY)
    forge.add("empty", None)
    forge.add("other/web/shop" if kind == "azure" else "other/shop", EMPTY)
    assert await forge.found() == targets(kind, ("shop", "main"), ("cart", "trunk"))


REQUESTS = {
    # Pages of projects, then one look for each project that was not seen with its file before.
    "gitlab": (1 + 12, 1),
    "gitea": (1 + 12, 1),
    "bitbucket-cloud": (2, 2),
    "bitbucket-server": (2 + 12, 2),
    "azure": (1, 1),
}


async def test_who_has_the_file_is_not_asked_again(forge: Forge, kind: str):
    for number in range(12):
        forge.add(f"r{number}")
    search = forge.search()
    first, second = REQUESTS[kind]
    assert len(await search.everywhere()) == 12
    assert forge.hub.count() == first
    forge.hub.forget()
    assert len(await search.everywhere()) == 12
    assert forge.hub.count() == second


async def test_a_long_list_is_read_to_its_end(forge: Forge):
    for number in range(105):
        forge.add(f"r{number}")
    assert len(await forge.found()) == 105


async def test_one_repository_is_looked_at_again_by_itself(forge: Forge):
    name = forge.add("shop", EMPTY)
    other = forge.add("cart")
    search = forge.search()
    [place] = await search.everywhere()
    named = place.repository.replace("cart", "shop")
    assert search.covers(named)
    assert not search.covers(named.lower().replace("acme", "elsewhere")) or forge.kind == "bitbucket-server"
    assert await search.within(named) == []
    forge.hub.commit(name, FILE)
    assert [each.repository for each in await search.within(named)] == [named]
    forge.hub.delete(other)
    assert await search.within(place.repository) == []


async def test_a_host_that_fails_is_an_error_and_no_empty_list(forge: Forge):
    forge.add("shop")
    for failure, reason in [
        (Failure(500), SourceReason.UNAVAILABLE),
        (Failure(200, b"<html>"), SourceReason.MALFORMED),
        (Failure(429, headers={"retry-after": "60"}), SourceReason.RATE_LIMITED),
    ]:
        forge.hub.fail("", failure)
        with pytest.raises(SourceError) as caught:
            await forge.found()
        assert caught.value.reason is reason
        forge.hub.heal()
    with pytest.raises(SourceError) as caught:
        await forge.found(token="nobody")
    assert caught.value.reason is SourceReason.UNAUTHORIZED


FILTERS: list[tuple[str, Mapping[str, Any], list[str]]] = [
    ("gitlab", {"projectPattern": "shop"}, ["fork", "shop"]),
    ("gitlab", {"projectPattern": "shop", "skipForkedRepos": True}, ["shop"]),
    ("gitlab", {"projectPattern": "^acme/web/(shop|old)$"}, ["shop"]),
    ("gitlab", {"projectPattern": "^acme/web/(shop|old)$", "includeArchivedRepos": True}, ["old", "shop"]),
    ("gitlab", {"excludeRepos": ["acme/web/shop", "acme/web/shop-fork"]}, ["cart"]),
    ("gitlab", {"topics": ["go"]}, ["cart"]),
    ("gitlab", {"group": "", "projectPattern": "cart"}, ["cart"]),
    ("gitlab", {"group": "", "groupPattern": "^acme/web$"}, ["cart", "fork", "shop"]),
    ("gitlab", {"group": "", "groupPattern": ["^other$", "^none$"]}, []),
    ("bitbucket-cloud", {"filters": {"repoSlug": "shop"}}, ["shop"]),
    ("bitbucket-cloud", {"filters": {"repoSlug": "(shop|cart).*", "projectKey": "W.*"}}, ["cart", "fork", "shop"]),
    ("bitbucket-cloud", {"filters": {"projectKey": "W"}}, []),
    ("bitbucket-server", {"filters": {"repoSlug": "^shop$", "projectKey": "AC"}}, ["shop"]),
    ("bitbucket-server", {"filters": {"repoSlug": "old|cart", "skipArchivedRepos": True}}, ["cart"]),
    ("bitbucket-server", {"filters": {"projectKey": "OTHER"}}, []),
    ("azure", {"repository": "shop*"}, ["fork", "shop"]),
    ("azure", {"project": "we*", "repository": "cart"}, ["cart"]),
    ("azure", {"project": "other"}, []),
    ("azure", {"path": "/catalog-*.yaml", "repository": "shop"}, ["shop"]),
]


@pytest.mark.parametrize(("kind", "keys", "expected"), FILTERS, ids=str)
async def test_filters_choose_repositories(forge: Forge, kind: str, keys: Mapping[str, Any], expected: list[str]):
    forge.add("shop")
    forge.add("shop-fork", fork=True)
    forge.add("cart", topics=["go", "web"])
    forge.add("old", archived=kind in {"gitlab", "bitbucket-server"}, files=FILE if kind in {"gitlab", "bitbucket-server"} else EMPTY)
    names = {"fork": "shop-fork"}
    assert await forge.found(**keys) == targets(kind, *((names.get(name, name), "main") for name in expected))


@pytest.mark.parametrize(
    ("kind", "keys", "target"),
    [
        ("gitlab", {"branch": "live"}, "acme/web/shop/-/blob/live/catalog-info.yaml"),
        ("gitlab", {"entityFilename": "deploy/catalog.yaml"}, "acme/web/shop/-/blob/main/deploy/catalog.yaml"),
        ("gitea", {"branch": "live"}, "acme/shop/src/branch/live/catalog-info.yaml"),
        ("gitea", {"catalogPath": "deploy/catalog.yaml"}, "acme/shop/src/branch/main/deploy/catalog.yaml"),
        ("bitbucket-cloud", {"catalogPath": "/deploy/catalog.yaml"}, "acme/shop/src/main/deploy/catalog.yaml"),
        ("bitbucket-server", {"catalogPath": "/deploy/catalog.yaml"}, "projects/ACME/repos/shop/browse/deploy/catalog.yaml"),
        ("azure", {"path": "/deploy/*.yaml"}, "acme/web/_git/shop?path=/deploy/catalog.yaml"),
        ("azure", {"branch": "main"}, "acme/web/_git/shop?path=/catalog-info.yaml&version=GBmain"),
    ],
)
async def test_branch_and_path_are_those_configured(forge: Forge, keys: Mapping[str, Any], target: str):
    name = forge.add("shop", {**FILE, "deploy/catalog.yaml": "kind: Component\n"})
    forge.hub.commit(name, FILE, branch="live", anew=True)
    assert await forge.found(**keys) == [target]


@pytest.mark.parametrize("kind", ["bitbucket-server"])
async def test_repositories_are_not_looked_into_unless_asked_for(forge: Forge):
    forge.add("shop", EMPTY)
    assert await forge.found(validateLocationsExist=False) == targets("bitbucket-server", ("shop", "main"))
    assert forge.hub.count("raw") == 0


@pytest.mark.parametrize("kind", ["gitlab"])
async def test_a_next_page_on_another_host_is_not_followed(forge: Forge):
    forge.add("shop")
    forge.hub.fail("/projects", Failure(headers={"link": '<https://elsewhere.example/api/v4/projects?page=2>; rel="next"'}))
    with pytest.raises(SourceError) as caught:
        await forge.found()
    assert caught.value.reason is SourceReason.MALFORMED
