"""Queries of locations: a predicate over id, type, target and entityRef, and pages of what it lets through."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import orjson

from graph.errors import InputError

_MOST = 1000
_DEEPEST = 30
_FIELDS = {"id": "id", "type": "type", "target": "target", "entityref": "entityRef"}

Row = Mapping[str, str]
Test = Callable[[Row], bool]


def page_of(rows: Sequence[Row], body: Mapping[str, object]) -> dict[str, Any]:
    """What a request for a query, or for more of one by its cursor, is answered of the rows, which are ordered by id.

    InputError for a predicate, limit or cursor that makes no sense.
    """
    limit, after, query = _from_cursor(body["cursor"]) if "cursor" in body else (_limit(body.get("limit", _MOST)), "", body.get("query"))
    test = None if query is None else _test_of(query)
    found = [row for row in rows if test is None or test(row)]
    beyond = [row for row in found if row["id"] > after]
    items = beyond[: min(limit, _MOST)]
    page_info: dict[str, str] = {}
    if len(beyond) > len(items):
        page_info["nextCursor"] = _cursor(limit, items[-1]["id"], query)
    return {"items": items, "totalItems": len(found), "pageInfo": page_info}


def _cursor(limit: int, after: str, query: object) -> str:
    content = {"limit": limit, "afterId": after, **({} if query is None else {"query": query})}
    return base64.b64encode(orjson.dumps(content)).decode()


def _from_cursor(cursor: object) -> tuple[int, str, object]:
    if not cursor or not isinstance(cursor, str):
        raise InputError("Cursor cannot be empty")
    try:
        content = orjson.loads(base64.b64decode(cursor))
    except (binascii.Error, ValueError) as error:
        raise InputError("Malformed cursor, unknown encoding") from error
    if not isinstance(content, dict):
        raise InputError("Malformed cursor")
    given = cast("dict[str, object]", content)
    after = given.get("afterId", "")
    if not isinstance(after, str):
        raise InputError("Malformed cursor")
    return _limit(given.get("limit")), after, given.get("query")


def _limit(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int | float) or given != int(given) or given < 1:
        raise InputError("Limit must be a positive integer >= 1")
    return int(given)


def _test_of(predicate: object, depth: int = 0) -> Test:
    """By Backstage's rules for locations, in which an empty `$all` lets nothing through, and texts compare without case."""
    if not isinstance(predicate, dict) or depth > _DEEPEST:
        raise InputError("Query must be an object")
    query = cast("dict[str, object]", predicate)
    if "$all" in query:
        tests = [_test_of(part, depth + 1) for part in _list(query["$all"])]
        return lambda row: bool(tests) and all(test(row) for test in tests)
    if "$any" in query:
        tests = [_test_of(part, depth + 1) for part in _list(query["$any"])]
        return lambda row: any(test(row) for test in tests)
    if "$not" in query:
        negated = _test_of(query["$not"], depth + 1)
        return lambda row: not negated(row)
    tests = [_test_of_field(_field(key), matcher) for key, matcher in query.items()]
    return lambda row: all(test(row) for test in tests)


def _field(key: str) -> str:
    if key.startswith("$"):
        raise InputError(f"Invalid filter predicate, unknown logic operator '{key}'")
    if key.lower() not in _FIELDS:
        raise InputError(f"Invalid filter predicate, expected key to be 'id', 'type', 'target', or 'entityRef', got '{key}'")
    return _FIELDS[key.lower()]


def _test_of_field(field: str, matcher: object) -> Test:
    if isinstance(matcher, str | int | float):
        wanted = _text(matcher).upper()
        return lambda row: row[field].upper() == wanted
    if isinstance(matcher, dict) and len(cast("dict[str, object]", matcher)) == 1:
        [(operator, operand)] = cast("dict[str, object]", matcher).items()
        match operator:
            case "$exists":
                return lambda row: operand is not False
            case "$in":
                values = [_text(one) if field == "id" else _text(one).upper() for one in _list(operand)]
                return lambda row: (row[field] if field == "id" else row[field].upper()) in values
            case "$hasPrefix" if isinstance(operand, str):
                return lambda row: row[field].upper().startswith(operand.upper())
            case "$contains":
                return lambda row: False
            case _:
                pass
    raise InputError(f"Invalid filter predicate, got unknown matcher for '{field}'")


def _list(given: object) -> list[object]:
    if not isinstance(given, list):
        raise InputError("Invalid filter predicate, expected a list")
    return cast("list[object]", given)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
