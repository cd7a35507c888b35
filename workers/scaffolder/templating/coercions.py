"""How values become text, numbers and keys, and how they compare, as in JavaScript (ECMA-262, 7.1 and 7.2)."""

from collections.abc import Mapping
from math import isnan

from workers.scaffolder.templating import numbers
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.values import (
    UNDEFINED,
    Array,
    Function,
    Primitive,
    Record,
    Regex,
    SafeString,
    Undefined,
    Value,
    refuse_functions,
    to_units,
    with_pairs_joined,
)

_WORDS: Mapping[object, str] = {UNDEFINED: "undefined", None: "null", True: "true", False: "false"}


def is_truthy(value: Value) -> bool:
    """Whether the value counts as true: anything but undefined, null, false, zero, NaN and the empty string."""
    if isinstance(value, float):
        return bool(value) and not isnan(value)
    return value is not UNDEFINED and value is not None and value is not False and value != ""


def to_primitive(value: Value, budget: Budget) -> Primitive:
    """The value itself, or the text of a compound one. RenderError for functions."""
    refuse_functions(value)
    if isinstance(value, SafeString):
        return value.text
    if isinstance(value, Array):
        return _joined(value, budget)
    if isinstance(value, Record):
        return "[object Object]"
    if isinstance(value, Regex):
        return f"/{value.source or '(?:)'}/{value.flags}"
    assert not isinstance(value, Function)
    return value


def _joined(value: Array, budget: Budget) -> str:
    parts: list[str] = []
    for item in value.items:
        budget.step()
        parts.append("" if item is None or item is UNDEFINED else to_string(item, budget))
    return join(parts, ",", budget)


def join(parts: list[str], separator: str, budget: Budget) -> str:
    """The parts with the separator between, paid for."""
    budget.step(len(parts))
    budget.allocate(sum(map(len, parts)) + len(separator) * max(0, len(parts) - 1))
    return separator.join(parts)


def to_number(value: Value, budget: Budget) -> float:
    """`Number(value)`. RenderError for functions."""
    if isinstance(value, float):
        return value
    primitive = to_primitive(value, budget)
    if isinstance(primitive, Undefined):
        return numbers.NAN
    if isinstance(primitive, str):
        return numbers.read(primitive)
    return float(primitive or 0)


def to_string(value: Value, budget: Budget) -> str:
    """`String(value)`. RenderError for functions."""
    primitive = to_primitive(value, budget)
    if isinstance(primitive, str):
        return primitive
    if isinstance(primitive, float):
        return numbers.written(primitive)
    return _WORDS[primitive]


def to_integer(value: Value, budget: Budget) -> float:
    """The number without its fraction, zero for NaN; infinities stay."""
    number = to_number(value, budget)
    return 0.0 if isnan(number) else number if abs(number) == numbers.INFINITY else float(int(number))


def rendered(value: Value, budget: Budget) -> str:
    """The value as it is written into output: nothing for undefined and null. RenderError for functions."""
    return "" if value is UNDEFINED or value is None else to_string(value, budget)


def is_identical(left: Value, right: Value) -> bool:
    """`left === right`."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, float | str) and isinstance(right, float | str):
        return left == right
    return left is right


def is_equal(left: Value, right: Value, budget: Budget) -> bool:
    """`left == right`."""
    if is_identical(left, right):
        return True
    compound = Array | Record | SafeString | Regex | Function
    if isinstance(left, compound) and isinstance(right, compound):
        return False
    one, other = to_primitive(left, budget), to_primitive(right, budget)
    nothing = (UNDEFINED, None)
    if one in nothing or other in nothing:
        return one in nothing and other in nothing
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return to_number(one, budget) == to_number(other, budget)


def added(left: Value, right: Value, budget: Budget) -> Value:
    """`left + right`."""
    if isinstance(left, float) and isinstance(right, float):
        return left + right
    one, other = to_primitive(left, budget), to_primitive(right, budget)
    if isinstance(one, str) or isinstance(other, str):
        return concatenated(one, other, budget)
    return to_number(one, budget) + to_number(other, budget)


def concatenated(left: Value, right: Value, budget: Budget) -> str:
    """Both as text, one after the other."""
    one, other = to_string(left, budget), to_string(right, budget)
    budget.allocate(len(one) + len(other))
    return one + other


def order(left: Value, right: Value, budget: Budget) -> float:
    """Below, at or above zero as left is less than, equal to or greater than right; NaN where they can't be compared."""
    if not (isinstance(left, float) and isinstance(right, float)):
        left, right = to_primitive(left, budget), to_primitive(right, budget)
    if isinstance(left, str) and isinstance(right, str):
        return float((left > right) - (left < right))
    number, against = to_number(left, budget), to_number(right, budget)
    return numbers.NAN if isnan(number) or isnan(against) else float((number > against) - (number < against))


def upper(text: str) -> str:
    """`text.toUpperCase()`."""
    return text.upper() if text.isascii() else to_units(with_pairs_joined(text).upper())


def lower(text: str) -> str:
    """`text.toLowerCase()`."""
    return text.lower() if text.isascii() else to_units(with_pairs_joined(text).lower())
