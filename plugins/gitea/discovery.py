"""Looks for the catalog files of a Gitea organization's repositories, as Backstage does.

https://backstage.io/docs/integrations/gitea/discovery
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from config.providers_hosts import GiteaDiscovery as Settings
from plugins.contract import Place
from plugins.discovery import SeenFiles
from plugins.gitea.host import GiteaHost
from plugins.pages import part, quoted
from plugins.rest import understood


class GiteaSearch:
    """Repositories of the organization that have the file on the branch that is read."""

    def __init__(self, config: Settings, host: GiteaHost) -> None:
        self.host = host
        self._config = config
        self._files = SeenFiles(self._is_there)

    def covers(self, repository: str) -> bool:
        return repository.partition("/")[0].lower() == self._config.organization.lower()

    async def everywhere(self) -> Sequence[Place]:
        url = f"{self.host.api_url}/orgs/{part(self._config.organization)}/repos?limit=50"
        with understood(url):
            places = [self._place(listed) async for listed in self.host.api.pages(url) if not listed["empty"]]
        return await self._files.among(places)

    async def within(self, repository: str) -> Sequence[Place]:
        listed = await self.host.api.found(self.host.repository_url(repository))
        if listed is None:
            return []
        with understood(self.host.api_url):
            place = None if listed["empty"] else self._place(listed)
        return [place] if place and await self._files.has_now(place) else []

    def _place(self, listed: Mapping[str, Any]) -> Place:
        branch = self._config.branch or str(listed["default_branch"])
        return Place(self.host.host, str(listed["full_name"]), branch, self._config.catalog_path.strip("/"))

    async def _is_there(self, place: Place) -> bool:
        url = f"{self.host.repository_url(place.repository)}/contents/{quoted(place.path)}?ref={quote(place.revision or '', safe='')}"
        return await self.host.api.exists(url)
