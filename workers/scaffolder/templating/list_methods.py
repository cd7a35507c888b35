"""The methods of lists in JavaScript, and those of lists and dicts in Python that cookiecutter's templates use."""

from collections.abc import Callable, Mapping, Sequence
from math import inf, isnan

from graph.errors import RenderError
from workers.scaffolder.templating.coercions import is_identical, join, to_integer, to_string
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.text_filters import at
from workers.scaffolder.templating.values import MAXIMUM_DEPTH, UNDEFINED, Array, Record, Value

ListMethod = Callable[[Array, Sequence[Value], Budget], Value]
RecordMethod = Callable[[Record, Sequence[Value], Budget], Value]


def bounded(given: Sequence[Value], index: int, default: float, size: int, budget: Budget) -> int:
    """An argument as a place in a list or string: counted from the end if negative, not before the beginning, not behind the end."""
    value = at(given, index)
    place = default if value is UNDEFINED else to_integer(value, budget)
    return int(min(max(place + size if place < 0 else place, 0.0), float(size)))


def _replaced(array: Array, items: list[Value], budget: Budget) -> None:
    """Give the list other items. RenderError for a list that would contain itself, or be nested or filled too much."""
    budget.step(len(items))
    array.items = Array(items).items
    _check_depth(array, array, 0, budget)


def _check_depth(within: Array | Record, array: Array, depth: int, budget: Budget) -> None:
    if depth >= MAXIMUM_DEPTH:
        raise RenderError(f"A value can't be nested deeper than {MAXIMUM_DEPTH} levels.")
    for item in within.items if isinstance(within, Array) else within.entries.values():
        budget.step()
        if item is array:
            raise RenderError("A list can't contain itself.")
        if isinstance(item, Array | Record):
            _check_depth(item, array, depth + 1, budget)


