"""The closed set of values that expressions compute with: JSON's, undefined, safe strings, regex literals and functions.

Strings hold UTF-16 code units, as JavaScript's do: a character beyond the basic plane is two surrogates while it is computed with.
Nothing of Python's is reachable from here: what a name or a key leads to is looked up in these classes' own items and entries.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Final, TypeAlias

from graph.errors import RenderError
from workers.scaffolder.templating.limits import Budget


class Undefined(Enum):
    """JavaScript's undefined, which is not null: what a name or a key leads to that is not there."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
RESERVED_NAMES = frozenset({"constructor", "prototype", "__proto__"})
MAXIMUM_ENTRIES = 100_000
MAXIMUM_DEPTH = 64

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z")


class Function:
    """Something that can be called. Functions are told apart by identity and never become text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class HostFunction(Function):
    """A function that the host lends to templates, called with copies in JSON."""

    name: str
    call: Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class SafeString:
    """A string that needs no escaping."""

    text: str


@dataclass(slots=True, eq=False)
class Regex:
    """A regex literal. A global or sticky one remembers where its last match ended."""

    source: str
    flags: str
    last_index: int = 0


class Array:
    """A list of values, told apart by identity."""

    __slots__ = ("depth", "holds_function", "items")

    def __init__(self, items: list["Value"]) -> None:
        if len(items) > MAXIMUM_ENTRIES:
            raise RenderError(f"A list can't have more than {MAXIMUM_ENTRIES} items.")
        self.items = items
        self.depth = _depth_around(items)
        self.holds_function = any(holds_function(item) for item in items)


class Record:
    """Values by key. Keys that are array indices come first, by number, as in JavaScript's objects. Never changed once made."""

    __slots__ = ("depth", "entries", "holds_function")

    def __init__(self, entries: Iterable[tuple[str, "Value"]]) -> None:
        self.entries: dict[str, Value] = dict(entries)
        if not RESERVED_NAMES.isdisjoint(self.entries):
            raise RenderError("The keys constructor, prototype and __proto__ can't be used.")
        if any(_INDEX.match(key) for key in self.entries):
            indices = sorted((key for key in self.entries if is_index(key)), key=int)
            rest = [key for key in self.entries if not is_index(key)]
            self.entries = {key: self.entries[key] for key in (*indices, *rest)}
        self.depth = _depth_around(self.entries.values())
        self.holds_function = any(holds_function(value) for value in self.entries.values())


Primitive: TypeAlias = Undefined | bool | float | str | None
Value: TypeAlias = Primitive | SafeString | Array | Record | Regex | Function


def _depth_around(items: Iterable[Value]) -> int:
    """How deeply a list or record of the items is nested. RenderError if it is too much."""
    depth = 1 + max((item.depth for item in items if isinstance(item, Array | Record)), default=0)
    if depth > MAXIMUM_DEPTH:
        raise RenderError(f"A value can't be nested deeper than {MAXIMUM_DEPTH} levels.")
    return depth


def is_index(key: str) -> bool:
    """Whether the key is that of an item of a JavaScript array."""
    return _INDEX.match(key) is not None and int(key) < 0xFFFF_FFFF


def holds_function(value: Value) -> bool:
    """Whether the value is a function or has one anywhere in it."""
    return isinstance(value, Function) or (isinstance(value, Array | Record) and value.holds_function)


def refuse_functions(*values: Value) -> None:
    """RenderError if there is a function in one of the values: it can't become text, a number or an argument."""
    for value in values:
        if holds_function(value):
            raise RenderError("A function can't be used as a value here.")


def to_units(text: str) -> str:
    """The text with every character beyond the basic plane as two surrogates."""
    return text if text.isascii() else _ASTRAL.sub(_pair, text)


def _pair(found: re.Match[str]) -> str:
    beyond = ord(found[0]) - 0x10000
    return chr(0xD800 + (beyond >> 10)) + chr(0xDC00 + (beyond & 0x3FF))


def from_units(text: str) -> str:
    """The text with pairs of surrogates joined. A lone one, which no file can hold, becomes U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", with_pairs_joined(text))


def with_pairs_joined(text: str) -> str:
    """The text with pairs of surrogates joined, and lone ones left."""
    return _PAIR.sub(lambda found: chr(0x10000 + ((ord(found[0][0]) & 0x3FF) << 10) + (ord(found[0][1]) & 0x3FF)), text)


def from_json(value: Any, budget: Budget, depth: int = 0) -> Value:
    """A copy of what the host handed in. RenderError for anything but JSON's values and UNDEFINED, for cycles by their depth."""
    budget.step()
    if value is None or value is UNDEFINED or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return to_units(value)
    if isinstance(value, int | float):
        return _double(value)
    if depth >= MAXIMUM_DEPTH:
        raise RenderError(f"A value can't be nested deeper than {MAXIMUM_DEPTH} levels.")
    if isinstance(value, Mapping):
        return Record((_key(key), from_json(item, budget, depth + 1)) for key, item in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - checked as they are copied
    if isinstance(value, list | tuple):
        return Array([from_json(item, budget, depth + 1) for item in value])  # pyright: ignore[reportUnknownVariableType] - checked as they are copied
    raise RenderError(f"A value of the type {type(value).__name__} can't be used in a template.")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise RenderError("A key in a value for a template has to be a string.")
    return to_units(key)


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def to_json(value: Value, budget: Budget) -> Any:
    """A copy for the host, in JSON's values: whole numbers as int, no safe strings, undefined as None in lists and left out of objects.

    Undefined itself stays UNDEFINED. RenderError if there is a function in it.
    """
    budget.step()
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str | SafeString):
        return from_units(value if isinstance(value, str) else value.text)
    if isinstance(value, Array):
        items = [to_json(item, budget) for item in value.items]
        return [None if item is UNDEFINED else item for item in items]
    if isinstance(value, Record):
        return {from_units(key): to_json(item, budget) for key, item in value.entries.items() if item is not UNDEFINED}
    refuse_functions(value)
    return f"/{from_units(value.source)}/{value.flags}" if isinstance(value, Regex) else value


def _number(value: float) -> int | float | None:
    """Numbers as JSON has them: neither infinite nor NaN, and whole ones without a fraction."""
    if not isfinite(value):
        return None
    if not value.is_integer() or abs(value) >= 1e21:
        return value
    # Beyond what a double tells apart, the shortest digits that mean it, as JavaScript writes it.
    return int(value) if abs(value) <= 2**53 else int(Decimal(repr(value)))
