"""The rows of SQLite as the values of the port: entities, edges with their evidence, places in a list."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graph.entities import Edge, Entity, Evidence, Origin
from graph.refs import Ref
from graph.store import Window
from graph.stores.sqlite_composer import Composer
from graph.stores.sqlite_connections import Session, as_json
from graph.stores.windows import fitting

EdgeIds = tuple[int, int, int]
"""An edge by its ids: source, relation, target."""

# SQLite holds at most 1 GB in one value, and a document may have several MB.
_RECORDS_AT_ONCE = 500


def entity_from(record: Sequence[Any]) -> Entity:
    """The entity of a stored record."""
    ref, document, location_id, path, index, line, parent, orphan = record
    return Entity(ref, document, Origin(location_id, path, index, line, parent), orphan)


def record_of(entity: Entity) -> Sequence[Any]:
    """The record to store for an entity."""
    origin = entity.origin
    place = (origin.location_id, origin.path, origin.document, origin.line, origin.parent)
    return (entity.ref, entity.document, *place, entity.orphan)


def entities_of_nodes(session: Session, composer: Composer, nodes: Sequence[int]) -> Mapping[Ref, Entity]:
    """The visible entities among the nodes."""
    visible = composer.visible("+entity.node")
    found: dict[Ref, Entity] = {}
    for start in range(0, len(nodes), _RECORDS_AT_ONCE):
        parameters = {**composer.parameters, "nodes": as_json(nodes[start : start + _RECORDS_AT_ONCE])}
        for record in session.rows("records", parameters, visible=visible):
            found[record[0]] = entity_from(record)
    return found


def edges_of_ids(session: Session, composer: Composer, ids: Iterable[EdgeIds]) -> Mapping[EdgeIds, Edge]:
    """The edges with what visible entities declare of them."""
    declared: dict[EdgeIds, list[Evidence]] = {}
    named: dict[EdgeIds, tuple[Ref, str, Ref]] = {}
    wanted = as_json(list(dict.fromkeys(ids)))
    visible = composer.visible("+declaration.declarer")
    for source, relation, target, names, evidence in session.rows("evidence", {**composer.parameters, "edges": wanted}, visible=visible):
        edge = (source, relation, target)
        named[edge] = names
        declared.setdefault(edge, []).append(_evidence_from(evidence))
    return {ids: _edge(named[ids], evidence) for ids, evidence in declared.items()}


def declared_edges(rows: Iterable[Sequence[Any]]) -> Mapping[Ref, Sequence[Edge]]:
    """Edges by declarer, from rows of (names, evidence): each with that declarer's evidence alone, ordered."""
    declared: dict[tuple[Ref, tuple[Ref, str, Ref]], list[Evidence]] = {}
    for names, evidence in rows:
        declared.setdefault((evidence[0], tuple(names)), []).append(_evidence_from(evidence))
    found: dict[Ref, list[Edge]] = {}
    for declarer, names in sorted(declared):
        found.setdefault(declarer, []).append(_edge(names, declared[declarer, names]))
    return found


def _edge(names: tuple[Ref, str, Ref], evidence: Sequence[Evidence]) -> Edge:
    source, relation, target = names
    return Edge(source, relation, target, tuple(sorted(evidence, key=lambda e: (e.declarer, e.field))))


def _evidence_from(row: Sequence[Any]) -> Evidence:
    declarer, field, path, line, inferred, confidence = row
    return Evidence(declarer, field, path, line, bool(inferred), confidence)


def check_bounds(window: Window, keys: int, nullable: int = 0) -> None:
    """InvalidCursorError unless the window's keysets have that many keys, none of them null but for the first `nullable`."""
    for keyset in (window.after, window.before):
        if keyset is not None:
            fitting(keyset, keys, nullable)
