"""Looks for the catalog files of an Azure DevOps organization by its code search, as Backstage does.

https://backstage.io/docs/integrations/azure/discovery
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import orjson

from config.providers_hosts import AzureDevOpsDiscovery as Settings
from plugins.azure.host import GIT, AzureHost
from plugins.contract import Place
from plugins.pages import quoted
from plugins.rest import understood

_PAGE = 1000


class AzureSearch:
    """Files that the code search finds."""

    def __init__(self, config: Settings, host: AzureHost) -> None:
        self.host = host
        self._config = config

    def covers(self, repository: str) -> bool:
        above, _, name = repository.partition(f"/{GIT}/")
        organization, _, project = above.rpartition("/")
        return (
            organization.lower() == self._config.organization.lower()
            and fnmatchcase(project.lower(), self._config.project.lower())
            and fnmatchcase(name.lower(), self._config.repository.lower())
        )

    async def everywhere(self) -> Sequence[Place]:
        return await self._searched(self._config.project, self._config.repository)

    async def within(self, repository: str) -> Sequence[Place]:
        above, _, name = repository.partition(f"/{GIT}/")
        return await self._searched(above.rpartition("/")[2], name)

    async def _searched(self, project: str, repository: str) -> Sequence[Place]:
        url = f"{self.host.search_url}/{quoted(self._config.organization)}/_apis/search/codesearchresults?api-version=6.0-preview.1"
        wanted = f"path:{_term(self._config.path)} repo:{_term(repository)} proj:{_term(project)}"
        places: list[Place] = []
        seen, total = 0, 1
        while seen < total:
            # Without an order, pages of a search may overlap.
            order = [{"field": "path", "sortOrder": "ASC"}]
            asked: dict[str, Any] = {"searchText": wanted, "$orderBy": order, "$skip": seen, "$top": _PAGE}
            if self._config.branch:
                asked["filters"] = {"Branch": [self._config.branch]}
            listed, _ = await self.host.api.json(url, content=orjson.dumps(asked))
            with understood(url):
                places += [self._place(result) for result in listed["results"]]
                seen, total = seen + len(listed["results"]), int(listed["count"]) if listed["results"] else 0
        return list(dict.fromkeys(places))

    def _place(self, result: Mapping[str, Any]) -> Place:
        name = f"{self._config.organization}/{result['project']['name']}/{GIT}/{result['repository']['name']}"
        return Place(self.host.host, name, self._config.branch, str(result["path"]).strip("/"))


def _term(text: str) -> str:
    """The text as a term of a search. Only what has spaces is quoted: between quotes wildcards stand for themselves."""
    return f'"{text}"' if " " in text else text
