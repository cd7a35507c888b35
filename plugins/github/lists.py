"""Lists of GitHub's interface, whose unchanged pages are not sent again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugins.github.api import GitHubApi
from plugins.rest import next_link, understood

_MOST_PAGES = 1000


@dataclass(frozen=True, slots=True)
class _Page:
    tag: str | None
    items: list[Any]
    following: str | None


class RememberedLists:
    """Reads lists and single things, and remembers the last answers with their tags while the process runs."""

    def __init__(self, api: GitHubApi) -> None:
        self._api = api
        self._pages: dict[str, _Page] = {}
        self._things: dict[str, tuple[str, Mapping[str, Any]]] = {}

    async def items(self, path: str, owner: str) -> list[Any]:
        """Everything that the list holds now: one request for each page, conditional from the second time on. SourceError."""
        found: list[Any] = []
        following: str | None = path
        pages = 0
        while following and pages < _MOST_PAGES:
            page = await self._page(following, owner)
            found += page.items
            following = page.following
            pages += 1
        return found

    async def thing(self, path: str, owner: str) -> Mapping[str, Any] | None:
        """What is there now, None if nothing is. SourceError."""
        known = self._things.get(path)
        async with self._api.request(path, owner, known_tag=known[0] if known else None, expected={304, 404}) as answer:
            if answer.status == 304 and known:
                return known[1]
            if answer.status == 404:
                self._things.pop(path, None)
                return None
            found: Mapping[str, Any] = await answer.json()
            if tag := answer.headers.get("etag"):
                self._things[path] = (tag, found)
            return found

    async def _page(self, path: str, owner: str) -> _Page:
        known = self._pages.get(path)
        expected = {304} if known and known.tag else set[int]()
        async with self._api.request(path, owner, known_tag=known.tag if known else None, expected=expected) as answer:
            if answer.status == 304 and known:
                return known
            found = await answer.json()
            with understood(answer.url):
                page = _Page(answer.headers.get("etag"), list(found or []), next_link(answer))
        self._pages[path] = page
        return page
