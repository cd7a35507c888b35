"""Where windows lie in a list whose rows are counted."""

from hypothesis import given
from hypothesis import strategies as st

from graph.store import Window
from graph.stores.windows import span_of


@given(st.integers(0, 6), st.none() | st.integers(-1, 7), st.none() | st.integers(-1, 7), st.integers(0, 8), st.booleans())
def test_a_span_is_what_the_rows_of_the_window_say(total: int, after: int | None, before: int | None, limit: int, backward: bool) -> None:
    rows = [n for n in range(total) if (after is None or n > after) and (before is None or n < before)]
    inside = (rows[-limit:] if limit else []) if backward else rows[:limit]
    span = span_of(
        Window(limit, backward=backward),
        total,
        0 if after is None else sum(n <= after for n in range(total)),
        total if before is None else sum(n < before for n in range(total)),
    )
    assert list(range(span.start, span.stop)) == inside
    assert (span.has_previous, span.has_next) == (span.start > 0, span.stop < total)
