"""Questions about a tree: what it consists of, and whether it may change values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from workers.scaffolder.templating.nodes import Body, Call, Filter, Literal, Lookup, Name, Node, Template, Test, place
from workers.scaffolder.templating.values import from_units

MUTATING_METHODS = frozenset(
    {"append", "copyWithin", "fill", "insert", "pop", "push", "remove", "reverse", "shift", "sort", "splice", "unshift"}
)


@dataclass(frozen=True, slots=True)
class ExpressionInSource:
    """An expression as it is written and where it begins, with the names, filters and tests in it, each once and in order."""

    text: str
    line: int
    column: int
    names: Sequence[str]
    filters: Sequence[str]
    tests: Sequence[str]


def walk(root: Node | Body) -> Iterator[Node]:
    """The nodes of a tree, or of several, from the first to the last in the source."""
    pending: list[Any] = [root]
    while pending:
        part = pending.pop()
        if isinstance(part, Node):
            yield part
            pending += [getattr(part, field.name) for field in reversed(fields(part))]
        elif isinstance(part, list | tuple):
            pending += reversed(part)  # pyright: ignore[reportUnknownArgumentType] - parts of nodes, told apart as they come


def may_mutate(body: Body) -> bool:
    """Whether a method that changes a list may be called: by name, or through a key that is only known later."""
    dynamic = indirect = False
    for node in walk(body):
        if isinstance(node, Lookup):
            if isinstance(node.key, Literal) and node.key.value in MUTATING_METHODS:
                return True
            dynamic |= not isinstance(node.key, Literal)
        elif isinstance(node, Call):
            if isinstance(node.target, Lookup) and not isinstance(node.target.key, Literal):
                return True
            indirect |= not isinstance(node.target, Lookup)
    return dynamic and indirect


def surveyed(template: Template) -> Sequence[ExpressionInSource]:
    """The expressions of a template in the order of its source."""
    found: list[ExpressionInSource] = []
    for start, end, expression in sorted(template.expressions, key=lambda each: each[0]):
        inside = [*walk(expression)]
        text = template.source[start:end].lstrip()
        line, column = place(template.source, end - len(text))
        names = dict.fromkeys(node.name for node in inside if isinstance(node, Name))
        filters = dict.fromkeys(node.name for node in inside if isinstance(node, Filter))
        tests = dict.fromkeys(node.name for node in inside if isinstance(node, Test))
        found.append(ExpressionInSource(from_units(text), line, column, [*names], [*filters], [*tests]))
    return found
