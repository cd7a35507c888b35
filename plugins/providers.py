"""Builds the providers that the configuration names."""

from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from config import Config, ConfigurationError
from plugins.clones.discovery import ClonesDiscovery
from plugins.contract import Provider
from plugins.github.discovery import GitHubDiscovery
from plugins.github.host import GitHubHost
from plugins.github.people import GitHubPeople
from plugins.hosts import Hosts


def providers_from(config: Config, hosts: Hosts) -> Sequence[Provider]:
    """Every configured provider. ConfigurationError where one names what is not configured elsewhere, such as an integration."""
    return [provider for kind in _KINDS for provider in kind(config, hosts)]


def _github(config: Config, hosts: Hosts) -> Iterable[Provider]:
    for name, discovery in config.catalog.providers.github.items():
        yield GitHubDiscovery(name, discovery, _github_host(hosts, discovery.host, f"catalog.providers.github.{name}.host"))
    several = config.catalog.providers.github_org
    for index, org in enumerate(several):
        host = urlsplit(org.github_url).netloc.lower()
        yield GitHubPeople(org, _github_host(hosts, host, f"catalog.providers.githubOrg[{index}].githubUrl"), is_only_one=len(several) == 1)


def _github_host(hosts: Hosts, host: str, key: str) -> GitHubHost:
    for known in hosts.all:
        if isinstance(known, GitHubHost) and known.host == host:
            return known
    raise ConfigurationError(key, f"names {host}, which is none of integrations.github; add it there")


def _clones(config: Config, hosts: Hosts) -> Iterable[Provider]:
    return [ClonesDiscovery(name, clones) for name, clones in config.catalog.providers.clones.items()]


_KINDS: Sequence[Callable[[Config, Hosts], Iterable[Provider]]] = (_github, _clones)
"""What each kind of section makes."""
