"""GraphiQL, from files that the installation has built: no other host is ever asked for anything."""

from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent / "graphiql"

POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Callboard</title>
<style>body{font:1rem/1.5 sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>GraphiQL is not built yet</h1>
<p>The installation could not reach an npm registry. The GraphQL endpoint works: send operations to this address by POST.</p>
<p>To build the page, where a registry can be reached: in a clone run <code>scripts/web</code>,
otherwise install Callboard again. npm reads its registry from your <code>.npmrc</code>. Then reload this page.</p>
"""


def page(folder: Path = FOLDER) -> Response:
    """The page in the folder, or one that says how to build it."""
    index = folder / "index.html"
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "Vary": "Accept"}
    return FileResponse(index, headers=headers) if index.is_file() else HTMLResponse(_NOT_BUILT, headers=headers)


class PageFiles(StaticFiles):
    """What the page loads. The files' names change with their content, so browsers keep them."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER / "graphiql", check_dir=False)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
