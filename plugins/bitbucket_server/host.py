"""Repositories of Bitbucket Server and Data Center, by its REST API (https://developer.atlassian.com/server/bitbucket/rest/)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from config.integrations_bitbucket import BitbucketServerIntegration
from plugins.contract import Head, Place, TreeFile
from plugins.outbound.client import Outbound
from plugins.pages import BRANCHES, page, part, query, quoted
from plugins.rest import RestApi, basic, bearer, file_looked_for, looked_for, signed_by, understood

_MOST_FILES = "100000"


class BitbucketServerHost:
    """A Bitbucket Server. Repositories are KEY/slug, `~user/slug` for a person's; revisions are branches, `refs/tags/…` or commits."""

    def __init__(self, integration: BitbucketServerIntegration, outbound: Outbound) -> None:
        self.host = integration.host
        self.web_url = integration.web_url
        self.api_url = integration.api_url
        self.api = RestApi(outbound, signed_by(_credentials(integration)), self.api_url)

    def place(self, url: str) -> Place | None:
        found = page(url, self.host, self.web_url)
        match found.parts if found else ():
            case ["projects" | "users" as owners, owner, "repos", slug]:
                path: Sequence[str] = ()
            case ["projects" | "users" as owners, owner, "repos", slug, "browse" | "raw", *path]:
                pass
            case ["scm", owner, slug]:
                owners, path = "projects", ()
            case _:
                return None
        key = f"~{owner}" if owners == "users" else owner if owner.startswith("~") else owner.upper()
        at = found.query.get("at") if found else None
        repository = f"{key}/{slug.removesuffix('.git')}"
        return Place(self.host, repository, at.removeprefix(BRANCHES) if at else None, "/".join(path))

    def url(self, place: Place) -> str:
        return self._browse(place) + (query({"at": place.revision}) if place.revision else "")

    def folder_url(self, place: Place) -> str:
        return f"{self._browse(place)}/" + (query({"at": place.revision}) if place.revision else "")

    def edit_url(self, place: Place) -> str | None:
        return self.url(place)

    async def head(self, place: Place, known: Head | None = None) -> Head:
        until = {"until": place.revision} if place.revision else {}
        url = f"{self.repository_url(place.repository)}/commits" + query({"limit": "1", **until})

        def read(found: Any) -> tuple[str, str]:
            commit = str(found["values"][0]["id"])
            return commit, place.revision or commit

        with looked_for(self.url(replace(place, path=""))):
            return await self.api.head(url, known, read)

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        url = f"{self.repository_url(place.repository)}/files"
        return [TreeFile(str(path)) async for path in self.values(url, {"at": head.commit, "limit": _MOST_FILES})]

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        with file_looked_for(self.url(place), place.path):
            return await self.api.content(self.file_url(place.repository, place.path, head.commit), max_bytes)

    def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        slug = place.repository.rpartition("/")[2]
        options = query({"format": "tgz", "at": head.commit, "prefix": f"{slug}/"})
        return self.api.chunks(f"{self.repository_url(place.repository)}/archive{options}")

    def repository_url(self, repository: str) -> str:
        """The address of the repository in the API."""
        owner, _, slug = repository.partition("/")
        return f"{self.api_url}/projects/{part(owner)}/repos/{part(slug)}"

    def file_url(self, repository: str, path: str, revision: str | None) -> str:
        """The address of the file's content in the API; None is the default branch."""
        return f"{self.repository_url(repository)}/raw/{quoted(path)}" + query({"at": revision} if revision else {})

    async def values(self, url: str, options: Mapping[str, str]) -> AsyncIterator[Any]:
        """The elements of a list, page after page."""
        start: str | None = "0"
        while start is not None:
            listed, _ = await self.api.json(url + query({**options, "start": start}))
            with understood(url):
                for value in listed["values"]:
                    yield value
                start = None if listed["isLastPage"] else str(listed["nextPageStart"])

    def _browse(self, place: Place) -> str:
        owner, _, slug = place.repository.partition("/")
        owners = f"users/{part(owner[1:])}" if owner.startswith("~") else f"projects/{part(owner)}"
        address = f"{self.web_url}/{owners}/repos/{part(slug)}/browse"
        return f"{address}/{quoted(place.path)}" if place.path else address


def _credentials(integration: BitbucketServerIntegration) -> Mapping[str, str]:
    if integration.token is None and integration.username and integration.password:
        return basic(integration.username, integration.password)
    return bearer(integration.token)
