"""How the files of sites that others wrote go out: in types that browsers run nothing of, whole or in part."""

import mimetypes
import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from workers.techdocs.blobs import BlobInfo
from workers.techdocs.publishing import Publisher, Site

TEXT = "text/plain; charset=utf-8"
_DOWNLOAD = "application/octet-stream"
_HARMLESS = frozenset({"application/pdf", "application/json", "application/zip", "application/gzip", "text/csv", "text/plain"})
_HARMLESS_MAIN = frozenset({"image", "audio", "video", "font"})
_TEXT_ENDINGS = re.compile(r"\.(?:html?|xhtml|xml|xsl|js|mjs|css|map|ya?ml|toml|md|sh|py|puml|txt|log)$", re.IGNORECASE)
# Backstage's getContentTypeForExtension.
_BACKSTAGE_TEXT = re.compile(r"htm|xml|svg|appcache|manifest|mathml|owl|rdf|rng|vtt|xht|xsd|xsl", re.IGNORECASE)

FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
"""For files that are opened by themselves: an SVG shows its shapes, and runs nothing."""

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def page_file_type(path: str) -> str:
    """The type of a file beside pages. Pages, scripts and styles of the site are text; what is not known is for downloading."""
    if _TEXT_ENDINGS.search(path):
        return TEXT
    found = mimetypes.guess_type(path)[0] or _DOWNLOAD
    return found if found in _HARMLESS or found.partition("/")[0] in _HARMLESS_MAIN else _DOWNLOAD


def backstage_type(path: str) -> str:
    """The type that Backstage gives a file, by its ending; what a browser would run or show as a page is plain text."""
    ending = path.rpartition("/")[2].rpartition(".")[2]
    found = mimetypes.guess_type(path)[0]
    if found is None or _BACKSTAGE_TEXT.search(ending) or found in (_DOWNLOAD, "text/html", "text/xml"):
        return TEXT
    return f"{found}; charset=utf-8" if found.startswith("text/") or found in ("application/json", "text/javascript") else found


def headers_of(info: BlobInfo, content_type: str) -> dict[str, str]:
    """What every file is sent with."""
    headers = {
        "Content-Type": content_type,
        "ETag": f'"{info.etag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": FILE_POLICY,
        "X-Content-Type-Options": "nosniff",
    }
    return headers | ({"Content-Disposition": "attachment"} if content_type == _DOWNLOAD else {})


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """Whether who asks has the content with this tag (without quotes) already."""
    given = headers.get("if-none-match", "")
    return given.strip() == "*" or f'"{etag}"' in [tag.strip().removeprefix("W/") for tag in given.split(",")]


async def file_answer(request: Request, publisher: Publisher, site: Site, path: str, content_type: str) -> Response | None:
    """The file, or the part of it that was asked for; None if the site has none of that path."""
    info = await publisher.find(site, path)
    if info is None:
        return None
    headers = headers_of(info, content_type)
    if is_known(request.headers, info.etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(info.size)})
    span = _span(request.headers, info)
    if span is not None and span[0] >= span[1]:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{info.size}"})
    return await _content(publisher, site, path, span, headers)


async def _content(publisher: Publisher, site: Site, path: str, span: tuple[int, int] | None, headers: dict[str, str]) -> Response | None:
    found = await publisher.read(site, path, span)
    if found is None or span is None:
        return found and Response(found.content, headers=headers)
    part = f"bytes {span[0]}-{span[0] + len(found.content) - 1}/{found.info.size}"
    return Response(found.content, 206, {**headers, "Content-Range": part})


def _span(headers: Mapping[str, str], info: BlobInfo) -> tuple[int, int] | None:
    """The bytes asked for, the end excluded; empty if there are none of these, None for all: what can't be met in one part is ignored.

    https://www.rfc-editor.org/rfc/rfc9110#name-range
    """
    asked = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if asked is None or headers.get("if-range", f'"{info.etag}"') != f'"{info.etag}"' or not (asked[1] or asked[2]):
        return None
    if not asked[1]:
        return max(0, info.size - int(asked[2])), info.size if int(asked[2]) else 0
    end = min(int(asked[2]) + 1, info.size) if asked[2] else info.size
    return (int(asked[1]), end) if int(asked[1]) < info.size else (info.size, info.size)
