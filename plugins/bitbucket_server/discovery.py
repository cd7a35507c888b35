"""Looks for the catalog files of a Bitbucket Server's repositories, as Backstage does.

https://backstage.io/docs/integrations/bitbucketServer/discovery
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from config.providers_hosts import BitbucketServerDiscovery as Settings
from plugins.bitbucket_server.host import BitbucketServerHost
from plugins.contract import Place
from plugins.discovery import SeenFiles
from plugins.pages import part
from plugins.rest import understood

_PAGE = {"limit": "1000"}


class BitbucketServerSearch:
    """Repositories that the filters let through; if asked for, only those that have the file."""

    def __init__(self, config: Settings, host: BitbucketServerHost) -> None:
        self.host = host
        self._config = config
        self._files = SeenFiles(self._is_there)

    def covers(self, repository: str) -> bool:
        key, _, slug = repository.partition("/")
        return _matches(self._config.filters.project_key, key) and _matches(self._config.filters.repo_slug, slug)

    async def everywhere(self) -> Sequence[Place]:
        url = f"{self.host.api_url}/projects"
        places: list[Place] = []
        with understood(url):
            keys = [str(project["key"]) async for project in self.host.values(url, _PAGE)]
            for key in keys:
                if _matches(self._config.filters.project_key, key):
                    listed = [repository async for repository in self.host.values(f"{url}/{part(key)}/repos", _PAGE)]
                    places += [self._place(repository) for repository in listed if self._is_wanted(repository)]
        return await self._files.among(places) if self._config.validate_locations_exist else places

    async def within(self, repository: str) -> Sequence[Place]:
        found = await self.host.api.found(self.host.repository_url(repository))
        with understood(self.host.api_url):
            place = None if found is None or not self._is_wanted(found) else self._place(found)
        if place is None or (self._config.validate_locations_exist and not await self._files.has_now(place)):
            return []
        return [place]

    def _is_wanted(self, repository: Mapping[str, Any]) -> bool:
        archived = self._config.filters.skip_archived_repos and bool(repository.get("archived"))
        return not archived and self.covers(f"{repository['project']['key']}/{repository['slug']}")

    def _place(self, repository: Mapping[str, Any]) -> Place:
        name = f"{repository['project']['key']}/{repository['slug']}"
        return Place(self.host.host, name, None, self._config.catalog_path.strip("/"))

    async def _is_there(self, place: Place) -> bool:
        return await self.host.api.exists(self.host.file_url(place.repository, place.path, None))


def _matches(pattern: str | None, text: str) -> bool:
    return pattern is None or re.search(pattern, text) is not None
