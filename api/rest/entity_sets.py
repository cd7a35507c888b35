"""The push API: sets of entities that a client keeps in the catalog under a name of its own, at /api/catalog/entity-sets."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.audit import Audit
from api.auth.admission import access_of
from api.errors import UNAVAILABLE
from api.rest.answers import Answer, answering, json_answer, json_object
from graph.access import Action
from graph.errors import InputError, InvalidRefError, NotFoundError, StoreUnavailableError
from graph.refs import Ref, parse_ref
from graph.store import CatalogError
from ingest.lifecycle import Actions, Demand, Pushed, PushedSet

_SET = "entity-set:"
_PATH = "/api/catalog/entity-sets"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_NAME_RULE = "A set's name has 1 to 63 letters, digits, dots, dashes and underscores, with a letter or digit at both ends."
_TAG = re.compile(r'\s*(?:(?:W/)?"([^"]*)"|(\*))\s*')
_MOST_ENTITIES = 100_000
_FLAGS = {"": True, "true": True, "1": True, "false": False, "0": False}


def entity_set_routes(acting: Callable[[], Actions | None], audit: Audit, max_bytes: int) -> list[Route]:
    """GET lists the sets; PUT gives a set its entities, PATCH adds and removes some, DELETE removes it. `acting` is None until it can act.

    Bodies are JSON of at most `max_bytes`. PUT, PATCH and DELETE honour If-Match and If-None-Match, and with `?dryRun=true` PUT and PATCH
    only tell. All of it is for whoever may do catalog.entity.create, and what removes entities for whoever may do catalog.entity.delete to
    them. 400 for a request that makes no sense, 404 for a set that is none, 412, 413, 415, 503 while the store can't be reached.
    """
    sets = _Sets(acting, audit, max_bytes)
    by_name: list[tuple[str, Answer]] = [("GET", sets.shown), ("PUT", sets.put), ("PATCH", sets.patched), ("DELETE", sets.dropped)]
    one = [Route(_PATH + "/{name}", answering(answer), methods=[method]) for method, answer in by_name]
    return [Route(_PATH, answering(sets.listed), methods=["GET"]), *one]


class _Sets:
    """Answers requests."""

    def __init__(self, acting: Callable[[], Actions | None], audit: Audit, max_bytes: int) -> None:
        self._acting = acting
        self._audit = audit
        self._max_bytes = max_bytes

    async def listed(self, request: Request) -> Response:
        return _json({"items": [_summary(one) for one in await self._actions.sets(access_of(request))]})

    async def shown(self, request: Request) -> Response:
        name = _name(request)
        for found in await self._actions.sets(access_of(request)):
            if found.name == name:
                return _json(_summary(found), found.tag)
        raise NotFoundError(f"There is no entity set named {name!r}.")

    async def put(self, request: Request) -> Response:
        access_of(request).demand(Action.ENTITY_CREATE)
        body = await _object(request, self._max_bytes, {"entities"})
        return await self._pushed(request, _entities(body, "entities", required=True), full=True)

    async def patched(self, request: Request) -> Response:
        access_of(request).demand(Action.ENTITY_CREATE)
        body = await _object(request, self._max_bytes, {"added", "removed"})
        return await self._pushed(request, _entities(body, "added"), full=False, removed=_refs(body))

    async def dropped(self, request: Request) -> Response:
        name, access = _name(request), access_of(request)
        with self._audit.doing(access, Action.ENTITY_DELETE, f"{_SET}{name}", cause=_cause(request)):
            gone = await self._actions.drop_set(name, access, demand=_demand(request))
        return _json({"removed": list(gone.removed), "orphaned": list(gone.orphaned)})

    @property
    def _actions(self) -> Actions:
        found = self._acting()
        if found is None:
            raise StoreUnavailableError(UNAVAILABLE)
        return found

    async def _pushed(
        self, request: Request, documents: Sequence[Mapping[str, Any]], *, full: bool, removed: Sequence[Ref] = ()
    ) -> Response:
        name, dry_run, access = _name(request), _dry_run(request), access_of(request)
        with self._audit.doing(access, Action.ENTITY_CREATE, f"{_SET}{name}", cause=_cause(request), changes=not dry_run):
            pushed = await self._actions.push(name, documents, access, full=full, removed=removed, demand=_demand(request), dry_run=dry_run)
        return _json({"name": name, "dryRun": dry_run, **_told(pushed)}, pushed.tag)


def _told(pushed: Pushed) -> dict[str, Any]:
    return {
        "created": list(pushed.created),
        "updated": list(pushed.updated),
        "removed": list(pushed.removed),
        "unchanged": pushed.unchanged,
        "problems": [asdict(problem) for problem in pushed.problems],
        "conflicts": [_conflict(error) for error in pushed.conflicts],
    }


def _conflict(error: CatalogError) -> dict[str, Any]:
    return {"ref": error.ref, "message": error.message, "remedy": error.remedy}


def _cause(request: Request) -> str:
    return f"{request.method} {request.url.path}"


def _summary(one: PushedSet) -> dict[str, Any]:
    return {"name": one.name, "entities": one.entities, "errors": one.errors, "writtenAt": one.written_at, "etag": f'"{one.tag}"'}


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if not _NAME.fullmatch(name):
        raise InputError(_NAME_RULE)
    return name


def _dry_run(request: Request) -> bool:
    given = request.query_params.get("dryRun", "false")
    if given.lower() not in _FLAGS:
        raise InputError("`dryRun` is true or false.")
    return _FLAGS[given.lower()]


def _demand(request: Request) -> Demand:
    return Demand(_tags(request, "if-match"), _tags(request, "if-none-match"))


def _tags(request: Request, header: str) -> Sequence[str] | None:
    given = request.headers.get(header)
    if given is None:
        return None
    found = [_TAG.fullmatch(part) for part in given.split(",")]
    if not all(found):
        raise InputError(f'{header.title()} holds tags in double quotes, as ETag gives them, or "*".')
    return [tag[1] if tag[1] is not None else "*" for tag in found if tag]


async def _object(request: Request, max_bytes: int, known: set[str]) -> Mapping[str, object]:
    content = await json_object(request, max_bytes, "catalog.registration.maxSetBytes")
    if unknown := sorted(content.keys() - known):
        raise InputError(f"The body has the member {unknown[0]!r}, which means nothing here; {' and '.join(sorted(known))} do.")
    return content


def _entities(body: Mapping[str, object], member: str, *, required: bool = False) -> Sequence[Mapping[str, Any]]:
    given = body.get(member)
    if given is None and not required:
        return []
    if not isinstance(given, list):
        raise InputError(f"`{member}` has to be a list of entities.")
    entities = cast("list[object]", given)
    if len(entities) > _MOST_ENTITIES:
        raise InputError(f"`{member}` holds {len(entities):,} entities; a set has {_MOST_ENTITIES:,} at most.")
    wrong = next((index for index, entity in enumerate(entities) if not isinstance(entity, dict)), None)
    if wrong is not None:
        raise InputError(f"`{member}[{wrong}]` is no JSON object; an entity has apiVersion, kind, metadata and spec.")
    return cast("list[dict[str, Any]]", entities)


def _refs(body: Mapping[str, object]) -> Sequence[Ref]:
    given = body.get("removed", cast("object", []))
    if not isinstance(given, list):
        raise InputError("`removed` has to be a list of refs.")
    refs: list[Ref] = []
    for index, text in enumerate(cast("list[object]", given)):
        try:
            refs.append(parse_ref(text if isinstance(text, str) else "").ref)
        except InvalidRefError as error:
            raise InputError(f"`removed[{index}]`: {error}") from error
    return refs


def _json(content: object, tag: str | None = None) -> Response:
    return json_answer(content, headers=None if tag is None else {"ETag": f'"{tag}"'})
