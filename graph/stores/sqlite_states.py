"""Reads of what lies beside the graph: the log, catalog errors, and the state of ingestion."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from graph.conditions import EVERYTHING, Condition
from graph.entities import Edge
from graph.refs import Ref
from graph.store import (
    CatalogError,
    Cause,
    Change,
    Claim,
    Counts,
    ErrorFilter,
    Location,
    LocationCounts,
    Operation,
    Page,
    SourceFile,
    Window,
)
from graph.stores.sqlite_composer import Composer, joined
from graph.stores.sqlite_connections import Session, texts_as_json
from graph.stores.sqlite_log import log_fragments
from graph.stores.sqlite_records import check_bounds, declared_edges
from graph.stores.windows import span_of

_ERROR_KEYS = ("path", "line_key", "column_key", "id")


def counts(session: Session) -> Counts:
    return Counts(*session.rows("counts"))


def head(session: Session) -> int:
    return session.value("head")


def changes(
    session: Session, after: int, limit: int, visible: Condition, refs: Sequence[Ref] | None, *, backward: bool
) -> Sequence[Change]:
    composer = Composer(visible)
    fragments = log_fragments(composer, visible, refs)
    beyond = f"change.sequence {'<' if backward else '>'} {composer.parameter(after)}"
    direction = "DESC" if backward else "ASC"
    rows = session.rows("changes", {**composer.parameters, "limit": limit}, **fragments, beyond=beyond, direction=direction)
    return [_change_from(row) for row in rows]


def change_counts(session: Session, refs: Sequence[Ref] | None, visible: Condition) -> int:
    composer = Composer(visible)
    fragments = log_fragments(composer, visible, refs)
    return session.value("change_counts", composer.parameters, **fragments)


def _change_from(row: Sequence[Any]) -> Change:
    sequence, at, ref, operation, patch, kind, detail = row
    return Change(sequence, datetime.fromisoformat(at), ref, Operation(operation), patch, Cause(kind, detail))


def errors(session: Session, filter: ErrorFilter, window: Window, visible: Condition) -> Page[CatalogError]:
    check_bounds(window, len(_ERROR_KEYS))
    composer = Composer(visible)
    wanted = _wanted_errors(composer, filter, visible)
    bounds = {
        "through_after": composer.compared(_ERROR_KEYS, "<=", window.after),
        "before": composer.compared(_ERROR_KEYS, "<", window.before),
    }
    total, through_after, before = session.rows("error_span", composer.parameters, wanted=wanted, **bounds)
    span = span_of(window, total, through_after, before)
    place = {**composer.parameters, "start": span.start, "limit": span.stop - span.start}
    rows = session.rows("errors", place, wanted=wanted)
    return Page(
        [CatalogError(*orjson.loads(record)) for _, record in rows], [tuple(keys) for keys, _ in rows], span.has_previous, span.has_next
    )


def error_count(session: Session, filter: ErrorFilter, visible: Condition) -> int:
    composer = Composer(visible)
    wanted = _wanted_errors(composer, filter, visible)
    return session.value("error_count", composer.parameters, wanted=wanted)


def _wanted_errors(composer: Composer, filter: ErrorFilter, visible: Condition) -> str:
    parts = [
        composer.among("error.ref", filter.refs),
        composer.among("error.location", filter.location_ids),
        composer.among("error.code", filter.codes),
    ]
    if filter.of_entities:
        parts.append(composer.names_seen("error.ref"))
    elif visible != EVERYTHING:
        parts.append(f"NOT {composer.names_hidden('error.ref')}")
    return joined("AND", parts)


def locations(session: Session) -> Sequence[Location]:
    found: list[Location] = []
    for location_id, reader, target, origin, order, read_at, error in session.rows("locations"):
        read = datetime.fromisoformat(read_at) if read_at else None
        found.append(Location(location_id, reader, target, origin, order, read, error))
    return found


def location_counts(session: Session, ids: Sequence[str]) -> Mapping[str, LocationCounts]:
    rows = session.rows("location_counts", {"ids": texts_as_json(ids)})
    return {location_id: LocationCounts(files, entities, errors) for location_id, files, entities, errors in rows}


def files(session: Session, location_id: str) -> Mapping[str, SourceFile]:
    rows = session.rows("files", {"location": location_id})
    return {
        path: SourceFile(location_id, path, digest, tuple(includes), tuple(targets), parent, tuple(claims), tuple(kept))
        for path, digest, includes, targets, parent, claims, kept in rows
    }


def claims(session: Session, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Claim]]:
    found: dict[Ref, list[Claim]] = {}
    for ref, location_id, path, document, line, reading in session.rows("claims", {"refs": texts_as_json(refs)}):
        claim = Claim(ref, location_id, path, document, line, None if reading is None else b64decode(reading))
        found.setdefault(ref, []).append(claim)
    for of_ref in found.values():
        of_ref.sort(key=lambda claim: (claim.location_id, claim.path, claim.document))
    return found


def declared_by(session: Session, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Edge]]:
    rows = session.rows("declared_by", {"refs": texts_as_json(refs)})
    return declared_edges(rows)
