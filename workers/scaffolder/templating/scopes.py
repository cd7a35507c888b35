"""Where names lead while a template is rendered: what is set, what macros take, and what loops go through."""

from dataclasses import dataclass, field, replace

from workers.scaffolder.templating.nodes import For
from workers.scaffolder.templating.values import Value


@dataclass(slots=True)
class Variable:
    value: Value


class Scope:
    """Variables, and the scope around. What is set inside an isolated scope never reaches the scope around it."""

    __slots__ = ("_around", "_isolated", "_variables")

    def __init__(self, around: "Scope | None" = None, *, isolated: bool = False) -> None:
        self._around = around
        self._isolated = isolated
        self._variables: dict[str, Variable] = {}

    def declare(self, name: str, value: Value) -> None:
        """Give the name this value here, whatever it leads to around."""
        self._variables[name] = Variable(value)

    def own(self, name: str) -> Variable | None:
        """The variable of this scope itself."""
        return self._variables.get(name)

    def find(self, name: str) -> Variable | None:
        """The variable of the nearest scope that has one of the name."""
        scope: Scope | None = self
        while scope is not None:
            if found := scope.own(name):
                return found
            scope = scope._around
        return None

    def assign(self, name: str, value: Value) -> None:
        """Change the nearest variable that may be reached, or else declare one here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._variables:
                scope._variables[name].value = value
                return
            scope = None if scope._isolated else scope._around
        self.declare(name, value)


@dataclass(slots=True)
class Call:
    """One run of a template, block, macro or caller: where it exports to, and how long each of its loops last was."""

    exports: Scope
    lengths: dict[For, Value] = field(default_factory=dict[For, Value])


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a part of a template runs.

    Nunjucks compiles what loops and macros take to variables of JavaScript, which go before whatever the scopes hold: `locals`.
    """

    scope: Scope
    locals: Scope
    call: Call
    exports_macros: bool = True
    exports_assignments: bool = False

    def find(self, name: str) -> Variable | None:
        return self.locals.find(name) or self.scope.find(name)

    def bind(self, name: str, value: Value) -> None:
        """Let the name lead to what a macro or a loop takes."""
        self.scope.declare(name, value)
        self.locals.declare(name, value)

    def set(self, name: str, value: Value) -> None:
        """What the statement `set` does."""
        self.scope.assign(name, value)
        if variable := self.locals.find(name):
            variable.value = value
        if self.exports_assignments:
            self.call.exports.declare(name, value)

    def inside_loop(self) -> "Environment":
        return Environment(Scope(self.scope), Scope(self.locals), self.call, exports_macros=False)

    def inside_block(self) -> "Environment":
        return Environment(Scope(self.scope, isolated=True), Scope(), Call(self.call.exports))

    def capturing(self) -> "Environment":
        """Where the body of a filter block runs."""
        return replace(self, scope=Scope(self.scope))
