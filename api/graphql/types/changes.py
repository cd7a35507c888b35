"""The log of changes, of the whole catalog and of one entity."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from api.graphql.arguments import PageArguments, argument, refs_given
from api.graphql.context import Context, Info
from api.graphql.given import given
from api.graphql.listing import ListedRow, Listing, Slice
from api.graphql.loaders import AFTER_THE_LOG
from api.graphql.moments import refuse_beyond_horizon
from api.graphql.types.connections import PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from graph.entities import Entity
from graph.errors import InputError, InvalidCursorError
from graph.store import Change as StoredChange
from graph.store import Window

_SCOPE = "changes"
_MOST_DIGITS = 18

Read = Callable[[int, int, bool], Awaitable[Sequence[StoredChange]]]
"""(sequence number to start from, how many, backward) to log entries"""


@strawberry.enum(description="What a change did to its entity.")
class ChangeOperation(Enum):
    CREATED = strawberry.enum_value("created", description="The entity was not there before.")
    UPDATED = strawberry.enum_value("updated", description="The entity was there and has changed.")
    REMOVED = strawberry.enum_value("removed", description="The entity is gone.")


@strawberry.type(description="Why something was written.")
class ChangeCause:
    kind: str = attribute("What sort of cause it is: `location`, `refresh`, `user` or `task`.")
    detail: str = attribute("Which one it is.")


async def _entity(root: strawberry.Parent[StoredChange], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref)


@strawberry.type(description="An entry of the log of changes.")
class Change:
    sequence: str = reading(
        lambda change: str(change.sequence),
        "The number of the entry, as decimal digits. Numbers rise in the order of writing, by one unless older entries were merged.",
    )
    at: datetime = attribute("When it was written.")
    ref: str = attribute("The ref of the entity.")
    entity: LazyEntity | None = resolved(_entity, "The entity as it is now; null if it is missing.")
    operation: ChangeOperation = attribute("What happened to the entity.")
    patch: JSON = reading(
        lambda change: list(change.patch), "What changed in the descriptor: a JSON Patch (RFC 6902), empty for a creation."
    )
    cause: ChangeCause = attribute("Why it was written.")


@strawberry.type(description="A page of the log of changes, oldest first. Entries of hidden entities are left out.")
class ChangeConnection:
    edges: list[RowEdge[Change]] = resolved(rows_of, "The rows of this page.")
    nodes: list[Change] = resolved(nodes_of, "The changes of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(
        count_of, "How many entries the log has for these entities, as far back as it is kept. Counted only if asked for."
    )


def changes(
    info: Info,
    page: PageArguments,
    since: Annotated[
        str | None, argument("Only entries after this sequence number. An error for one of which the log does not tell any more.")
    ] = UNSET,
    of: Annotated[list[str] | None, argument("Only entries of the entities with these refs. An empty list means none.")] = UNSET,
) -> Listing[StoredChange]:
    store, visible = info.context.store, info.context.visible
    texts = given(of)
    refs = None if texts is None else refs_given("of", texts)

    async def read(start: int, limit: int, backward: bool) -> Sequence[StoredChange]:
        return await store.changes(start, limit, visible=visible, refs=refs, backward=backward)

    async def count() -> int:
        return await store.change_counts(refs, visible=visible)

    first = None if given(since) is None else sequence_given(given(since))
    return _listing(info.context, page, first, read, count)


def history(root: strawberry.Parent[Entity], info: Info, page: PageArguments) -> Listing[StoredChange]:
    loaders = info.context.loaders

    async def read(start: int, limit: int, backward: bool) -> Sequence[StoredChange]:
        return await loaders.history_by_ref(start, limit, backward=backward).load(root.ref)

    async def count() -> int:
        return await loaders.change_count_by_ref.load(root.ref)

    return _listing(info.context, page, None, read, count)


def _listing(
    context: Context, page: PageArguments, since: int | None, read: Read, count: Callable[[], Awaitable[int]]
) -> Listing[StoredChange]:
    window = page.window(_SCOPE)
    low = max(since or 0, _bound(window.after, 0))
    high = _bound(window.before, AFTER_THE_LOG)

    async def load() -> Slice[StoredChange]:
        if since is not None or window.after is not None:
            name = "since" if window.after is None else "after"
            await refuse_beyond_horizon(context.store, name, low, visible=context.visible)
        entries = await read(high if window.backward else low, window.limit + 1, window.backward)
        return _slice([entry for entry in entries if low < entry.sequence < high], window)

    return Listing(load, count)


def _slice(entries: Sequence[StoredChange], window: Window) -> Slice[StoredChange]:
    """The slice of at most one entry more than the window wants, which tells that there is more beyond it.

    A cursor is of an entry, so there is always something beyond the side on which one is given.
    """
    more = len(entries) > window.limit
    chosen = entries[: window.limit]
    rows = [ListedRow(_SCOPE, (str(entry.sequence),), entry.ref, entry) for entry in (reversed(chosen) if window.backward else chosen)]
    if window.backward:
        return Slice(rows, has_previous_page=more or window.after is not None, has_next_page=window.before is not None)
    return Slice(rows, has_previous_page=window.after is not None, has_next_page=more or window.before is not None)


def _bound(keyset: Sequence[str | None] | None, unbounded: int) -> int:
    if keyset is None:
        return unbounded
    sequence = _sequence(keyset[0]) if len(keyset) == 1 else None
    if sequence is None:
        raise InvalidCursorError("the cursor is malformed; hand back a cursor as it was received, or leave it out to start over")
    return sequence


def sequence_given(text: str | None) -> int:
    """The sequence number that `since` means, 0 if it was left out. InputError if it is none."""
    if text is None:
        return 0
    sequence = _sequence(text)
    if sequence is None:
        raise InputError("`since` is no sequence number; give the `sequence` of the last change that you know")
    return sequence


def _sequence(text: str | None) -> int | None:
    """The number that the text writes in decimal digits, none of them too many; None otherwise."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None
