"""Looks for the catalog files of a Bitbucket Cloud workspace by its code search, as Backstage does.

https://backstage.io/docs/integrations/bitbucketCloud/discovery
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from config.providers_hosts import BitbucketCloudDiscovery as Settings
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.contract import Place
from plugins.pages import part, query, quoted
from plugins.rest import understood

_BRANCH = "master"
_FIELDS = ",".join(
    (
        "-values.content_matches",
        "+values.file.commit.repository.mainbranch.name",
        "+values.file.commit.repository.project.key",
        "+values.file.commit.repository.slug",
        "+values.file.commit.repository.full_name",
    )
)


class BitbucketCloudSearch:
    """Files that the code search finds in repositories that the filters let through. The search covers default branches."""

    def __init__(self, config: Settings, host: BitbucketCloudHost) -> None:
        self.host = host
        self._config = config

    def covers(self, repository: str) -> bool:
        workspace, _, slug = repository.partition("/")
        return workspace.lower() == self._config.workspace.lower() and _matches(self._config.filters.repo_slug, slug)

    async def everywhere(self) -> Sequence[Place]:
        url = f"{self.host.api_url}/workspaces/{part(self._config.workspace)}"
        with understood(url):
            keys = [str(project["key"]) async for project in self.host.values(f"{url}/projects?pagelen=100")]
        places: list[Place] = []
        # A search without a project finds a thousand results at most.
        for key in keys:
            if _matches(self._config.filters.project_key, key):
                places += await self._searched(f"{url}/search/code", key)
        return places

    async def within(self, repository: str) -> Sequence[Place]:
        # The code search lags behind pushes: the repository itself is asked.
        found = await self.host.api.found(self.host.repository_url(repository))
        with understood(self.host.api_url):
            if found is None or not found["mainbranch"] or not self._is_wanted(found):
                return []
            place = self._place(found, self._config.catalog_path)
        url = f"{self.host.repository_url(place.repository)}/src/{quote(place.revision or '', safe='')}/{quoted(place.path)}?format=meta"
        return [place] if await self.host.api.exists(url) else []

    async def _searched(self, url: str, key: str) -> Sequence[Place]:
        path = self._config.catalog_path
        wanted = f'"{path.rpartition("/")[2]}" path:{path} project:{key}'
        options = {"search_query": wanted, "fields": _FIELDS, "pagelen": str(self._config.pagelen)}
        with understood(url):
            found = [result["file"] async for result in self.host.values(url + query(options)) if result["path_matches"]]
            repositories = [(file["commit"]["repository"], str(file["path"])) for file in found]
            return [self._place(repository, path) for repository, path in repositories if self._is_wanted(repository)]

    def _is_wanted(self, repository: Mapping[str, Any]) -> bool:
        filters = self._config.filters
        return _matches(filters.project_key, str(repository["project"]["key"])) and _matches(filters.repo_slug, str(repository["slug"]))

    def _place(self, repository: Mapping[str, Any], path: str) -> Place:
        branch = repository.get("mainbranch") or {"name": _BRANCH}
        name = f"{self._config.workspace}/{repository['slug']}"
        return Place(self.host.host, str(repository.get("full_name") or name), str(branch["name"]), path.strip("/"))


def _matches(pattern: str | None, text: str) -> bool:
    return pattern is None or re.fullmatch(pattern, text) is not None
