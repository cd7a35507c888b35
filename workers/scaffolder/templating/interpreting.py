"""Running templates: what their statements write, as text and, where a value is wanted, as JSON beside it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from graph.errors import RenderError, RenderLimitError
from workers.scaffolder.templating import lookups, nodes
from workers.scaffolder.templating.coercions import is_identical, is_truthy, rendered, to_number
from workers.scaffolder.templating.evaluating import Evaluator, Given, Host, placed_arguments
from workers.scaffolder.templating.functions import Macro
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.scopes import Call, Environment, Scope
from workers.scaffolder.templating.serializing import serialized
from workers.scaffolder.templating.values import UNDEFINED, Array, Record, SafeString, Value


class Output:
    """What is written. With `encoding`, values are kept as JSON too, text being as it is."""

    __slots__ = ("_budget", "_encoded", "_parts")

    def __init__(self, budget: Budget, *, encoding: bool = False) -> None:
        self._budget = budget
        self._parts: list[str] = []
        self._encoded: list[str] | None = [] if encoding else None

    def write(self, text: str) -> None:
        self._budget.output(len(text))
        self._parts.append(text)
        if self._encoded is not None:
            self._encoded.append(text)

    def write_value(self, value: Value) -> None:
        text = rendered(value, self._budget)
        self._budget.output(len(text))
        self._parts.append(text)
        if self._encoded is not None:
            encoded = rendered(serialized(value, UNDEFINED, self._budget), self._budget)
            self._budget.output(len(encoded))
            self._encoded.append(encoded)

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def encoded(self) -> str:
        return "".join(self._encoded or ())


class Interpreter(Evaluator):
    """Runs one template once."""

    def __init__(self, template: nodes.Template, host: Host, budget: Budget, *, cookiecutter: bool) -> None:
        super().__init__(host, budget, cookiecutter=cookiecutter)
        self._template = template

    def run(self, context: Scope, output: Output) -> None:
        """Write what the template says. RenderError and RenderLimitError with line and column."""
        exports = Scope(context, isolated=True)
        environment = Environment(Scope(exports, isolated=True), Scope(), Call(exports), exports_assignments=True)
        self.budget.nesting = 0
        try:
            self._write(self._template.body, environment, output)
        except RecursionError as error:
            raise RenderLimitError("The template is nested too deeply.") from error
        except (RenderError, RenderLimitError) as error:
            raise self._placed(error) from error

    def _placed(self, error: RenderError | RenderLimitError) -> RenderError | RenderLimitError:
        if self.failed_at is None:
            return error
        line, column = nodes.place(self._template.source, self.failed_at)
        return type(error)(f"Line {line}, column {column}: {error}", line, column)

    def captured(self, body: nodes.Body, environment: Environment) -> str:
        output = Output(self.budget)
        self._write(body, environment, output)
        self.budget.allocate(len(output.text))
        return output.text

    def invoked(self, macro: Macro, given: Given) -> Value:
        defined = macro.environment
        call = Call(defined.call.exports)
        around = defined.locals if macro.caller else None
        scope = Scope(defined.scope if macro.caller else call.exports, isolated=True)
        environment = Environment(scope, Scope(around), call, exports_macros=not macro.caller)
        defaults = dict(macro.signature.defaults)
        placed = placed_arguments(macro.signature.positional, [*defaults], given)
        for name, value in zip(macro.signature.positional, placed.positional, strict=True):
            environment.bind(name, value)
        for name, default in defaults.items():
            environment.scope.declare(name, placed.keyword[name] if name in placed.keyword else self.value(default, environment))
        if "caller" in placed.keyword and "caller" not in {*macro.signature.positional, *defaults}:
            environment.scope.declare("caller", placed.keyword["caller"])
        return SafeString(self.captured(macro.body, environment))

    def _write(self, body: nodes.Body, environment: Environment, output: Output) -> None:
        self.budget.enter()
        for statement in body:
            self.budget.step()
            try:
                self._RUN[type(statement)](self, statement, environment, output)
            except (RenderError, RenderLimitError):
                self.failed_at = statement.offset if self.failed_at is None else self.failed_at
                raise
        self.budget.leave()

    def _text(self, node: nodes.Text, _environment: Environment, output: Output) -> None:
        output.write(node.text)

    def _output(self, node: nodes.Output, environment: Environment, output: Output) -> None:
        output.write_value(self.value(node.expression, environment))

    def _if(self, node: nodes.If, environment: Environment, output: Output) -> None:
        for condition, body in node.branches:
            if is_truthy(self.value(condition, environment)):
                self._write(body, environment, output)
                return
        self._write(node.otherwise or (), environment, output)

    def _for(self, node: nodes.For, environment: Environment, output: Output) -> None:
        value = self.value(node.iterable, environment)
        length, items, paired = self._iterated(value, len(node.targets))
        inside = environment.inside_loop()
        lengths = environment.call.lengths
        # A value that counts as false leaves the length of the loop's last run in place, as in nunjucks.
        size = lengths[node] = length if is_truthy(value) else lengths.get(node, UNDEFINED)
        for target in node.targets:
            inside.locals.declare(target, UNDEFINED)
        for index, item in enumerate(items):
            self.budget.step()
            self._bind(node.targets, item, paired, inside)
            inside.scope.declare("loop", _loop(index, size, to_number(size, self.budget)))
            self._write(node.body, inside, output)
        if not is_truthy(size):
            self._write(node.otherwise or (), inside, output)

    def _bind(self, targets: Sequence[str], item: Value, paired: bool, inside: Environment) -> None:
        if len(targets) == 1:
            inside.bind(targets[0], item)
            return
        for index, target in enumerate(targets[:2] if paired else targets):
            part = UNDEFINED if isinstance(item, SafeString) else lookups.attribute(item, str(index))
            if paired:
                inside.bind(target, part)
            else:
                inside.locals.declare(target, part)

    def _iterated(self, value: Value, targets: int) -> tuple[Value, Iterable[Value], bool]:
        """How long the loop says that it is, what it goes through, and whether that are pairs of keys and values."""
        if isinstance(value, Array):
            return float(len(value.items)), tuple(value.items), False
        if isinstance(value, SafeString):
            return float(len(value.text)), value.text, False
        if isinstance(value, str):
            pairs = (Array([str(index), unit]) for index, unit in enumerate(value))
            return float(len(value)), value if targets == 1 else pairs, targets > 1
        if isinstance(value, Record) and targets > 1:
            return float(len(value.entries)), [Array([*pair]) for pair in value.entries.items()], True
        if isinstance(value, Record):
            length = value.entries.get("length", UNDEFINED)
            number = to_number(length, self.budget)
            return length, self._indexed(value, number), False
        return (UNDEFINED if targets == 1 else 0.0), (), False

    @staticmethod
    def _indexed(value: Record, length: float) -> Iterable[Value]:
        index = 0
        while index < length:
            yield value.entries.get(str(index), UNDEFINED)
            index += 1

    def _set(self, node: nodes.Set, environment: Environment, _output: Output) -> None:
        if isinstance(node.value, nodes.Capture):
            value: Value = self.captured(node.value.body, environment)
        else:
            value = self.value(node.value, environment)
        for target in node.targets:
            environment.set(target, value)

    def _macro(self, node: nodes.Macro, environment: Environment, _output: Output) -> None:
        macro = Macro(node.signature, node.body, environment)
        environment.locals.declare(node.name, macro)
        if environment.exports_macros:
            environment.call.exports.declare(node.name, macro)

    def _call_block(self, node: nodes.CallBlock, environment: Environment, output: Output) -> None:
        macro = self.value(node.call.target, environment)
        if not isinstance(macro, Macro) or macro.caller:
            raise RenderError("call needs a macro.")
        given = self._given(node.call.arguments, environment)
        caller = Macro(node.signature, node.body, environment, caller=True)
        written = self.invoked(macro, Given(given.positional, {**given.keyword, "caller": caller}))
        output.write(rendered(written, self.budget))

    def _block(self, node: nodes.Block, environment: Environment, output: Output) -> None:
        self._write(node.body, environment.inside_block(), output)

    def _switch(self, node: nodes.Switch, environment: Environment, output: Output) -> None:
        """A case without a body falls through to the next."""
        subject = self.value(node.subject, environment)
        matched = False
        for condition, body in node.cases:
            matched = matched or is_identical(subject, self.value(condition, environment))
            if matched and body:
                self._write(body, environment, output)
                return
        self._write(node.otherwise or (), environment, output)

    _RUN: ClassVar[Mapping[type, Callable[[Any, Any, Environment, Output], None]]] = {
        nodes.Block: _block,
        nodes.CallBlock: _call_block,
        nodes.For: _for,
        nodes.If: _if,
        nodes.Macro: _macro,
        nodes.Output: _output,
        nodes.Set: _set,
        nodes.Switch: _switch,
        nodes.Text: _text,
    }


def _loop(index: int, size: Value, length: float) -> Record:
    return Record(
        (
            ("index", index + 1.0),
            ("index0", float(index)),
            ("revindex", length - index),
            ("revindex0", length - index - 1),
            ("first", index == 0),
            ("last", index == length - 1),
            ("length", size),
        )
    )
