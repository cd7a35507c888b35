"""Checks a document by its kind's rules and says of everything that is wrong where it is and what should stand there."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

import jsonschema_rs

from ingest.kinds import KindRules, Schema, SchemaCheck, Variant
from ingest.problems import ErrorCode
from ingest.survey import Path

MOST_FINDINGS = 50
"""What is told of one document at most."""

_TYPES = {
    "string": "text", "object": "a mapping", "array": "a list", "boolean": "true or false",
    "number": "a number", "integer": "a whole number", "null": "null",
}  # fmt: skip
# The last alternative is the key of a mapping, as `quoted` shows it, that a bare {{ x }} was read as.
_TEMPLATE = re.compile(r"\$?\{\{|\{%|<%|'\{ ")
_NAMED = ("name", "namespace", "labels", "annotations", "tags")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the value under `path`; `details` fill the remedy of the code unless `remedy` replaces it."""

    code: ErrorCode
    message: str
    path: Path
    value: object = None
    details: Mapping[str, object] = field(default_factory=lambda: {})
    remedy: str | None = None


def findings_of(document: Mapping[str, Any], rules: KindRules) -> list[Finding]:
    """Everything that is wrong with the document, at most fifty things; empty if it is in order.

    The rules are those of https://backstage.io/docs/features/software-catalog/descriptor-format, as Backstage's own code enforces them.
    """
    kind, api_version = document.get("kind"), document.get("apiVersion")
    if isinstance(kind, str) and isinstance(api_version, str) and (variants := rules.variants(kind, api_version)):
        return _by_variants(document, variants)
    if kind is None and api_version is None:
        message = "The document has neither apiVersion nor kind, so it is no catalog document."
        return [Finding(ErrorCode.NOT_AN_ENTITY, message, ())]
    found = list(islice(_explained(document, (rules.envelope,)), MOST_FINDINGS))
    if isinstance(kind, str) and kind and isinstance(api_version, str) and api_version:
        found.append(_unknown(kind, api_version, rules))
    return found


def _by_variants(document: Mapping[str, Any], variants: Sequence[Variant]) -> list[Finding]:
    spec = document.get("spec")
    spec_type = cast("dict[str, object]", spec).get("type") if isinstance(spec, dict) else None
    refused_by: tuple[SchemaCheck, ...] = ()
    for variant in variants:
        if variant.spec_type is not None and variant.spec_type != spec_type:
            continue
        if all(check.validator.is_valid(document) for check in variant.checks):
            return []
        refused_by = refused_by or variant.checks
        if not variant.besides_general:
            break
    return list(islice(_explained(document, refused_by), MOST_FINDINGS))


def _unknown(kind: str, api_version: str, rules: KindRules) -> Finding:
    if known := rules.api_versions(kind):
        message = f"{kind} does not exist in apiVersion {quoted(api_version)}."
        return Finding(ErrorCode.UNKNOWN_API_VERSION, message, ("apiVersion",), api_version, {"known": " or ".join(known)})
    near = difflib.get_close_matches(kind.lower(), [name.lower() for name in rules.names], 1)
    guess = next((f"; did you mean {name}?" for name in rules.names if near and name.lower() == near[0]), ".")
    message = f"The catalog does not know the kind {quoted(kind)}{guess}"
    return Finding(ErrorCode.UNKNOWN_KIND, message, ("kind",), kind, {"known": ", ".join(rules.names)})


def _explained(document: Mapping[str, Any], checks: Sequence[SchemaCheck]) -> Iterator[Finding]:
    told: set[Path] = set()
    for check in checks:
        for error in check.validator.iter_errors(document):
            for finding in _findings(error, check.schema):
                if finding.path not in told:
                    told.add(finding.path)
                    yield unrendered(finding.path, finding.value) if holds_template(finding.value) else finding


