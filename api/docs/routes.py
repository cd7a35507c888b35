"""The pages of documentation, at /docs/{namespace}/{kind}/{name}/, with versions below @{branch or tag}/."""

import posixpath
from collections import OrderedDict
from collections.abc import Callable, Mapping
from html import escape
from typing import cast
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from api.auth.admission import access_of
from api.docs.assets import ASSETS, own_file
from api.docs.contents import file_answer, is_known, page_file_type
from api.docs.frames import POLICY, Frame, message_html, page_html, results_html
from api.docs.sites import DocsSites, Elsewhere, OpenSite
from api.errors import UNAVAILABLE
from api.rest.answers import answering
from graph.entities import content_hash
from graph.errors import StoreUnavailableError
from graph.refs import EntityRef
from workers.techdocs.blobs import BlobInfo
from workers.techdocs.pages import Page

_REMEMBERED = 300
_ENTITY = '{ entity(ref: "%s") { ref title description owner { ref } docs { state builtAt problems { page target } } } }'
_WAITING_SECONDS = 2


def docs_routes(sites: DocsSites, opened: Callable[[], bool]) -> list[Route]:
    """All of them. `opened` tells whether the store is open."""
    pages = _Pages(sites, opened)
    return [
        Route(ASSETS + "{file}", answering(own_file), methods=["GET"]),
        Route("/docs/{namespace}/{kind}/{name}", answering(pages.slashed), methods=["GET"]),
        Route("/docs/{namespace}/{kind}/{name}/{path:path}", answering(pages.shown), methods=["GET"]),
    ]