def _item(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    place = to_integer(given[0], budget)
    place = place + len(array.items) if place < 0 else place
    return array.items[int(place)] if 0 <= place < len(array.items) else UNDEFINED


def _concat(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    items = [*array.items]
    for value in given:
        items += value.items if isinstance(value, Array) else [value]
    budget.step(len(items))
    return Array(items)


def _flat(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    depth = 1.0 if at(given, 0) is UNDEFINED else to_integer(given[0], budget)
    items = array.items
    while depth > 0 and any(isinstance(item, Array) for item in items):
        flatter: list[Value] = []
        for item in items:
            budget.step(len(item.items) if isinstance(item, Array) else 1)
            flatter += item.items if isinstance(item, Array) else [item]
        items, depth = flatter, depth - 1
    return Array([*items])


def _find(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    budget.step(len(array.items))
    start = bounded(given, 1, 0, len(array.items), budget)
    return next((float(place) for place in range(start, len(array.items)) if is_identical(array.items[place], given[0])), -1.0)


def _find_last(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    budget.step(len(array.items))
    last = inf if at(given, 1) is UNDEFINED else to_integer(given[1], budget)
    last = min(last + len(array.items) if last < 0 else last, len(array.items) - 1.0)
    places = range(int(last), -1, -1) if last >= 0 else ()
    return next((float(place) for place in places if is_identical(array.items[place], given[0])), -1.0)


def _includes(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    budget.step(len(array.items))
    items, wanted = array.items[bounded(given, 1, 0, len(array.items), budget) :], given[0]
    if isinstance(wanted, float) and isnan(wanted):
        return any(isinstance(item, float) and isnan(item) for item in items)
    return any(is_identical(item, wanted) for item in items)


def _join(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    separator = "," if at(given, 0) is UNDEFINED else to_string(given[0], budget)
    return join(["" if item is UNDEFINED or item is None else to_string(item, budget) for item in array.items], separator, budget)


def _slice(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    size = len(array.items)
    budget.step(size)
    return Array(array.items[bounded(given, 0, 0, size, budget) : bounded(given, 1, size, size, budget)])


def _push(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    _replaced(array, [*array.items, *given], budget)
    return float(len(array.items))


def _pop(array: Array, _given: Sequence[Value], budget: Budget) -> Value:
    last = array.items[-1] if array.items else UNDEFINED
    _replaced(array, array.items[:-1], budget)
    return last


def _pop_at(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    if at(given, 0) is UNDEFINED:
        return _pop(array, given, budget)
    place = to_integer(given[0], budget)
    place = place + len(array.items) if place < 0 else place
    if not 0 <= place < len(array.items):
        return UNDEFINED
    items = [*array.items]
    removed = items.pop(int(place))
    _replaced(array, items, budget)
    return removed


def _shift(array: Array, _given: Sequence[Value], budget: Budget) -> Value:
    first = array.items[0] if array.items else UNDEFINED
    _replaced(array, array.items[1:], budget)
    return first


def _unshift(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    _replaced(array, [*given, *array.items], budget)
    return float(len(array.items))


def _splice(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    size = len(array.items)
    if at(given, 0) is UNDEFINED:
        return Array([])
    start = bounded(given, 0, 0, size, budget)
    count = float(size) if at(given, 1) is UNDEFINED else max(0.0, to_integer(given[1], budget))
    end = int(min(start + count, float(size)))
    removed = array.items[start:end]
    _replaced(array, [*array.items[:start], *given[2:], *array.items[end:]], budget)
    return Array(removed)


def _sort(array: Array, _given: Sequence[Value], budget: Budget) -> Value:
    keyed = [(to_string(item, budget), item) for item in array.items if item is not UNDEFINED]
    keyed.sort(key=lambda pair: pair[0])
    _replaced(array, [*(item for _, item in keyed), *[UNDEFINED] * (len(array.items) - len(keyed))], budget)
    return array


def _reverse(array: Array, _given: Sequence[Value], budget: Budget) -> Value:
    _replaced(array, array.items[::-1], budget)
    return array


def _fill(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    size = len(array.items)
    start, end = bounded(given, 1, 0, size, budget), bounded(given, 2, size, size, budget)
    _replaced(array, [given[0] if start <= place < end else item for place, item in enumerate(array.items)], budget)
    return array


def _copy_within(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    size = len(array.items)
    target, start, end = (bounded(given, index, default, size, budget) for index, default in ((0, 0), (1, 0), (2, size)))
    moved = array.items[start : max(start, end)][: size - target]
    _replaced(array, [*array.items[:target], *moved, *array.items[target + len(moved) :]], budget)
    return array


def _insert(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    place = bounded(given, 0, 0, len(array.items), budget)
    _replaced(array, [*array.items[:place], given[1], *array.items[place:]], budget)
    return Array([])


def _remove(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    place = next((place for place, item in enumerate(array.items) if is_identical(item, given[0])), None)
    if place is None:
        return Array([])
    removed = array.items[place]
    _replaced(array, [*array.items[:place], *array.items[place + 1 :]], budget)
    return Array([removed])


def _count(array: Array, given: Sequence[Value], budget: Budget) -> Value:
    budget.step(len(array.items))
    return float(sum(is_identical(item, given[0]) for item in array.items))


def _get(record: Record, given: Sequence[Value], budget: Budget) -> Value:
    return record.entries.get(to_string(given[0], budget), at(given, 1))


def _has_key(record: Record, given: Sequence[Value], budget: Budget) -> Value:
    return to_string(given[0], budget) in record.entries


def _keys(record: Record, _given: Sequence[Value], _budget: Budget) -> Value:
    return Array([*record.entries])


def _values(record: Record, _given: Sequence[Value], _budget: Budget) -> Value:
    return Array([*record.entries.values()])


def _items(record: Record, _given: Sequence[Value], _budget: Budget) -> Value:
    return Array([Array([*pair]) for pair in record.entries.items()])


LIST_METHODS: Mapping[str, tuple[tuple[int, float], ListMethod]] = {
    "at": ((1, 1), _item),
    "concat": ((0, inf), _concat),
    "copyWithin": ((1, 3), _copy_within),
    "fill": ((1, 3), _fill),
    "flat": ((0, 1), _flat),
    "includes": ((1, 2), _includes),
    "indexOf": ((1, 2), _find),
    "join": ((0, 1), _join),
    "lastIndexOf": ((1, 2), _find_last),
    "pop": ((0, 0), _pop),
    "push": ((0, inf), _push),
    "reverse": ((0, 0), _reverse),
    "shift": ((0, 0), _shift),
    "slice": ((0, 2), _slice),
    "sort": ((0, 0), _sort),
    "splice": ((0, inf), _splice),
    "unshift": ((0, inf), _unshift),
}
PYTHON_LIST_METHODS: Mapping[str, tuple[tuple[int, float], ListMethod]] = {
    "append": ((1, 1), _push),
    "count": ((1, 1), _count),
    "find": ((1, 1), _find),
    "index": ((1, 1), _find),
    "insert": ((2, 2), _insert),
    "pop": ((0, 1), _pop_at),
    "remove": ((1, 1), _remove),
}
PYTHON_RECORD_METHODS: Mapping[str, tuple[tuple[int, float], RecordMethod]] = {
    "get": ((1, 2), _get),
    "has_key": ((1, 1), _has_key),
    "items": ((0, 0), _items),
    "keys": ((0, 0), _keys),
    "values": ((0, 0), _values),
}
