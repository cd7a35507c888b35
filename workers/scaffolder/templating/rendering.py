"""Rendering as Backstage's scaffolder does it: values of a Template, conditions of its steps, and files."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from graph.errors import RenderError, RenderLimitError
from workers.scaffolder.templating import nodes
from workers.scaffolder.templating.evaluating import FILTERS, Host
from workers.scaffolder.templating.interpreting import Interpreter, Output
from workers.scaffolder.templating.limits import Budget, Limits
from workers.scaffolder.templating.parsing import parse
from workers.scaffolder.templating.scanning import Syntax
from workers.scaffolder.templating.scopes import Scope, Variable
from workers.scaffolder.templating.surveys import ExpressionInSource, surveyed
from workers.scaffolder.templating.values import MAXIMUM_DEPTH, UNDEFINED, from_json, from_units, to_json, to_units

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An expression that could not be rendered and was left as it is: where in the value it stands, and why."""

    path: Path
    error: RenderError


@dataclass(frozen=True, slots=True)
class Condition:
    """What became of a condition, and whether it asked for the state of the task, by always() or failure()."""

    holds: bool
    asks_for_status: bool
    failures: Sequence[Failure] = ()


class _Context(Scope):
    """What the host hands in, copied as it is asked for. Copies are shared until a template may change them."""

    def __init__(self, given: Mapping[str, Any], budget: Budget) -> None:
        super().__init__(isolated=True)
        self._given = given
        self._budget = budget

    def own(self, name: str) -> Variable | None:
        if super().own(name) is None and name in self._given:
            self.declare(name, from_json(self._given[name], self._budget))
        return super().own(name)


class Renderer:
    """Renders templates with the filters and globals that the host lends, and within limits. Safe to share between threads.

    Filters and global functions are called with copies in JSON and answer in it; undefined arguments come as None.
    """

    def __init__(
        self,
        filters: Mapping[str, Callable[..., Any]] | None = None,
        globals: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        syntax: Syntax | None = None,
    ) -> None:
        self._host = Host(filters or {}, globals or {})
        self._limits = limits or Limits()
        self._syntax = syntax or Syntax()

    def render_value(
        self,
        value: Any,
        context: Mapping[str, Any],
        *,
        failures: list[Failure] | None = None,
        failed: bool = False,
        seed: str = "",
    ) -> Any:
        """A JSON value with the strings in it rendered: to a value of its own type where the string is one expression or statement.

        As in Backstage, keys stay as they are, a string that can't be rendered stays as it is (and is told in `failures`), and one that
        renders to undefined goes: its key with it, and in a list null takes its place. `failed` is what failure() answers.
        RenderLimitError if it takes more than the limits of all strings together.
        """
        rendered = _Values(self._session(context, seed, failed), failures if failures is not None else []).rendered(value, ())
        return None if rendered is UNDEFINED else rendered

    def render_text(self, text: str, context: Mapping[str, Any], *, seed: str = "") -> str:
        """A file, or the path of one, rendered. RenderError with line and column, and RenderLimitError."""
        return self._session(context, seed, None).text(text)

    def evaluate_condition(self, condition: Any, context: Mapping[str, Any], *, failed: bool = False, seed: str = "") -> Condition:
        """Whether a step with this `if` runs: anything but false and what renders to false, zero, nothing or an empty list.

        As in Backstage, an expression that fails is a string that is left, and so holds.
        """
        if not isinstance(condition, str):
            return Condition(condition is not False, asks_for_status=False)
        session = self._session(context, seed, failed)
        failures: list[Failure] = []
        result = _Values(session, failures).rendered(condition, ())
        return Condition(result is not UNDEFINED and (bool(result) or isinstance(result, dict)), session.asked, failures)

    def expressions_of(self, text: str) -> Sequence[ExpressionInSource]:
        """The expressions in a text, whether they can be evaluated or not. RenderError with line and column if it can't be parsed."""
        return surveyed(parse(to_units(text), self._syntax, Budget(self._limits)))

    def knows_filter(self, name: str) -> bool:
        """Whether there is a filter of the name."""
        return name in FILTERS or name in self._host.filters or (self._syntax.cookiecutter and name == "jsonify")

    def _session(self, context: Mapping[str, Any], seed: str, failed: bool | None) -> "_Session":
        return _Session(self._host, self._syntax, Budget(self._limits, seed), context, failed)


class _Session:
    """One call of a renderer: what all strings in it share."""

    def __init__(self, host: Host, syntax: Syntax, budget: Budget, context: Mapping[str, Any], failed: bool | None) -> None:
        self.budget = budget
        self.asked = False
        self._syntax = syntax
        self._given = context
        self._context = _Context(context, budget)
        status = {} if failed is None else {"always": self._status(True), "failure": self._status(failed)}
        self._host = Host(host.filters, {**host.globals, **status})

    def _status(self, answer: bool) -> Callable[[], bool]:
        def status() -> bool:
            self.asked = True
            return answer

        return status

    def text(self, source: str) -> str:
        return from_units(self._run(parse(to_units(source), self._syntax, self.budget), encoding=False).text)

    def value(self, source: str) -> Any:
        """What the source renders to. A single part that is no text is written as JSON and read again, where that is possible."""
        template = parse(to_units(source), self._syntax, self.budget)
        encoding = len(template.body) == 1 and not isinstance(template.body[0], nodes.Text)
        output = self._run(template, encoding=encoding)
        if encoding:
            decoded = self._decoded(output.encoded)
            if decoded is not None:
                return to_json(decoded.value, self.budget)
        return from_units(output.text) or UNDEFINED

    def _run(self, template: nodes.Template, *, encoding: bool) -> Output:
        output = Output(self.budget, encoding=encoding)
        context = _Context(self._given, self.budget) if template.may_mutate else self._context
        Interpreter(template, self._host, self.budget, cookiecutter=self._syntax.cookiecutter).run(context, output)
        return output

    def _decoded(self, encoded: str) -> Variable | None:
        """The value that the text is JSON of, undefined for none; None if it is not JSON."""
        if not encoded:
            return Variable(UNDEFINED)
        self.budget.allocate(len(encoded))
        try:
            decoded = json.loads(encoded, parse_int=float, parse_constant=_refuse)
        except ValueError:
            return None
        except RecursionError as error:
            raise RenderLimitError("The value is nested too deeply.") from error
        return Variable(from_json(decoded, self.budget))


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON.")


class _Values:
    """Goes through a value and renders the strings in it."""

    def __init__(self, session: _Session, failures: list[Failure]) -> None:
        self._session = session
        self._failures = failures

    def rendered(self, value: Any, path: Path) -> Any:
        self._session.budget.step()
        if len(path) > MAXIMUM_DEPTH:
            raise RenderLimitError(f"A value can't be nested deeper than {MAXIMUM_DEPTH} levels.")
        if isinstance(value, str):
            return self._string(value, path)
        if isinstance(value, Mapping):
            items = {key: self.rendered(item, (*path, str(key))) for key, item in cast("Mapping[Any, Any]", value).items()}
            return {key: item for key, item in items.items() if item is not UNDEFINED}
        if isinstance(value, list | tuple):
            parts = [self.rendered(item, (*path, index)) for index, item in enumerate(cast("Sequence[Any]", value))]
            return [None if part is UNDEFINED else part for part in parts]
        return value

    def _string(self, text: str, path: Path) -> Any:
        try:
            return self._session.value(text)
        except RenderError as error:
            self._failures.append(Failure(path, error))
            return text
