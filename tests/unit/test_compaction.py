"""Which changes are merged: those of one entity, within one span, from a creation at the earliest to a removal at the latest."""

from datetime import UTC, datetime, timedelta

from graph.compaction import runs_of
from graph.refs import Ref
from graph.store import Cause, Change, Operation

DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def _log(*entries: tuple[str, str, float]) -> list[Change]:
    """Entries of (name, first letter of the operation, hours after midnight)."""
    operations = {"c": Operation.CREATED, "u": Operation.UPDATED, "r": Operation.REMOVED}
    return [
        Change(sequence, MIDNIGHT + timedelta(hours=hours), Ref(f"component:default/{name}"), operations[letter], (), Cause("user", "anna"))
        for sequence, (name, letter, hours) in enumerate(entries, 1)
    ]


def _runs(*entries: tuple[str, str, float]) -> list[list[int]]:
    return [[change.sequence for change in run] for run in runs_of(_log(*entries), DAY)]


def test_a_span_ends_at_midnight():
    assert _runs(("a", "u", -0.001), ("a", "u", 0), ("a", "u", 23.999), ("a", "u", 24)) == [[1], [2, 3], [4]]


def test_entities_are_kept_apart():
    assert _runs(("a", "u", 1), ("b", "u", 2), ("a", "u", 3), ("b", "r", 4)) == [[1, 3], [2, 4]]


def test_a_creation_takes_updates_with_it_and_a_removal_takes_those_before_it():
    assert _runs(("a", "c", 1), ("a", "u", 2), ("a", "u", 3)) == [[1, 2, 3]]
    assert _runs(("a", "u", 1), ("a", "u", 2), ("a", "r", 3)) == [[1, 2, 3]]


def test_what_came_and_went_and_came_again_stays_told():
    assert _runs(("a", "c", 1), ("a", "u", 2), ("a", "r", 3), ("a", "c", 4), ("a", "u", 5)) == [[1, 2], [3], [4, 5]]


def test_nothing_has_no_runs():
    assert _runs() == []
