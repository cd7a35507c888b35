"""Backstage's search API at /api/search/query.

Its shapes are those of `@backstage/plugin-search-common`; a software catalog's documents are as
`@backstage/plugin-search-backend-module-catalog` makes them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from api.audit import Audit, Outcome
from api.auth.admission import access_of
from api.graphql.cursors import cursor_of, keyset_of
from api.rest.answers import answering, json_answer
from graph.access import Access, Action
from graph.entities import Document
from graph.errors import ForbiddenError, InputError, InvalidCursorError
from graph.refs import split_ref
from workers.search.finding import UNCONFIGURED, Found, Place, Request, Results, Search, SearchUnavailableError
from workers.search.index import FACETS

MOST_RESULTS = 100
"""How many results a page may have, as in Backstage."""

_PAGE = 25
_CATALOG, _TECHDOCS = "software-catalog", "techdocs"
_TYPES = {_CATALOG: "entity", _TECHDOCS: "section"}
_NAMES = {own: name for name, own in _TYPES.items()}
_FILTERS = {**{name: name for name in FACETS}, "componentType": "type", "tags": "tag"}
"""What may be filtered by: what there is, and under the names that Backstage's documents have."""

_PARAMETER = re.compile(r"(?P<name>filters|types)(?:\[(?P<key>[A-Za-z]+)\])?(?:\[\d{0,3}\])?")
_SCOPE = "search rest"
_MOST_PARAMETERS = 200


def search_routes(search: Callable[[], Search | None], audit: Audit) -> list[Route]:
    """GET with term, filters, types, pageLimit and pageCursor. 400 for anything else, 503 where nothing answers searches."""

    async def query(request: HttpRequest) -> Response:
        access = access_of(request)
        _demand(access, audit)
        asked = _asked(request.query_params.multi_items())
        if (service := search()) is None:
            raise SearchUnavailableError(UNCONFIGURED)
        return json_answer(_answer(await service.results(asked, access), asked))

    return [Route("/api/search/query", answering(query), methods=["GET"])]


def _demand(access: Access, audit: Audit) -> None:
    try:
        access.demand(Action.SEARCH)
    except ForbiddenError as error:
        audit.record(access, Action.SEARCH, "search", Outcome.DENIED, cause="GET /api/search/query", reason=str(error))
        raise


def _asked(parameters: Sequence[tuple[str, str]]) -> Request:
    if len(parameters) > _MOST_PARAMETERS:
        raise InputError(f"Invalid query string: there are more than {_MOST_PARAMETERS} parameters")
    single: dict[str, str] = {}
    filters: dict[str, list[str]] = {}
    for name, value in parameters:
        if name in {"term", "pageLimit", "pageCursor"}:
            single[name] = value
        else:
            filters.setdefault(_filter_named(name), []).append(value)
    if types := filters.get("documentType"):
        filters["documentType"] = [_TYPES.get(name, name) for name in types]
    limit, after = _limit(single.get("pageLimit")), _place(single.get("pageCursor"))
    return Request(single.get("term", ""), filters, limit, after, with_entities=True)


def _filter_named(name: str) -> str:
    match = _PARAMETER.fullmatch(name)
    key = match["key"] if match else None
    if match and match["name"] == "types" and key is None:
        return "documentType"
    if match and match["name"] == "filters" and key in _FILTERS:
        return _FILTERS[key]
    known = ", ".join(f"filters[{filter_}]" for filter_ in _FILTERS)
    raise InputError(f"Invalid query string: {name!r} is not known here; there are term, types, pageLimit, pageCursor and {known}")


def _limit(text: str | None) -> int:
    if text is None:
        return _PAGE
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InputError(f"Invalid query string: pageLimit is {text!r}, and has to be a number")
    if int(text) > MOST_RESULTS:
        raise InputError(f'The page limit "{text}" is greater than "{MOST_RESULTS}"')
    return int(text)


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    offset, *rest = keyset_of(_SCOPE, cursor)
    if len(rest) != 1 or offset is None or not offset.removeprefix("-").isdecimal():
        raise InvalidCursorError("pageCursor is malformed; hand it back as it was received, or leave it out to start over")
    return Place(int(offset), rest[0] or "")


def _answer(results: Results, asked: Request) -> Mapping[str, Any]:
    tag = uuid4().hex
    rows = [_result(found, tag) for found in results.found]
    answer: dict[str, Any] = {"results": rows, "numberOfResults": results.total}
    if results.has_next and results.found:
        last = results.found[-1].place
        answer["nextPageCursor"] = cursor_of(_SCOPE, (str(last.offset), last.id))
    if results.has_previous and asked.after is not None and asked.after.offset > 0:
        answer["previousPageCursor"] = cursor_of(_SCOPE, (str(max(0, asked.after.offset - asked.limit)), ""))
    return answer


def _result(found: Found, tag: str) -> Mapping[str, Any]:
    pre, post = f"<{tag}>", f"</{tag}>"
    marked = {
        snippet.field.value: "".join(f"{pre}{part.text}{post}" if part.is_match else part.text for part in snippet.parts)
        for snippet in found.snippets
    }
    fields = {
        "title": marked.get("title") or marked.get("name") or found.title,
        "text": next((marked[name] for name in ("description", "body") if name in marked), found.text),
    }
    return {
        "type": _NAMES.get(found.type, found.type),
        "document": {**_of_entity(found), "title": found.title, "text": found.text, "location": _location(found)},
        "highlight": {"preTag": pre, "postTag": post, "fields": fields},
        # The store, where it answers in the place of the index, does not rank.
        **({"rank": found.place.offset} if found.place.offset > 0 else {}),
    }


def _of_entity(found: Found) -> Mapping[str, Any]:
    if found.entity is None:
        return {}
    spec: Document = found.entity.document.get("spec") or {}
    type_ = str(spec.get("type") or "other")
    named = {"name": found.entity.name, "namespace": found.entity.namespace, "kind": found.entity.kind}
    return {**named, "componentType": type_, "type": type_, "lifecycle": spec.get("lifecycle") or "", "owner": spec.get("owner") or ""}


def _location(found: Found) -> str:
    if found.ref is None:
        return found.location
    kind, namespace, name = (quote(part, safe="") for part in split_ref(found.ref))
    if found.type == _TYPES[_TECHDOCS]:
        return f"/docs/{namespace}/{kind}/{name}/{found.location}"
    return f"/catalog/{namespace}/{kind}/{name}"
