"""Compaction of the log: successive changes of an entity within one span of time become one, their net change.

A merged entry has the sequence number, the time and the cause of the last of those it stands for. What the log tells of the entity right
after any entry that remains, and at the end of any span, stays the same.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby

from graph.conditions import EVERYTHING
from graph.entities import Document
from graph.errors import LimitExceededError, PatchError
from graph.history import documents_at, present_and_since
from graph.patches import patch_between, patch_of_removal
from graph.refs import Ref
from graph.store import Change, Operation, Store

_REFS_AT_ONCE = 100

_log = logging.getLogger("callboard.history")


async def compact(store: Store, after: int, until: int, span: timedelta, limit: int) -> int:
    """Merge what can be merged among at most `limit` entries after a sequence number and up to another. Returns how far it got: up to this
    number nothing has to be looked at again. What has changed too often since to be merged stays as it is. StoreUnavailableError.
    """
    entries = [change for change in await store.changes(after, limit, visible=EVERYTHING) if change.sequence <= until]
    if not entries:
        return until
    runs = [run for run in runs_of(entries, span) if len(run) > 1]
    for group in _grouped(sorted({run[0].ref for run in runs})):
        try:
            await _merge(store, group, [run for run in runs if run[0].ref in group], after)
        except (LimitExceededError, PatchError) as error:
            _log.warning("the changes of %d entities are left as they are: %s", len(group), error)
    return entries[-1].sequence


async def _merge(store: Store, refs: Sequence[Ref], runs: Sequence[Sequence[Change]], after: int) -> None:
    present, since = await present_and_since(store, refs, after, visible=EVERYTHING)
    merged: list[Change] = []
    dropped: list[int] = []
    for run in runs:
        change = _merged(run, present.get(run[0].ref), since.get(run[0].ref, ()))
        merged += [change] if change else []
        dropped += [entry.sequence for entry in (run[:-1] if change else run)]
    await store.merge_changes(merged, dropped)


def runs_of(entries: Sequence[Change], span: timedelta) -> Iterator[Sequence[Change]]:
    """The entries by entity and span, each in ascending order; a creation begins a run, a removal ends one, and none has both."""
    ordered = sorted(entries, key=lambda change: (change.ref, change.sequence))
    for _, of_span in groupby(ordered, key=lambda change: (change.ref, change.at.timestamp() // span.total_seconds())):
        run: list[Change] = []
        for change in of_span:
            if run and not _continues(run, change):
                yield run
                run = []
            run.append(change)
        yield run


def _continues(run: Sequence[Change], change: Change) -> bool:
    created = run[0].operation is Operation.CREATED
    return run[-1].operation is not Operation.REMOVED and not (created and change.operation is Operation.REMOVED)


def _merged(run: Sequence[Change], present: Document | None, since: Sequence[Change]) -> Change | None:
    """The one entry that stands for all of the run, None if they come to nothing. PatchError if the log does not fit."""
    last = run[-1]
    if run[0].operation is Operation.CREATED:
        return replace(last, operation=Operation.CREATED, patch=())
    before, after = documents_at(present, since, [run[0].sequence - 1, last.sequence])
    if before is None:
        raise PatchError(f"entry {run[0].sequence} of the log changes {last.ref}, which was not there")
    patch = patch_of_removal(before) if after is None else patch_between(before, after)
    return replace(last, patch=patch) if patch else None


def _grouped(refs: Sequence[Ref]) -> Iterator[Sequence[Ref]]:
    for start in range(0, len(refs), _REFS_AT_ONCE):
        yield refs[start : start + _REFS_AT_ONCE]
