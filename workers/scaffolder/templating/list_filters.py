"""Nunjucks' filters that take lists, records and numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cmp_to_key
from math import isnan

from graph.errors import RenderError
from workers.scaffolder.templating import lookups, numbers
from workers.scaffolder.templating.coercions import added, is_identical, is_truthy, join, lower, order, to_number, to_string, upper
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.lookups import attribute, attribute_at, check_key, text_of
from workers.scaffolder.templating.predicates import check_arity, passes
from workers.scaffolder.templating.text_filters import Filter, at
from workers.scaffolder.templating.values import UNDEFINED, Array, Record, SafeString, Value


def _sequence(value: Value, budget: Budget) -> list[Value] | None:
    """The items of a list, the code units of a string, what a record has at 0, 1, 2… up to its length; None for anything else."""
    if isinstance(value, Array):
        budget.step(len(value.items))
        return [*value.items]
    if isinstance(value, str | SafeString):
        budget.step(len(text_of(value)))
        return [*text_of(value)]
    if isinstance(value, Record):
        return [value.entries.get(str(index), UNDEFINED) for index in range(_length(value, budget))]
    return None


def _length(value: Record, budget: Budget) -> int:
    length = to_number(value.entries.get("length", UNDEFINED), budget)
    if isnan(length) or length <= 0:
        return 0
    budget.step(budget.limits.steps + 1 if math.isinf(length) else math.ceil(length))
    return math.ceil(length)


def _needed(value: Value, name: str) -> Value:
    if value is UNDEFINED or value is None:
        raise RenderError(f"The filter {name} needs a list.")
    return value


def _list_of(value: Value, name: str) -> Array:
    if not isinstance(value, Array):
        raise RenderError(f"The filter {name} needs a list.")
    return value


def _count(value: Value, name: str, budget: Budget) -> int:
    number = to_number(value, budget)
    if not math.isfinite(number) or not 1 <= number <= 2**53:
        raise RenderError(f"The filter {name} needs a whole number above zero.")
    return int(number)


def _batch(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    _needed(value, "batch")
    width = _count(at(given, 0), "batch", budget)
    items = _sequence(value, budget) or []
    rows = [items[start : start + width] for start in range(0, len(items), width)]
    if rows and is_truthy(at(given, 1)):
        missing = width - len(rows[-1])
        budget.step(missing)
        rows[-1] += [at(given, 1)] * missing
    return Array([Array(row) for row in rows])


def _slice(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    items = None if isinstance(value, Record) else _sequence(value, budget)
    if items is None:
        raise RenderError("The filter slice needs a list.")
    count = _count(at(given, 0), "slice", budget)
    budget.step(count)
    size, extra = divmod(len(items), count)
    fill, parts, start = at(given, 1), list[Value](), 0
    for number in range(count):
        end = start + size + (number < extra)
        part = items[start:end]
        if is_truthy(fill) and number >= extra:
            if not isinstance(value, Array):
                raise RenderError("The filter slice can't fill up a string.")
            part.append(fill)
        parts.append(Array(part) if isinstance(value, Array) else text_of(value)[start:end])
        start = end
    return Array(parts)


def _dict_sort(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    if not isinstance(value, Record):
        raise RenderError("The filter dictsort needs a record.")
    by = at(given, 1)
    if by not in (UNDEFINED, "key", "value"):
        raise RenderError("The filter dictsort can sort by key or by value.")
    place = 1 if by == "value" else 0

    def compared(left: tuple[str, Value], right: tuple[str, Value]) -> int:
        budget.step()
        one, other = left[place], right[place]
        if not is_truthy(at(given, 0)):
            one, other = _folded(one, upper), _folded(other, upper)
        return 1 if order(one, other, budget) > 0 else 0 if is_identical(one, other) else -1

    return Array([Array([*pair]) for pair in sorted(value.entries.items(), key=cmp_to_key(compared))])


def _folded(value: Value, fold: Callable[[str], str]) -> Value:
    return fold(text_of(value)) if isinstance(value, str | SafeString) else value


def _sort(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    items = _sequence(value, budget)
    if items is None:
        return Array([])
    backwards, exactly, path = is_truthy(at(given, 0)), is_truthy(at(given, 1)), _path(at(given, 2), budget)

    def compared(left: Value, right: Value) -> int:
        budget.step()
        one, other = attribute_at(left, path), attribute_at(right, path)
        if not exactly and isinstance(one, str | SafeString) and isinstance(other, str | SafeString):
            one, other = lower(text_of(one)), lower(text_of(other))
        ordered = order(one, other, budget)
        return 0 if isnan(ordered) else int(-ordered if backwards else ordered)

    present = sorted((item for item in items if item is not UNDEFINED), key=cmp_to_key(compared))
    return Array([*present, *[UNDEFINED] * (len(items) - len(present))])


def _path(value: Value, budget: Budget) -> list[str]:
    if not is_truthy(value):
        return []
    path = value.split(".") if isinstance(value, str) else [to_string(value, budget)]
    return [check_key(key) for key in path]


def _edge(last: bool) -> Filter:
    def edge(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
        _needed(value, "last" if last else "first")
        if isinstance(value, Record):
            length = to_number(value.entries.get("length", UNDEFINED), budget)
            return value.entries.get(numbers.written(length - 1) if last else "0", UNDEFINED)
        size = lookups.length_of(value)
        return lookups.get(value, str(size - 1 if last else 0)) if size else UNDEFINED

    return edge


def _group_by(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    _needed(value, "groupby")
    items = _sequence(value, budget) or []
    path = _path(at(given, 0), budget)
    groups: dict[str, list[Value]] = {}
    for item in items:
        groups.setdefault(check_key(to_string(attribute_at(item, path), budget)), []).append(item)
    return Record((key, Array(group)) for key, group in groups.items())


def _projected(value: Value, key: Value, name: str, budget: Budget) -> list[Value]:
    """The items, or what each has at the key if one is given."""
    if not is_truthy(key):
        return _list_of(value, name).items
    path = check_key(to_string(key, budget))
    if isinstance(value, SafeString):
        return [attribute(UNDEFINED, path)] if value.text else []
    return [attribute(item, path) for item in _sequence(value, budget) or []]


def _join(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    separator = to_string(at(given, 0), budget) if is_truthy(at(given, 0)) else ""
    items = _projected(value, at(given, 1), "join", budget)
    return join(["" if item is UNDEFINED or item is None else to_string(item, budget) for item in items], separator, budget)


def _sum(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    total: Value = 0.0
    for item in _projected(value, at(given, 0), "sum", budget):
        budget.step()
        total = added(total, item, budget)
    return added(0.0 if at(given, 1) is UNDEFINED else at(given, 1), total, budget)


def _length_filter(value: Value, _given: Sequence[Value], _budget: Budget) -> Value:
    if isinstance(value, Record):
        return float(len(value.entries))
    size = lookups.length_of(value)
    if size is not None:
        return float(size)
    return 0.0 if value is UNDEFINED or value is None or value is False else UNDEFINED


def _list(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    if isinstance(value, Array):
        return value
    if isinstance(value, Record):
        return Array([Record((("key", key), ("value", item))) for key, item in value.entries.items()])
    items = _sequence(value, budget)
    if items is None:
        raise RenderError("The filter list needs something with items.")
    return Array(items)


def _reverse(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    items = _sequence(value, budget) or []
    if isinstance(value, str | SafeString):
        reversed_text = "".join(reversed(text_of(value)))
        return SafeString(reversed_text) if isinstance(value, SafeString) else reversed_text
    return Array(items[::-1])


def _select(keep: bool) -> Filter:
    name = "select" if keep else "reject"

    def select(value: Value, given: Sequence[Value], budget: Budget) -> Value:
        test = "truthy" if at(given, 0) is UNDEFINED else to_string(at(given, 0), budget)
        check_arity(test, len(given[1:]))
        _needed(value, name)
        if isinstance(value, Record):
            indices = range(_length(value, budget))
            items = [value.entries[str(index)] for index in indices if str(index) in value.entries]
        else:
            items = _sequence(value, budget) or []
        return Array([item for item in items if passes(test, item, given[1:], budget) == keep])

    return select


def _select_attribute(keep: bool) -> Filter:
    def select(value: Value, given: Sequence[Value], budget: Budget) -> Value:
        items = _list_of(value, "selectattr" if keep else "rejectattr").items
        key = check_key(to_string(at(given, 0), budget))
        budget.step(len(items))
        return Array([item for item in items if is_truthy(attribute(item, key)) == keep])

    return select


def _default(value: Value, given: Sequence[Value], _budget: Budget) -> Value:
    missing = not is_truthy(value) if is_truthy(at(given, 1)) else value is UNDEFINED
    return at(given, 0) if missing else value


def _abs(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    return abs(to_number(value, budget))


def _float(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    number = numbers.parse_float(to_string(value, budget))
    return at(given, 0) if isnan(number) else number


def _int(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    base = 10.0 if at(given, 1) is UNDEFINED else to_number(at(given, 1), budget)
    number = numbers.parse_int(to_string(value, budget), base)
    return at(given, 0) if isnan(number) else number


def _round(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    factor = numbers.power(10.0, to_number(at(given, 0), budget) if is_truthy(at(given, 0)) else 0.0)
    scaled = to_number(value, budget) * factor
    method = at(given, 1)
    if not math.isfinite(scaled):
        return numbers.divided(scaled, factor)
    if method in ("ceil", "floor"):
        return numbers.divided(float(math.ceil(scaled) if method == "ceil" else math.floor(scaled)), factor)
    return numbers.divided(numbers.rounded(scaled), factor)


def _random(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    items = _sequence(_needed(value, "random"), budget)
    return budget.chance.choice(items) if items else UNDEFINED


LIST_FILTERS: Mapping[str, Filter] = {
    "abs": _abs,
    "batch": _batch,
    "d": _default,
    "default": _default,
    "dictsort": _dict_sort,
    "first": _edge(last=False),
    "float": _float,
    "groupby": _group_by,
    "int": _int,
    "join": _join,
    "last": _edge(last=True),
    "length": _length_filter,
    "list": _list,
    "random": _random,
    "reject": _select(keep=False),
    "rejectattr": _select_attribute(keep=False),
    "reverse": _reverse,
    "round": _round,
    "select": _select(keep=True),
    "selectattr": _select_attribute(keep=True),
    "slice": _slice,
    "sort": _sort,
    "sum": _sum,
}
