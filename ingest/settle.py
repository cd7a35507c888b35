"""Settling what files declare into what the graph holds: who holds each ref, what is written, what goes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from graph.conditions import EVERYTHING
from graph.entities import Edge, Entity, Origin
from graph.errors import StaleWriteError
from graph.refs import Ref
from graph.store import (
    Batch,
    CatalogError,
    Cause,
    Claim,
    EntityWrite,
    ErrorFilter,
    Location,
    Removal,
    SourceFile,
    StateWrite,
    Store,
    Window,
)
from ingest.changes import FileChange
from ingest.conflicts import Place, conflict_errors, place_of, winner_of
from ingest.diff import removal_of, write_of
from ingest.files import decoded_content, encoded_content, without_description
from ingest.infer.standing import kept_beside
from ingest.lifecycle import RELEASES
from ingest.problems import ErrorCode

ORPHAN_ANNOTATION = "backstage.io/orphan"

_ERRORS_AT_ONCE = 1000
_REFS_AT_ONCE = 1000


@dataclass(slots=True)
class Tally:
    """How many entities were written, and how."""

    created: int = 0
    updated: int = 0
    removed: int = 0
    orphaned: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of some refs."""

    entities: Mapping[Ref, Entity]
    claims: Mapping[Ref, Sequence[Claim]]
    declared: Mapping[Ref, Sequence[Edge]]

    def holder(self, ref: Ref) -> Place | None:
        """The file that the entity was read from; None if there is no entity, or one that nothing leads to."""
        entity = self.entities.get(ref)
        return None if entity is None or entity.orphan else (entity.origin.location_id, entity.origin.path)


@dataclass(slots=True)
class _Plan:
    """A batch in the making: for each affected ref its claims and the one that wins."""

    changes: Mapping[Place, FileChange]
    known: Known
    claims: dict[Ref, list[Claim]]
    winners: dict[Ref, Claim | None] = field(default_factory=dict[Ref, "Claim | None"])
    conflicts: dict[Place, list[CatalogError]] = field(default_factory=dict[Place, "list[CatalogError]"])
    rows: dict[Place, list[Claim]] = field(default_factory=dict[Place, "list[Claim]"])
    writes: list[EntityWrite] = field(default_factory=list[EntityWrite])
    removals: list[Removal] = field(default_factory=list[Removal])
    released: list[Ref] = field(default_factory=list[Ref])


