"""GitHub's published description of its REST API, installed from npm beside this file, and what does not meet it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import orjson

from tests.npm import install

FOLDER = Path(__file__).resolve().parent

_PACKAGES = FOLDER / "node_modules" / "@octokit"
_REF = "#/components/schemas/"
_ANYTHING = {"path", "ref", "tree_sha", "basehead", "branch"}
"""Path parameters that may hold slashes."""


@cache
def webhook_examples() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """GitHub's examples of webhook payloads, by event."""
    install(FOLDER, "GitHub's descriptions")
    listed = orjson.loads((_PACKAGES / "webhooks-examples" / "api.github.com" / "index.json").read_bytes())
    return {entry["name"]: entry["examples"] for entry in listed}


@cache
def description() -> "Description":
    """The description of api.github.com, read once."""
    install(FOLDER, "GitHub's descriptions")
    return Description(orjson.loads((_PACKAGES / "openapi" / "generated" / "api.github.com.json").read_bytes()))


@dataclass(frozen=True, slots=True)
class Operation:
    """One documented operation, with its path as a template."""

    method: str
    template: str
    pattern: re.Pattern[str]
    literals: int
    definition: Mapping[str, Any]


class Description:
    """An OpenAPI 3.0 document that requests and answers are compared with."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._operations: dict[tuple[str, str], list[Operation]] = {}
        self._validators: dict[str, Any] = {}
        for template, methods in document["paths"].items():
            for method, definition in methods.items():
                if method in {"get", "post", "put", "patch", "delete"}:
                    operation = _operation(method.upper(), template, definition)
                    self._operations.setdefault((operation.method, template.split("/")[1]), []).append(operation)

    def operation(self, method: str, path: str) -> Operation | None:
        """The documented operation that a request of this path is, None if there is none."""
        candidates = self._operations.get((method, path.split("/")[1]), ())
        fitting = [operation for operation in candidates if operation.pattern.fullmatch(path)]
        return max(fitting, key=lambda operation: (operation.literals, len(operation.template)), default=None)

    def example(self, template: str, status: int = 200, method: str = "get") -> Any:
        """The first example that GitHub gives of an answer in JSON, as a copy."""
        answer = self._document["paths"][template][method]["responses"][str(status)]
        example = self._resolved(next(iter(answer["content"]["application/json"]["examples"].values())))
        return orjson.loads(orjson.dumps(example["value"]))

    def request_problems(self, operation: Operation, path: str, query: Sequence[tuple[str, str]], body: bytes) -> list[str]:
        """What GitHub would not understand of a request: unknown or wrong parameters, a body of another form."""
        given = operation.pattern.fullmatch(path)
        values = [("path", name, value) for name, value in (given.groupdict() if given else {}).items()]
        values += [("query", name, value) for name, value in query]
        known = {
            (each["in"], each["name"].replace("-", "_")): each for each in map(self._resolved, operation.definition.get("parameters", ()))
        }
        problems: list[str] = []
        for place, name, value in values:
            parameter = known.get((place, name.replace("-", "_")))
            if parameter is None:
                problems.append(f"{operation.method} {operation.template} has no {place} parameter {name}")
            else:
                problems += self._problems(f"{place} parameter {name}", parameter["schema"], _typed(value, parameter["schema"]))
        wanted = operation.definition.get("requestBody")
        if body and wanted is None:
            problems.append(f"{operation.method} {operation.template} takes no body")
        elif body and wanted is not None:
            problems += self._problems("body", self._resolved(wanted)["content"]["application/json"]["schema"], orjson.loads(body))
        return problems

    def answer_problems(self, operation: Operation, status: int, media_type: str, body: bytes) -> list[str]:
        """In what an answer is not one that GitHub documents: its status, its media type, its body."""
        about = f"{operation.method} {operation.template}: {status}"
        answers = operation.definition["responses"]
        if str(status) not in answers:
            return [] if status in _UNDOCUMENTED_EVERYWHERE else [f"{about} is not documented"]
        content = self._resolved(answers[str(status)]).get("content")
        if not content or (not body and status == 304):
            return []
        if media_type.startswith("application/vnd.github.raw"):
            return []
        if media_type not in content:
            return [f"{about} is not documented as {media_type}"]
        value = orjson.loads(body) if media_type.endswith("json") else body.decode()
        return [f"{about}: {problem}" for problem in self._problems("body", content[media_type]["schema"], value)]

    def _problems(self, what: str, schema: Mapping[str, Any], value: Any) -> list[str]:
        errors = self._validator(schema).iter_errors(value)
        return [f"{what} at /{'/'.join(map(str, error.instance_path))}: {error.message[:300]}" for error in errors]

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        key = orjson.dumps(schema).decode()
        if key not in self._validators:
            bundle = {**_json_schema(schema), "components": {"schemas": self._reachable(schema)}}
            self._validators[key] = jsonschema_rs.Draft4Validator(bundle, validate_formats=True)
        return self._validators[key]

    def _reachable(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        rest = [schema]
        while rest:
            for name in re.findall(re.escape(f'"{_REF}') + '([^"]+)"', orjson.dumps(rest.pop()).decode()):
                if name not in found:
                    found[name] = _json_schema(self._document["components"]["schemas"][name])
                    rest.append(found[name])
        return found

    def _resolved(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in value:
            return value
        target: Any = self._document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return cast("Mapping[str, Any]", target)


_UNDOCUMENTED_EVERYWHERE = {301, 304, 401, 403, 404, 429, 500, 502, 503}
"""What GitHub says of every operation in its text rather than in the description: authentication, limits, conditional requests."""


def _operation(method: str, template: str, definition: Mapping[str, Any]) -> Operation:
    literals = sum(not part.startswith("{") for part in template.strip("/").split("/"))
    return Operation(method, template, re.compile(_pattern(template)), literals, definition)


def _pattern(template: str) -> str:
    texts = re.split(r"\{([^}]+)\}", template)
    names = [name.replace("-", "_") for name in texts[1::2]]
    groups = [f"(?P<{name}>{'.+' if name in _ANYTHING else '[^/]+'})" for name in names]
    return "".join(re.escape(text) + group for text, group in zip(texts[::2], [*groups, ""], strict=True))


def _json_schema(schema: Any) -> Any:
    """The schema in JSON Schema's own words: OpenAPI 3.0 says `nullable` where JSON Schema has a type null."""
    if isinstance(schema, list):
        return [_json_schema(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    plain = {
        key: value if key in {"example", "examples", "enum", "default"} else _json_schema(value)
        for key, value in cast("dict[str, Any]", schema).items()
    }
    return {"anyOf": [{"type": "null"}, plain]} if plain.pop("nullable", None) is True else plain


def _typed(value: str, schema: Mapping[str, Any]) -> Any:
    """A parameter's text as what its schema says it is, or as it is if it can't be that."""
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if schema.get("type") == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value
