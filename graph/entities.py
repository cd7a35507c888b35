"""Entities, the edges between them with their evidence, and the facts that filters and facets read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import orjson

from graph.errors import InputError
from graph.refs import DEFAULT_NAMESPACE, Ref, uid_of

Document = Mapping[str, Any]
"""An entity descriptor as JSON: apiVersion, kind, metadata, spec."""

_UID = "metadata.uid"

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


Facts = Mapping[tuple[str, str], str]
"""The scalars of a descriptor: by dotted path and value, both in lower case, the value as declared."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a store keeps of a document beside itself: the content hash of its canonical JSON, and its facts.

    `shown` holds the facts by path and then by value: the value as declared, None where that is in lower case already.
    """

    hash: str
    shown: Mapping[str, Mapping[str, str | None]]

    def facts(self) -> Iterator[tuple[tuple[str, str], str]]:
        """Each fact as an item of Facts."""
        for path, values in self.shown.items():
            for value, shown in values.items():
                yield (path, value), value if shown is None else shown


def described(document: Document) -> Description:
    """The description of a document. InputError if it holds text that is not Unicode."""
    by_path: dict[str, dict[str, str | None]] = {}
    for (path, value), shown in facts_of(document).items():
        by_path.setdefault(path, {})[value] = None if shown == value else shown
    try:
        return Description(content_hash(canonical_json(document)), by_path)
    except TypeError as failure:
        raise InputError(f"the document can't be written as JSON: {failure}") from failure


def facts_of(document: Document) -> Facts:
    """What filters see of a descriptor, by the rules of Backstage's filter syntax.

    Objects are walked by key; an array of scalars gives `path=value` and `path.value=true` for each; null and absent are the same;
    a missing namespace is `default`; `metadata.uid` is the entity's, whatever is written there. Each fact is there once, shown as where it
    comes first. Text with a NUL character is left out.
    https://backstage.io/docs/features/software-catalog/software-catalog-api#filtering
    """
    shown: dict[tuple[str, str], str] = {}
    _collect("", document, shown)
    if any("\0" in path or "\0" in value for path, value in shown):
        shown = {(path, value): as_declared for (path, value), as_declared in shown.items() if "\0" not in path + value}
    metadata: Mapping[str, Any] = document.get("metadata", {})
    if not (namespace := metadata.get("namespace")):
        shown.setdefault(("metadata.namespace", DEFAULT_NAMESPACE), DEFAULT_NAMESPACE)
    if "uid" in metadata:
        shown = {fact: as_declared for fact, as_declared in shown.items() if fact[0] != _UID and not fact[0].startswith(f"{_UID}.")}
    if "name" in metadata and "kind" in document:
        uid = uid_of(Ref(f"{document['kind']}:{namespace or DEFAULT_NAMESPACE}/{metadata['name']}".lower()))
        shown[_UID, uid] = uid
    return shown


def _collect(path: str, value: object, shown: dict[tuple[str, str], str]) -> None:
    if isinstance(value, dict):
        for key, below in cast("dict[str, object]", value).items():
            under = f"{path}.{key.lower()}" if path else key.lower()
            # Most values are strings; a call for each would double the time.
            if type(below) is str:
                if len(below) <= LONGEST_FACT:
                    shown.setdefault((under, below.lower()), below)
            else:
                _collect(under, below, shown)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _collect(path, item, shown)
            if isinstance(item, str) and len(item) <= LONGEST_FACT:
                shown.setdefault((f"{path}.{item.lower()}", "true"), "true")
    elif value is not None:
        text = value if isinstance(value, str) else _shown(value)
        if len(text) <= LONGEST_FACT:
            shown.setdefault((path, text.lower()), text)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
