"""Lists of entities by filter, ordering and words, page by page with cursors that lead both ways."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.rest.answers import answering, json_object, json_text_answer
from api.rest.catalog.conversion import texts_of
from api.rest.catalog.cursors import Cursor, cursor_of
from api.rest.catalog.fields import Fields, fields_of
from api.rest.catalog.members import JsonObject, number_of, object_of, objects_in, text_of, texts_in
from api.rest.catalog.predicates import Translation, predicate_of_filters
from api.rest.catalog.reading import MAX_BODY_BYTES, Catalog, Reading, whole_number
from graph.conditions import AnyOf, Condition, FactContains, all_of
from graph.entities import Entity
from graph.errors import InputError, LimitExceededError
from graph.store import Order, Page, Window

DEFAULT_LIMIT = 20
MOST_ROWS = 10_000
"""A page holds no more, whatever the limit; its cursor leads on."""

_LONGEST_TERM = 1_000
_MOST_TEXT_FIELDS = 50
_ALWAYS_THERE = {"kind", "apiversion", "metadata.name", "metadata.namespace", "metadata.uid"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A list that is asked for, and which part of it. With a cursor, that says everything but the limit and the fields."""

    limit: int
    fields: Fields | None
    cursor: Cursor | None = None
    query: Mapping[str, Any] | None = None
    order: tuple[str, bool] | None = None
    term: str = ""
    text_fields: Sequence[str] | None = None
    offset: int = 0
    with_total: bool = True


def by_query_routes(prefix: str, catalog: Catalog) -> Sequence[Route]:
    """GET, and POST with predicates. 400 for filters, orders and cursors that are none."""

    async def by_parameters(request: Request) -> Response:
        return await _answer(catalog.read_by(request), _asked_by_parameters(request))

    async def by_body(request: Request) -> Response:
        without = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
        body = {} if without else await json_object(request, MAX_BODY_BYTES)
        return await _answer(catalog.read_by(request), _asked_by_body(body))

    path = prefix + "/entities/by-query"
    return [Route(path, answering(by_parameters), methods=["GET"]), Route(path, answering(by_body), methods=["POST"])]


async def _answer(reading: Reading, asked: Asked) -> Response:
    cursor = asked.cursor
    query, order, term, fields = (
        (asked.query, asked.order, asked.term, asked.text_fields)
        if cursor is None
        else (cursor.query, cursor.order, cursor.term, cursor.fields)
    )
    condition = await _condition(reading, query, order, term, fields)
    page, total = await asyncio.gather(_page(reading, condition, order, asked), _total(reading, condition, asked))
    first = cursor.first if cursor else None
    following, previous = _beside(page, Cursor(order, term, fields, query, total, (), first or (), False), asked)
    pages = {name: found.text for name, found in (("nextCursor", following), ("prevCursor", previous)) if found}
    items = await texts_of(reading, page.rows, asked.fields)
    return json_text_answer(b'{"items":[%b],"totalItems":%d,"pageInfo":%b}' % (b",".join(items), total, orjson.dumps(pages)))


async def _condition(
    reading: Reading, query: Mapping[str, Any] | None, order: tuple[str, bool] | None, term: str, fields: Sequence[str] | None
) -> Condition:
    """The entities of the list. As in Backstage those without a value to order by are none of them, and words are looked for in what is
    ordered by, or in the uid, unless the fields are named.
    """
    parts = [await reading.condition_of(query)]
    sorted_by = order[0].lower() if order else None
    if sorted_by and sorted_by not in _ALWAYS_THERE:
        parts.append(Translation(reading.registry).exists(sorted_by))
    if term := term.strip().lower():
        if len(term) > _LONGEST_TERM or len(fields or ()) > _MOST_TEXT_FIELDS:
            raise LimitExceededError(f"Words to look for have {_LONGEST_TERM:,} characters at most, in {_MOST_TEXT_FIELDS} fields at most.")
        paths = [sorted_by or "metadata.uid"] if fields is None else [field.lower() for field in fields]
        held = tuple(FactContains(path, term) for path in dict.fromkeys(paths))
        parts.append(held[0] if len(held) == 1 else AnyOf(held))
    return all_of(parts)


