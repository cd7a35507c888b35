"""Built documentation as search documents: the sections of an entity's site, as the search plugin of MkDocs lists them."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import unescape

import nh3
import orjson

from graph.entities import Document
from graph.refs import Ref
from plugins.contract import CollatedDocument, TextField
from workers.search.collators.texts import LONGEST_NAME, filled, joined, mapping_of, mappings_in, prose_of, text_of
from workers.search.sources import TYPE_PATHS
from workers.techdocs.annotations import REFERENCE

SECTION = "section"
"""The type of documents that are sections of documentation."""

LONGEST_INDEX = 20_000_000
"""Bytes of a site's list of sections; a longer one gives no documents."""

MOST_SECTIONS = 10_000
"""Sections of one site; those beyond are left out."""

SiteIndex = Callable[[Ref], Awaitable[bytes | None]]
"""Reads `search/search_index.json` of the site that was built of an entity; None where there is none."""

_QUICK = 20_000
# Not any name in angle brackets: `List<String>` is plain text.
_MARKUP = re.compile(
    r"</?(?:a|abbr|b|blockquote|br|code|dd|del|details|div|dl|dt|em|figure|h[1-6]|hr|i|iframe|img|kbd|li|mark|ol|p|pre|s|script|small"
    r"|span|strong|style|sub|summary|sup|svg|table|tbody|td|th|thead|tr|ul)\b[^<>]*>",
    re.IGNORECASE,
)
# What themes put behind each heading, to be clicked.
_PERMALINK = "\N{PILCROW SIGN}"
_BETWEEN = re.compile(r"(?<=\S)<(?=[a-zA-Z])")

_log = logging.getLogger("callboard.search")


class SectionCollator:
    """The sections of the documentation that was built of an entity. Their locations are paths below the site, with anchors."""

    type = SECTION
    version = "1"
    paths: Sequence[str] = TYPE_PATHS[SECTION]

    def __init__(self, index: SiteIndex) -> None:
        self._index = index

    async def documents(self, ref: Ref, document: Document) -> Sequence[CollatedDocument]:
        """None of an entity without documentation of its own, without a site, or with one whose list can't be read, which the log tells.

        What reading the list raises is raised.
        """
        annotations = mapping_of(mapping_of(document.get("metadata")).get("annotations"))
        content = await self._index(ref) if REFERENCE in annotations else None
        if content is None:
            return ()
        try:
            if len(content) > _QUICK:
                return await asyncio.to_thread(section_documents, content)
            return section_documents(content)
        except ValueError as error:
            _log.debug("the documentation of %s can't be searched: %s", ref, error)
            return ()


def section_documents(content: bytes) -> Sequence[CollatedDocument]:
    """The documents of a site's list of sections. ValueError if it is too long or no JSON."""
    if len(content) > LONGEST_INDEX:
        raise ValueError(f"its list of sections is longer than {LONGEST_INDEX:,} bytes")
    sections = list(mappings_in(mapping_of(orjson.loads(content)).get("docs")))
    pages = {text_of(section.get("location")): _plain(section.get("title")) for section in sections}
    found: dict[str, CollatedDocument] = {}
    for section in sections:
        location = text_of(section.get("location"))
        document = _section(section, location, pages)
        # MkDocs lists a page, and what stands below its first heading again.
        again = "#" in location and document.texts.get(TextField.NAME) == pages.get(location.partition("#")[0])
        if document.texts and not again and len(location) <= 4 * LONGEST_NAME:
            found.setdefault(location, document)
        if len(found) >= MOST_SECTIONS:
            break
    return tuple(found.values())


def _section(section: Mapping[str, object], location: str, pages: Mapping[str, str]) -> CollatedDocument:
    """A section is named by its own title, and titled by that of its page."""
    name, page = _plain(section.get("title")), pages.get(location.partition("#")[0], "")
    texts = {
        TextField.NAME: (name or page)[:LONGEST_NAME],
        TextField.TITLE: page[:LONGEST_NAME] if page != name else "",
        TextField.BODY: joined([_plain(section.get("text"))]),
    }
    return CollatedDocument(location, filled(texts), location)


def _plain(value: object) -> str:
    """The text without markup, if it has some: the search plugin of MkDocs takes it out, that of the Material theme leaves it in."""
    text = prose_of(value.replace(_PERMALINK, "") if isinstance(value, str) else value)
    if not _MARKUP.search(text):
        return text
    return prose_of(unescape(nh3.clean(_BETWEEN.sub(" <", text), tags=set())))
