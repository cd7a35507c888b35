"""Makes HTML that somebody else wrote harmless: what is kept can't run anything, load anything into the page, or leave its place.

No scripts, styles, forms, frames, objects, `meta` or `base`; no event handlers; addresses only of the schemes below. It is to be shown
below a strict content security policy all the same. nh3 parses as browsers do, and writes the result anew.
"""

import re

import nh3

from graph.errors import LimitExceededError

MOST_CHARACTERS = 4_000_000

_SVG = {"svg", "g", "path", "polygon", "polyline", "ellipse", "circle", "rect", "line", "text", "tspan"}
"""Shapes alone. What may hold HTML (foreignObject, title, desc), animation and references to elsewhere are not among them."""

_TAGS = {
    *("a", "abbr", "article", "aside", "b", "bdi", "bdo", "blockquote", "br", "caption", "center", "cite", "code", "col", "colgroup", "dd"),
    *(
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
    ),
    *("i", "img", "input", "ins", "kbd", "label", "li", "main", "mark", "nav", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp"),
    *("section", "small", "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time"),
    *("tr", "tt", "u", "ul", "var", "wbr", "audio", "video", "source"),
    *_SVG,
}

_WITH_CONTENT = {
    *("script", "style", "title", "template", "textarea", "select", "noscript", "iframe", "object", "embed", "applet", "frameset", "math"),
    *("foreignObject", "animate", "set", "use", "image"),
}
"""Removed with what is in them; of all else that is not among the tags, the text stays."""

_SHAPES = {
    *("viewBox", "width", "height", "d", "points", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "transform", "fill"),
    *("stroke", "stroke-width", "stroke-dasharray", "text-anchor", "font-family", "font-size", "font-weight", "preserveAspectRatio"),
}

_ATTRIBUTES = {
    "*": {"class", "id", "title", "dir", "lang", "role"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height", "loading", "align"},
    "input": {"name", "checked", "disabled"},
    "label": {"for"},
    "details": {"open"},
    "ol": {"start", "reversed", "type"},
    "li": {"value"},
    "td": {"colspan", "rowspan", "align", "style"},
    "th": {"colspan", "rowspan", "align", "scope", "style"},
    "col": {"span"},
    "colgroup": {"span"},
    "time": {"datetime"},
    "del": {"datetime"},
    "ins": {"datetime"},
    "video": {"src", "width", "height", "controls", "poster"},
    "audio": {"src", "controls"},
    "source": {"src", "type"},
    **dict.fromkeys(_SVG, _SHAPES),
}

_IMAGE_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp|avif|svg\+xml)[;,]", re.IGNORECASE)


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """The value of an attribute; None takes it away. Data is an image or nothing."""
    if value[:5].lower() == "data:" and not (tag == "img" and attribute == "src" and _IMAGE_DATA.match(value)):
        return None
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_WITH_CONTENT,
    attributes=_ATTRIBUTES,
    attribute_filter=_kept,
    generic_attribute_prefixes={"aria-", "data-md-"},
    tag_attribute_values={"input": {"type": {"checkbox", "radio"}}},
    url_schemes={"http", "https", "mailto", "tel", "data"},
    filter_style_properties={"text-align"},
    link_rel="noopener noreferrer",
)


def sanitised(html: str) -> str:
    """The harmless HTML, well-formed. Blocking, and for some inputs slow: `page_reading` bounds its time. LimitExceededError for one
    that is too long.
    """
    if len(html) > MOST_CHARACTERS:
        raise LimitExceededError(f"The page has more than {MOST_CHARACTERS:,} characters. Split it into several.")
    return _CLEANER.clean(html)