async def _page(reading: Reading, condition: Condition, order: tuple[str, bool] | None, asked: Asked) -> Page[Entity]:
    limit = min(asked.limit, MOST_ROWS)
    if limit == 0:
        return Page([], [], False, False)
    orders = [Order(order[0].lower(), order[1])] if order else []
    cursor = asked.cursor
    if cursor is None:
        window = Window(limit, skip=asked.offset)
    elif cursor.is_previous:
        window = Window(limit, before=cursor.place, backward=True)
    else:
        window = Window(limit, after=cursor.place)
    return await reading.store.page(condition, orders, window, visible=reading.visible)


async def _total(reading: Reading, condition: Condition, asked: Asked) -> int:
    if asked.cursor is not None:
        return asked.cursor.total
    return await reading.store.count(condition, visible=reading.visible) if asked.with_total else 0


def _beside(page: Page[Entity], at: Cursor, asked: Asked) -> tuple[Cursor | None, Cursor | None]:
    """The cursors of the pages after and before this one. None before the first, even where an offset passed rows over."""
    if not page.rows:
        return None, None
    places = [cast("tuple[str, ...]", tuple(keyset)) for keyset in (page.keysets[0], page.keysets[-1])]
    first = at.first or places[0]

    def to(place: tuple[str, ...], *, is_previous: bool) -> Cursor:
        return Cursor(at.order, at.term, at.fields, at.query, at.total, place, first, is_previous)

    backward = asked.cursor is not None and asked.cursor.is_previous
    following = to(places[1], is_previous=False) if backward or page.has_next else None
    previous = to(places[0], is_previous=True) if asked.cursor is not None and places[0] != first else None
    return following, previous


def _asked_by_parameters(request: Request) -> Asked:
    given = request.query_params
    limit = whole_number(request, "limit")
    fields = fields_of(given.getlist("fields"))
    if cursor := given.get("cursor"):
        return Asked(DEFAULT_LIMIT if limit is None else limit, fields, cursor_of(cursor))
    text_fields = given.getlist("fullTextFilterFields")
    return Asked(
        DEFAULT_LIMIT if limit is None else limit,
        fields,
        query=predicate_of_filters(given.getlist("filter")),
        order=_order_of_parameters(given.getlist("orderField")),
        term=given.get("fullTextFilterTerm", ""),
        text_fields=[field for text in text_fields for field in text.split(",")] if text_fields else None,
        offset=whole_number(request, "offset") or 0,
        with_total=_with_total(given.get("totalItems")),
    )


def _order_of_parameters(texts: Sequence[str]) -> tuple[str, bool] | None:
    """Each is a field, and perhaps asc or desc after a comma. The first is ordered by."""
    orders = [text.split(",") for text in texts]
    if any(direction not in {"asc", "desc"} for _, *more in orders for direction in more[:1]):
        raise InputError("Invalid order field order, must be asc or desc")
    if not orders or not orders[0][0]:
        return None
    return orders[0][0], orders[0][1:2] == ["desc"]


def _asked_by_body(body: JsonObject) -> Asked:
    limit = number_of(body, "limit")
    limit = DEFAULT_LIMIT if limit is None else limit
    fields = fields_of(texts_in(body, "fields") or ())
    if "cursor" in body:
        if not (cursor := text_of(body, "cursor")):
            raise InputError("Cursor cannot be empty")
        return Asked(limit, fields, cursor_of(cursor))
    words = object_of(body, "fullTextFilter") or {}
    return Asked(
        limit,
        fields,
        query=object_of(body, "query"),
        order=_order_of_body(body),
        term=text_of(words, "term") or "",
        text_fields=texts_in(words, "fields"),
        offset=number_of(body, "offset") or 0,
        with_total=_with_total(text_of(body, "totalItems")),
    )


def _order_of_body(body: JsonObject) -> tuple[str, bool] | None:
    orders = objects_in(body, "orderBy")
    if any(order.get("order") not in {"asc", "desc"} for order in orders):
        raise InputError("Invalid order field order, must be asc or desc")
    fields = [text_of(order, "field") for order in orders]
    if not all(fields):
        raise InputError("Invalid orderBy, must be a list of objects with field and order")
    return (fields[0] or "", orders[0]["order"] == "desc") if orders else None


def _with_total(given: str | None) -> bool:
    if given not in {None, "include", "exclude"}:
        raise InputError(f'Invalid totalItems value "{given}", expected one of: include, exclude')
    return given != "exclude"
