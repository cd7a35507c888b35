"""The list that Backstage has had from the beginning: all entities that a filter lets through in one array, or a part of it by offset."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import cast
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from api.rest.answers import JSON, answering, json_text_answer
from api.rest.catalog.conversion import texts_of
from api.rest.catalog.fields import Fields, fields_of
from api.rest.catalog.members import number_of
from api.rest.catalog.predicates import Translation, predicate_of_filters
from api.rest.catalog.reading import Catalog, Reading, whole_number
from graph.conditions import Condition, all_of
from graph.entities import Entity
from graph.errors import InputError
from graph.store import Order, Page, Window

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class _Listed:
    """A list, read as one principal sees it."""

    reading: Reading
    condition: Condition
    order: Sequence[Order]
    fields: Fields | None

    async def page(self, window: Window) -> Page[Entity]:
        return await self.reading.store.page(self.condition, self.order, window, visible=self.reading.visible)

    async def text(self, page: Page[Entity]) -> bytes:
        """The page's entities, with commas between."""
        return b",".join(await texts_of(self.reading, page.rows, self.fields))


def listing_routes(prefix: str, catalog: Catalog) -> Sequence[Route]:
    """GET with filter, fields, order, limit, offset and after. 400 for those that are none.

    With limit, offset or after, a Link header leads to the next part if there is one, and entities without a value to order by come last.
    Without, all are answered, in parts so that no more than one of them has to be held; as in Backstage the first ordering is the only
    one then, and entities without a value to order by are left out.
    """

    async def listed(request: Request) -> Response:
        reading, given = catalog.read_by(request), request.query_params
        condition = await reading.condition_of(predicate_of_filters(given.getlist("filter")))
        found = _Listed(reading, condition, _order(given.getlist("order")), fields_of(given.getlist("fields")))
        if not given.keys() & {"limit", "offset", "after"}:
            return await _whole(found)
        limit, offset = _part(request)
        return await _one_part(request, found, limit, offset) if limit else await _whole(found, offset)

    return [Route(prefix + "/entities", answering(listed), methods=["GET"])]


async def _one_part(request: Request, listed: _Listed, limit: int, offset: int) -> Response:
    page = await listed.page(Window(limit, skip=offset))
    headers = {"Link": _next(request, limit, offset + limit)} if page.rows and page.has_next else {}
    return json_text_answer(b"[%b]" % await listed.text(page), headers=headers)


async def _whole(listed: _Listed, offset: int | None = None) -> Response:
    if offset is None and listed.order:
        first = listed.order[0]
        exists = Translation(listed.reading.registry).exists(first.path)
        listed = replace(listed, order=[first], condition=all_of([listed.condition, exists]))
    page = await listed.page(Window(_AT_ONCE, skip=offset or 0))
    text = await listed.text(page)
    if not page.rows or not page.has_next:
        return json_text_answer(b"[%b]" % text)

    async def parts() -> AsyncIterator[bytes]:
        yield b"[" + text
        following = page
        while following.rows and following.has_next:
            following = await listed.page(Window(_AT_ONCE, after=following.keysets[-1]))
            if following.rows:
                yield b"," + await listed.text(following)
        yield b"]"

    return StreamingResponse(parts(), headers={"Content-Type": JSON, "Cache-Control": "no-store"})


def _order(texts: Sequence[str]) -> Sequence[Order]:
    orders: list[Order] = []
    for text in texts:
        direction, colon, field = text.partition(":")
        if direction not in {"asc", "desc"} or not colon or not field:
            raise InputError(f'Invalid order parameter "{text}", expected "<asc or desc>:<field name>"')
        orders.append(Order(field.lower(), direction == "desc"))
    return orders


def _part(request: Request) -> tuple[int | None, int]:
    """The limit, if there is one, and the offset."""
    offset, limit = whole_number(request, "offset"), whole_number(request, "limit")
    if limit == 0:
        raise InputError("Invalid limit, must be greater than zero")
    after = request.query_params.get("after")
    if after is None:
        return limit, offset or 0
    if not after:
        raise InputError("Invalid after, must not be empty")
    try:
        place: object = orjson.loads(b64decode(after, validate=True))
    except (NotBase64Error, ValueError) as error:
        raise InputError("Malformed after cursor, could not be parsed") from error
    if not isinstance(place, dict):
        raise InputError("Malformed after cursor, could not be parsed")
    members = cast("dict[str, object]", place)
    return number_of(members, "limit", limit), number_of(members, "offset", offset) or 0


def _next(request: Request, limit: int, offset: int) -> str:
    """The Link header of Backstage, whose paths begin where the API does."""
    after = b64encode(orjson.dumps({"limit": limit, "offset": offset})).decode()
    kept = [(key, value) for key, value in parse_qsl(request.url.query, keep_blank_values=True) if key not in {"offset", "after"}]
    return f'</entities?{urlencode([*kept, ("after", after)])}>; rel="next"'
