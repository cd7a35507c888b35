"""The value of a YAML 1.2 document (core schema) as JSON; `<<` is a key like any other."""

import math
import re
from typing import Any, cast

import orjson
import yaml12

from ingest.survey import DEEPEST

_PLACE = re.compile(r"^(?:YAML parse error: )?(?P<reason>.*?)(?: at byte \d+)? line (?P<line>\d+) column (?P<column>\d+)", re.DOTALL)
_NOT_FINITE = re.compile(r"\.(?:inf|Inf|INF|nan|NaN|NAN)\b")
_CONSTANT_KEYS: dict[bool | None, str] = {None: "", True: "true", False: "false"}


class YamlError(Exception):
    """The text is no YAML 1.2. `line` and `column` count from 0 in the text; they are None where the parser names no place."""

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


class TooDeepError(Exception):
    """The value nests deeper than the catalog allows."""


def parsed(text: str) -> Any:
    """The document's value, made of what JSON has: other keys become strings, tags go, numbers that are not finite are null.

    None for an empty document. YamlError if the text is no YAML 1.2, TooDeepError beyond DEEPEST levels. Aliases are expanded, so
    the text must have been surveyed if it has any.
    """
    try:
        documents = yaml12.parse_yaml(text, multi=True)
    except ValueError as error:
        raise _placed(str(error)) from error
    if not documents:
        return None
    value = documents[0]
    if _NOT_FINITE.search(text) is None and _is_json(value):
        return value
    return _as_json(value, 0)


def _placed(message: str) -> YamlError:
    found = _PLACE.search(message)
    if found is None:
        return YamlError(message.removeprefix("YAML parse error: "))
    return YamlError(found["reason"], int(found["line"]) - 1, int(found["column"]) - 1)


def _is_json(value: object) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _as_json(value: object, depth: int) -> Any:
    if depth > DEEPEST:
        raise TooDeepError
    if isinstance(value, yaml12.Yaml):
        return _as_json(value.value, depth)
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value).items()
        return {_as_key(key): _as_json(below, depth + 1) for key, below in entries}
    if isinstance(value, list | tuple):
        return [_as_json(item, depth + 1) for item in cast("list[object]", value)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _as_key(key: object) -> str:
    """The key as text, in the spelling of Backstage's parser: null is empty, a mapping is `{ a: b }`."""
    match key:
        case yaml12.Yaml():
            return _as_key(key.value)
        case None | bool():
            return _CONSTANT_KEYS[key]
        case float() if key.is_integer():
            return str(int(key))
        case dict():
            entries = cast("dict[object, object]", key).items()
            return "{ " + ", ".join(_as_key(k) if v is None else f"{_as_key(k)}: {_as_key(v)}" for k, v in entries) + " }"
        case list() | tuple():
            return "[ " + ", ".join(_as_key(item) for item in cast("list[object]", key)) + " ]"
        case _:
            return str(key)
