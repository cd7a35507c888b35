"""What the operators of expressions do with values."""

from collections.abc import Callable, Iterator, Mapping
from math import isnan

from graph.errors import RenderError
from workers.scaffolder.templating import lookups, numbers
from workers.scaffolder.templating.coercions import (
    added,
    concatenated,
    is_equal,
    is_identical,
    is_truthy,
    order,
    to_number,
    to_string,
)
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.values import UNDEFINED, Array, Function, Record, SafeString, Value

_STEPS_FOR_ANY = 10

Operation = Callable[[Value, Value, Budget], Value]


def contains(needle: Value, container: Value, budget: Budget) -> bool:
    """`needle in container`. RenderError for a container that is none."""
    if isinstance(container, str):
        return to_string(needle, budget) in container
    if isinstance(container, SafeString):
        return to_string(needle, budget) in {"length", "val"}
    if isinstance(container, Array):
        budget.step(len(container.items))
        return any(is_identical(item, needle) for item in container.items)
    if isinstance(container, Record):
        return to_string(needle, budget) in container.entries
    raise RenderError("What follows `in` has to be a list, a record or a string.")


def _numeric(compute: Callable[[float, float], float]) -> Operation:
    return lambda left, right, budget: compute(to_number(left, budget), to_number(right, budget))


OPERATIONS: Mapping[str, Operation] = {
    "in": contains,
    "+": added,
    "~": concatenated,
    "-": _numeric(lambda left, right: left - right),
    "*": _numeric(lambda left, right: left * right),
    "/": _numeric(numbers.divided),
    "%": _numeric(numbers.remainder),
    "**": _numeric(numbers.power),
    "==": is_equal,
    "!=": lambda left, right, budget: not is_equal(left, right, budget),
    "===": lambda left, right, _: is_identical(left, right),
    "!==": lambda left, right, _: not is_identical(left, right),
    "<": lambda left, right, budget: order(left, right, budget) < 0,
    "<=": lambda left, right, budget: order(left, right, budget) <= 0,
    ">": lambda left, right, budget: order(left, right, budget) > 0,
    ">=": lambda left, right, budget: order(left, right, budget) >= 0,
}


def unary(operator: str, value: Value, budget: Budget) -> Value:
    """`not`, `-`, `+`, or `floor`."""
    if operator == "not":
        return not is_truthy(value)
    number = to_number(value, budget)
    if operator == "floor":
        return numbers.floored(number)
    return -number if operator == "-" else number


def sliced(target: Value, start: Value, stop: Value, step: Value, budget: Budget) -> Value:
    """`target[start:stop:step]`, where null stands for what is left out: items of a list, or code units of a string, as a list."""
    if isinstance(target, Function):
        raise RenderError("A function has no parts.")
    target = target if is_truthy(target) else Array([])
    length = lookups.get(target, "length")
    stride = to_number(step, budget)
    if isnan(stride) or stride in (0, numbers.INFINITY, -numbers.INFINITY):
        raise RenderError("The step of a slice has to be a number, and not zero.")
    backwards = order(step, 0.0, budget) < 0
    if start is None:
        start = to_number(length, budget) - 1 if backwards else 0.0
    if stop is None:
        stop = -1.0 if backwards else length
    elif order(stop, 0.0, budget) < 0:
        stop = added(stop, length, budget)
    if order(start, 0.0, budget) < 0:
        start = added(start, length, budget)
    endless = isnan(to_number(length, budget)) and isnan(to_number(stop, budget)) and not backwards
    if endless or (isinstance(start, float) and isnan(start)):
        raise RenderError("What is sliced has no length.")
    return Array(_parts(target, (start, stop, step, length), budget))


def _parts(target: Value, bounds: tuple[Value, Value, Value, Value], budget: Budget) -> list[Value]:
    start, stop, step, length = bounds
    backwards = order(step, 0.0, budget) < 0
    items: list[Value] = []
    for at in _progression(start, step, budget):
        if order(at, 0.0, budget) < 0 or order(at, length, budget) > 0:
            break
        beyond = order(at, stop, budget)
        if beyond <= 0 if backwards else beyond >= 0:
            break
        items.append(lookups.get(target, to_string(at, budget)))
    return items


def _progression(start: Value, step: Value, budget: Budget) -> Iterator[Value]:
    """The start, and what adding the step again and again makes of it."""
    at = start
    while True:
        # Comparing values of any kind takes longer than most steps.
        budget.step(_STEPS_FOR_ANY)
        yield at
        at = added(at, step, budget)


def counted(start: Value, stop: Value, step: Value, budget: Budget) -> Value:
    """`range(start, stop, step)`."""
    if stop is UNDEFINED:
        start, stop, step = 0.0, start, 1.0
    elif not is_truthy(step):
        step = 1.0
    up = order(step, 0.0, budget) > 0
    items: list[Value] = []
    for at in _progression(start, step, budget):
        ordered = order(at, stop, budget)
        if not (ordered < 0 if up else ordered > 0):
            break
        items.append(at)
    return Array(items)
