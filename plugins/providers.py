"""Builds the providers that the configuration names."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from config import Config, ConfigurationError
from plugins.azure.discovery import AzureSearch
from plugins.azure.host import AzureHost
from plugins.bitbucket_cloud.discovery import BitbucketCloudSearch
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.bitbucket_server.discovery import BitbucketServerSearch
from plugins.bitbucket_server.host import BitbucketServerHost
from plugins.clones.discovery import ClonesDiscovery
from plugins.contract import Provider, RepositoryHost
from plugins.discovery import Discovery
from plugins.entra.people import EntraPeople
from plugins.gitea.discovery import GiteaSearch
from plugins.gitea.host import GiteaHost
from plugins.github.discovery import GitHubDiscovery
from plugins.github.host import GitHubHost
from plugins.github.people import GitHubPeople
from plugins.gitlab.discovery import GitLabSearch
from plugins.gitlab.host import GitLabHost
from plugins.gitlab.people import GitLabPeople
from plugins.hosts import Hosts
from plugins.ldap.people import LdapPeople

Host = TypeVar("Host", bound=RepositoryHost)


def providers_from(config: Config, hosts: Hosts) -> Sequence[Provider]:
    """Every configured provider. ConfigurationError where one names what is not configured elsewhere, such as an integration."""
    return [provider for kind in _KINDS for provider in kind(config, hosts)]


def _github(config: Config, hosts: Hosts) -> Iterable[Provider]:
    for name, discovery in config.catalog.providers.github.items():
        yield GitHubDiscovery(name, discovery, _host(GitHubHost, "github", hosts, discovery.host, f"catalog.providers.github.{name}.host"))
    several = config.catalog.providers.github_org
    for index, org in enumerate(several):
        host = urlsplit(org.github_url).netloc.lower()
        github = _host(GitHubHost, "github", hosts, host, f"catalog.providers.githubOrg[{index}].githubUrl")
        yield GitHubPeople(org, github, is_only_one=len(several) == 1)


def _gitlab(config: Config, hosts: Hosts) -> Iterable[Provider]:
    for name, discovery in config.catalog.providers.gitlab.items():
        host = _host(GitLabHost, "gitlab", hosts, discovery.host, f"catalog.providers.gitlab.{name}.host")
        yield Discovery(f"gitlab:{name}", discovery, GitLabSearch(discovery, host))
        if discovery.org_enabled:
            yield GitLabPeople(name, discovery, host)


def _bitbucket(config: Config, hosts: Hosts) -> Iterable[Provider]:
    for name, cloud in config.catalog.providers.bitbucket_cloud.items():
        host = _host(BitbucketCloudHost, "bitbucketCloud", hosts, "bitbucket.org", f"catalog.providers.bitbucketCloud.{name}")
        yield Discovery(f"bitbucketCloud:{name}", cloud, BitbucketCloudSearch(cloud, host))
    for name, server in config.catalog.providers.bitbucket_server.items():
        host = _host(BitbucketServerHost, "bitbucketServer", hosts, server.host, f"catalog.providers.bitbucketServer.{name}.host")
        yield Discovery(f"bitbucketServer:{name}", server, BitbucketServerSearch(server, host))


def _azure(config: Config, hosts: Hosts) -> Iterable[Provider]:
    for name, discovery in config.catalog.providers.azure_dev_ops.items():
        host = _host(AzureHost, "azure", hosts, discovery.host, f"catalog.providers.azureDevOps.{name}.host")
        yield Discovery(f"azureDevOps:{name}", discovery, AzureSearch(discovery, host))


def _gitea(config: Config, hosts: Hosts) -> Iterable[Provider]:
    for name, discovery in config.catalog.providers.gitea.items():
        host = _host(GiteaHost, "gitea", hosts, discovery.host, f"catalog.providers.gitea.{name}.host")
        yield Discovery(f"gitea:{name}", discovery, GiteaSearch(discovery, host))


def _host(kind: type[Host], section: str, hosts: Hosts, host: str, key: str) -> Host:
    for known in hosts.all:
        if isinstance(known, kind) and known.host == host:
            return known
    raise ConfigurationError(key, f"names {host}, which is none of integrations.{section}; add it there")


def _people(config: Config, hosts: Hosts) -> Iterable[Provider]:
    for name, directory in config.catalog.providers.ldap_org.items():
        yield LdapPeople(name, directory, hosts.outbound)
    for name, tenant in config.catalog.providers.microsoft_graph_org.items():
        yield EntraPeople(name, tenant, hosts.outbound)


def _clones(config: Config, hosts: Hosts) -> Iterable[Provider]:
    return [ClonesDiscovery(name, clones) for name, clones in config.catalog.providers.clones.items()]


_KINDS: Sequence[Callable[[Config, Hosts], Iterable[Provider]]] = (_github, _gitlab, _bitbucket, _azure, _gitea, _people, _clones)
"""What each kind of section makes."""
