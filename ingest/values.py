"""The value of a YAML 1.2 document (core schema) as JSON; `<<` is a key like any other."""

import math
import re
from dataclasses import dataclass
from typing import Any, cast

import orjson
import yaml12

from ingest.survey import DEEPEST

_PLACE = re.compile(r"^(?:YAML parse error: )?(?P<reason>.*?)(?: at byte \d+)? line (?P<line>\d+) column (?P<column>\d+)", re.DOTALL)
_NOT_FINITE = (".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN")
_HUGE = re.compile(r"[0-9][eE]\+?[0-9]{3}")
# Every tab that is mended costs a parse of the whole text.
_MOST_TABS = 50
_MOST_PARSED = 2_000_000
_CONSTANT_KEYS: dict[bool | None, str] = {None: "", True: "true", False: "false"}


class YamlError(Exception):
    """The text is no YAML 1.2. `line` and `column` count from 0 in the text; they are None where the parser names no place."""

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Value:
    """A document's value. `odd_keys` says that a mapping or a list stood where a key belongs, as a bare `{{ x }}` does."""

    json: Any
    odd_keys: bool = False


class TooDeepError(Exception):
    """The value nests deeper than the catalog allows."""


def parsed(text: str) -> Value:
    """The document's value, made of what JSON has: other keys become strings, tags go, numbers that are not finite are null.

    None for an empty document. YamlError if the text is no YAML 1.2, TooDeepError beyond DEEPEST levels. Aliases are expanded, so
    the text must have been surveyed if it has any.
    """
    documents = _documents(text)
    if not documents:
        return Value(None)
    value = documents[0]
    if _is_json(value) and not any(word in text for word in _NOT_FINITE) and _HUGE.search(text) is None:
        return Value(value)
    conversion = _Conversion()
    return Value(conversion.json(value, 0), conversion.odd_keys)


def _documents(text: str) -> list[Any]:
    # The parser takes the line break after the header of an empty last block scalar for its content.
    if text.rstrip().endswith(("|", ">")):
        text = text.rstrip()
    for _ in range(1 + min(_MOST_TABS, _MOST_PARSED // max(len(text), 1))):
        try:
            return yaml12.parse_yaml(text, multi=True)
        except ValueError as error:
            wrong = _placed(str(error))
            mended = _without_tab(text, wrong)
            if mended is None:
                if text.lstrip().startswith("{"):
                    return [_json(text, wrong)]
                raise wrong from error
            text = mended
    raise YamlError("too many tabs stand where a space belongs")


def _without_tab(text: str, wrong: YamlError) -> str | None:
    """The text with a space for a tab between a key and its value, which YAML allows and the parser does not; None without one."""
    if wrong.line is None or wrong.column is None or "valid YAML whitespace" not in wrong.reason:
        return None
    start = 0
    for _ in range(wrong.line):
        start = text.find("\n", start) + 1
    tab = text.find(":\t", max(start + wrong.column - 2, start))
    return None if tab < 0 or "\n" in text[start:tab] else f"{text[:tab]}: {text[tab + 2 :]}"


def _json(text: str, wrong: YamlError) -> Any:
    """The value of a text that is no YAML to the parser, yet JSON: indented by tabs, or with surrogate pairs as escapes."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise wrong from error


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


class _Conversion:
    """Makes JSON of a value that has more: keys that are no strings, tags, numbers that are not finite."""

    def __init__(self) -> None:
        self.odd_keys = False

    def json(self, value: object, depth: int) -> Any:
        if depth > DEEPEST:
            raise TooDeepError
        if isinstance(value, yaml12.Yaml):
            return self.json(value.value, depth)
        if isinstance(value, dict):
            entries = cast("dict[object, object]", value).items()
            return {self._key(key): self.json(below, depth + 1) for key, below in entries}
        if isinstance(value, list | tuple):
            return [self.json(item, depth + 1) for item in cast("list[object]", value)]
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value

    def _key(self, key: object) -> str:
        """The key as text, in the spelling of Backstage's parser: null is empty, a mapping is `{ a: b }`."""
        match key:
            case yaml12.Yaml():
                return self._key(key.value)
            case None | bool():
                return _CONSTANT_KEYS[key]
            case float() if key.is_integer():
                return str(int(key))
            case dict():
                self.odd_keys = True
                entries = cast("dict[object, object]", key).items()
                return "{ " + ", ".join(self._key(k) if v is None else f"{self._key(k)}: {self._key(v)}" for k, v in entries) + " }"
            case list() | tuple():
                self.odd_keys = True
                return "[ " + ", ".join(self._key(item) for item in cast("list[object]", key)) + " ]"
            case _:
                return str(key)
