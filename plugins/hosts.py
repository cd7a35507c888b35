"""The hosts of repositories that a configuration names, and which of them a URL belongs to."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config import Config
from config.integrations import Integrations
from plugins.azure.host import AzureHost
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.bitbucket_server.host import BitbucketServerHost
from plugins.contract import Head, Place, RepositoryHost
from plugins.git.host import GitHost
from plugins.gitea.host import GiteaHost
from plugins.github.host import GitHubHost
from plugins.gitlab.host import GitLabHost
from plugins.https.host import HttpsHost
from plugins.outbound.client import Outbound, outbound_from

_CACHE = Path(".callboard/cache")


class Hosts:
    """Every host that may be read, in the order in which they are asked whether a URL is theirs."""

    def __init__(self, hosts: Sequence[RepositoryHost], outbound: Outbound, integrations: Integrations | None = None) -> None:
        self.all = hosts
        self.outbound = outbound
        self._integrations = integrations or Integrations()

    def of(self, url: str) -> tuple[RepositoryHost, Place] | None:
        """The host that the URL belongs to, and what it names there; None if no host that may be read knows it."""
        for host in self.all:
            place = host.place(url)
            if place is not None:
                return host, place
        return None

    def with_token(self, token: SecretStr) -> "Hosts":
        """Those of the configured hosts that take tokens, each signed in to by this one alone. It goes to the host that is asked only."""
        dropped: Mapping[str, Mapping[str, Any]] = {
            "github": {"apps": ()},
            "gitlab": {},
            "bitbucket_cloud": {"username": None, "app_password": None, "client_id": None, "client_secret": None},
            "bitbucket_server": {"username": None, "password": None},
            "azure": {"credentials": ()},
            "gitea": {"username": None, "password": None},
        }
        signed = self._integrations.model_copy(
            update={
                kind: tuple(each.model_copy(update={**other, "token": token}) for each in getattr(self._integrations, kind))
                for kind, other in dropped.items()
            }
        )
        return Hosts(_hosts_of(signed, self.outbound), self.outbound)


def settled(place: Place, head: Head) -> Place:
    """The place with all of its branch's name, where that has slashes in it and took in the beginning of the path."""
    found = head.revision
    if place.revision is None or not found.startswith(f"{place.revision}/"):
        return place
    whole = f"{place.revision}/{place.path}"
    return replace(place, revision=found, path=whole[len(found) + 1 :]) if whole.startswith(f"{found}/") else place


def hosts_from(config: Config, outbound: Outbound) -> Hosts:
    """The hosts of a configuration; `outbound` is how they are reached."""
    configured = config.integrations
    folder, largest = config.backend.reading.cache_folder or _CACHE, config.catalog.max_file_size_bytes
    hosts: list[RepositoryHost] = [
        *_hosts_of(configured, outbound),
        *(GitHost(each, outbound, folder / "git", largest) for each in configured.git),
        # Plain files come last, since they take every address that may be read.
        HttpsHost(outbound, largest),
    ]
    return Hosts(hosts, outbound, configured)


def _hosts_of(integrations: Integrations, outbound: Outbound) -> list[RepositoryHost]:
    """The hosts that have an API."""
    return [
        *(GitHubHost(each, outbound) for each in integrations.github),
        *(GitLabHost(each, outbound) for each in integrations.gitlab),
        *(BitbucketCloudHost(each, outbound) for each in integrations.bitbucket_cloud),
        *(BitbucketServerHost(each, outbound) for each in integrations.bitbucket_server),
        *(AzureHost(each, outbound) for each in integrations.azure),
        *(GiteaHost(each, outbound) for each in integrations.gitea),
    ]


@asynccontextmanager
async def opened_hosts(config: Config) -> AsyncGenerator[Hosts]:
    """The hosts of a configuration, with a way out that ends in the end."""
    outbound = outbound_from(config)
    try:
        yield hosts_from(config, outbound)
    finally:
        await outbound.close()
