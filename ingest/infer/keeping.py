"""Keeping the inferred edges of the graph in step with what the repositories tell."""

from collections.abc import Mapping, Sequence

from graph.conditions import EVERYTHING, fact_in
from graph.entities import Edge, Entity
from graph.refs import Ref
from graph.state_rows import rows_of
from graph.store import Batch, Cause, EntityWrite, StateWrite, Store, Window
from ingest.diff import hash_of, unchanged_patch
from ingest.infer.edges import infer
from ingest.infer.notes import NOTES, Note, notes
from ingest.infer.people import people_of
from ingest.infer.standing import beside, declared_alone

CAUSE = Cause("task", "inference")

_WRITTEN = "inference-written"
_AT_ONCE = 1000


async def keep_inferred(store: Store) -> Sequence[Ref]:
    """Write the edges that follow from all notes, take back those that no longer do, and return the entities whose edges changed.

    StaleWriteError if others wrote the same entities meanwhile: what was written by then stays, and the next run goes on from there.
    """
    noted = await _current(store)
    speaking = {fact.ref for one in noted for fact in (*one.repository.facts.owners, *one.repository.facts.required)}
    written = {Ref(ident) for ident in await rows_of(store, _WRITTEN)}
    refs = sorted(speaking | written)
    entities: dict[Ref, Entity] = {}
    declares: dict[Ref, Sequence[Edge]] = {}
    for start in range(0, len(refs), _AT_ONCE):
        entities |= await store.entities_by_ref(refs[start : start + _AT_ONCE], visible=EVERYTHING)
        declares |= await store.declared_by(refs[start : start + _AT_ONCE])
    owners = {ref: [e.target for e in declared_alone(edges) if e.relation == "ownedBy"] for ref, edges in declares.items()}
    people = people_of([(entity.ref, entity.document) for entity in await _people(store)])
    inferred = infer([one.repository for one in noted], people, owners)
    by_declarer: dict[Ref, list[Edge]] = {}
    for edge in inferred.edges:
        by_declarer.setdefault(edge.source, []).append(edge)
    writes = [
        write for ref in refs if ref in entities and (write := _write(entities[ref], declares.get(ref, ()), by_declarer.get(ref, ())))
    ]
    for start in range(0, len(writes), _AT_ONCE):
        await store.apply(Batch(CAUSE, writes[start : start + _AT_ONCE]))
    await _remember(store, noted, written, by_declarer, entities)
    return [write.entity.ref for write in writes]


def _write(entity: Entity, stored: Sequence[Edge], inferred: Sequence[Edge]) -> EntityWrite | None:
    declares = beside(declared_alone(stored), inferred)
    if declares == tuple(stored):
        return None
    return EntityWrite(entity, declares, hash_of(entity), unchanged_patch(entity))


async def _current(store: Store) -> list[Note]:
    """The notes of locations that are still there; the others are dropped."""
    locations = {location.id for location in await store.locations()}
    found = await notes(store)
    gone = [StateWrite(NOTES, one.location_id, None) for one in found if one.location_id not in locations]
    if gone:
        await store.write_states(gone)
    return [one for one in found if one.location_id in locations]


async def _remember(
    store: Store, noted: Sequence[Note], written: set[Ref], inferred: Mapping[Ref, Sequence[Edge]], entities: Mapping[Ref, Entity]
) -> None:
    now = {ref for ref in inferred if ref in entities}
    changes = [StateWrite(_WRITTEN, ref, {}) for ref in sorted(now - written)]
    changes += [StateWrite(_WRITTEN, ref, None) for ref in sorted(written - now)]
    changes += [StateWrite(NOTES, one.location_id, one.row.value, expected=one.row.version) for one in noted if one.row.due]
    for start in range(0, len(changes), _AT_ONCE):
        await store.write_states(changes[start : start + _AT_ONCE])


async def _people(store: Store) -> list[Entity]:
    found: list[Entity] = []
    window = Window(_AT_ONCE)
    while True:
        page = await store.page(fact_in("kind", ("group", "user")), (), window, visible=EVERYTHING)
        found += page.rows
        if not page.has_next:
            return found
        window = Window(_AT_ONCE, after=page.keysets[-1])
