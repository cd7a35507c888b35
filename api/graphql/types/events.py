"""What subscriptions tell: entries of the log as they are written, and errors as they come and go."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import Filter, argument, refs_given
from api.graphql.context import Context, Info
from api.graphql.given import given
from api.graphql.inputs.filter import condition_of
from api.graphql.types.changes import Change, sequence_given
from api.graphql.types.errors import CatalogError
from api.graphql.types.fields import attribute, reading
from graph.access import Action
from graph.conditions import Condition, RefIn, all_of
from graph.entities import Document
from graph.errors import InputError, PatchError, StoreUnavailableError
from graph.history import document_before, documents_at, present_and_since
from graph.matching import passes
from graph.refs import Ref
from graph.store import CatalogError as StoredError
from graph.store import Change as StoredChange
from graph.store import ErrorFilter, Operation, Store, Window
from ingest.relate import relations_of
from ingest.survey import Path

_AT_ONCE = 100
_UNAVAILABLE_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_LOOK_ANYWAY_SECONDS = 60.0
_ERRORS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class SeenChange:
    """A log entry that a subscription tells of, and whether its entity passes the filter now."""

    change: StoredChange
    matches: bool


@strawberry.type(description="An entry of the log of changes, told to a subscription.")
class EntityChange:
    cursor: str = reading(lambda seen: str(seen.change.sequence), "What to give as `since` in order to go on after this event.")
    change: Change = attribute("The entry.")
    matches: bool = attribute(
        "Whether the entity passes the filter now. False for one that has left it, by this change or a later one, or that is gone."
    )


async def entity_changes(
    info: Info,
    filter: Filter = UNSET,
    of: Annotated[list[str] | None, argument("Only entries of the entities with these refs. An empty list means none.")] = UNSET,
    since: Annotated[
        str | None,
        argument("Begin after this `cursor`, without a gap. Without it the subscription begins with what is written from now on."),
    ] = UNSET,
) -> AsyncGenerator[SeenChange]:
    context = info.context
    condition = condition_of(given(filter), context.registry)
    texts = given(of)
    refs = None if texts is None else refs_given("of", texts)
    async with context.feed.listening():
        reading = _Reading(context, condition, refs)
        cursor = await reading.begin(given(since))
        while True:
            head = await context.feed.beyond(cursor)
            try:
                found, cursor = await reading.next(cursor, head)
            except StoreUnavailableError:
                await asyncio.sleep(_UNAVAILABLE_SECONDS)
                continue
            for seen in found:
                context.forget()
                yield seen


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads the log for one subscription."""

    context: Context
    condition: Condition | None
    refs: Sequence[Ref] | None

    async def begin(self, since: str | None) -> int:
        """The number after which to begin. InputError if that entry was cut off the log, or was never written."""
        head = await self.context.store.head()
        if since is None:
            return head
        sequence = sequence_given(since)
        if sequence > head:
            raise InputError(f"`since` is {sequence}, and the log has no such entry; the catalog was made anew. Read it again.")
        await self._refuse_behind_horizon(sequence)
        return sequence

    async def next(self, cursor: int, head: int) -> tuple[Sequence[SeenChange], int]:
        """The events among the next entries up to one seen as head, and the number after which to go on."""
        store, visible = self.context.store, self.context.visible
        await self._refuse_behind_horizon(cursor)
        changes = await store.changes(cursor, _AT_ONCE, visible=visible, refs=self.refs)
        # A full page may end before the head; whatever else was committed by then has been read.
        reached = changes[-1].sequence if len(changes) == _AT_ONCE else max(head, changes[-1].sequence if changes else 0)
        return await self._passing(changes), reached

    async def _refuse_behind_horizon(self, cursor: int) -> None:
        horizon = await self.context.store.horizon()
        if cursor < horizon:
            raise InputError(f"The log was cut off up to entry {horizon}; what came after {cursor} is not known any more. Read it again.")

    async def _passing(self, changes: Sequence[StoredChange]) -> Sequence[SeenChange]:
        """Those that pass the filter now, and those that may have passed it before the change."""
        store, visible = self.context.store, self.context.visible
        if not changes:
            return ()
        refs = tuple(sorted({change.ref for change in changes}))
        if self.condition is None:
            present = await store.entities_by_ref(refs, visible=visible)
            return [SeenChange(change, change.ref in present) for change in changes]
        page = await store.page(all_of((RefIn(refs), self.condition)), (), Window(len(refs)), visible=visible)
        matching = {entity.ref for entity in page.rows}
        left = await self._left([change for change in changes if change.ref not in matching])
        return [SeenChange(change, change.ref in matching) for change in changes if change.ref in matching or change.sequence in left]

    async def _left(self, changes: Sequence[StoredChange]) -> set[int]:
        """The numbers of those changes before which the entity passed the filter, or may have: where it can't be told, it is told of."""
        told = [change for change in changes if change.operation is not Operation.CREATED]
        if not told or self.condition is None:
            return set()
        refs = sorted({change.ref for change in told})
        present, since = await present_and_since(self.context.store, refs, min(c.sequence for c in told) - 1, visible=self.context.visible)
        return {change.sequence for change in told if self._may_have_passed(change, present.get(change.ref), since.get(change.ref, ()))}

    def _may_have_passed(self, change: StoredChange, present: Document | None, since: Sequence[StoredChange]) -> bool:
        later = [entry for entry in since if entry.sequence > change.sequence]
        try:
            after = documents_at(present, later, [change.sequence])[0]
            before = document_before(change, after)
        except PatchError:
            return True
        if before is None or self.condition is None:
            return False
        declared = relations_of(before, change.ref, "", self.context.registry, _NoLines()).edges
        edges = {(edge.source, edge.relation, edge.target) for edge in declared}
        return passes(self.condition, change.ref, before, edges) is not False


