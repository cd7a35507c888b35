"""The properties of Neo4j's nodes and relationships as the values of the port, and back.

An entity keeps its document as JSON, and beside it what conditions ask for: `facts`, its facts as "path␟value" in order, `shown`, the
spelling of each where it differs, and the least value of some paths under a property of its own, with an index.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import orjson

from graph.entities import Description, Edge, Entity, Evidence, Origin
from graph.errors import InputError
from graph.refs import Ref

EdgeKey = tuple[Ref, str, Ref]
"""An edge's source, relation and target."""

StoredEdge = tuple[Ref, str, Ref, list[str]]
"""An edge's source, relation, target and evidence, as collected by a query."""

PROPERTIES: Mapping[str, str] = {
    "kind": "kind",
    "metadata.namespace": "namespace",
    "metadata.name": "name",
    "metadata.title": "title",
    "metadata.uid": "uid",
    "spec.type": "type",
    "spec.lifecycle": "lifecycle",
}
"""Paths that have a property of their own, holding the least value an entity has there. With more than one, it is marked `several`."""

_SEPARATOR = "\x1f"
_ESCAPE = "\x1e"
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_OTHER_LABELS = frozenset(
    ("Ref", "Entity", "Placeholder", "Change", "CatalogError", "Claim", "SourceFile", "Root", "Counter", "SchemaVersion", "StateRow")
)


def json_text(value: object) -> str:
    """The value as JSON. InputError for text that is not Unicode, or a number that JSON's readers do not hold."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as failure:
        raise InputError(f"what is to be stored can't be written as JSON: {failure}") from failure


def fact_prefix(path: str) -> str:
    """What every stored fact under the path starts with, and no other."""
    return path.replace(_ESCAPE, _ESCAPE + "0").replace(_SEPARATOR, _ESCAPE + "1") + _SEPARATOR


def stored_entity(entity: Entity, description: Description, declares: Sequence[Edge]) -> dict[str, Any]:
    """The properties of the node of an entity that declares these edges."""
    facts = sorted(description.facts())
    origin = entity.origin
    return {
        "ref": entity.ref,
        "document": json_text(entity.document),
        "hash": description.hash,
        "locationId": origin.location_id,
        "path": origin.path,
        "index": origin.document,
        "line": origin.line,
        "parent": origin.parent,
        "orphan": entity.orphan,
        "facts": [fact_prefix(path) + value for (path, value), _ in facts],
        "shown": ["" if shown == value else shown for (_, value), shown in facts],
        "texts": _texts(entity),
        "declares": declared_json(declares),
        **_properties(facts),
    }


def entity_from(record: Sequence[Any]) -> Entity:
    """The entity of a collected record."""
    ref, document, location_id, path, index, line, parent, orphan = record
    return Entity(ref, orjson.loads(document), Origin(location_id, path, index, line, parent), orphan)


def kind_labels(entity: Entity) -> list[str]:
    """The label for the entity's kind, as declared; none for a kind that can't be one or means something else."""
    kind = entity.kind
    return [kind] if _KIND.fullmatch(kind) and kind not in _OTHER_LABELS else []


def evidence_json(evidence: Evidence) -> str:
    """One evidence as stored on its relationship."""
    fields = (evidence.declarer, evidence.field, evidence.path, evidence.line, evidence.inferred, evidence.confidence)
    return json_text(fields)


def edge_from(source: Ref, relation: str, target: Ref, evidence: Iterable[str], declarers: frozenset[Ref] | None = None) -> Edge:
    """The edge with its stored evidence, that of `declarers` alone unless None."""
    found = [Evidence(*orjson.loads(text)) for text in evidence]
    kept = found if declarers is None else [e for e in found if e.declarer in declarers]
    return Edge(source, relation, target, tuple(sorted(kept, key=lambda e: (e.declarer, e.field))))


def declared_json(edges: Sequence[Edge]) -> str:
    """All edges that one entity declares, ordered, with its evidence."""
    ordered = sorted(edges, key=lambda edge: (edge.source, edge.relation, edge.target))
    return json_text([(e.source, e.relation, e.target, [evidence_json(v) for v in e.evidence]) for e in ordered])


def declared_from(text: str | None) -> dict[EdgeKey, list[str]]:
    """The stored evidence of each edge that one entity declares."""
    rows = cast("list[StoredEdge]", orjson.loads(text) if text else [])
    return {(source, relation, target): evidence for source, relation, target, evidence in rows}


def _properties(facts: Sequence[tuple[tuple[str, str], str]]) -> dict[str, Any]:
    least: dict[str, Any] = {}
    for (path, value), shown in facts:
        name = PROPERTIES.get(path)
        if name is None:
            continue
        if name in least:
            least["several"] = True
        else:
            least |= {name: value, f"{name}Shown": shown}
    return least


def _texts(entity: Entity) -> list[str]:
    """What TextContains looks into."""
    metadata = entity.metadata
    tags = metadata.get("tags")
    texts = (
        entity.ref,
        metadata.get("title"),
        metadata.get("description"),
        *(cast("list[object]", tags) if isinstance(tags, list) else ()),
    )
    return [text.lower() for text in texts if isinstance(text, str)]


def declarer_of(evidence: str) -> Ref:
    """Who declares the stored evidence."""
    return orjson.loads(evidence)[0]