@dataclass(slots=True)
class Settler:
    """Settles the files of one location, batch by batch. `records` are the stored records of its files and follow what is written.

    `told` gets each batch; one that `rehearses` writes none of them.
    """

    store: Store
    location: Location
    records: dict[str, SourceFile]
    order: Mapping[str, int]
    cause: Cause
    keep_orphans: bool
    tally: Tally = field(default_factory=Tally)
    created: set[Ref] = field(default_factory=set[Ref])
    wrote: bool = False
    told: Callable[[Batch], None] | None = None
    rehearses: bool = False
    grace: timedelta = timedelta(0)
    _writing: asyncio.Task[None] | None = None
    _in_flight: set[Ref] = field(default_factory=set[Ref])

    async def settle_plain(self, changes: Sequence[FileChange]) -> list[FileChange]:
        """Write what the files declare, but for those that share a ref with another file or let one go; these are returned.

        The write goes on while the next call prepares its own, until `flush`.
        """
        known = await self._known({ref for change in changes for ref in (*change.declared, *change.previous)})
        taken = set(self._in_flight)
        plain: list[FileChange] = []
        entangled: list[FileChange] = []
        for change in changes:
            own = {*change.declared, *change.kept}
            free = own.isdisjoint(taken) and own.issuperset(change.previous) and self._is_alone(change, own, known)
            (plain if free else entangled).append(change)
            taken |= own
        if plain:
            affected = {ref for change in plain for ref in (*change.declared, *change.kept)}
            plan, neighbours = await self._planned(plain, known, affected)
            await self.flush()
            self._in_flight = affected
            self._writing = asyncio.create_task(self._apply(plan, neighbours))
        return entangled

    async def flush(self) -> None:
        """Wait for the write that goes on. StaleWriteError and StoreUnavailableError are those of the write."""
        writing, self._writing = self._writing, None
        if writing:
            await writing

    async def abandon(self) -> None:
        """End the write that goes on, if there is one, whatever becomes of it."""
        if self._writing:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def settle(self, changes: Sequence[FileChange], refs: Collection[Ref] = ()) -> None:
        """Write what follows from the changes, and who holds `refs` now, in one transaction. StaleWriteError if anything moved."""
        await self.flush()
        affected = {*refs, *(ref for change in changes for ref in (*change.declared, *change.previous))}
        plan, neighbours = await self._planned(changes, await self._known(affected), affected)
        await self._apply(plan, neighbours)

    async def settle_rest(self, refs: Collection[Ref]) -> None:
        """Settle again what was claimed by another location while this one let go of it, or the other way round."""
        watched = sorted(refs)
        for start in range(0, len(watched), _REFS_AT_ONCE):
            if unsettled := await self.unsettled(watched[start : start + _REFS_AT_ONCE]):
                await self.settle((), unsettled)

    async def unsettled(self, refs: Collection[Ref]) -> set[Ref]:
        """Those of the refs that are claimed but held by none of the claims, as when two locations were settled at the same time."""
        known = await self._known(set(refs))
        return {ref for ref, claims in known.claims.items() if known.holder(ref) not in [place_of(claim) for claim in claims]}

    def _is_alone(self, change: FileChange, refs: Collection[Ref], known: Known) -> bool:
        place = (self.location.id, change.path)
        if change.reading and len(change.reading.entities) > len(change.declared):
            return False
        return all(
            known.holder(ref) in (None, place) and all(place_of(claim) == place for claim in known.claims.get(ref, ())) for ref in refs
        )

    async def _known(self, refs: Collection[Ref]) -> Known:
        wanted = sorted(refs)
        if not wanted:
            return Known({}, {}, {})
        entities = await self.store.entities_by_ref(wanted, visible=EVERYTHING)
        claims = await self.store.claims(wanted)
        return Known(entities, claims, await self.store.declared_by(list(entities)) if entities else {})

    async def _planned(
        self, changes: Sequence[FileChange], known: Known, affected: Collection[Ref]
    ) -> tuple[_Plan, "Mapping[Place, _Neighbour]"]:
        by_place: dict[Place, FileChange] = {(change.location_id, change.path): change for change in changes}
        claims: dict[Ref, list[Claim]] = {
            ref: [claim for claim in known.claims.get(ref, ()) if place_of(claim) not in by_place] for ref in affected
        }
        for change in changes:
            for claim in change.claims(known.claims):
                claims[claim.ref].append(claim)
        plan = _Plan(by_place, known, claims)
        for ref in sorted(affected):
            self._decide(plan, ref)
        neighbours = await self._neighbours(plan)
        for ref, winner in plan.winners.items():
            self._plan_entity(plan, ref, winner, neighbours)
        return plan, neighbours

    def _decide(self, plan: _Plan, ref: Ref) -> None:
        claims = plan.claims[ref]
        winner = plan.winners[ref] = winner_of(claims, plan.known.holder(ref), self.order, lambda claim: self._is_new(plan, claim))
        for claim in claims:
            row = claim
            if claim is winner and claim.reading is not None:
                row = Claim(claim.ref, claim.location_id, claim.path, claim.document, claim.line)
            if claim is not winner:
                row = replace(claim, reading=without_description(claim.reading) if claim.reading else self._stored_reading(plan, ref))
            plan.rows.setdefault(place_of(claim), []).append(row)
        if winner is not None:
            for error in conflict_errors(ref, claims, winner):
                plan.conflicts.setdefault((error.location_id, error.path), []).append(error)

    def _is_new(self, plan: _Plan, claim: Claim) -> bool:
        """Whether the claim came with this read. A first read that was interrupted goes on as the same read."""
        if claim.location_id != self.location.id:
            return False
        change = plan.changes.get(place_of(claim))
        return self.location.read_at is None or claim.ref in self.created or (change is not None and claim.ref not in change.previous)

    def _stored_reading(self, plan: _Plan, ref: Ref) -> bytes | None:
        entity = plan.known.entities.get(ref)
        return encoded_content(entity.document, plan.known.declared.get(ref, ())) if entity else None

    def _plan_entity(self, plan: _Plan, ref: Ref, winner: Claim | None, neighbours: Mapping[Place, "_Neighbour"]) -> None:
        stored = plan.known.entities.get(ref)
        declared = plan.known.declared.get(ref, ())
        if winner is None:
            if stored is not None and not stored.orphan:
                self._plan_release(plan, stored, declared)
            return
        if winner.reading is None:
            return
        place = place_of(winner)
        change = plan.changes.get(place)
        parent = change.reading.parent if change and change.reading else neighbours[place].record.parent
        document, edges, description = decoded_content(winner.reading, ref)
        origin = Origin(winner.location_id, winner.path, winner.document, winner.line, parent)
        write = write_of(Entity(ref, document, origin), kept_beside(edges, declared), stored, declared, description)
        if write:
            plan.writes.append(write)

    def _plan_release(self, plan: _Plan, stored: Entity, declared: Sequence[Edge]) -> None:
        if not self.keep_orphans:
            if self.grace:
                plan.released.append(stored.ref)
            else:
                plan.removals.append(removal_of(stored))
            return
        annotations: dict[str, str] = stored.metadata.get("annotations") or {}
        marked = {**stored.metadata, "annotations": {**annotations, ORPHAN_ANNOTATION: "true"}}
        orphan = replace(stored, document={**stored.document, "metadata": marked}, orphan=True)
        write = write_of(orphan, declared, stored, declared)
        if write:
            plan.writes.append(write)

    async def _neighbours(self, plan: _Plan) -> dict[Place, "_Neighbour"]:
        """The files that share a ref with those that changed: their claims and conflicts are told anew."""
        places = sorted(place for place in plan.rows if place not in plan.changes)
        elsewhere = {location: await self.store.files(location) for location, _ in places if location != self.location.id}
        neighbours: dict[Place, _Neighbour] = {}
        for location_id, path in places:
            record = self.records.get(path) if location_id == self.location.id else elsewhere[location_id].get(path)
            refs = {*record.claims, *record.kept} if record else set[Ref]()
            # The claims were read before the record, which somebody may have replaced in between.
            if record is None or not refs.issuperset(claim.ref for claim in plan.rows[location_id, path]):
                raise StaleWriteError(f"{path} was read by others while what it shares with other files was settled")
            stored = await self.store.claims(sorted(refs))
            claims = [claim for ref in stored for claim in stored[ref] if place_of(claim) == (location_id, path)]
            errors = [error async for error in _errors_of(self.store, location_id) if error.path == path]
            neighbours[location_id, path] = _Neighbour(record, claims, errors)
        return neighbours

    async def _apply(self, plan: _Plan, neighbours: Mapping[Place, "_Neighbour"]) -> None:
        files: list[SourceFile] = []
        claims: list[Claim] = []
        errors: list[CatalogError] = []
        for place, change in plan.changes.items():
            record = change.record
            if record:
                rows = plan.rows.get(place, [])
                files.append(record)
                claims += rows
                errors += [*change.errors(rows), *plan.conflicts.get(place, ())]
        for place, neighbour in neighbours.items():
            rows = [*(claim for claim in neighbour.claims if claim.ref not in plan.claims), *plan.rows[place]]
            now = [e for e in neighbour.errors if e.code != ErrorCode.CONFLICT or e.ref not in plan.claims]
            now += plan.conflicts.get(place, ())
            if {e.id for e in now} != {e.id for e in neighbour.errors} or set(rows) != set(neighbour.claims):
                files.append(neighbour.record)
                claims += rows
                errors += now
        forgotten = [place for place, change in plan.changes.items() if change.reading is None]
        distinct = list({error.id: error for error in errors}.values())
        if not (plan.writes or plan.removals or files or forgotten):
            return
        expected = {place: change.before.digest if change.before else "" for place, change in plan.changes.items()}
        expected |= {place: neighbour.record.digest for place, neighbour in neighbours.items()}
        batch = Batch(self.cause, plan.writes, plan.removals, files, claims, distinct, forgotten, expected=expected)
        if not self.rehearses:
            # First: a crash in between leaves a release of what is declared, which is dropped when it is due.
            await self._release(plan.released)
            await self.store.apply(batch)
        if self.told:
            self.told(batch)
        self._count(plan, files, forgotten)

    async def _release(self, refs: Sequence[Ref]) -> None:
        if refs:
            now = datetime.now(UTC)
            value = {"since": now.isoformat(), "causeKind": self.cause.kind, "causeDetail": self.cause.detail}
            await self.store.write_states([StateWrite(RELEASES, ref, value, due=now + self.grace) for ref in refs])

    def _count(self, plan: _Plan, files: Sequence[SourceFile], forgotten: Sequence[Place]) -> None:
        self.wrote = True
        self.records.update((file.path, file) for file in files if file.location_id == self.location.id)
        for _, path in forgotten:
            self.records.pop(path, None)
        for write in plan.writes:
            if write.previous_hash is None:
                self.tally.created += 1
                self.created.add(write.entity.ref)
            elif write.entity.orphan:
                self.tally.orphaned += 1
            elif write.patch:
                self.tally.updated += 1
        self.tally.removed += len(plan.removals)


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """What is stored of a file that did not change itself."""

    record: SourceFile
    claims: Sequence[Claim]
    errors: Sequence[CatalogError]


