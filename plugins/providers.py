"""Builds the providers that the configuration names."""

from collections.abc import Sequence

from config import Config
from plugins.clones.discovery import ClonesDiscovery
from plugins.contract import Provider
from plugins.hosts import Hosts


def providers_from(config: Config, hosts: Hosts) -> Sequence[Provider]:
    """Every configured provider. ConfigurationError where one names what is not configured elsewhere, such as an integration."""
    providers = config.catalog.providers
    return [
        *(ClonesDiscovery(name, clones) for name, clones in providers.clones.items()),
    ]
