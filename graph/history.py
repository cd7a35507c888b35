"""The past: what documents were at earlier moments, worked out from what they are and what the log tells of them since.

Only the present is stored; each log entry holds a patch that can be taken back. A past state is right where the log is complete after it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from graph.conditions import Condition
from graph.entities import Document
from graph.errors import LimitExceededError, PatchError, StoreUnavailableError
from graph.patches import taken_back
from graph.refs import Ref
from graph.store import Change, Operation, Store

MOST_ENTRIES = 50_000
"""How many log entries are read at most to answer one question about the past."""

_AT_ONCE = 5_000
_ATTEMPTS = 5


def document_before(change: Change, document: Document | None) -> Document | None:
    """What the document was before the change, given what it was after it; None is no entity. PatchError if they do not fit together."""
    is_there = change.operation is not Operation.REMOVED
    if is_there is not (document is not None):
        raise PatchError(f"entry {change.sequence} of the log does not fit what is known of {change.ref} after it")
    if change.operation is Operation.CREATED:
        return None
    try:
        return taken_back(document, change.patch)
    except PatchError as error:
        raise PatchError(f"entry {change.sequence} of the log, of {change.ref}, can't be taken back: {error}") from error


def documents_at(present: Document | None, changes: Sequence[Change], at: Sequence[int]) -> Sequence[Document | None]:
    """What an entity's document was right after each of the sequence numbers; None where there was no entity.

    `changes` are all entries about it after the least of the numbers, in ascending order. PatchError if they do not fit together.
    """
    found: dict[int, Document | None] = {}
    waiting, document = list(reversed(changes)), present
    for sequence in sorted(set(at), reverse=True):
        while waiting and waiting[0].sequence > sequence:
            document = document_before(waiting.pop(0), document)
        found[sequence] = document
    return [found[sequence] for sequence in at]


async def present_and_since(
    store: Store, refs: Sequence[Ref], after: int, *, visible: Condition
) -> tuple[Mapping[Ref, Document], Mapping[Ref, Sequence[Change]]]:
    """The documents of the refs that exist, and all log entries about them after a sequence number, in ascending order.

    Both belong together, even while others write. LimitExceededError if there are more than MOST_ENTRIES; StoreUnavailableError if the
    entities keep changing while they are read.
    """
    for _ in range(_ATTEMPTS):
        head = await store.head()
        entities = await store.entities_by_ref(refs, visible=visible)
        changes = await changes_since(store, after, refs, visible=visible)
        # Read after the documents: what it does not hold by now happened after them.
        if not changes or changes[-1].sequence <= head:
            since: dict[Ref, list[Change]] = {}
            for change in changes:
                since.setdefault(change.ref, []).append(change)
            return {ref: entity.document for ref, entity in entities.items()}, since
    raise StoreUnavailableError("the entities change faster than they can be read; try again in a few seconds")


async def changes_since(store: Store, after: int, refs: Sequence[Ref] | None, *, visible: Condition) -> Sequence[Change]:
    """All log entries after a sequence number, in ascending order. LimitExceededError if there are more than MOST_ENTRIES."""
    found: list[Change] = []
    while len(found) <= MOST_ENTRIES:
        read = await store.changes(found[-1].sequence if found else after, _AT_ONCE, visible=visible, refs=refs)
        found += read
        if len(read) < _AT_ONCE:
            return found
    raise LimitExceededError(
        f"more than {MOST_ENTRIES:,} changes were written since; ask for a later moment, or for the changes themselves, in parts"
    )


async def past_documents(
    store: Store, refs: Sequence[Ref], at: Sequence[int], *, visible: Condition
) -> Mapping[Ref, Sequence[Document | None]]:
    """For each ref, what its document was right after each of the sequence numbers, none of them before the horizon.

    Visibility is that of now: a hidden entity was never there, and an entity that is gone was there for whoever may see everything.
    Failures as those of `present_and_since`; PatchError if the log does not fit.
    """
    if not refs:
        return {}
    for _ in range(_ATTEMPTS - 1):
        # The log may have been compacted between two parts of what was read of it.
        with suppress(PatchError):
            return await _documents(store, refs, at, visible)
    return await _documents(store, refs, at, visible)


async def _documents(store: Store, refs: Sequence[Ref], at: Sequence[int], visible: Condition) -> Mapping[Ref, Sequence[Document | None]]:
    present, since = await present_and_since(store, refs, min(at), visible=visible)
    return {ref: documents_at(present.get(ref), since.get(ref, ()), at) for ref in refs}


async def documents_around(
    store: Store, changes: Sequence[Change], *, visible: Condition
) -> Mapping[int, tuple[Document | None, Document | None]]:
    """What its entity's document was right before and right after each of some log entries, by their sequence numbers.

    Failures as those of `past_documents`.
    """
    if not changes:
        return {}
    for _ in range(_ATTEMPTS - 1):
        with suppress(PatchError):
            return await _around(store, changes, visible)
    return await _around(store, changes, visible)


async def _around(store: Store, changes: Sequence[Change], visible: Condition) -> Mapping[int, tuple[Document | None, Document | None]]:
    numbers: dict[Ref, list[int]] = {}
    for change in changes:
        numbers.setdefault(change.ref, []).append(change.sequence)
    present, since = await present_and_since(store, sorted(numbers), min(c.sequence for c in changes) - 1, visible=visible)
    found: dict[int, tuple[Document | None, Document | None]] = {}
    for ref, of in numbers.items():
        at = [moment for number in of for moment in (number - 1, number)]
        documents = documents_at(present.get(ref), since.get(ref, ()), at)
        found.update(zip(of, zip(documents[::2], documents[1::2], strict=True), strict=True))
    return found
