"""Entities that no document declares any more: kept for a short grace, because most of them are only on their way to another location."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from graph.errors import StaleWriteError
from graph.refs import Ref
from graph.store import Batch, Cause, Location, StateRow, StateWrite, Store
from ingest.lifecycle import RELEASES
from ingest.settle import Settler

_AT_ONCE = 500
_ATTEMPTS = 5
# Whoever let go of the entities may be gone, and what settles them now has no files of its own.
_NOBODY = Location("", "", "", "", 0)


@dataclass(frozen=True, slots=True)
class Release:
    """An entity that nothing declares since `since`, for this cause; it is removed at `until` unless something declares it by then."""

    ref: Ref
    since: datetime
    until: datetime
    cause: Cause


async def releases_of(store: Store, refs: Sequence[Ref]) -> dict[Ref, Release]:
    """The releases of those refs that have one. One that something declares again by now may be among them."""
    return {Ref(row.id): _release(row) for row in await store.states(RELEASES, ids=refs)} if refs else {}


async def remove_released(store: Store, *, at_once: bool = False) -> Sequence[Ref]:
    """Remove the entities whose grace is over, or with `at_once` all that nothing declares; returns those removed.

    What something declares again by now stays. StaleWriteError if others kept writing the same entities; StoreUnavailableError.
    """
    removed: list[Ref] = []
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            while rows := await store.states(RELEASES, due_by=None if at_once else datetime.now(UTC), limit=_AT_ONCE):
                await _remove(store, rows, removed)
        except StaleWriteError:
            if attempt == _ATTEMPTS:
                raise
        else:
            return removed
    raise AssertionError("the loop returns or raises")


async def _remove(store: Store, rows: Sequence[StateRow], removed: list[Ref]) -> None:
    def note(batch: Batch) -> None:
        removed.extend(removal.ref for removal in batch.removals)

    order = {location.id: place for place, location in enumerate(await store.locations())}
    by_cause: dict[Cause, list[Ref]] = defaultdict(list)
    for row in rows:
        by_cause[_release(row).cause].append(Ref(row.id))
    for cause, refs in by_cause.items():
        settler = Settler(store, _NOBODY, {}, order, cause, keep_orphans=False)
        settler.told = note
        await settler.settle((), refs)
        # A claim that came while they were removed takes them up again.
        await settler.settle_rest(refs)
    await store.write_states([StateWrite(RELEASES, row.id, None, expected=row.version) for row in rows])


def _release(row: StateRow) -> Release:
    value = row.value
    since = datetime.fromisoformat(value["since"])
    return Release(Ref(row.id), since, row.due or since, Cause(value["causeKind"], value["causeDetail"]))


def grace_among(locations: int, grace: timedelta) -> timedelta:
    """The grace that an entity gets where there are so many locations: with a single one there is nowhere to move to."""
    return grace if locations > 1 else timedelta(0)
