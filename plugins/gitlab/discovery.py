"""Looks for the catalog files of GitLab's projects, as Backstage does: https://backstage.io/docs/integrations/gitlab/discovery."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from config.providers_hosts import GitLabDiscovery as Settings
from plugins.contract import Place
from plugins.discovery import SeenFiles
from plugins.gitlab.host import GitLabHost
from plugins.pages import query
from plugins.rest import understood

_ANY = (r"[\s\S]*",)


class GitLabSearch:
    """Projects that the filters let through, and that have the file on the branch that is read."""

    def __init__(self, config: Settings, host: GitLabHost) -> None:
        self.host = host
        self._config = config
        self._files = SeenFiles(self._is_there)

    def covers(self, repository: str) -> bool:
        return self._is_named(repository)

    async def everywhere(self) -> Sequence[Place]:
        places: dict[Place, None] = {}
        for group in await self._groups():
            with understood(self.host.api_url):
                listed = [project async for project in self.host.api.pages(self._listing(group))]
                places |= dict.fromkeys(self._place(project) for project in listed if self._is_wanted(project))
        return await self._files.among(list(places))

    async def within(self, repository: str) -> Sequence[Place]:
        project = await self.host.api.found(self.host.project_url(repository))
        if project is None:
            return []
        with understood(self.host.api_url):
            archived = project.get("archived") and not self._config.include_archived_repos
            if archived or not self._is_wanted(project) or not set(self._config.topics) <= set(project.get("topics") or ()):
                return []
            place = self._place(project)
        return [place] if await self._files.has_now(place) else []

    async def _groups(self) -> Sequence[str]:
        """Full paths of the groups to list, where a pattern chooses them; else the one group, or the empty text for all projects."""
        if self._config.group_pattern == _ANY:
            return [self._config.group]
        with understood(self.host.api_url):
            listed = [str(group["full_path"]) async for group in self.host.api.pages(f"{self.host.api_url}/groups?per_page=100")]
        return [path for path in listed if any(re.search(pattern, path) for pattern in self._config.group_pattern)]

    def _listing(self, group: str) -> str:
        options = {"per_page": "100"}
        if group:
            options["include_subgroups"] = "true"
        if not self._config.include_archived_repos:
            options["archived"] = "false"
        if self._config.membership and not group:
            options["membership"] = "true"
        if self._config.topics:
            options["topic"] = ",".join(self._config.topics)
        if not self._config.skip_forked_repos:
            # A simple listing is a tenth of the size, but says nothing of forks.
            options["simple"] = "true"
        below = f"/groups/{quote(group, safe='')}" if group else ""
        return f"{self.host.api_url}{below}/projects" + query(options)

    def _is_named(self, path: str) -> bool:
        below = not self._config.group or path.lower().startswith(f"{self._config.group.lower()}/")
        return below and path not in self._config.exclude_repos and re.search(self._config.project_pattern, path) is not None

    def _is_wanted(self, project: Mapping[str, Any]) -> bool:
        is_fork = self._config.skip_forked_repos and bool(project.get("forked_from_project"))
        return not is_fork and self._is_named(str(project["path_with_namespace"]))

    def _place(self, project: Mapping[str, Any]) -> Place:
        branch = self._config.branch or project.get("default_branch") or self._config.fallback_branch
        return Place(self.host.host, str(project["path_with_namespace"]), str(branch), self._config.entity_filename.strip("/"))

    async def _is_there(self, place: Place) -> bool:
        url = self.host.file_url(place.repository, place.path, place.revision or "").replace("/raw?", "?")
        return await self.host.api.exists(url, "HEAD")