def _findings(error: jsonschema_rs.ValidationError, schema: Schema) -> Iterator[Finding]:
    path: Path = tuple(error.instance_path)
    value, kind = error.instance, error.kind
    expected = _described(schema, error.schema_path)
    match kind:
        case jsonschema_rs.ValidationErrorKind.Required(property=missing):
            below = (*path, missing)
            yield Finding(ErrorCode.MISSING_FIELD, f"{dotted(below)} is missing.", below, None, {"field": dotted(below)})
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties(unexpected=unexpected):
            for name in unexpected:
                yield Finding(ErrorCode.UNKNOWN_FIELD, f"{dotted((*path, name))} is not part of the descriptor format.", (*path, name))
        case jsonschema_rs.ValidationErrorKind.Type(types=types):
            wanted = " or ".join(_TYPES[name] for name in types)
            message = f"{dotted(path)} is {_kind_of(value)} where {wanted} is expected."
            yield Finding(ErrorCode.WRONG_TYPE, message, path, value, {"expected": wanted})
        case jsonschema_rs.ValidationErrorKind.MinLength() | jsonschema_rs.ValidationErrorKind.MinItems() if not value:
            yield Finding(ErrorCode.EMPTY_VALUE, f"{dotted(path)} is empty.", path, value)
        case jsonschema_rs.ValidationErrorKind.PropertyNames(error=inner):
            key = str(inner.instance)
            message = f"{dotted(path)} has the key {quoted(key)}, which is not of the prescribed form."
            details = {"expected": _described(schema, [*error.schema_path, "pattern"])}
            yield Finding(ErrorCode.INVALID_NAME, message, (*path, key), key, details)
        case jsonschema_rs.ValidationErrorKind.OneOfNotValid():
            yield Finding(ErrorCode.WRONG_TYPE, f"{dotted(path)} is not {expected}.", path, value, {"expected": expected})
        case _:
            code = ErrorCode.INVALID_NAME if path[:1] == ("metadata",) and path[1:2] and path[1] in _NAMED else ErrorCode.INVALID_VALUE
            yield Finding(code, _refused(dotted(path), value, error), path, value, {"expected": expected})


def _refused(where: str, value: object, error: jsonschema_rs.ValidationError) -> str:
    if isinstance(value, str) and len(value) > 63 and error.kind.name in ("pattern", "maxLength"):
        return f"{where} has the value {quoted(value)} of {len(value)} characters, which is not of the prescribed form."
    if error.kind.name in ("pattern", "format"):
        return f"{where} has the value {quoted(value)}, which is not of the prescribed form."
    return f"{where} is not in order: {error.message[:200]}"


def _described(schema: Schema, schema_path: list[str | int]) -> str:
    """What the schema says a value should be, for people; the schema's `description` where it has one."""
    node: Any = schema
    for step in schema_path[:-1]:
        node = cast("Any", node)[step] if isinstance(node, dict | list) else {}
    if not isinstance(node, dict):
        return "a value that the kind's JSON Schema allows"
    rule = cast("dict[str, Any]", node)
    if "description" in rule:
        return str(rule["description"])
    if "enum" in rule or "const" in rule:
        return "one of " + ", ".join(str(option) for option in rule.get("enum", [rule.get("const")]))
    return "a value that the kind's JSON Schema allows"


def holds_template(value: object) -> bool:
    """Whether a text, or the key of a mapping that a bare `{{ x }}` was read as, is a template expression that has not been rendered."""
    return isinstance(value, str | dict) and _TEMPLATE.search(str(cast("object", value))) is not None


def unrendered(path: Path, value: object) -> Finding:
    """The finding for a value that is a template expression."""
    message = f"{dotted(path)} is the template expression {quoted(value)}, which has not been rendered."
    return Finding(ErrorCode.UNRENDERED_TEMPLATE, message, path, value)


def dotted(path: Path) -> str:
    """The path as people write it, such as spec.dependsOn[2]; `the document` for the root."""
    shown = ""
    for step in path:
        shown += f"[{step}]" if isinstance(step, int) else f".{step}"
    return shown.removeprefix(".") or "the document"


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "empty (null)"
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def quoted(value: object) -> str:
    """The value in quotes, cut to a readable length."""
    text = str(value)
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