class _Pages:
    """Answers requests. Pages that were taken apart are remembered as long as their files stay what they are."""

    def __init__(self, sites: DocsSites, opened: Callable[[], bool]) -> None:
        self._sites = sites
        self._opened = opened
        self._known: OrderedDict[tuple[str, str, str], Page] = OrderedDict()

    async def slashed(self, request: Request) -> Response:
        return RedirectResponse(f"{request.url.path.lower()}/{_query(request)}", 301)

    async def shown(self, request: Request) -> Response:
        if not self._opened():
            raise StoreUnavailableError(UNAVAILABLE)
        params = cast("Mapping[str, str]", request.path_params)
        ref = EntityRef(params["kind"], params["namespace"], params["name"]).ref
        version, path = _versioned(params["path"])
        if moved := _settled(request, params):
            return moved
        access = access_of(request)
        found = await self._sites.open(access, ref, version)
        if isinstance(found, Elsewhere):
            other = found.entity
            below = quote(f"{found.path}/{path}".strip("/"))
            return RedirectResponse(f"{_root(request)}/docs/{other.namespace}/{other.kind}/{other.name}/".lower() + below, 302)
        asked = await self._sites.look_after(found)
        if "q" in request.query_params:
            return await self._results(request, found, request.query_params["q"])
        answer = await self._answer(request, found, path)
        return answer or await self._nothing(request, found, path, asked=asked)

    async def _answer(self, request: Request, found: OpenSite, path: str) -> Response | None:
        """The page or file at a path, or where it is; None if there is nothing."""
        publisher, site = self._sites.publisher, found.site
        if path == "" or path.endswith("/"):
            return await self._page(request, found, f"{path}index.html")
        if path.endswith((".html", ".htm")):
            return await self._page(request, found, path)
        answer = await file_answer(request, publisher, site, path, page_file_type(path))
        if answer is None and await publisher.find(site, f"{path}/index.html"):
            return RedirectResponse(f"{request.url.path}/{_query(request)}", 301)
        if answer is None and await publisher.find(site, f"{path}.html"):
            return RedirectResponse(f"{request.url.path}.html{_query(request)}", 301)
        return answer

    async def _page(self, request: Request, found: OpenSite, path: str) -> Response | None:
        info = await self._sites.publisher.find(found.site, path)
        if info is None:
            return None
        # A failed build changes what stands above the page, and its log who may read it.
        log = await self._sites.log_for(access_of(request), found) if found.state.error else None
        etag = content_hash(f"{info.etag} {found.state} {bool(log)}".encode())
        # Browsers take the policy of a 304 over for the page that they have.
        headers = {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache", "Content-Security-Policy": POLICY}
        if is_known(request.headers, etag):
            return Response(status_code=304, headers=headers)
        page = await self._taken_apart(found, path, info)
        if page is None:
            return None
        if page.redirect is not None:
            return _followed(request, path, page.redirect)
        return _html(page_html(self._frame(request, found, log), page), headers=headers)

    async def _taken_apart(self, found: OpenSite, path: str, info: BlobInfo) -> Page | None:
        key = (found.site.id, path, info.etag)
        page = self._known.get(key)
        if page is None:
            blob = await self._sites.publisher.read(found.site, path)
            if blob is None:
                return None
            page = self._known[key] = await self._sites.pages.page(blob.content)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return page

    async def _results(self, request: Request, found: OpenSite, term: str) -> Response:
        hits = await self._sites.search.hits(self._sites.publisher, found.site, term)
        return _html(results_html(self._frame(request, found, None, term[:200]), hits))

    async def _nothing(self, request: Request, found: OpenSite, path: str, *, asked: bool) -> Response:
        """What to say where there is no such page: that the site is being built, why it could not be, or that it does not have one."""
        state = found.state
        if await self._sites.publisher.find(found.site, "index.html"):
            heading, text, status = "No such page", f"This documentation has no page {path}; it may have moved.", 404
        elif state.error is not None:
            heading, text, status = "There is no documentation yet", f"{state.error[0]}. {state.error[1]}", 404
        elif asked or (self._sites.builds and found.has_reference and found.site.version is None):
            heading, text, status = "The documentation is being built", "This page shows it as soon as it is there.", 202
        else:
            heading, text, status = "There is no documentation", "None was published for this entity.", 404
        log = await self._sites.log_for(access_of(request), found) if state.error else None
        headers = {"Refresh": str(_WAITING_SECONDS)} if status == 202 else {}
        frame = self._frame(request, found, log)
        return _html(message_html(frame, heading, text), status, {"Cache-Control": "no-store", **headers})

    def _frame(self, request: Request, found: OpenSite, log: str | None, term: str = "") -> Frame:
        state, entity, prefix = found.state, found.entity, _root(request)
        title = entity.metadata.get("title")
        notice = ""
        if state.error is not None and state.built_at is not None:
            notice = (
                f"The last build gave no site, and this is that of {state.built_at:%Y-%m-%d %H:%M} UTC: {state.error[0]}. {state.error[1]}"
            )
        query = _ENTITY % entity.ref
        links = [("The entity", f"{prefix}/graphql?{urlencode({'query': query})}")]
        if source := _source(entity.metadata.get("annotations")):
            links.append(("Source", source))
        version = f"@{found.site.version.replace('/', '~')}/" if found.site.version else ""
        root = f"{prefix}/docs/{entity.namespace}/{entity.kind}/{entity.name}/".lower() + version
        shown = title if isinstance(title, str) and title else entity.name
        return Frame(shown, root, f"{prefix}{ASSETS}", links, notice, log, term)


def _html(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return HTMLResponse(text, status, {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-cache", **(headers or {})})


def _source(annotations: object) -> str | None:
    """The page of the entity's sources, where it names one that browsers open."""
    found = cast("dict[str, object]", annotations).get("backstage.io/source-location") if isinstance(annotations, dict) else None
    text = found.removeprefix("url:") if isinstance(found, str) else ""
    return text if text.startswith(("https://", "http://")) else None


def _versioned(path: str) -> tuple[str | None, str]:
    if not path.startswith("@"):
        return None, path
    version, _, rest = path[1:].partition("/")
    return version.replace("~", "/"), rest


def _settled(request: Request, params: Mapping[str, str]) -> Response | None:
    """The address in lower case, as Backstage has it, and with the slash by which relative addresses of a version's page work."""
    given = "/".join(params[name] for name in ("namespace", "kind", "name"))
    path = params["path"]
    slash = "/" if path.startswith("@") and "/" not in path else ""
    if given == given.lower() and not slash:
        return None
    return RedirectResponse(f"{_root(request)}/docs/{quote(f'{given.lower()}/{path}{slash}', safe='/@~')}{_query(request)}", 301)


def _followed(request: Request, path: str, redirect: str) -> Response:
    """Where a page that was moved is now: within its site, or at an address of the web."""
    if redirect.startswith(("https://", "http://")):
        return HTMLResponse(f'<!doctype html><title>Moved</title><a href="{escape(redirect)}" rel="noreferrer">{escape(redirect)}</a>')
    target, _, anchor = redirect.partition("#")
    folder = posixpath.dirname(request.url.path) if not request.url.path.endswith("/") else request.url.path.rstrip("/")
    address = posixpath.normpath(posixpath.join(folder, target)) + ("/" if target.endswith("/") else "")
    return RedirectResponse(quote(f"/{address.lstrip('/')}") + (f"#{quote(anchor)}" if anchor else ""), 302)


def _root(request: Request) -> str:
    return cast("str", request.scope.get("root_path", "")).rstrip("/")


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""
