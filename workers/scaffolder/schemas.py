"""JSON Schemas of parameters and secrets: those that are read of a template, made fit to validate with, and what they refuse."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import jsonschema_rs
import orjson

from graph.entities import canonical_json
from graph.errors import InputError

Schema = Mapping[str, Any]
Path = Sequence[str | int]

_MOST_MENDED = 100
_MOST_TOLD = 50
_NOTHING: Schema = {"not": {}}


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """A keyword that is no JSON Schema (draft 7) and is not heeded; `path` leads to it."""

    path: Path
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a schema refuses of a value: `path` leads to the place, `keyword` is the rule, and `argument` what it asks for."""

    path: Path
    message: str
    keyword: str
    argument: Any = None


def checked_schema(schema: Schema) -> tuple[Schema, Sequence[SchemaProblem]]:
    """The schema as values can be held to it, and what had to be left out of it for that.

    As Backstage does, `required: true` in a property is taken to mean that the property is required. A schema that can't be used at all
    lets nothing through, and the problem's path is empty.
    """
    mended, problems = copy.deepcopy(dict(schema)), list[SchemaProblem]()
    _require(mended)
    for _ in range(_MOST_MENDED):
        try:
            _compiled(mended)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            path = tuple(error.instance_path) if isinstance(error, jsonschema_rs.ValidationError) else ()
            removed = _without(mended, path)
            problems.append(SchemaProblem(removed, f"is not heeded: {_reason(error)}", "Mend it as JSON Schema (draft 7) has it."))
            if not removed:
                return _NOTHING, problems
        else:
            return mended, problems
    return _NOTHING, problems


def refusals_of(value: object, schema: Schema) -> Sequence[Refusal]:
    """What the schema refuses of the value, at most fifty things; empty if it is in order. `schema` is one that was checked."""
    return list(_refusals(value, canonical_json(schema)))


def _refusals(value: object, schema: bytes) -> Iterator[Refusal]:
    for count, error in enumerate(_validator(schema).iter_errors(value)):
        if count == _MOST_TOLD:
            return
        keyword = error.kind.name
        path = tuple(error.instance_path)
        argument: Any = getattr(error.kind, "property", None) or getattr(error.kind, "types", None)
        yield Refusal(path, _message(error), keyword, argument)


def _message(error: jsonschema_rs.ValidationError) -> str:
    """What is wrong, without the value: that may be what nobody should read."""
    match error.kind:
        case jsonschema_rs.ValidationErrorKind.Required(property=missing):
            return f'requires property "{missing}"'
        case jsonschema_rs.ValidationErrorKind.Type(types=types):
            return f"is not of a type(s) {','.join(sorted(types))}"
        case jsonschema_rs.ValidationErrorKind.Enum(options=options):
            return f"is not one of enum values: {','.join(str(option) for option in options)}"
        case jsonschema_rs.ValidationErrorKind.Pattern(pattern=pattern):
            return f'does not match pattern "{pattern}"'
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties(unexpected=unexpected):
            return f"is not allowed to have the additional property {', '.join(map(repr, unexpected))}"
        case _:
            return f"does not meet {error.kind.name}"


@lru_cache(256)
def _validator(schema: bytes) -> jsonschema_rs.Validator:
    try:
        return _compiled(orjson.loads(schema))
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise InputError(f"the schema can't be used: {_reason(error)}") from error


def _compiled(schema: Schema) -> jsonschema_rs.Validator:
    # Offline: a schema that refers to a URL must not make the server fetch it.
    return jsonschema_rs.Draft7Validator(dict(schema), validate_formats=True, offline=True)


def _reason(error: Exception) -> str:
    return (error.message if isinstance(error, jsonschema_rs.ValidationError) else str(error))[:200]


def _require(node: Any) -> None:
    """Turn `required: true` and `required: false` of properties into the list that their parent has."""
    if isinstance(node, list):
        for item in cast("list[Any]", node):
            _require(item)
    if not isinstance(node, dict):
        return
    schema = cast("dict[str, Any]", node)
    properties = schema.get("properties")
    for name, below in cast("dict[str, Any]", properties).items() if isinstance(properties, dict) else ():
        rules: dict[str, Any] = cast("dict[str, Any]", below) if isinstance(below, dict) else {}
        if isinstance(rules.get("required"), bool) and rules.pop("required"):
            listed = schema.setdefault("required", [])
            if isinstance(listed, list) and name not in listed:
                cast("list[str]", listed).append(name)
    for below in schema.values():
        _require(below)


def _without(schema: dict[str, Any], path: Path) -> Path:
    """Take the value at the path out of the schema; the path that was taken out, empty if there is none."""
    node: Any = schema
    for step in path[:-1]:
        node = node[step]
    if not path:
        return ()
    if isinstance(node, list):
        # Items of a list stand for something by their place, so the keyword goes as a whole.
        return _without(schema, path[:-1])
    node.pop(path[-1], None)
    return tuple(path)
