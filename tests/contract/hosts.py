"""The hosts under the contract of repository hosts, each with its emulator."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.integrations import GitHubIntegration
from config.integrations_azure import AzureIntegration
from config.integrations_bitbucket import BitbucketCloudIntegration, BitbucketServerIntegration
from config.integrations_gitea import GiteaIntegration
from config.integrations_gitlab import GitLabIntegration
from plugins.azure.host import AzureHost
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.bitbucket_server.host import BitbucketServerHost
from plugins.contract import RepositoryHost
from plugins.gitea.host import GiteaHost
from plugins.github.host import GitHubHost
from plugins.gitlab.host import GitLabHost
from plugins.outbound.client import Outbound
from tests.servers.forges.azure import serving_azure
from tests.servers.forges.bitbucket_cloud import serving_bitbucket_cloud
from tests.servers.forges.bitbucket_server import serving_bitbucket_server
from tests.servers.forges.gitea import serving_gitea
from tests.servers.forges.gitlab import serving_gitlab
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github

Build = Callable[[Hub, Outbound, str | None], RepositoryHost]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of host: what runs it, what reads it, the name of a repository, and how many requests a tree of a page and an archive take.

    `named` is the repository as a Place names it. `tells_branch` says that the head of the default branch comes with the branch's name,
    `keeps_names` that the former name of a renamed repository still leads to it.
    """

    serving: Callable[[Path], AbstractContextManager[Hub]]
    build: Build
    repository: str
    named: str
    hosts: Callable[[Hub], Sequence[str]] = lambda hub: [hub.host]
    archive_requests: int = 1
    tells_branch: bool = False
    keeps_names: bool = False


@contextmanager
def _github(folder: Path) -> Iterator[Hub]:
    with serving_github(folder) as hub:
        yield hub


def _build_github(hub: Hub, outbound: Outbound, token: str | None) -> RepositoryHost:
    api = f"{hub.url}/api/v3"
    return GitHubHost(GitHubIntegration.model_validate({"host": hub.host, "apiBaseUrl": api, "token": token}), outbound)


def _build_gitlab(hub: Hub, outbound: Outbound, token: str | None) -> RepositoryHost:
    return GitLabHost(GitLabIntegration.model_validate({"host": hub.host, "baseUrl": hub.url, "token": token}), outbound)


def _build_gitea(hub: Hub, outbound: Outbound, token: str | None) -> RepositoryHost:
    return GiteaHost(GiteaIntegration.model_validate({"host": hub.host, "baseUrl": hub.url, "token": token}), outbound)


def _build_bitbucket_cloud(hub: Hub, outbound: Outbound, token: str | None) -> RepositoryHost:
    integration = BitbucketCloudIntegration.model_validate({"token": token} | ({"username": "ada@example.com"} if token else {}))
    return BitbucketCloudHost(integration, outbound, web_url=hub.url, api_url=f"{hub.url}/2.0")


def _build_bitbucket_server(hub: Hub, outbound: Outbound, token: str | None) -> RepositoryHost:
    keys = {"host": hub.host, "apiBaseUrl": f"{hub.url}/rest/api/1.0", "token": token}
    return BitbucketServerHost(BitbucketServerIntegration.model_validate(keys), outbound)


def _build_azure(hub: Hub, outbound: Outbound, token: str | None) -> RepositoryHost:
    return AzureHost(AzureIntegration.model_validate({"host": hub.host, "token": token}), outbound, web_url=hub.url)


KINDS = {
    "github": Kind(
        _github, _build_github, "acme/shop", "acme/shop", lambda hub: [hub.host, hub.codeload_host], archive_requests=2, keeps_names=True
    ),
    "gitlab": Kind(serving_gitlab, _build_gitlab, "acme/web/shop", "acme/web/shop", keeps_names=True),
    "gitea": Kind(serving_gitea, _build_gitea, "acme/shop", "acme/shop", keeps_names=True),
    "bitbucket-cloud": Kind(serving_bitbucket_cloud, _build_bitbucket_cloud, "acme/shop", "acme/shop", tells_branch=True),
    "bitbucket-server": Kind(serving_bitbucket_server, _build_bitbucket_server, "ACME/shop", "ACME/shop"),
    "azure": Kind(serving_azure, _build_azure, "acme/Web Shop/shop", "acme/Web Shop/_git/shop"),
}
