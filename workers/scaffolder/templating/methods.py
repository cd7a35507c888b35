"""The methods that strings, numbers, lists and regex literals have in JavaScript, and those of Python that cookiecutter's templates use."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, TypeAlias

from workers.scaffolder.templating import numbers, regexes
from workers.scaffolder.templating.coercions import lower, to_integer, to_number, to_string, upper
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.list_methods import LIST_METHODS, PYTHON_LIST_METHODS, PYTHON_RECORD_METHODS, bounded
from workers.scaffolder.templating.lookups import text_of
from workers.scaffolder.templating.numbers import WHITESPACE
from workers.scaffolder.templating.text_filters import at
from workers.scaffolder.templating.values import UNDEFINED, Array, Function, Record, Regex, SafeString, Value

Arity: TypeAlias = tuple[int, float]
TextMethod = Callable[[str, Sequence[Value], Budget], Value]
NumberMethod = Callable[[float, float | None], str]

ANY = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Method(Function):
    """A method of one value, with how many arguments it takes at least and at most."""

    name: str
    receiver: Value
    arity: Arity
    call: Callable[[Any, Sequence[Value], Budget], Value]


def method(receiver: Value, name: str, *, cookiecutter: bool) -> Method | None:
    """The method that the value has under the name; None if it has none."""
    if isinstance(receiver, float):
        number = _NUMBER_METHODS.get(name)
        return Method(name, receiver, (0, 1), _of_number(number)) if number else None
    if isinstance(receiver, str | SafeString):
        found = _TEXT_METHODS.get(name)
        return Method(name, text_of(receiver), found[0], found[1]) if found else None
    if isinstance(receiver, Array):
        listed = (PYTHON_LIST_METHODS.get(name) if cookiecutter else None) or LIST_METHODS.get(name)
        return Method(name, receiver, listed[0], listed[1]) if listed else None
    if isinstance(receiver, Record):
        recorded = PYTHON_RECORD_METHODS.get(name) if cookiecutter else None
        return Method(name, receiver, recorded[0], recorded[1]) if recorded else None
    return Method(name, receiver, (1, 1), _test) if isinstance(receiver, Regex) and name == "test" else None


def _test(pattern: Regex, given: Sequence[Value], budget: Budget) -> Value:
    return regexes.test(pattern, to_string(given[0], budget), budget)


def _of_number(write: NumberMethod) -> Callable[[float, Sequence[Value], Budget], Value]:
    return lambda value, given, budget: write(value, None if at(given, 0) is UNDEFINED else to_number(given[0], budget))


def _place(given: Sequence[Value], index: int, default: float, size: int, budget: Budget) -> int:
    """An argument as a place in a string, not before its beginning and not behind its end."""
    value = at(given, index)
    return int(min(max(default if value is UNDEFINED else to_integer(value, budget), 0.0), float(size)))


def _replace(text: str, given: Sequence[Value], budget: Budget) -> Value:
    search, replacement = given[0], to_string(given[1], budget)
    if isinstance(search, Regex):
        return regexes.replace(text, search, replacement, budget)
    needle = to_string(search, budget)
    start = text.find(needle)
    if start < 0:
        return text
    span = (start, start + len(needle))
    new = regexes.expanded(replacement, text, span, (), {}, budget)
    budget.allocate(len(text) + len(new))
    return text[: span[0]] + new + text[span[1] :]


def _split(text: str, given: Sequence[Value], budget: Budget) -> Value:
    limit = 2**32 - 1 if at(given, 1) is UNDEFINED else _uint32(to_number(at(given, 1), budget))
    separator = at(given, 0)
    if isinstance(separator, Regex):
        parts = regexes.split(text, separator, limit, budget)
        budget.step(len(parts))
        return Array([UNDEFINED if part is None else part for part in parts])
    if separator is UNDEFINED:
        return Array([text] if limit else [])
    between = to_string(separator, budget)
    budget.step(text.count(between) if between else len(text))
    budget.allocate(len(text))
    units: Sequence[Value] = text.split(between) if between else text
    return Array([*units[:limit]])


def _uint32(number: float) -> int:
    return int(number) % 2**32 if abs(number) < numbers.INFINITY else 0


def _includes(text: str, given: Sequence[Value], budget: Budget) -> Value:
    return text.find(to_string(given[0], budget), _place(given, 1, 0, len(text), budget)) >= 0


def _starts(text: str, given: Sequence[Value], budget: Budget) -> Value:
    return text.startswith(to_string(given[0], budget), _place(given, 1, 0, len(text), budget))


def _ends(text: str, given: Sequence[Value], budget: Budget) -> Value:
    return text.endswith(to_string(given[0], budget), 0, _place(given, 1, numbers.INFINITY, len(text), budget))


def _index(text: str, given: Sequence[Value], budget: Budget) -> Value:
    return float(text.find(to_string(given[0], budget), _place(given, 1, 0, len(text), budget)))


def _last_index(text: str, given: Sequence[Value], budget: Budget) -> Value:
    needle = to_string(given[0], budget)
    number = to_number(at(given, 1), budget)
    last = len(text) if isnan(number) else int(min(max(number, 0.0), float(len(text))))
    return float(text.rfind(needle, 0, last + len(needle)))


def _slice(text: str, given: Sequence[Value], budget: Budget) -> Value:
    start, end = bounded(given, 0, 0, len(text), budget), bounded(given, 1, len(text), len(text), budget)
    budget.allocate(max(0, end - start))
    return text[start:end]


def _substring(text: str, given: Sequence[Value], budget: Budget) -> Value:
    places = _place(given, 0, 0, len(text), budget), _place(given, 1, numbers.INFINITY, len(text), budget)
    budget.allocate(max(places) - min(places))
    return text[min(places) : max(places)]


def _char(text: str, given: Sequence[Value], budget: Budget) -> str:
    place = to_integer(at(given, 0), budget)
    return text[int(place)] if 0 <= place < len(text) else ""


def _char_code(text: str, given: Sequence[Value], budget: Budget) -> Value:
    char = _char(text, given, budget)
    return float(ord(char)) if char else numbers.NAN


def _concat(text: str, given: Sequence[Value], budget: Budget) -> Value:
    parts = [text, *(to_string(value, budget) for value in given)]
    budget.allocate(sum(map(len, parts)))
    return "".join(parts)


def _changed(change: Callable[[str], str]) -> TextMethod:
    def changed(text: str, _given: Sequence[Value], budget: Budget) -> Value:
        budget.allocate(len(text))
        return change(text)

    return changed


_TEXT_METHODS: Mapping[str, tuple[Arity, TextMethod]] = {
    "charAt": ((0, 1), _char),
    "charCodeAt": ((0, 1), _char_code),
    "concat": ((0, ANY), _concat),
    "endsWith": ((1, 2), _ends),
    "includes": ((1, 2), _includes),
    "indexOf": ((1, 2), _index),
    "lastIndexOf": ((1, 2), _last_index),
    "replace": ((2, 2), _replace),
    "slice": ((0, 2), _slice),
    "split": ((0, 2), _split),
    "startsWith": ((1, 2), _starts),
    "substring": ((0, 2), _substring),
    "toLowerCase": ((0, 0), _changed(lower)),
    "toUpperCase": ((0, 0), _changed(upper)),
    "trim": ((0, 0), _changed(lambda text: text.strip(WHITESPACE))),
    "trimEnd": ((0, 0), _changed(lambda text: text.rstrip(WHITESPACE))),
    "trimStart": ((0, 0), _changed(lambda text: text.lstrip(WHITESPACE))),
}
_NUMBER_METHODS: Mapping[str, NumberMethod] = {
    "toExponential": numbers.to_exponential,
    "toFixed": lambda value, digits: numbers.to_fixed(value, digits or 0.0),
    "toPrecision": numbers.to_precision,
    "toString": lambda value, radix: numbers.written(value) if radix is None else numbers.to_radix(value, radix),
}
