"""What is wrong with the links and images of a site, found while it is built: page by page what they point to, in the end what is there."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from workers.techdocs.results import ProblemKind

MOST_PROBLEMS = 2_000
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|/", re.IGNORECASE)
_SNIPPET = re.compile(r"^[ \t]*-{1,}8<-{1,}[ \t]+[\"']([^\"'\n]+)[\"'][ \t]*$", re.MULTILINE)
_LINES = re.compile(r":[-\w]*(?:,[-\w]*)*:?[-\d]*$")
_ROOT = "https://site/"

Problem = tuple[str, str, str, int | None]
"""Kind, page, target and line, as the report has it."""


@dataclass(slots=True)
class _Linked:
    """What one page points to, and may be pointed to in it. `source` is its file below the folder of sources."""

    source: str
    links: list[str] = field(default_factory=list[str])
    images: list[str] = field(default_factory=list[str])
    anchors: set[str] = field(default_factory=set[str])


class _Collector(HTMLParser):
    def __init__(self, linked: _Linked) -> None:
        super().__init__()
        self._linked = linked

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._linked.anchors.update(filter(None, (values.get("id"), values.get("name") if tag == "a" else None)))
        if tag == "a" and values.get("href"):
            self._linked.links.append(values["href"] or "")
        elif tag == "img" and values.get("src"):
            self._linked.images.append(values["src"] or "")


class SiteLinks:
    """The links of all pages, by the address of each below the site."""

    def __init__(self, sources: Path) -> None:
        self.snippet_folders = [sources]
        self._sources = sources
        self._pages: dict[str, _Linked] = {}
        self._missing: list[tuple[str, str]] = []

    def add(self, url: str, source: str, html: str) -> None:
        """Remember what the content of a page points to."""
        collector = _Collector(self._pages.setdefault(url, _Linked(source)))
        collector.feed(html)
        collector.close()

    def add_missing_page(self, configuration: str, target: str) -> None:
        """Remember that the navigation names a page that is not there."""
        self._missing.append((configuration, target))

    def problems(self, files: Collection[str]) -> list[Problem]:
        """What points nowhere, ordered by page; `files` are the addresses of all files of the site."""
        there = {*files, *self._pages}
        texts: dict[str, str] = {}
        found: dict[Problem, None] = {}
        for source, target in self._missing:
            found[ProblemKind.MISSING_PAGE.value, source, target, _line(self._text(source, texts), target)] = None
        for url, page in self._pages.items():
            text = self._text(page.source, texts)
            for kind, target in (*self._broken(url, page, there), *self._snippets(text)):
                found[kind.value, page.source, target, _line(text, target)] = None
                if len(found) >= MOST_PROBLEMS:
                    return list(found)
        return sorted(found, key=lambda problem: (problem[1], problem[3] or 0, problem[2]))

    def _broken(self, url: str, page: _Linked, there: set[str]) -> Iterator[tuple[ProblemKind, str]]:
        for target in page.images:
            if not is_elsewhere(target) and _address(url, target)[0] not in there:
                yield ProblemKind.MISSING_IMAGE, target
        for target in page.links:
            if is_elsewhere(target):
                continue
            address, anchor = _address(url, target)
            linked = self._page(address)
            if linked is None and there.isdisjoint({address, f"{address.rstrip('/')}/index.html".lstrip("/")}):
                yield ProblemKind.BROKEN_LINK, target
            elif linked and anchor and anchor not in linked.anchors:
                yield ProblemKind.MISSING_ANCHOR, target

    def _page(self, address: str) -> _Linked | None:
        return next(
            (self._pages[each] for each in (address, f"{address}/", address.removesuffix("index.html")) if each in self._pages), None
        )

    def _snippets(self, text: str) -> Iterator[tuple[ProblemKind, str]]:
        for found in _SNIPPET.finditer(text):
            target = found[1]
            paths = [(folder / _LINES.sub("", target)).resolve() for folder in self.snippet_folders]
            if is_elsewhere(target) or not any(path.is_relative_to(self._sources) and path.is_file() for path in paths):
                yield ProblemKind.MISSING_SNIPPET, target

    def _text(self, source: str, texts: dict[str, str]) -> str:
        if source not in texts:
            try:
                texts[source] = (self._sources / source).read_text(encoding="utf-8-sig", errors="replace")
            except OSError:
                texts[source] = ""
        return texts[source]


def is_elsewhere(target: str) -> bool:
    """Whether a target is none of the site's own: of another host, or of the root of this one."""
    return _ELSEWHERE.match(target) is not None


def _address(url: str, target: str) -> tuple[str, str]:
    """Where a relative target leads below the site, and to which anchor there."""
    try:
        parts = urlsplit(urljoin(_ROOT + url, target))
    except ValueError:
        return target, ""
    return unquote(parts.path).lstrip("/"), unquote(parts.fragment)


def _line(text: str, target: str) -> int | None:
    """The first line that holds the target as it was written; mkdocs puts addresses in the place of paths, but keeps their anchors."""
    _, mark, anchor = target.partition("#")
    for sought in (f"]({target}", f"]({unquote(target)}", target, unquote(target), f"#{anchor}" if mark and anchor else ""):
        at = text.find(sought) if sought else -1
        if at >= 0:
            return text.count("\n", 0, at) + 1
    return None
