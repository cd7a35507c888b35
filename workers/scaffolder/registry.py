"""The actions that templates may use, by their ids, and their inputs and outputs as JSON Schemas."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from graph.errors import InputError, NotFoundError
from plugins.actions import Action

_EXAMPLES: Mapping[str, Any] = {"string": "<example>", "number": 0, "integer": 0, "boolean": False}

_log = logging.getLogger("callboard.scaffolder")


class ActionRegistry:
    """Actions by id and alias. Of two with one id the first stays, and the other is told of in the log."""

    def __init__(self, actions: Iterable[Action]) -> None:
        self._actions: dict[str, Action] = {}
        self._by_name: dict[str, Action] = {}
        for action in actions:
            names = (action.id, *action.aliases)
            if taken := next((name for name in names if name in self._by_name), None):
                _log.error("the action %s of %s is left out: there is one of that name already", taken, _origin(action))
                continue
            self._actions[action.id] = action
            self._by_name.update(dict.fromkeys(names, action))

    @property
    def all(self) -> Sequence[Action]:
        """Every action, by id."""
        return [self._actions[name] for name in sorted(self._actions)]

    @property
    def names(self) -> frozenset[str]:
        """Every id and alias."""
        return frozenset(self._by_name)

    def action(self, name: str) -> Action:
        """The action of that id or alias. NotFoundError if there is none."""
        found = self._by_name.get(name)
        if found is None:
            raise NotFoundError(f"Template action with ID '{name}' is not registered; `scaffolderActions` lists those that are.")
        return found


def validated_input(action: Action, given: Mapping[str, Any], name: str) -> tuple[BaseModel, Sequence[str]]:
    """The input as the action takes it, and the keys that it does not know, which are left out: templates of Backstage have such.

    `name` is how the step calls the action. InputError that names what is wrong, without values.
    """
    try:
        return action.input.model_validate(given), ()
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False)
        unknown = [str(each["loc"][0]) for each in errors if each["type"] == "extra_forbidden" and len(each["loc"]) == 1]
        if unknown and len(unknown) == len(errors):
            return action.input.model_validate({key: value for key, value in given.items() if key not in unknown}), unknown
        told = "; ".join(f"{_place(each['loc'])}{each['msg']}" for each in errors[:10])
        raise InputError(f"Invalid input passed to action {name}: {told}") from error


def schemas_of(action: Action) -> dict[str, Any]:
    """{input, output} of an action as JSON Schemas; `output` is absent for an action without."""
    found = {"input": schema_of(action.input)}
    return {**found, "output": schema_of(action.output)} if action.output else found


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON Schema, in which what may be left out is not said to be null as well."""
    _, whole = models_json_schema([(model, "validation")])
    definitions = cast("dict[str, Any]", whole.get("$defs", {}))
    schema = cast("dict[str, Any]", _plain(model.model_json_schema(), definitions))
    schema.pop("title", None)
    return schema


def example_output(schema: Any) -> Any:
    """Something that the schema would let through, for steps that a dry run leaves out. As Backstage makes it."""
    rules: Mapping[str, Any] = cast("Mapping[str, Any]", schema) if isinstance(schema, dict) else {}
    if examples := rules.get("examples"):
        return examples[0]
    if rules.get("type") == "object":
        return {key: example_output(below) for key, below in rules.get("properties", {}).items()}
    if rules.get("type") == "array":
        return [example_output(rules["items"])] if rules.get("items") else []
    return _EXAMPLES.get(rules.get("type", ""), "<unknown>")


def _plain(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    schema = cast("dict[str, Any]", node)
    if (ref := schema.get("$ref")) is not None:
        return _plain({**definitions[ref.removeprefix("#/$defs/")], **{k: v for k, v in schema.items() if k != "$ref"}}, definitions)
    choices = schema.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        left = [choice for choice in cast("list[Any]", choices) if choice != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        return _plain({**left[0], **rest} if len(left) == 1 else {"anyOf": left, **rest}, definitions)
    kept = {key: value for key, value in schema.items() if key != "$defs" and not (key == "title" and isinstance(value, str))}
    return {key: _plain(value, definitions) for key, value in kept.items()}


def _place(steps: Sequence[object]) -> str:
    return f"{'.'.join(str(step) for step in steps)}: " if steps else ""


def _origin(action: Action) -> str:
    return getattr(action.run, "__module__", "a plugin")
