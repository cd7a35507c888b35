"""Repositories of GitHub and GitHub Enterprise, by the REST interface."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from config.integrations import GitHubIntegration, host_of
from plugins.contract import Head, Place, SourceError, SourceReason, TreeFile
from plugins.github.api import GitHubApi
from plugins.outbound.answers import Answer, status_error, unreadable
from plugins.outbound.client import Outbound
from plugins.pages import DEFAULT, leads_down, page, part, quoted
from plugins.rest import missing, understood

_VIEWS = frozenset({"blob", "tree", "edit", "raw", "blame"})
_REGULAR = frozenset({"100644", "100755"})
_ARCHIVE_SECONDS = 900.0
_SHA = "application/vnd.github.sha"
_RAW = "application/vnd.github.raw+json"


class GitHubHost:
    """One GitHub. The branch of a URL is what stands between two slashes, as in Backstage; if there is none of that name, GitHub is asked
    for one that begins so and has slashes in its name.
    """

    def __init__(self, integration: GitHubIntegration, outbound: Outbound, clock: Callable[[], float] = time.time) -> None:
        self.host = integration.host
        self.api = GitHubApi(integration, outbound, clock)
        # Only an interface on the same host tells that the host is not spoken to over https.
        scheme = urlsplit(self.api.url).scheme if host_of(self.api.url) == self.host else "https"
        self.web_url = f"{scheme}://{self.host}"
        self._raw_url = integration.raw_url
        self._archive_bytes = outbound.guard.reading.max_archive_bytes

    def place(self, url: str) -> Place | None:
        raw = page(url, host_of(self._raw_url), self._raw_url)
        if raw and len(raw.parts) > 3:
            owner, name, *rest = raw.parts
            return self._at(owner, name, rest[2:] if rest[:2] in (["refs", "heads"], ["refs", "tags"]) else rest)
        found = page(url, self.host, self.web_url)
        if found is None or len(found.parts) < 2:
            return None
        owner, name, *rest = found.parts
        if not rest:
            return self._at(owner, name, [DEFAULT])
        return self._at(owner, name, rest[1:]) if rest[0] in _VIEWS and len(rest) > 1 else None

    def url(self, place: Place) -> str:
        if place.revision is None and not place.path:
            return f"{self.web_url}/{quoted(place.repository)}"
        return self._page("blob" if place.path else "tree", place)

    def folder_url(self, place: Place) -> str:
        return f"{self._page('tree', place).rstrip('/')}/"

    def edit_url(self, place: Place) -> str | None:
        return self._page("edit", place)

    async def head(self, place: Place, known: Head | None = None) -> Head:
        revision = place.revision or DEFAULT
        if known and known.revision.startswith(f"{revision}/"):
            revision = known.revision
        try:
            return await self._head(place, revision, known)
        except SourceError as error:
            if error.reason is not SourceReason.NOT_FOUND or place.revision is None or revision != place.revision:
                raise
            longer = await self._longer_revision(place, place.revision)
            if longer is None:
                raise
            return await self._head(place, longer, None)

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        found = await self._json(place, f"/git/trees/{head.commit}?recursive=1")
        url = self.url(replace(place, path=""))
        with understood(url):
            if found["truncated"]:
                message = f"{url} has more files than GitHub lists"
                raise SourceError(SourceReason.TOO_LARGE, url, message, "Name its catalog files singly rather than by a pattern.")
            return [TreeFile(entry["path"], entry.get("size")) for entry in found["tree"] if entry["mode"] in _REGULAR]

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        url = self.url(place)
        if not leads_down(place.path) or not place.path:
            raise missing(url)
        path = f"{_of(place)}/contents/{quote(place.path)}?ref={head.commit}"
        try:
            async with self.api.request(path, _owner(place), accept=_RAW, max_bytes=max_bytes) as answer:
                if answer.headers.get("content-type", "").startswith("application/json"):
                    raise missing(url)
                return await answer.body()
        except SourceError as error:
            raise (missing(url) if error.reason is SourceReason.NOT_FOUND else error) from error

    async def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        path = f"{_of(place)}/tarball/{head.commit}"
        async with self.api.request(path, _owner(place), max_bytes=self._archive_bytes, timeout_seconds=_ARCHIVE_SECONDS) as answer:
            async for chunk in answer.chunks():
                yield chunk

    def _at(self, owner: str, name: str, rest: Sequence[str]) -> Place:
        revision = None if rest[0] == DEFAULT else rest[0]
        return Place(self.host, f"{owner}/{name.removesuffix('.git')}", revision, "/".join(rest[1:]))

    def _page(self, view: str, place: Place) -> str:
        address = f"{self.web_url}/{quoted(place.repository)}/{view}/{part(place.revision or DEFAULT)}"
        return f"{address}/{quoted(place.path)}" if place.path else address

    async def _head(self, place: Place, revision: str, known: Head | None) -> Head:
        tag = known.validators.get("etag") if known else None
        path = f"{_of(place)}/commits/{quote(revision)}"
        async with self.api.request(path, _owner(place), accept=_SHA, known_tag=tag, expected={304, 404, 409, 422}) as answer:
            unchanged = answer.status == 304 and known
            commit = unchanged.commit if unchanged else (await answer.body()).decode("ascii", "replace").strip()
            if answer.status >= 400:
                raise self._no_head(place, revision, answer)
            if not unchanged and not (len(commit) in {40, 64} and commit.isalnum()):
                raise unreadable(answer.at, "answered no commit")
            moved_to = await self._full_name(place, known) if answer.moved else None
            etag = tag if unchanged else answer.headers.get("etag")
        if known and (known.commit, known.revision, known.moved_to) == (commit, revision, moved_to):
            return known
        return Head(commit, revision, {"etag": etag} if etag else {}, moved_to)

    def _no_head(self, place: Place, revision: str, answer: Answer) -> SourceError:
        shown = f"{self.web_url}/{place.repository}"
        if answer.status == 409:
            remedy = "Push a first commit, or remove the location."
            return SourceError(SourceReason.NOT_FOUND, shown, f"{shown} is an empty repository", remedy)
        if answer.status == 422:
            remedy = "Name a branch that exists; a force push or a deletion may have removed the old one."
            return SourceError(SourceReason.NOT_FOUND, shown, f"{shown} has no branch, tag or commit {revision}", remedy)
        error = status_error(answer)
        remedy = f"Check owner, name and branch ({revision}), and that the credentials of {self.host} under integrations may see it."
        message = f"{shown} answered 404: the repository or its revision {revision} is gone, or the credentials may not see it"
        return SourceError(error.reason, shown, message, remedy)

    async def _full_name(self, place: Place, known: Head | None) -> str | None:
        if known and known.moved_to:
            return known.moved_to
        found = await self._json(place, "")
        with understood(self.url(place)):
            name = str(found["full_name"])
            return name if name.lower() != place.repository.lower() else None

    async def _longer_revision(self, place: Place, revision: str) -> str | None:
        """The branch or tag with slashes in its name that the place's revision and the beginning of its path are, if there is one."""
        wanted = f"{revision}/{place.path}/"
        if "/" not in place.path:
            return None
        for kind in ("heads", "tags"):
            path = f"{_of(place)}/git/matching-refs/{kind}/{quote(revision)}/"
            listed: list[dict[str, Any]] | None = await self.api.json(path, _owner(place), expected={404, 409, 422})
            with understood(self.url(place)):
                names = [str(one["ref"]).removeprefix(f"refs/{kind}/") for one in listed or []]
            found = [name for name in names if wanted.startswith(f"{name}/")]
            if found:
                return max(found, key=len)
        return None

    async def _json(self, place: Place, path: str) -> Any:
        return await self.api.json(f"{_of(place)}{path}", _owner(place))


def _of(place: Place) -> str:
    return f"/repos/{quote(place.repository)}"


def _owner(place: Place) -> str:
    return place.repository.partition("/")[0]
