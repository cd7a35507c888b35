"""What ingestion keeps beside the graph: roots of reading, files, claims and errors; and the log of changes."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from graph.conditions import Condition
from graph.refs import Ref
from graph.store import (
    Batch,
    CatalogError,
    Cause,
    Change,
    Claim,
    ErrorFilter,
    Location,
    LocationCounts,
    Operation,
    Page,
    SourceFile,
    Window,
)
from graph.stores.neo4j_composer import Composer, joined
from graph.stores.neo4j_connections import Transaction
from graph.stores.neo4j_edges import window_parameters
from graph.stores.stale import Place
from graph.stores.windows import span_of

_ERROR_KEYS = 4


async def changes(
    transaction: Transaction, after: int, limit: int, visible: Condition, refs: Sequence[Ref] | None, *, backward: bool
) -> Sequence[Change]:
    composer = Composer(visible)
    fragment = composer.visible_ref("c.ref")
    beyond, ordering = ("<", "DESC") if backward else (">", "")
    parameters = {**composer.parameters, "after": after, "limit": limit, "refs": _listed(refs)}
    rows = await transaction.value("changes", parameters, visible=fragment, beyond=beyond, ordering=ordering)
    return [_change(row) for row in rows]


async def change_counts(transaction: Transaction, refs: Sequence[Ref] | None, visible: Condition) -> int:
    composer = Composer(visible)
    fragment = composer.visible_ref("c.ref")
    return await transaction.value("change_counts", {**composer.parameters, "refs": _listed(refs)}, visible=fragment)


async def errors(transaction: Transaction, filter: ErrorFilter, window: Window, visible: Condition) -> Page[CatalogError]:
    """A window of the errors. InvalidCursorError if one of its keysets is none of this list."""
    bounds = window_parameters(window, _ERROR_KEYS)
    conditions, parameters = _errors(filter, visible)
    total, passed, ahead = await transaction.record("errors_place", {**parameters, **bounds}, conditions=conditions)
    span = span_of(window, total, passed, ahead)
    place = {**parameters, "start": span.start, "limit": span.stop - span.start}
    found = [CatalogError(*row) for row in await transaction.value("errors", place, conditions=conditions)]
    keysets = [(error.path, _key(error.line), _key(error.column), error.id) for error in found]
    return Page(found, keysets, span.has_previous, span.has_next)


async def error_count(transaction: Transaction, filter: ErrorFilter, visible: Condition) -> int:
    conditions, parameters = _errors(filter, visible)
    return (await transaction.record("errors_place", {**parameters, "after": None, "before": None}, conditions=conditions))[0]


async def locations(transaction: Transaction) -> Sequence[Location]:
    rows = await transaction.value("locations")
    return [_location(row) for row in rows]


async def location_counts(transaction: Transaction, ids: Sequence[str]) -> Mapping[str, LocationCounts]:
    rows = await transaction.value("location_counts", {"ids": list(ids)})
    return {location_id: LocationCounts(*counted) for location_id, *counted in rows}


async def files(transaction: Transaction, location_id: str) -> Mapping[str, SourceFile]:
    rows = await transaction.value("files", {"location": location_id})
    return {row[1]: SourceFile(row[0], row[1], row[2], tuple(row[3]), tuple(row[4]), row[5], tuple(row[6]), tuple(row[7])) for row in rows}


async def claims(transaction: Transaction, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Claim]]:
    found: dict[Ref, list[Claim]] = {}
    for row in await transaction.value("claims", {"refs": list(refs)}):
        found.setdefault(row[0], []).append(Claim(*row))
    return found


async def write_sources(transaction: Transaction, batch: Batch, unread: Container[Place]) -> None:
    """Replace the records, claims and errors of the batch's files, and drop those of the forgotten. Of the `unread` nothing is stored."""
    places = dict.fromkeys((*((file.location_id, file.path) for file in batch.files), *batch.forgotten))
    replaced = [list(place) for place in places if place not in unread]
    if replaced:
        await transaction.run("files_forget", {"places": replaced})
    if batch.files:
        await transaction.run("files_write", {"files": [_stored_file(file) for file in batch.files]})
    if batch.claims:
        await transaction.run("claims_write", {"claims": [_stored_claim(claim) for claim in batch.claims]})
    if batch.errors:
        await transaction.run("errors_write", {"errors": [_stored_error(error) for error in batch.errors]})


async def write_locations(transaction: Transaction, batch: Batch) -> None:
    """Write and remove the batch's roots of reading."""
    if batch.locations:
        await transaction.run("locations_write", {"locations": [_stored_location(location) for location in batch.locations]})
    if batch.removed_locations:
        await transaction.run("locations_remove", {"ids": list(batch.removed_locations)})


def _change(row: Sequence[Any]) -> Change:
    sequence, at, ref, operation, patch, cause, detail = row
    return Change(
        sequence, datetime.fromisoformat(at), ref, Operation(operation), orjson.loads(patch) if patch else (), Cause(cause, detail)
    )


def _location(row: Sequence[Any]) -> Location:
    location_id, type_, target, origin, order, read_at, error = row
    return Location(location_id, type_, target, origin, order, None if read_at is None else datetime.fromisoformat(read_at), error)


def _errors(filter: ErrorFilter, visible: Condition) -> tuple[str, dict[str, object]]:
    composer = Composer(visible)
    wanted = (("x.ref", filter.refs), ("x.locationId", filter.location_ids), ("x.code", filter.codes))
    conditions = [f"{name} IN {composer.parameter(list(values))}" for name, values in wanted if values is not None]
    if filter.of_entities:
        conditions.append(f"EXISTS {{ MATCH (named:Ref) WHERE named.ref = x.ref AND {composer.there('named')} }}")
    else:
        conditions.append(f"NOT {composer.hidden_ref('x.ref')}")
    return joined("AND", conditions), composer.parameters


def _listed(refs: Sequence[Ref] | None) -> list[Ref] | None:
    return None if refs is None else list(refs)


def _key(number: int | None) -> str:
    return "" if number is None else f"{number:09d}"


def _stored_file(file: SourceFile) -> dict[str, object]:
    return {
        "locationId": file.location_id,
        "path": file.path,
        "digest": file.digest,
        "includes": list(file.includes),
        "targets": list(file.targets),
        "parent": file.parent,
        "claims": list(file.claims),
        "kept": list(file.kept),
    }


def _stored_claim(claim: Claim) -> dict[str, object]:
    return {
        "ref": claim.ref,
        "locationId": claim.location_id,
        "path": claim.path,
        "document": claim.document,
        "line": claim.line,
        "reading": claim.reading,
    }


def _stored_error(error: CatalogError) -> dict[str, object]:
    return {
        "id": error.id,
        "locationId": error.location_id,
        "path": error.path,
        "code": error.code,
        "message": error.message,
        "remedy": error.remedy,
        "document": error.document,
        "line": error.line,
        "column": error.column,
        "lineKey": _key(error.line),
        "columnKey": _key(error.column),
        "ref": error.ref,
    }


def _stored_location(location: Location) -> dict[str, object]:
    return {
        "id": location.id,
        "type": location.type,
        "target": location.target,
        "origin": location.origin,
        "order": location.order,
        "readAt": location.read_at.isoformat() if location.read_at else None,
        "error": location.error,
    }
