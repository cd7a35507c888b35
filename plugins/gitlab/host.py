"""Repositories of GitLab, by its REST API (https://docs.gitlab.com/api/rest/)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from urllib.parse import quote

from config.integrations_gitlab import GitLabIntegration
from plugins.contract import Head, Place, TreeFile
from plugins.outbound.client import Outbound
from plugins.pages import DEFAULT, page, part, quoted
from plugins.rest import RestApi, bearer, file_looked_for, looked_for, signed_by, understood

_VIEWS = ("blob", "tree", "raw", "edit", "blame")
_LINK = "120000"


class GitLabHost:
    """A GitLab instance. Repositories are the full paths of projects; revisions are branches, tags or commits."""

    def __init__(self, integration: GitLabIntegration, outbound: Outbound) -> None:
        self.host = integration.host
        self.web_url = integration.web_url
        self.api_url = integration.api_url
        self.api = RestApi(outbound, signed_by(bearer(integration.token)), self.api_url)

    def place(self, url: str) -> Place | None:
        found = page(url, self.host, self.web_url)
        if found is None:
            return None
        parts = list(found.parts)
        at = next((i for i in range(2, len(parts)) if parts[i] in {"-", *_VIEWS}), len(parts))
        repository, rest = parts[:at], parts[at:]
        if rest and rest[0] == "-":
            rest = rest[1:]
        if len(repository) < 2 or (at < len(parts) and (len(rest) < 2 or rest[0] not in _VIEWS)):
            return None
        repository[-1] = repository[-1].removesuffix(".git")
        revision = rest[1] if rest else DEFAULT
        return Place(self.host, "/".join(repository), None if revision == DEFAULT else revision, "/".join(rest[2:]))

    def url(self, place: Place) -> str:
        address = f"{self.web_url}/{quoted(place.repository)}"
        if place.revision is None and not place.path:
            return address
        return self._page("blob" if place.path else "tree", place)

    def folder_url(self, place: Place) -> str:
        return f"{self._page('tree', place).rstrip('/')}/"

    def edit_url(self, place: Place) -> str | None:
        return self._page("edit", place)

    async def head(self, place: Place, known: Head | None = None) -> Head:
        url = f"{self.project_url(place.repository)}/repository/commits/{quote(place.revision or DEFAULT, safe='')}"
        with looked_for(self.url(replace(place, path=""))):
            return await self.api.head(
                url,
                known,
                lambda commit: (str(commit["id"]), place.revision or str(commit["id"])),
                lambda: self.api.text(self.project_url(place.repository), "path_with_namespace"),
            )

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        url = f"{self.project_url(place.repository)}/repository/tree?recursive=true&pagination=keyset&per_page=100&ref={head.commit}"
        with understood(url):
            entries = [entry async for entry in self.api.pages(url)]
            return [TreeFile(str(entry["path"])) for entry in entries if entry["type"] == "blob" and entry["mode"] != _LINK]

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        with file_looked_for(self.url(place), place.path):
            return await self.api.content(self.file_url(place.repository, place.path, head.commit), max_bytes)

    def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        return self.api.chunks(f"{self.project_url(place.repository)}/repository/archive.tar.gz?sha={head.commit}")

    def project_url(self, repository: str) -> str:
        """The address of the project in the API."""
        return f"{self.api_url}/projects/{quote(repository, safe='')}"

    def file_url(self, repository: str, path: str, revision: str) -> str:
        """The address of the file's content in the API."""
        return f"{self.project_url(repository)}/repository/files/{quote(path, safe='')}/raw?ref={quote(revision, safe='')}"

    def _page(self, view: str, place: Place) -> str:
        address = f"{self.web_url}/{quoted(place.repository)}"
        return "/".join(each for each in (address, "-", view, part(place.revision or DEFAULT), quoted(place.path)) if each)
