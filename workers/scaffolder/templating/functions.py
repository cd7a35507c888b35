"""The functions that templates can call: range, cycler and joiner, and macros."""

from dataclasses import dataclass, field

from workers.scaffolder.templating.nodes import Body, Signature
from workers.scaffolder.templating.scopes import Environment
from workers.scaffolder.templating.values import UNDEFINED, Function, Value


@dataclass(frozen=True, slots=True, eq=False)
class Macro(Function):
    """A macro, or the body of a call block, which runs where it stands: `caller`."""

    signature: Signature
    body: Body
    environment: Environment
    caller: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class GlobalFunction(Function):
    """One of nunjucks' own global functions, with how many arguments it takes at most."""

    name: str
    most: float


@dataclass(slots=True, eq=False)
class Cycler(Function):
    """Goes through its values again and again. Not called itself."""

    values: list[Value]
    index: int = -1

    def next(self) -> Value:
        if not self.values:
            self.index = 0
            return UNDEFINED
        self.index = (self.index + 1) % len(self.values)
        return self.values[self.index]

    def reset(self) -> Value:
        self.index = -1
        return UNDEFINED

    def member(self, key: str) -> Value:
        """What the key leads to: its present value, or what moves it on or back."""
        if key == "current":
            return None if self.index < 0 else self.values[self.index] if self.values else UNDEFINED
        return CyclerMethod(self, key) if key in {"next", "reset"} else UNDEFINED


@dataclass(frozen=True, slots=True, eq=False)
class CyclerMethod(Function):
    owner: Cycler
    name: str


@dataclass(slots=True, eq=False)
class Joiner(Function):
    """Nothing when first called, and its separator from then on."""

    separator: Value
    used: bool = field(default=False)

    def next(self) -> Value:
        used, self.used = self.used, True
        return self.separator if used else ""


GLOBAL_FUNCTIONS = {
    each.name: each for each in (GlobalFunction("range", 3), GlobalFunction("cycler", float("inf")), GlobalFunction("joiner", 1))
}
