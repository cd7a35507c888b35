"""The frame around an article: navigation, table of contents, search and links, as HTML that needs nothing but Callboard's own two files.

All text is escaped here; the article and the links of the navigation come sanitised.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from workers.techdocs.pages import Page, PageLink

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_NOT_DRAWN = "Diagrams are shown as their source, because they are drawn by a script and none runs here."
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around: the title of the entity, the address of its site, the address of its files, links, and what is to be noticed."""

    title: str
    root: str
    assets: str
    links: Sequence[tuple[str, str]] = ()
    notice: str = ""
    log: str | None = None
    term: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was found: its address relative to the site, title and some of its text."""

    location: str
    title: str
    excerpt: str


def page_html(frame: Frame, page: Page) -> str:
    """A page of a site."""
    links = [*frame.links, *([("Edit this page", page.edit_url)] if page.edit_url else [])]
    shown = "".join(f'<a href="{escape(href)}" rel="noopener noreferrer">{escape(text)}</a>' for text, href in links if _is_followed(href))
    body = (
        f'<div class="columns"><nav class="site" aria-label="Site">{_listed(page.navigation)}</nav>'
        f'<main><article>{page.article}</article><p class="links">{shown}</p></main>'
        f'<nav class="contents" aria-label="On this page">{_listed(page.contents)}</nav></div>'
    )
    title = f"{page.title} · {frame.title}" if page.title else frame.title
    return _whole(frame, title, body, draws='class="mermaid"' in page.article)


def results_html(frame: Frame, hits: Sequence[Hit]) -> str:
    """What a search found."""
    found = "".join(
        f'<li><a href="{escape(frame.root + hit.location)}">{escape(hit.title)}</a><p>{escape(hit.excerpt)}</p></li>' for hit in hits
    )
    heading = f"<h1>{len(hits) or 'Nothing'} found for “{escape(frame.term)}”</h1>"
    return _whole(
        frame, f"Search · {frame.title}", f'<main class="columns"><article>{heading}<ol class="results">{found}</ol></article></main>'
    )


def message_html(frame: Frame, heading: str, text: str) -> str:
    """A page that only says something."""
    return _whole(frame, frame.title, f'<main class="columns"><article><h1>{escape(heading)}</h1><p>{escape(text)}</p></article></main>')


def _whole(frame: Frame, title: str, body: str, *, draws: bool = False) -> str:
    log = f'<details><summary>What the build said</summary><pre class="log">{escape(frame.log)}</pre></details>' if frame.log else ""
    notice = f'<div class="notice" role="status">{escape(frame.notice)}{log}</div>' if frame.notice or log else ""
    script = f'<script type="module" src="{escape(frame.assets)}diagrams.js"></script>' if draws else ""
    undrawn = f'<noscript><div class="notice">{_NOT_DRAWN}</div></noscript>' if draws else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{escape(frame.assets)}docs.css">'
        f'<script src="{escape(frame.assets)}docs.js" defer></script>{script}</head><body>'
        f'<header class="frame"><strong><a href="{escape(frame.root)}">{escape(frame.title)}</a></strong>'
        f'<form action="{escape(frame.root)}" role="search"><input type="search" name="q" aria-label="Search this documentation" '
        f'placeholder="Search" value="{escape(frame.term)}"></form></header>{notice}{undrawn}{body}</body></html>'
    )


def _listed(links: Sequence[PageLink]) -> str:
    return f"<ul>{''.join(f'<li>{_shown(link)}{_listed(link.below)}</li>' for link in links)}</ul>" if links else ""


def _shown(link: PageLink) -> str:
    if link.href is None or not _is_followed(link.href):
        return escape(link.title)
    current = ' aria-current="page"' if link.active else ""
    return f'<a href="{escape(link.href)}"{current}>{escape(link.title)}</a>'


def _is_followed(href: str) -> bool:
    scheme = _SCHEME.match(href.strip())
    return scheme is None or scheme[0].lower() in ("http:", "https:", "mailto:")
