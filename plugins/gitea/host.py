"""Repositories of Gitea and Forgejo, by their REST API (/api/swagger on each instance)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

from config.integrations_gitea import GiteaIntegration
from plugins.contract import Head, Place, TreeFile
from plugins.outbound.client import Outbound
from plugins.pages import DEFAULT, TAGS, is_commit, page, part, quoted
from plugins.rest import RestApi, basic, bearer, file_looked_for, looked_for, signed_by, understood

_VIEWS = ("src", "raw", "media", "blame")
_REGULAR = ("100644", "100755", "100664")
_LEAN = "stat=false&verification=false&files=false"


class GiteaHost:
    """A Gitea or Forgejo instance. Revisions are branches, tags as `refs/tags/…`, or commits."""

    def __init__(self, integration: GiteaIntegration, outbound: Outbound) -> None:
        self.host = integration.host
        self.web_url = integration.web_url
        self.api_url = f"{self.web_url}/api/v1"
        self.sign, self.git_username = signed_by(gitea_credentials(integration)), git_username(integration)
        self.api = RestApi(outbound, self.sign, self.api_url)

    def place(self, url: str) -> Place | None:
        found = page(url, self.host, self.web_url)
        if found is None or len(found.parts) < 2:
            return None
        owner, name, *rest = found.parts
        repository = f"{owner}/{name.removesuffix('.git')}"
        if not rest:
            return Place(self.host, repository, None, "")
        if len(rest) < 3 or rest[0] not in _VIEWS or rest[1] not in {"branch", "tag", "commit"}:
            return None
        revision = f"{TAGS}{rest[2]}" if rest[1] == "tag" else rest[2]
        return Place(self.host, repository, None if revision == DEFAULT else revision, "/".join(rest[3:]))

    def url(self, place: Place) -> str:
        address = f"{self.web_url}/{quoted(place.repository)}"
        if place.revision is None and not place.path:
            return address
        return self._source(place)

    def folder_url(self, place: Place) -> str:
        return f"{self._source(place)}/"

    def edit_url(self, place: Place) -> str | None:
        if place.revision is None or _kind(place.revision) != "branch":
            return None
        return f"{self.web_url}/{quoted(place.repository)}/_edit/{part(place.revision)}/{quoted(place.path)}"

    async def head(self, place: Place, known: Head | None = None) -> Head:
        base = self.repository_url(place.repository)
        if place.revision is None:
            url = f"{base}/commits?limit=1&{_LEAN}"
        else:
            url = f"{base}/git/commits/{quote(place.revision.removeprefix(TAGS), safe='')}?{_LEAN}"

        def read(found: Any) -> tuple[str, str]:
            commit = str(found[0]["sha"] if place.revision is None else found["sha"])
            return commit, place.revision or commit

        with looked_for(self.url(replace(place, path=""))):
            return await self.api.head(url, known, read, lambda: self.api.text(base, "full_name"))

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        url = f"{self.repository_url(place.repository)}/git/trees/{head.commit}?recursive=true&per_page=1000"
        files: list[TreeFile] = []
        number, more = 1, True
        with understood(url):
            while more:
                listed, _ = await self.api.json(f"{url}&page={number}")
                entries = cast("list[Any]", listed["tree"] or [])
                files += [TreeFile(str(entry["path"]), int(entry["size"])) for entry in entries if entry["mode"] in _REGULAR]
                number, more = number + 1, bool(listed["truncated"] and entries)
        return files

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        with file_looked_for(self.url(place), place.path):
            return await self.api.content(self.file_url(place.repository, place.path, head.commit), max_bytes)

    def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        return self.api.chunks(f"{self.repository_url(place.repository)}/archive/{head.commit}.tar.gz")

    def repository_url(self, repository: str) -> str:
        """The address of the repository in the API."""
        return f"{self.api_url}/repos/{quoted(repository)}"

    def clone_url(self, repository: str) -> str:
        """Where git reads and writes the repository."""
        return f"{self.web_url}/{quoted(repository)}.git"

    def file_url(self, repository: str, path: str, revision: str) -> str:
        """The address of the file's content in the API."""
        return f"{self.repository_url(repository)}/raw/{quoted(path)}?ref={quote(revision, safe='')}"

    def _source(self, place: Place) -> str:
        revision = place.revision or DEFAULT
        parts = (self.web_url, quoted(place.repository), "src", _kind(revision), part(revision.removeprefix(TAGS)), quoted(place.path))
        return "/".join(each for each in parts if each)


def _kind(revision: str) -> str:
    if revision.startswith(TAGS):
        return "tag"
    return "commit" if revision == DEFAULT or is_commit(revision) else "branch"


def gitea_credentials(integration: GiteaIntegration) -> Mapping[str, str]:
    """The headers that sign requests as the integration says."""
    if integration.username and integration.password:
        return basic(integration.username, integration.password)
    return bearer(integration.token or integration.password, "token")


def git_username(integration: GiteaIntegration) -> str:
    """The name that git signs in with; any will do beside a token."""
    return integration.username or "token"
