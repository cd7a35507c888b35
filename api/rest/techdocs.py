"""Backstage's TechDocs API, at /api/techdocs: files and descriptions of sites, and the stream that brings one up to date.

@backstage/plugin-techdocs-backend, service/router.ts
"""

import asyncio
import posixpath
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, cast
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from api.auth.admission import access_of
from api.docs.contents import backstage_type, file_answer
from api.docs.sites import DocsSites, Elsewhere, OpenSite
from api.errors import UNAVAILABLE
from api.rest.answers import answering, json_answer
from api.rest.catalog.conversion import texts_of
from api.rest.catalog.reading import Catalog
from graph.access import Access
from graph.entities import Entity
from graph.errors import CallboardError, NotFoundError, StoreUnavailableError
from graph.refs import EntityRef
from workers.techdocs.annotations import REFERENCE

PREFIX = "/api/techdocs"

_TRIPLET = "{namespace}/{kind}/{name}"
_LOOK_SECONDS = 0.3
_LONGEST_SECONDS = 600.0
_NAMES = ("namespace", "kind", "name")


def techdocs_routes(sites: DocsSites, catalog: Catalog, opened: Callable[[], bool]) -> list[Route]:
    """All of them. `opened` tells whether the store is open. What is missing, hidden or not to be read is 404 alike."""
    techdocs = _TechDocs(sites, catalog, opened)
    return [
        Route(f"{PREFIX}/static/docs/{_TRIPLET}/{{path:path}}", answering(techdocs.file), methods=["GET"]),
        Route(f"{PREFIX}/metadata/techdocs/{_TRIPLET}", answering(techdocs.metadata), methods=["GET"]),
        Route(f"{PREFIX}/metadata/entity/{_TRIPLET}", answering(techdocs.entity), methods=["GET"]),
        Route(f"{PREFIX}/sync/{_TRIPLET}", answering(techdocs.sync), methods=["GET"]),
    ]


class _TechDocs:
    """Answers requests."""

    def __init__(self, sites: DocsSites, catalog: Catalog, opened: Callable[[], bool]) -> None:
        self._sites = sites
        self._catalog = catalog
        self._opened = opened

    async def file(self, request: Request) -> Response:
        names = [cast("str", request.path_params[name]) for name in _NAMES]
        path: str = request.path_params["path"]
        if any(name != name.lower() for name in names):
            head = "/".join(quote(name.lower()) for name in names)
            return RedirectResponse(f"{PREFIX}/static/docs/{head}/{quote(path)}", 301)
        opened = await self._site(request)
        answer = await file_answer(request, self._sites.publisher, opened.site, path, backstage_type(path))
        if answer is None:
            raise NotFoundError(f"{opened.entity.ref} has no documentation file {path}")
        return answer

    async def metadata(self, request: Request) -> Response:
        opened = await self._site(request)
        found = await self._sites.publisher.metadata(opened.site)
        if found is None:
            raise NotFoundError(f"Unable to get metadata for '{opened.entity.ref}'")
        return json_answer(found)

    async def entity(self, request: Request) -> Response:
        entity = (await self._site(request)).entity
        (text,) = await texts_of(self._catalog.read_by(request), [entity], None)
        return json_answer({**orjson.loads(text), "locationMetadata": _location(entity)})

    async def sync(self, request: Request) -> Response:
        opened, access = await self._site(request), access_of(request)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        return StreamingResponse(self._events(access, opened), headers=headers)

    async def _events(self, access: Access, opened: OpenSite) -> AsyncGenerator[bytes]:
        if not await self._sites.look_after(opened):
            yield _event("finish", {"updated": False})
            return
        yield _event("log", f"The documentation of {opened.entity.ref} is checked, and built if it has changed.")
        before, until = opened.state, asyncio.get_running_loop().time() + _LONGEST_SECONDS
        state = before
        while state.checked_at == before.checked_at and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                state = await self._sites.state(opened.site)
            except CallboardError as error:
                yield _event("error", str(error))
                return
        changed = (state.built_at, state.failed_etag) != (before.built_at, before.failed_etag)
        for line in ((await self._sites.log_for(access, opened)) or "").splitlines() if changed else ():
            yield _event("log", line)
        if state.error is not None:
            yield _event("error", f"{state.error[0]}. {state.error[1]}")
        else:
            yield _event("finish", {"updated": state.built_at != before.built_at})

    async def _site(self, request: Request) -> OpenSite:
        if not self._opened():
            raise StoreUnavailableError(UNAVAILABLE)
        params = cast("Mapping[str, str]", request.path_params)
        ref = EntityRef(params["kind"], params["namespace"], params["name"]).ref
        found = await self._sites.open(access_of(request), ref)
        # A client that knows of techdocs-entity asks for the other entity itself.
        if isinstance(found, Elsewhere):
            raise NotFoundError(f"{ref} has no documentation of its own, but shows that of {found.entity.ref}")
        return found


def _event(kind: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps(data))


def _location(entity: Entity) -> dict[str, Any]:
    """As Backstage's getLocationForEntity has it: `dir` becomes the address or folder that it means beside the entity's file."""
    annotations: Mapping[str, object] = entity.metadata.get("annotations") or {}
    kind, _, target = str(annotations.get(REFERENCE) or "").partition(":")
    if kind not in ("dir", "url"):
        raise NotFoundError(f"Unable to get metadata for '{entity.ref}'")
    if kind == "url":
        return {"type": "url", "target": target}
    base = entity.origin.path
    if "://" in base:
        scheme, _, rest = base.partition("://")
        return {"type": "url", "target": f"{scheme}://{posixpath.normpath(posixpath.join(posixpath.dirname(rest), target))}"}
    return {"type": "dir", "target": posixpath.normpath(posixpath.join(posixpath.dirname(base), target))}
