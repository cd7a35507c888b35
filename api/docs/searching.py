"""Full-text search within one site, by the list of sections that mkdocs writes with it."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any, cast

import orjson

from api.docs.frames import Hit
from workers.techdocs.publishing import SEARCH_INDEX, Publisher, Site

_MOST_BYTES = 20 * 1024 * 1024
_MOST_HITS = 30
_LONGEST_TERM = 200
_REMEMBERED = 8
_BEFORE, _EXCERPT = 60, 220
_TAG = re.compile(r"<[^<>]*>")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:|//|/|\\", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Section:
    location: str
    title: str
    text: str
    folded_title: str
    folded_text: str


class SiteSearch:
    """Searches sites; the lists of those searched last are remembered."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Sequence[_Section]] = OrderedDict()

    async def hits(self, publisher: Publisher, site: Site, term: str) -> Sequence[Hit]:
        """The sections that hold all words of the term, those with them in their titles first. None for a site without a list."""
        words = term[:_LONGEST_TERM].casefold().split()
        info = await publisher.find(site, SEARCH_INDEX)
        if not words or info is None or info.size > _MOST_BYTES:
            return ()
        key = (site.id, info.etag)
        sections = self._known.get(key)
        if sections is None:
            content = await publisher.search_index(site)
            sections = await asyncio.to_thread(_sections, content or b"")
            self._known[key] = sections
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return await asyncio.to_thread(_found, sections, words)


def _sections(content: bytes) -> Sequence[_Section]:
    try:
        index: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return ()
    docs: object = cast("dict[str, Any]", index).get("docs") if isinstance(index, dict) else None
    entries = cast("list[object]", docs) if isinstance(docs, list) else []
    return [_section(cast("dict[str, object]", entry)) for entry in entries if isinstance(entry, dict)]


def _section(entry: Mapping[str, object]) -> _Section:
    location, title, text = (str(entry.get(name) or "") for name in ("location", "title", "text"))
    title, text = _plain(title), _plain(text)
    # A list that others wrote leads nowhere but into its site.
    return _Section("" if _SCHEME.match(location) else location, title, text, title.casefold(), text.casefold())


def _plain(text: str) -> str:
    return " ".join(unescape(_TAG.sub(" ", text)).split())


def _found(sections: Sequence[_Section], words: Sequence[str]) -> Sequence[Hit]:
    scored: list[tuple[int, int, _Section]] = []
    for order, section in enumerate(sections):
        if all(word in section.folded_title or word in section.folded_text for word in words):
            score = sum(20 * (word in section.folded_title) + min(section.folded_text.count(word), 10) for word in words)
            scored.append((-score, order, section))
    return [
        Hit(section.location, section.title, _excerpt(section, words))
        for _, _, section in sorted(scored, key=lambda one: one[:2])[:_MOST_HITS]
    ]


def _excerpt(section: _Section, words: Sequence[str]) -> str:
    first = min((at for word in words if (at := section.folded_text.find(word)) >= 0), default=0)
    start = max(0, first - _BEFORE)
    cut = section.text[start : start + _EXCERPT].strip()
    return f"{'…' if start else ''}{cut}{'…' if start + _EXCERPT < len(section.text) else ''}"
