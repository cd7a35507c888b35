"""Evaluating expressions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from graph.errors import RenderError, RenderLimitError
from workers.scaffolder.templating import lookups, nodes
from workers.scaffolder.templating.coercions import is_truthy, to_string
from workers.scaffolder.templating.functions import GLOBAL_FUNCTIONS, Cycler, CyclerMethod, GlobalFunction, Joiner, Macro
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.list_filters import LIST_FILTERS
from workers.scaffolder.templating.methods import Method, method
from workers.scaffolder.templating.operations import OPERATIONS, counted, sliced, unary
from workers.scaffolder.templating.predicates import check_arity, passes
from workers.scaffolder.templating.scopes import Environment
from workers.scaffolder.templating.text_filters import TEXT_FILTERS, Filter
from workers.scaffolder.templating.values import (
    UNDEFINED,
    Array,
    Function,
    HostFunction,
    Record,
    Regex,
    Value,
    from_json,
    refuse_functions,
    to_json,
)

FILTERS: Mapping[str, Filter] = {**TEXT_FILTERS, **LIST_FILTERS}
_PYTHON_CONSTANTS: Mapping[str, Value] = {"True": True, "False": False, "None": None}
# Macros of nunjucks in disguise: their keywords stand for places.
_NAMED: Mapping[str, Sequence[str]] = {"int": ("default", "base"), "sort": ("reverse", "case_sensitive", "attribute")}


@dataclass(frozen=True, slots=True)
class Host:
    """What the host lends to templates: filters and functions, called with copies in JSON, and values."""

    filters: Mapping[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    globals: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Given:
    """The values of the arguments of a call."""

    positional: Sequence[Value]
    keyword: Mapping[str, Value]


class Evaluator(ABC):
    """Evaluates expressions. Errors have the offset of the part that failed in `failed_at`."""

    def __init__(self, host: Host, budget: Budget, *, cookiecutter: bool) -> None:
        self.budget = budget
        self.failed_at: int | None = None
        self._host = host
        self._cookiecutter = cookiecutter
        self._globals: dict[str, Value] = {}

    @abstractmethod
    def invoked(self, macro: Macro, given: Given) -> Value:
        """What a macro makes of its arguments."""

    @abstractmethod
    def captured(self, body: nodes.Body, environment: Environment) -> str:
        """What a body writes."""

    def value(self, node: nodes.Expression | nodes.Capture, environment: Environment) -> Value:
        """The value of an expression. RenderError and RenderLimitError."""
        self.budget.step()
        self.budget.enter()
        try:
            return self._EVALUATE[type(node)](self, node, environment)
        except (RenderError, RenderLimitError):
            self.failed_at = node.offset if self.failed_at is None else self.failed_at
            raise
        finally:
            self.budget.leave()

    def _literal(self, node: nodes.Literal, _environment: Environment) -> Value:
        return node.value

    def _regex(self, node: nodes.RegexLiteral, _environment: Environment) -> Value:
        return Regex(node.source, node.flags)

    def _name(self, node: nodes.Name, environment: Environment) -> Value:
        if variable := environment.find(node.name):
            return variable.value
        if self._cookiecutter and node.name in _PYTHON_CONSTANTS:
            return _PYTHON_CONSTANTS[node.name]
        if node.name in self._host.globals:
            return self._global(node.name)
        return GLOBAL_FUNCTIONS.get(node.name, UNDEFINED)

    def _global(self, name: str) -> Value:
        if name not in self._globals:
            given = self._host.globals[name]
            self._globals[name] = HostFunction(name, given) if callable(given) else from_json(given, self.budget)
        return self._globals[name]

    def _group(self, node: nodes.Group, environment: Environment) -> Value:
        *others, last = [self.value(item, environment) for item in node.items]
        refuse_functions(*others)
        return last

    def _list(self, node: nodes.ListLiteral, environment: Environment) -> Value:
        return Array([self.value(item, environment) for item in node.items])

    def _dict(self, node: nodes.DictLiteral, environment: Environment) -> Value:
        return Record([(key, self.value(item, environment)) for key, item in node.pairs])

    def _lookup(self, node: nodes.Lookup, environment: Environment) -> Value:
        target = self.value(node.target, environment)
        key = to_string(self.value(node.key, environment), self.budget)
        if isinstance(target, Cycler):
            return target.member(key)
        if lookups.has(target, key):
            return lookups.get(target, key)
        return method(target, key, cookiecutter=self._cookiecutter) or UNDEFINED

    def _slice(self, node: nodes.Slice, environment: Environment) -> Value:
        target = self.value(node.target, environment)
        start, stop = (self.value(each, environment) if each else None for each in (node.start, node.stop))
        step = self.value(node.step, environment) if node.step else 1.0
        result = sliced(target, start, stop, step, self.budget)
        refuse_functions(result)
        return result

    def _conditional(self, node: nodes.Conditional, environment: Environment) -> Value:
        if is_truthy(self.value(node.condition, environment)):
            return self.value(node.then, environment)
        return self.value(node.otherwise, environment) if node.otherwise else ""

    def _unary(self, node: nodes.Unary, environment: Environment) -> Value:
        return unary(node.operator, self.value(node.operand, environment), self.budget)

    def _binary(self, node: nodes.Binary, environment: Environment) -> Value:
        """Evaluated from the innermost left side on, since sums of many terms lean to the left."""
        spine = [node]
        while isinstance(spine[-1].left, nodes.Binary):
            spine.append(spine[-1].left)
        result = self.value(spine[-1].left, environment)
        for each in reversed(spine):
            self.budget.step()
            if each.operator in {"or", "and"}:
                if is_truthy(result) == (each.operator == "and"):
                    result = self.value(each.right, environment)
            else:
                result = OPERATIONS[each.operator](result, self.value(each.right, environment), self.budget)
        return result

    def _test(self, node: nodes.Test, environment: Environment) -> Value:
        arguments = node.arguments or nodes.Arguments(node.offset, ())
        if arguments.keyword:
            raise RenderError(f"The test {node.name} takes no keywords.")
        check_arity(node.name, len(arguments.positional))
        value = self.value(node.input, environment)
        return passes(node.name, value, self._given(arguments, environment).positional, self.budget)

    def _filter(self, node: nodes.Filter, environment: Environment) -> Value:
        name = "dump" if self._cookiecutter and node.name == "jsonify" else node.name
        lent = self._host.filters.get(node.name)
        if lent is None and name not in FILTERS:
            raise RenderError(f"There is no filter {node.name[:40]!r}.")
        if lent is not None and node.arguments.keyword:
            raise RenderError(f"The filter {node.name} takes no keywords.")
        value = self.value(node.input, environment)
        given = self._given(node.arguments, environment)
        refuse_functions(value, *given.positional, *given.keyword.values())
        if lent is not None:
            return self._lent(f"filter {node.name}", lent, [value, *given.positional])
        return FILTERS[name](value, _lowered(name, given), self.budget)

    def _lent(self, name: str, function: Callable[..., Any], given: Sequence[Value]) -> Value:
        """What a function of the host answers. Whatever goes wrong in it is an error of the template."""
        copies = [to_json(value, self.budget) for value in given]
        try:
            answer = function(*(None if each is UNDEFINED else each for each in copies))
        except Exception as error:
            raise RenderError(f"The {name} failed: {error}") from error
        return from_json(answer, self.budget)

    def _given(self, arguments: nodes.Arguments, environment: Environment) -> Given:
        positional = [self.value(each, environment) for each in arguments.positional]
        return Given(positional, {name: self.value(each, environment) for name, each in arguments.keyword})

    def _call(self, node: nodes.Call, environment: Environment) -> Value:
        function = self.value(node.target, environment)
        if isinstance(function, Macro):
            return self.invoked(function, self._given(node.arguments, environment))
        least, most = _arity(function)
        if node.arguments.keyword or not least <= len(node.arguments.positional) <= most:
            raise RenderError("The function is called with other arguments than it takes.")
        given = self._given(node.arguments, environment).positional
        refuse_functions(*given)
        if isinstance(function, Method):
            refuse_functions(function.receiver)
            return function.call(function.receiver, given, self.budget)
        if isinstance(function, HostFunction):
            return self._lent(f"function {function.name}", function.call, given)
        if isinstance(function, CyclerMethod):
            return function.owner.next() if function.name == "next" else function.owner.reset()
        return function.next() if isinstance(function, Joiner) else self._own(function, given)

    def _own(self, function: Value, given: Sequence[Value]) -> Value:
        assert isinstance(function, GlobalFunction)
        if function.name == "cycler":
            return Cycler([*given])
        first, second, third = [*given, UNDEFINED, UNDEFINED, UNDEFINED][:3]
        if function.name == "joiner":
            return Joiner(first if is_truthy(first) else ",")
        return counted(first, second, third, self.budget)

    def _capture(self, node: nodes.Capture, environment: Environment) -> Value:
        return self.captured(node.body, environment.capturing())

    _EVALUATE: ClassVar[Mapping[type, Callable[[Any, Any, Environment], Value]]] = {
        nodes.Binary: _binary,
        nodes.Call: _call,
        nodes.Capture: _capture,
        nodes.Conditional: _conditional,
        nodes.DictLiteral: _dict,
        nodes.Filter: _filter,
        nodes.Group: _group,
        nodes.ListLiteral: _list,
        nodes.Literal: _literal,
        nodes.Lookup: _lookup,
        nodes.Name: _name,
        nodes.RegexLiteral: _regex,
        nodes.Slice: _slice,
        nodes.Test: _test,
        nodes.Unary: _unary,
    }


def _arity(function: Value) -> tuple[float, float]:
    """How many arguments the function takes. RenderError for what is none."""
    if isinstance(function, Method):
        return function.arity
    if isinstance(function, GlobalFunction | HostFunction):
        return 0, function.most if isinstance(function, GlobalFunction) else float("inf")
    if isinstance(function, CyclerMethod | Joiner):
        return 0, 0
    raise RenderError("A function that can't be called." if isinstance(function, Function) else "What is called is no function.")


def _lowered(name: str, given: Given) -> Sequence[Value]:
    """The arguments by place. Keywords are one more argument, a record, unless the filter is one with names for its places."""
    if name in _NAMED:
        return placed_arguments(_NAMED[name], (), given).positional
    if not given.keyword:
        return given.positional
    return [*given.positional, Record([*given.keyword.items(), ("__keywords", True)])]


def placed_arguments(names: Sequence[str], defaulted: Sequence[str], given: Given) -> Given:
    """Arguments as a macro takes them: missing ones from the keywords, surplus ones for the names with defaults."""
    keyword = dict(given.keyword)
    positional = [*given.positional[: len(names)]]
    keyword.update(zip(defaulted, given.positional[len(names) :], strict=False))
    for name in names[len(positional) :]:
        positional.append(keyword.pop(name, UNDEFINED))
    return Given(positional, keyword)
