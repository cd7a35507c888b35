"""Everything that ingestion wrote, but for the log and times, as one comparable value."""

from dataclasses import replace
from typing import Any

from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.store import CatalogError, ErrorFilter, Store, Window

_AT_ONCE = 1000


async def graph_dump(store: Store) -> dict[str, Any]:
    """Entities and what they declare by ref, errors by place, the records and claims of files, and the locations."""
    entities = {entity.ref: entity async for entity in _entities(store)}
    refs = sorted(entities)
    locations = await store.locations()
    files = {location.id: dict(await store.files(location.id)) for location in locations}
    claimed = sorted({ref for records in files.values() for record in records.values() for ref in (*record.claims, *record.kept)})
    return {
        "entities": entities,
        "declared": {ref: tuple(edges) for ref, edges in (await _declared(store, refs)).items()},
        "errors": [error async for error in _errors(store)],
        "files": {location: _by_value(records) for location, records in files.items()},
        "claims": {ref: list(claims) for ref, claims in (await store.claims(claimed)).items()},
        "locations": [replace(location, read_at=None) for location in locations],
    }


async def _entities(store: Store):
    window = Window(_AT_ONCE)
    while True:
        page = await store.page(EVERYTHING, (), window, visible=EVERYTHING)
        for entity in page.rows:
            yield entity
        if not page.has_next:
            return
        window = Window(_AT_ONCE, after=page.keysets[-1])


async def _errors(store: Store):
    window = Window(_AT_ONCE)
    while True:
        page = await store.errors(ErrorFilter(), window, visible=EVERYTHING)
        error: CatalogError
        for error in page.rows:
            yield error
        if not page.has_next:
            return
        window = Window(_AT_ONCE, after=page.keysets[-1])


async def _declared(store: Store, refs: list[Ref]):
    declared = {}
    for start in range(0, len(refs), _AT_ONCE):
        declared.update(await store.declared_by(refs[start : start + _AT_ONCE]))
    return declared


def _by_value(records: dict[str, Any]) -> dict[str, Any]:
    """The records with their sequences as tuples, whatever an adapter returns."""
    return {
        path: replace(r, includes=tuple(r.includes), targets=tuple(r.targets), claims=tuple(r.claims), kept=tuple(r.kept))
        for path, r in records.items()
    }
