"""The syntax tree of a template. Every node knows the offset in the source that errors point to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from workers.scaffolder.templating.values import with_pairs_joined


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Anything that stands at a place in the source."""

    offset: int


# Expressions


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    value: bool | float | str | None


@dataclass(frozen=True, slots=True, eq=False)
class RegexLiteral(Node):
    source: str
    flags: str


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Group(Node):
    """Expressions in parentheses; the last one is the value."""

    items: Sequence["Expression"]


@dataclass(frozen=True, slots=True, eq=False)
class ListLiteral(Node):
    items: Sequence["Expression"]


@dataclass(frozen=True, slots=True, eq=False)
class DictLiteral(Node):
    pairs: Sequence[tuple[str, "Expression"]]


@dataclass(frozen=True, slots=True, eq=False)
class Lookup(Node):
    target: "Expression"
    key: "Expression"


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Node):
    """`target[start:stop:step]`, with None for what is left out."""

    target: "Expression"
    start: "Expression | None"
    stop: "Expression | None"
    step: "Expression | None"


@dataclass(frozen=True, slots=True, eq=False)
class Arguments(Node):
    positional: Sequence["Expression"]
    keyword: Sequence[tuple[str, "Expression"]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    target: "Expression"
    arguments: Arguments


@dataclass(frozen=True, slots=True, eq=False)
class Filter(Node):
    name: str
    input: "Expression | Capture"
    arguments: Arguments


@dataclass(frozen=True, slots=True, eq=False)
class Test(Node):
    """`input is name(arguments)`."""

    input: "Expression"
    name: str
    arguments: Arguments | None


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    """`not`, `-`, `+`, or `floor`, which is what `//` does after dividing."""

    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Node):
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True, eq=False)
class Conditional(Node):
    condition: "Expression"
    then: "Expression"
    otherwise: "Expression | None"


@dataclass(frozen=True, slots=True, eq=False)
class Capture(Node):
    """What a body writes, as a value."""

    body: "Body"


Expression: TypeAlias = (
    Literal | RegexLiteral | Name | Group | ListLiteral | DictLiteral | Lookup | Slice | Call | Filter | Test | Unary | Binary | Conditional
)

# Statements


@dataclass(frozen=True, slots=True, eq=False)
class Text(Node):
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Output(Node):
    expression: Expression


@dataclass(frozen=True, slots=True, eq=False)
class If(Node):
    branches: Sequence[tuple[Expression, "Body"]]
    otherwise: "Body | None"


@dataclass(frozen=True, slots=True, eq=False)
class For(Node):
    targets: Sequence[str]
    iterable: Expression
    body: "Body"
    otherwise: "Body | None"


@dataclass(frozen=True, slots=True, eq=False)
class Set(Node):
    targets: Sequence[str]
    value: Expression | Capture


@dataclass(frozen=True, slots=True, eq=False)
class Signature(Node):
    positional: Sequence[str]
    defaults: Sequence[tuple[str, Expression]]


@dataclass(frozen=True, slots=True, eq=False)
class Macro(Node):
    name: str
    signature: Signature
    body: "Body"


@dataclass(frozen=True, slots=True, eq=False)
class CallBlock(Node):
    """A call of a macro that gets the body as its function `caller`."""

    call: Call
    signature: Signature
    body: "Body"


@dataclass(frozen=True, slots=True, eq=False)
class Block(Node):
    name: str
    body: "Body"


@dataclass(frozen=True, slots=True, eq=False)
class Switch(Node):
    subject: Expression
    cases: Sequence[tuple[Expression, "Body"]]
    otherwise: "Body | None"


Statement: TypeAlias = Text | Output | If | For | Set | Macro | CallBlock | Block | Switch
Body: TypeAlias = Sequence[Statement]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A parsed source. `may_mutate` tells whether it may change lists of the context, which then have to be copies of its own.

    `expressions` are those of outputs and statements, with where each begins and ends.
    """

    source: str
    body: Body
    may_mutate: bool
    expressions: Sequence[tuple[int, int, Expression]]


def place(source: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset in code units, in characters counted from one."""
    line = source.rfind("\n", 0, offset) + 1
    return source.count("\n", 0, offset) + 1, len(with_pairs_joined(source[line:offset])) + 1
