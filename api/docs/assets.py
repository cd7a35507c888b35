"""The files that pages of documentation load: Callboard's own, and Mermaid for pages with diagrams. Anybody may have them."""

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from api.docs.contents import is_known
from graph.entities import content_hash
from graph.errors import NotFoundError

ASSETS = "/docs/-/"

DIAGRAM_POLICY = (
    "default-src 'none'; script-src 'self' blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-scripts"
)
"""For the frame that draws a diagram, whose styles Mermaid makes. No scripts but its own and Mermaid, which the page gives it."""

_FILES = Path(__file__).parent / "files"
_FOLDERS = {"mermaid.min.js": Path(__file__).parent / "mermaid"}
_SCRIPT = {"Content-Type": "text/javascript; charset=utf-8"}
_HEADERS = {
    "docs.css": {"Content-Type": "text/css; charset=utf-8"},
    "docs.js": _SCRIPT,
    "diagrams.js": _SCRIPT,
    "mermaid.min.js": _SCRIPT,
    "diagram.html": {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": DIAGRAM_POLICY,
        "X-Frame-Options": "SAMEORIGIN",
    },
    # The frame has no origin, so that its script comes from another one.
    "diagram.js": {**_SCRIPT, "Cross-Origin-Resource-Policy": "cross-origin"},
}


async def own_file(request: Request) -> Response:
    """The file; NotFoundError for others, and for Mermaid where the installation could not get it."""
    name = request.path_params["file"]
    content, etag = _content(name) if name in _HEADERS else (None, "")
    if content is None:
        raise NotFoundError(f"Nothing is served at {request.url.path}")
    headers = {**_HEADERS[name], "ETag": f'"{etag}"', "Cache-Control": "public, max-age=300"}
    return Response(status_code=304, headers=headers) if is_known(request.headers, etag) else Response(content, headers=headers)


@cache
def _content(name: str) -> tuple[bytes | None, str]:
    path = _FOLDERS.get(name, _FILES) / name
    content = path.read_bytes() if path.is_file() else None
    return content, content_hash(content or b"")
