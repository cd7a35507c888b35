"""Discovers the catalog files of a GitHub organisation's repositories.

As Backstage's GitHub discovery, https://backstage.io/docs/integrations/github/discovery
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from config.providers import GitHubDiscovery as Settings
from config.providers import GitHubFilters
from plugins.contract import (
    DeltaMutation,
    FullMutation,
    ProvidedLocation,
    ProviderConnection,
    SourceError,
    SourceReason,
    Touched,
)
from plugins.github.host import GitHubHost
from plugins.github.lists import RememberedLists
from plugins.pages import part, quoted
from plugins.payloads import Payload
from plugins.rest import understood
from plugins.schedule import schedule_of

_LISTED = "per_page=100&sort=full_name"
_GONE = frozenset({"repository.deleted"})
_SEEN_ANEW = frozenset(
    f"repository.{action}"
    for action in ("archived", "unarchived", "created", "edited", "privatized", "publicized", "renamed", "transferred", "deleted")
)


@dataclass(frozen=True, slots=True)
class _Repository:
    """What the filters look at."""

    full_name: str
    url: str
    default_branch: str
    pushed_at: str
    visibility: str
    archived: bool
    fork: bool
    topics: frozenset[str]

    @property
    def name(self) -> str:
        return self.full_name.rpartition("/")[2]


class GitHubDiscovery:
    """Provides one location for each repository that the filters let through.

    Repositories are listed, not looked into, unless each has to be asked whether it has the file; then those that were pushed to since.
    """

    def __init__(self, id: str, config: Settings, host: GitHubHost) -> None:
        self.name = f"github:{id}"
        self.config = config
        self.schedule = schedule_of(config.schedule)
        self._host = host
        self._lists = RememberedLists(host.api)
        self._has_file: dict[tuple[str, str], tuple[str, bool]] = {}

    async def read(self, connection: ProviderConnection) -> None:
        """Provide the repositories as they are now."""
        wanted = [found for found in await self._repositories() if is_wanted(found, self.config.filters)]
        kept = [found for found in wanted if await self._is_there(found)]
        await connection.apply(FullMutation(locations=[self._location(found.url, self._branch(found)) for found in kept]))

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        """Follow a push to a repository that is new, and whatever happens to a repository as a whole."""
        payload = Payload(touched.payload).part("repository")
        if touched.host != self.config.host or not touched.repository or not payload.value or not self._is_ours(touched):
            return False
        if touched.event not in _SEEN_ANEW and touched.event != "push":
            return False
        with understood(self._host.host):
            found = repository_of(payload.value)
        if touched.event == "push" and touched.revision != self._branch(found):
            return False
        here = self._location(found.url, self._branch(found))
        there = [] if touched.renamed_from is None else [self._location(self._url_of(touched.renamed_from), self._branch(found))]
        ours = found.full_name.partition("/")[0].lower() == self.config.organization.lower()
        if touched.event in _GONE or not ours or not is_wanted(found, self.config.filters):
            await connection.apply(DeltaMutation(removed_locations=[here, *there]))
        elif await self._is_there(found):
            await connection.apply(DeltaMutation(locations=[here], removed_locations=there))
        return True

    def _is_ours(self, touched: Touched) -> bool:
        owners = {name.partition("/")[0].lower() for name in (touched.repository, touched.renamed_from) if name}
        return self.config.organization.lower() in owners

    async def _repositories(self) -> list[_Repository]:
        owner = self.config.organization
        try:
            listed = await self._lists.items(f"/orgs/{quote(owner)}/repos?{_LISTED}", owner)
        except SourceError as error:
            if error.reason is not SourceReason.NOT_FOUND:
                raise
            # A user has repositories as well.
            listed = await self._lists.items(f"/users/{quote(owner)}/repos?{_LISTED}", owner)
        with understood(self._host.host):
            return [repository_of(each) for each in listed]

    async def _is_there(self, found: _Repository) -> bool:
        if not self.config.validate_locations_exist:
            return True
        key = (found.full_name, self._branch(found))
        known = self._has_file.get(key)
        if known is None or known[0] != found.pushed_at:
            path = f"/repos/{quote(found.full_name)}/contents/{quote(self._path)}?ref={quote(self._branch(found), safe='')}"
            known = self._has_file[key] = (found.pushed_at, await self._lists.thing(path, self.config.organization) is not None)
        return known[1]

    def _branch(self, found: _Repository) -> str:
        return self.config.filters.branch or found.default_branch

    @property
    def _path(self) -> str:
        return self.config.catalog_path.removeprefix("/")

    def _location(self, url: str, branch: str) -> ProvidedLocation:
        return ProvidedLocation("url", f"{url}/blob/{part(branch)}/{quoted(self._path)}")

    def _url_of(self, full_name: str) -> str:
        return f"{self._host.web_url}/{quoted(full_name)}"


def repository_of(listed: Mapping[str, Any]) -> _Repository:
    """The repository as lists and events tell of it. KeyError or so if they do otherwise than documented."""
    return _Repository(
        full_name=str(listed["full_name"]),
        url=str(listed["html_url"]),
        default_branch=str(listed["default_branch"]),
        pushed_at=str(listed.get("pushed_at")),
        visibility=str(listed.get("visibility") or ("private" if listed["private"] else "public")),
        archived=bool(listed.get("archived")),
        fork=bool(listed["fork"]),
        topics=frozenset(str(topic) for topic in listed.get("topics") or ()),
    )


def is_wanted(found: _Repository, filters: GitHubFilters) -> bool:
    """Whether the filters let the repository through."""
    topic = filters.topic
    return (
        (filters.allow_archived or not found.archived)
        and (filters.allow_forks or not found.fork)
        and (not filters.visibility or found.visibility in filters.visibility)
        and (filters.repository is None or re.fullmatch(filters.repository, found.name) is not None)
        and (not topic.include or not found.topics.isdisjoint(topic.include))
        and found.topics.isdisjoint(topic.exclude)
    )
