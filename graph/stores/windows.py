"""Where a window lies in a list whose rows are counted."""

from dataclasses import dataclass

from graph.errors import InvalidCursorError
from graph.store import Keyset, Window


@dataclass(frozen=True, slots=True)
class Span:
    """The places of a window in its whole list, from `start` (counted from 0) up to but without `stop`."""

    start: int
    stop: int
    has_previous: bool
    has_next: bool


def span_of(window: Window, total: int, through_after: int, up_to_before: int) -> Span:
    """Where a window lies, given how many rows of the list lie up to and with its `after`, and how many strictly before its `before`."""
    if window.backward:
        stop = up_to_before
        start = min(max(stop - window.limit, through_after), stop)
    else:
        start = through_after
        stop = max(min(start + window.limit, up_to_before), start)
    return Span(start, stop, start > 0, stop < total)


def fitting(keyset: Keyset, keys: int, nullable: int = 0) -> Keyset:
    """The keyset itself. InvalidCursorError unless it has that many keys, none of them null but for the first `nullable`."""
    if len(keyset) != keys or None in keyset[nullable:]:
        raise InvalidCursorError("the cursor does not belong to this list with this ordering; start again without it")
    return keyset
