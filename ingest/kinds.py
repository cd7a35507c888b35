"""The kinds that a catalog knows: the built-in ones, whose JSON Schemas lie in schemas/, and those of its configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import ada_url
import jsonschema_rs
import orjson

from graph.errors import InputError

Schema = Mapping[str, Any]

_SCHEMAS = Path(__file__).with_name("schemas")
_FORMATS = {"callboard-url": ada_url.check_url}


@dataclass(frozen=True, slots=True)
class ConfiguredKind:
    """A kind of the configuration: `schema` is the JSON Schema that a whole document has to meet, as JSON.

    Processes that read are given this, because to import the configuration's model takes them longer than to read a thousand files.
    """

    name: str
    api_versions: tuple[str, ...]
    schema: bytes


class InvalidSchemaError(InputError):
    """The JSON Schema of a configured kind is none. `place` is the kind's place in the configuration, counted from 0."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(f"catalog.kinds[{place}].jsonSchema {problem}")
        self.place, self.problem = place, problem


@dataclass(frozen=True)
class SchemaCheck:
    """A JSON Schema of a whole document, with its text for explanations."""

    schema: Schema

    @cached_property
    def validator(self) -> jsonschema_rs.Validator:
        """The schema compiled, which takes half a megabyte, when it is first asked for."""
        # Offline: a schema that refers to a URL must not make the catalog fetch it.
        return jsonschema_rs.validator_for(dict(self.schema), formats=_FORMATS, validate_formats=True, offline=True)


@dataclass(frozen=True, slots=True)
class Variant:
    """The rules of a kind for one `spec.type`, or, where that is None, for every type without rules of its own: all `checks` have to pass.

    With `besides_general`, a document that meets the general rules is in order too.
    """

    checks: tuple[SchemaCheck, ...]
    spec_type: str | None = None
    besides_general: bool = False


class KindRules:
    """Which documents are in order. Built once per process from the configured kinds; see `rules_of`."""

    def __init__(self, configured: Sequence[ConfiguredKind]) -> None:
        """InvalidSchemaError if a configured kind has an invalid JSON Schema."""
        self.envelope = SchemaCheck(_entity_schema())
        self._variants: dict[tuple[str, str], list[Variant]] = {}
        for path in sorted(_SCHEMAS.glob("*.json")):
            if path.name != "entity.json":
                self._add_builtin(orjson.loads(path.read_bytes()))
        for place, kind in enumerate(configured):
            self._add_configured(place, kind)

    @property
    def names(self) -> tuple[str, ...]:
        """All known kinds, as they are written."""
        return tuple(sorted({kind for kind, _ in self._variants}))

    def api_versions(self, kind: str) -> tuple[str, ...]:
        """The values of apiVersion under which the kind is known; empty for an unknown kind."""
        return tuple(version for name, version in self._variants if name == kind)

    def variants(self, kind: str, api_version: str) -> Sequence[Variant]:
        """The kind's rules in this version, those for a `spec.type` first; empty if the catalog does not know it."""
        return self._variants.get((kind, api_version), ())

    def _add_builtin(self, rules: Schema) -> None:
        schema = _entity_schema()
        schema["required"] = [*schema["required"], "spec"]
        schema["properties"] = {**schema["properties"], "spec": rules["spec"]}
        variant = Variant((SchemaCheck(schema),), rules.get("specType"), rules.get("besidesGeneral", False))
        for version in rules["apiVersions"]:
            variants = self._variants.setdefault((rules["kind"], version), [])
            variants.insert(len(variants) if variant.spec_type is None else 0, variant)

    def _add_configured(self, place: int, kind: ConfiguredKind) -> None:
        try:
            schema = cast("dict[str, Any]", orjson.loads(kind.schema))
            check = SchemaCheck(schema)
            _ = check.validator
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError) as error:
            raise InvalidSchemaError(place, f"is no valid JSON Schema: {error}") from error
        for version in kind.api_versions:
            self._variants[(kind.name, version)] = [Variant((self.envelope, check))]


@cache
def rules_of(configured: tuple[ConfiguredKind, ...]) -> KindRules:
    """The rules for the built-in kinds and the configured ones, compiled once. InvalidSchemaError if a schema is invalid."""
    return KindRules(configured)


def _entity_schema() -> dict[str, Any]:
    return orjson.loads((_SCHEMAS / "entity.json").read_bytes())
