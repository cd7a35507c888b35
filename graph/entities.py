"""Entities, the edges between them with their evidence, and the facts that filters and facets read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, cast

import orjson

from graph.refs import DEFAULT_NAMESPACE, Ref

Document = Mapping[str, Any]
"""An entity descriptor as JSON: apiVersion, kind, metadata, spec."""

LONGEST_FACT = 200
"""Characters of a value that filters, facets and orderings can see; longer ones are left out, as in Backstage."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entity was read. `path` is absolute for files; `document` counts from 0 in its file, `line` from 1.

    `parent` is the Location entity that led to the file; None if a configured location did so itself.
    """

    location_id: str
    path: str
    document: int
    line: int
    parent: Ref | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement that an edge exists: who declares it, in which field, where."""

    declarer: Ref
    field: str
    path: str
    line: int
    inferred: bool = False
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge as stored, source to target, with all evidence for it ordered by (declarer, field)."""

    source: Ref
    relation: str
    target: Ref
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """A catalog entity: its descriptor and what the catalog knows beside it."""

    ref: Ref
    document: Document
    origin: Origin
    orphan: bool = False

    @property
    def kind(self) -> str:
        return self.document["kind"]

    @property
    def namespace(self) -> str:
        return self.metadata.get("namespace") or DEFAULT_NAMESPACE

    @property
    def name(self) -> str:
        return self.metadata["name"]

    @property
    def metadata(self) -> Document:
        return self.document["metadata"]

    @property
    def spec(self) -> Document:
        return self.document.get("spec") or {}


def canonical_json(value: object) -> bytes:
    """The value as JSON with sorted keys: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def content_hash(content: bytes) -> str:
    """A 128-bit digest, in hexadecimal, by which unchanged content is recognised."""
    return blake2b(content, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Fact:
    """A scalar of a descriptor under its dotted path. `path` and `value` are lower case, `shown` is as declared."""

    path: str
    value: str
    shown: str = field(compare=False)


def facts_of(document: Document) -> Iterator[Fact]:
    """What filters see of a descriptor, by the rules of Backstage's filter syntax.

    Objects are walked by key; an array of scalars gives `path=value` and `path.value=true` for each; null and absent are the same;
    a missing namespace is `default`. Each fact is yielded once.
    https://backstage.io/docs/features/software-catalog/software-catalog-api#filtering
    """
    seen: set[tuple[str, str]] = set()
    for path, value in _walk("", document):
        shown = _shown(value)
        fact = Fact(path.lower(), shown.lower(), shown)
        if len(shown) <= LONGEST_FACT and (fact.path, fact.value) not in seen:
            seen.add((fact.path, fact.value))
            yield fact
    if not document.get("metadata", {}).get("namespace"):
        yield Fact("metadata.namespace", DEFAULT_NAMESPACE, DEFAULT_NAMESPACE)


def _walk(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, below in cast("dict[str, object]", value).items():
            yield from _walk(f"{path}.{key}" if path else key, below)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _walk(path, item)
            if isinstance(item, str) and len(item) <= LONGEST_FACT:
                yield f"{path}.{item}", True
    elif value is not None:
        yield path, value


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
