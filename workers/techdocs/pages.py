"""Takes a built page apart: its article, table of contents and navigation, without the frame that mkdocs' theme puts around them.

The page is sanitised first, so that it is well-formed; the article is once more, so that nothing depends on how it was cut out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape

from workers.techdocs.sanitising import sanitised

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_REDIRECT = re.compile(r"""<meta\s+http-equiv=["']?refresh["']?\s+content=["']\s*\d+\s*;\s*url=([^"'<>]+)["']""", re.IGNORECASE)
_HEAD_CHARACTERS = 4096
_VOID = frozenset({"br", "col", "hr", "img", "input", "source", "wbr"})
_TOLD = frozenset({"article", "nav", "li", "a", "label", "h1"})
"""The elements whose attributes say something here."""

_TOKEN = re.compile(r'<(?P<closing>/?)(?P<tag>[a-zA-Z][^\s/>]*)(?P<attributes>(?:[^">]|"[^"]*")*)>')
_ATTRIBUTE = re.compile(r'\s([^\s=">]+)="([^"]*)"')
_MOST_ENTRIES = 5_000


@dataclass(slots=True)
class PageLink:
    """An entry of a navigation or a table of contents; `href` is None for a section without a page of its own."""

    title: str = ""
    href: str | None = None
    active: bool = False
    below: list["PageLink"] = field(default_factory=list["PageLink"])


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is shown, addresses relative to it. `redirect` is where a page that was moved leads; it holds nothing else."""

    title: str
    article: str
    contents: list[PageLink]
    navigation: list[PageLink]
    edit_url: str | None = None
    redirect: str | None = None


def page_of(html: str) -> Page:
    """The page that mkdocs built with the theme material; of other HTML, all of it is the article. Blocking, as `sanitised`.

    LimitExceededError for one that is too long.
    """
    head = html[:_HEAD_CHARACTERS]
    redirect = _REDIRECT.search(head)
    if redirect and not re.match(r"(?!https?:)[a-z][a-z0-9+.-]*:|//", unescape(redirect[1]).strip(), re.IGNORECASE):
        return Page("", "", [], [], redirect=unescape(redirect[1]).strip())
    clean = sanitised(html)
    parts = _Parts(clean)
    article = sanitised(parts.article() if parts.found_article else clean)
    titled = _TITLE.search(head)
    title = parts.heading.strip() or (unescape(titled[1]).strip() if titled else "")
    return Page(title, article, parts.contents, parts.navigation, parts.edit_url)


class _Parts:
    """The parts of a page that was sanitised, found from its beginning to its end: such HTML is well-formed, its attributes in quotes."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._depth = 0
        self._article_depth = 0
        self._start = self._end = 0
        self._cut: list[tuple[int, int]] = []
        self._button: tuple[int, int] | None = None
        self._heading_depth = 0
        self._lists: dict[str, _List] = {"md-nav--primary": _List(), "md-nav--secondary": _List()}
        # A page's table of contents stands inside of the navigation too, at the entry of the page.
        self._within: list[tuple[_List, int]] = []
        self.heading = ""
        self.edit_url: str | None = None
        self._read()

    @property
    def found_article(self) -> bool:
        """Whether there is an article as the theme makes it."""
        return self._end > 0

    @property
    def navigation(self) -> list[PageLink]:
        """The entries of the site's navigation."""
        return self._lists["md-nav--primary"].entries

    @property
    def contents(self) -> list[PageLink]:
        """The entries of the page's table of contents."""
        return self._lists["md-nav--secondary"].entries

    def article(self) -> str:
        """What is in the article, without the buttons of the theme."""
        parts: list[str] = []
        at = self._start
        for start, end in self._cut:
            parts.append(self._html[at:start])
            at = end
        return "".join([*parts, self._html[at : self._end]])

    def _read(self) -> None:
        at = 0
        for found in _TOKEN.finditer(self._html):
            if self._within or self._heading_depth > 0:
                self._take_text(unescape(self._html[at : found.start()]))
            at = found.end()
            if found["closing"]:
                self._take_end(found["tag"], found.start(), at)
            elif found["tag"] not in _VOID:
                self._depth += 1
                if found["tag"] in _TOLD:
                    self._take_start(found["tag"], found)

    def _take_start(self, tag: str, found: re.Match[str]) -> None:
        values = {name: unescape(value) for name, value in _ATTRIBUTE.findall(found["attributes"])}
        classes = values.get("class", "").split()
        if tag == "article" and not self._article_depth and "md-content__inner" in classes:
            self._article_depth, self._start = self._depth, found.end()
        elif self._article_depth and not self._end:
            self._take_in_article(tag, values, classes, found.start())
        elif tag == "nav" and (named := next((one for name, one in self._lists.items() if name in classes), None)):
            self._within.append((_List() if named.entries else named, self._depth))
        elif self._within:
            self._within[-1][0].start(tag, values, classes, self._depth)

    def _take_end(self, tag: str, start: int, end: int) -> None:
        if self._button and self._button[1] == self._depth:
            self._cut.append((self._button[0], end))
            self._button = None
        if self._heading_depth == self._depth:
            self._heading_depth = -1
        if self._article_depth == self._depth and not self._end:
            self._end = start
        if self._within:
            self._within[-1][0].end(tag, self._depth)
            if self._within[-1][1] == self._depth:
                self._within.pop()
        self._depth -= 1

    def _take_text(self, text: str) -> None:
        if self._heading_depth > 0 and text != "¶":
            self.heading += text
        if self._within:
            self._within[-1][0].text(text)

    def _take_in_article(self, tag: str, values: Mapping[str, str], classes: Sequence[str], start: int) -> None:
        if tag == "a" and "md-content__button" in classes and self._button is None:
            self._button = (start, self._depth)
            self.edit_url = self.edit_url or values.get("href")
        elif tag == "h1" and not self._heading_depth:
            self._heading_depth = self._depth


class _List:
    """The entries of one `nav` of the theme: items of nested lists, each with a link or a label."""

    def __init__(self) -> None:
        self.entries: list[PageLink] = []
        self._open: list[tuple[PageLink, int]] = []
        self._titled: tuple[PageLink, int] | None = None
        self._count = 0

    def start(self, tag: str, values: Mapping[str, str], classes: Sequence[str], depth: int) -> None:
        """An element begins."""
        if tag == "li" and self._count < _MOST_ENTRIES:
            self._count += 1
            entry = PageLink(active="md-nav__item--active" in classes)
            (self._open[-1][0].below if self._open else self.entries).append(entry)
            self._open.append((entry, depth))
        elif self._open and tag in {"a", "label"} and "md-nav__link" in classes and self._titled is None:
            entry = self._open[-1][0]
            entry.href = entry.href or values.get("href")
            self._titled = None if entry.title else (entry, depth)

    def end(self, tag: str, depth: int) -> None:
        """An element ends."""
        if self._titled and self._titled[1] == depth:
            entry = self._titled[0]
            entry.title, self._titled = " ".join(entry.title.split()), None
        if tag == "li" and self._open and self._open[-1][1] == depth:
            self._open.pop()

    def text(self, data: str) -> None:
        """Some text."""
        if self._titled:
            self._titled[0].title += data
