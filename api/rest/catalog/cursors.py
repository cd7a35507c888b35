"""Cursors of by-query: JSON in base64, with the members that Backstage's have, because its client looks for `query` in them."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from api.rest.catalog.members import object_of
from graph.errors import InputError, InvalidCursorError


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list of entities, and the list.

    `order` is the path and whether it descends; None orders by ref. `place` is the value under that path, if there is one, and the ref of
    the row that the cursor points to, `first` that of the list's first row. The row itself is not part of the page, which lies before it
    with `is_previous`.
    """

    order: tuple[str, bool] | None
    term: str
    fields: Sequence[str] | None
    query: Mapping[str, Any] | None
    total: int
    place: tuple[str, ...]
    first: tuple[str, ...]
    is_previous: bool

    @property
    def text(self) -> str:
        content: dict[str, Any] = {
            "orderFields": [] if self.order is None else [{"field": self.order[0], "order": "desc" if self.order[1] else "asc"}],
            "orderFieldValues": self.place,
            "firstSortFieldValues": self.first,
            "isPrevious": self.is_previous,
            "totalItems": self.total,
        }
        if self.term:
            content["fullTextFilter"] = {"term": self.term, **({} if self.fields is None else {"fields": self.fields})}
        if self.query is not None:
            content["query"] = self.query
        return b64encode(orjson.dumps(content)).decode()


_KNOWN = {"orderFields", "orderFieldValues", "firstSortFieldValues", "isPrevious", "totalItems", "fullTextFilter", "query"}


def cursor_of(text: str) -> Cursor:
    """The cursor that the text is. InvalidCursorError for any other text."""
    try:
        content = orjson.loads(b64decode(text, validate=True))
        return _cursor(content)
    except (NotBase64Error, ValueError, TypeError, KeyError, AttributeError, InputError) as error:
        raise InvalidCursorError(
            "Malformed cursor: it is none that a page of this list was answered with. Start from the first page."
        ) from error


def _cursor(content: dict[str, Any]) -> Cursor:
    if content.keys() - _KNOWN:
        raise ValueError
    order = _order(content["orderFields"])
    text_filter = content.get("fullTextFilter", {})
    fields = text_filter.get("fields")
    total = content.get("totalItems", 0)
    is_previous = content["isPrevious"]
    if type(total) is not int or not isinstance(is_previous, bool):
        raise TypeError
    keys = 1 if order is None else 2
    place = _texts(content["orderFieldValues"], keys)
    first = _texts(content["firstSortFieldValues"], keys)
    return Cursor(
        order,
        _text(text_filter.get("term", "")),
        None if fields is None else _texts(fields),
        object_of(content, "query"),
        total,
        place,
        first,
        is_previous,
    )


def _order(given: Any) -> tuple[str, bool] | None:
    if not isinstance(given, list):
        raise TypeError
    if not given:
        return None
    first = cast("dict[str, Any]", given[0])
    if first["order"] not in {"asc", "desc"}:
        raise ValueError
    return _text(first["field"]), first["order"] == "desc"


def _texts(given: Any, number: int | None = None) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError
    texts = tuple(_text(text) for text in cast("list[Any]", given))
    if number is not None and len(texts) != number:
        raise ValueError
    return texts


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given
