"""Makes an SVG that another system drew harmless: shapes, text and styles stay; what runs, holds HTML or comes from elsewhere goes.

It is shown as an image, in which browsers run and load nothing, and other portals may show it otherwise.
"""

import re
from xml.etree import ElementTree

_NAMESPACE = "{http://www.w3.org/2000/svg}"
_LINK, _SPACE = "{http://www.w3.org/1999/xlink}href", "{http://www.w3.org/XML/1998/namespace}space"
_SHAPES = frozenset(
    {
        *("svg", "g", "path", "polygon", "polyline", "ellipse", "circle", "rect", "line", "text", "tspan", "textPath", "defs", "marker"),
        *("linearGradient", "radialGradient", "stop", "clipPath", "mask", "pattern", "title", "desc", "symbol", "use", "image", "style"),
        *("filter", "feBlend", "feColorMatrix", "feComposite", "feDropShadow", "feFlood", "feGaussianBlur", "feMerge", "feMergeNode"),
        "feOffset",
    }
)
_ATTRIBUTE = re.compile(r"(?!on)[a-zA-Z][a-zA-Z0-9-]*", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^<>\[\]]*>", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^<>]*\?>")
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_ELSEWHERE = re.compile(r"\\|@import|image-set|\burl\s*\((?!\s*['\"]?#)", re.IGNORECASE)
"""What in styles may lead elsewhere; a backslash can hide any of it."""

_DEEPEST = 100


class UnusableImageError(ValueError):
    """It is no SVG, or none that is taken here; the message says why."""


def harmless_svg(content: bytes) -> bytes:
    """The image without what could act. Blocking. UnusableImageError if there is none."""
    try:
        text = _DOCTYPE.sub("", _DECLARATION.sub("", content.decode("utf-8-sig")))
        if "<!doctype" in text.lower() or "<!entity" in text.lower():
            raise UnusableImageError("it declares entities")
        root = ElementTree.fromstring(text)  # noqa: S314 entities are refused above, and the size is bounded
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise UnusableImageError("it is no SVG") from error
    if root.tag != f"{_NAMESPACE}svg":
        raise UnusableImageError("it is no SVG")
    _clean(root, 0)
    ElementTree.register_namespace("", _NAMESPACE.strip("{}"))
    return ElementTree.tostring(root, encoding="utf-8")


def _clean(element: ElementTree.Element, depth: int) -> None:
    if depth > _DEEPEST:
        raise UnusableImageError("it nests too deeply")
    if element.tag == f"{_NAMESPACE}style" and _ELSEWHERE.search("".join(element.itertext())):
        element.text = ""
    for name in list(element.attrib):
        if not _is_kept(element.tag, name, element.attrib[name]):
            del element.attrib[name]
    for below in list(element):
        # A link of the image leads nowhere; what it is around stays.
        if below.tag == f"{_NAMESPACE}a":
            below.tag, below.attrib = f"{_NAMESPACE}g", {}
        if below.tag.startswith(_NAMESPACE) and below.tag.removeprefix(_NAMESPACE) in _SHAPES:
            _clean(below, depth + 1)
        else:
            _take_out(element, below)


def _take_out(parent: ElementTree.Element, element: ElementTree.Element) -> None:
    """Remove an element, but not the text behind it."""
    before = list(parent).index(element)
    if element.tail and before:
        parent[before - 1].tail = (parent[before - 1].tail or "") + element.tail
    elif element.tail:
        parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def _is_kept(tag: str, name: str, value: str) -> bool:
    if name in {"href", _LINK}:
        return value.startswith("#") or (tag == f"{_NAMESPACE}image" and _IMAGE.fullmatch(value) is not None)
    return name == _SPACE or (_ATTRIBUTE.fullmatch(name) is not None and not _ELSEWHERE.search(value))
