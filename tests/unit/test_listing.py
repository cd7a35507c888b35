"""Cursors, ids and pages of rows that are all at hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.graphql.cursors import cursor_of, id_of, keyset_of, ref_of_id
from api.graphql.listing import page_within
from graph.errors import InputError, InvalidCursorError
from graph.refs import Ref
from graph.store import Window

keysets = st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), max_size=4).map(tuple)


@given(st.text(max_size=20), keysets)
def test_a_cursor_gives_its_keyset_back(scope: str, keyset: tuple[str | None, ...]) -> None:
    assert keyset_of(scope, cursor_of(scope, keyset)) == keyset


@given(keysets)
def test_a_cursor_is_of_its_scope_alone(keyset: tuple[str | None, ...]) -> None:
    with pytest.raises(InvalidCursorError):
        keyset_of("another", cursor_of("one", keyset))


@given(st.text())
def test_no_text_is_taken_for_a_cursor_or_an_id(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        keyset_of("one", text)
    with pytest.raises(InputError):
        ref_of_id(text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_id_gives_its_ref_back(ref: str) -> None:
    assert ref_of_id(id_of(Ref(ref))) == ref


@given(
    st.lists(st.text("abc", max_size=3), unique=True),
    st.integers(0, 5),
    st.none() | st.text("abc", max_size=3),
    st.none() | st.text("abc", max_size=3),
    st.booleans(),
)
def test_a_page_holds_the_rows_between_its_bounds(
    names: list[str], limit: int, after: str | None, before: str | None, backward: bool
) -> None:
    rows = sorted(names)
    page = page_within(
        [((name,), name) for name in rows],
        Window(limit, None if after is None else (after,), None if before is None else (before,), backward),
    )
    between = [name for name in rows if (after is None or name > after) and (before is None or name < before)]
    expected = between[max(0, len(between) - limit) :] if backward else between[:limit]
    assert page.rows == expected
    assert page.keysets == [(name,) for name in expected]
    if expected:
        assert page.has_previous == (rows[0] != expected[0])
        assert page.has_next == (rows[-1] != expected[-1])
