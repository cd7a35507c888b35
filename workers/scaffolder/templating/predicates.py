"""The tests that can follow `is`, and that the filters select and reject take by name."""

from collections.abc import Callable, Mapping, Sequence

from graph.errors import RenderError
from workers.scaffolder.templating.coercions import is_identical, is_truthy, lower, order, to_number, upper
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.numbers import remainder
from workers.scaffolder.templating.values import UNDEFINED, Array, Function, Record, Regex, SafeString, Value, refuse_functions

Predicate = Callable[[Value, Budget], bool]
Comparison = Callable[[Value, Value, Budget], bool]


def _text(value: Value) -> str:
    if isinstance(value, SafeString):
        return value.text
    if not isinstance(value, str):
        raise RenderError("The test needs a string.")
    return value


def _is_iterable(value: Value, _budget: Budget) -> bool:
    if value is UNDEFINED or value is None:
        raise RenderError("The test iterable needs a value.")
    return isinstance(value, str | SafeString | Array)


_PREDICATES: Mapping[str, Predicate] = {
    "callable": lambda value, _: isinstance(value, Function),
    "defined": lambda value, _: value is not UNDEFINED,
    "escaped": lambda value, _: isinstance(value, SafeString),
    "even": lambda value, budget: remainder(to_number(value, budget), 2) == 0,
    "falsy": lambda value, _: not is_truthy(value),
    "iterable": _is_iterable,
    "lower": lambda value, _: not isinstance(value, SafeString) and lower(_text(value)) == value,
    "mapping": lambda value, _: isinstance(value, Record | SafeString | Regex),
    "null": lambda value, _: value is None,
    "number": lambda value, _: isinstance(value, float),
    "odd": lambda value, budget: remainder(to_number(value, budget), 2) == 1,
    "string": lambda value, _: isinstance(value, str),
    "truthy": lambda value, _: is_truthy(value),
    "undefined": lambda value, _: value is UNDEFINED,
    "upper": lambda value, _: not isinstance(value, SafeString) and upper(_text(value)) == value,
}
_IDENTITY: Mapping[str, Comparison] = {
    **dict.fromkeys(("eq", "equalto", "sameas"), lambda value, other, _: is_identical(value, other)),
    "ne": lambda value, other, _: not is_identical(value, other),
}
_COMPARISONS: Mapping[str, Comparison] = {
    **_IDENTITY,
    "divisibleby": lambda value, other, budget: remainder(to_number(value, budget), to_number(other, budget)) == 0,
    "ge": lambda value, other, budget: order(value, other, budget) >= 0,
    **dict.fromkeys(("gt", "greaterthan"), lambda value, other, budget: order(value, other, budget) > 0),
    "le": lambda value, other, budget: order(value, other, budget) <= 0,
    **dict.fromkeys(("lt", "lessthan"), lambda value, other, budget: order(value, other, budget) < 0),
}
TEST_NAMES = frozenset({*_PREDICATES, *_COMPARISONS})


def check_arity(name: str, given: int) -> None:
    """RenderError unless there is a test of the name that takes that many arguments."""
    if name not in TEST_NAMES:
        raise RenderError(f"There is no test {name[:40]!r}.")
    if given != (name in _COMPARISONS):
        raise RenderError(f"The test {name} takes {'one argument' if name in _COMPARISONS else 'no arguments'}.")


def passes(name: str, value: Value, arguments: Sequence[Value], budget: Budget) -> bool:
    """Whether the value passes the test. RenderError if there is none of the name, or not for such values."""
    check_arity(name, len(arguments))
    budget.step()
    if name != "callable" and name not in _IDENTITY:
        refuse_functions(value, *arguments)
    return _COMPARISONS[name](value, arguments[0], budget) if arguments else _PREDICATES[name](value, budget)