async def _errors_of(store: Store, location_id: str) -> AsyncIterator[CatalogError]:
    """All errors of a location."""
    window = Window(_ERRORS_AT_ONCE)
    while True:
        page = await store.errors(ErrorFilter(location_ids=(location_id,)), window, visible=EVERYTHING)
        for error in page.rows:
            yield error
        if not page.has_next:
            return
        window = Window(_ERRORS_AT_ONCE, after=page.keysets[-1])


def groups(changes: Sequence[FileChange], most: int) -> Iterator[list[FileChange]]:
    """The changes in parts that share no ref between them, each with at most `most` refs unless it can't be split."""
    leader: dict[Ref, FileChange] = {}
    joined: dict[str, str] = {}

    def root(path: str) -> str:
        while (above := joined.get(path, path)) != path:
            joined[path] = joined.get(above, above)
            path = above
        return path

    for change in changes:
        for ref in (*change.declared, *change.previous):
            joined[root(change.path)] = root(leader.setdefault(ref, change).path)
    parts: dict[str, list[FileChange]] = {}
    for change in changes:
        parts.setdefault(root(change.path), []).append(change)
    batch: list[FileChange] = []
    size = 0
    for part in parts.values():
        weight = sum(len(change.declared) + len(change.previous) for change in part)
        if batch and size + weight > most:
            yield batch
            batch, size = [], 0
        batch += part
        size += weight
    if batch:
        yield batch