class _NoLines:
    """A document that is no file any more has no lines."""

    def spec_line(self, steps: Path) -> int:
        return 1


@strawberry.enum(description="What happened to a catalog error.")
class CatalogErrorOperation(Enum):
    PRESENT = strawberry.enum_value("present", description="It was there when the subscription began.")
    ADDED = strawberry.enum_value("added", description="It is new.")
    RESOLVED = strawberry.enum_value("resolved", description="It is gone.")


@strawberry.type(description="A catalog error that is there, has come or has gone.")
class CatalogErrorChange:
    operation: CatalogErrorOperation = attribute("What happened to it.")
    error: CatalogError = attribute("The error; as it was last, if it is gone.")


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The source of CatalogErrorChange."""

    operation: CatalogErrorOperation
    error: StoredError


async def catalog_error_changes(
    info: Info,
    of: Annotated[list[str] | None, argument("Only errors of the entities with these refs. An empty list means none.")] = UNSET,
) -> AsyncGenerator[ErrorEvent]:
    context = info.context
    texts = given(of)
    which = ErrorFilter(None if texts is None else refs_given("of", texts), of_entities=not context.access.may(Action.LOCATION_READ))
    async with context.feed.listening():
        state = await _state_of_reading(context.store)
        known = await _errors(context, which)
        for event in _events(CatalogErrorOperation.PRESENT, known.values()):
            context.forget()
            yield event
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            await context.feed.pulse(_LOOK_SECONDS)
            try:
                before, state = state, await _state_of_reading(context.store)
                if state == before and loop.time() - looked < _LOOK_ANYWAY_SECONDS:
                    continue
                looked = loop.time()
                now = await _errors(context, which)
            except StoreUnavailableError:
                state = ()
                continue
            added = [error for key, error in now.items() if key not in known]
            resolved = [error for key, error in known.items() if key not in now]
            known = now
            for event in (*_events(CatalogErrorOperation.RESOLVED, resolved), *_events(CatalogErrorOperation.ADDED, added)):
                context.forget()
                yield event


def _events(operation: CatalogErrorOperation, errors: Iterable[StoredError]) -> Sequence[ErrorEvent]:
    return [ErrorEvent(operation, error) for error in sorted(errors, key=lambda error: (error.path, error.line or 0, error.id))]


async def _state_of_reading(store: Store) -> tuple[object, ...]:
    """What changes, at the latest at the end of a read, when errors do."""
    locations: list[tuple[str, datetime | None, str | None]] = [(each.id, each.read_at, each.error) for each in await store.locations()]
    return (await store.head(), *locations)


async def _errors(context: Context, which: ErrorFilter) -> Mapping[str, StoredError]:
    found: dict[str, StoredError] = {}
    window = Window(_ERRORS_AT_ONCE)
    while True:
        page = await context.store.errors(which, window, visible=context.visible)
        found.update({error.id: error for error in page.rows})
        if not page.has_next:
            return found
        window = Window(_ERRORS_AT_ONCE, after=page.keysets[-1])
