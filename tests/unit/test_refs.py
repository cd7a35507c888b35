"""Refs: the syntax, the defaults, and that writing and parsing are inverse."""

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import InvalidRefError
from graph.refs import EntityRef, Ref, parse_ref, split_ref, uid_of


def _parts(excluded: str) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_characters=excluded, exclude_categories=("Cs",)), min_size=1)


_refs = st.builds(EntityRef, _parts(":/"), _parts("/"), _parts(""))


@given(_refs)
def test_parsing_what_was_written_gives_the_same(ref: EntityRef) -> None:
    assert parse_ref(str(ref)) == ref


@given(_refs)
def test_a_full_ref_has_its_three_parts(ref: EntityRef) -> None:
    assert split_ref(ref.ref) == (ref.kind.lower(), ref.namespace.lower(), ref.name.lower())


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("component:default/shop", "component:default/shop"),
        ("Component:Default/Shop", "component:default/shop"),
        ("API:orders", "api:home/orders"),
        ("ops/shop", "group:ops/shop"),
        ("group:a/b/c", "group:a/b/c"),
        ("group:a/b:c", "group:a/b:c"),
        ("a/b:c", "group:a/b:c"),
        ("a:b:c", "a:home/b:c"),
    ],
)
def test_what_a_ref_leaves_out_is_the_default(text: str, ref: str) -> None:
    assert parse_ref(text, default_kind="Group", default_namespace="home").ref == ref


def test_without_a_default_kind_a_bare_name_names_the_fix() -> None:
    with pytest.raises(InvalidRefError, match="component:shop"):
        parse_ref("shop")


@pytest.mark.parametrize("text", ["", ":", "/", "a:", "a:b/", ":b", "a:/c", "/c", ":a/b", "a/"])
def test_malformed_refs_are_refused(text: str) -> None:
    with pytest.raises(InvalidRefError, match="no entity ref"):
        parse_ref(text, default_kind="component")


def test_the_case_of_a_ref_is_kept_beside_the_form_to_compare() -> None:
    parsed = parse_ref("API:Ops/Orders")
    assert (str(parsed), parsed.ref) == ("API:Ops/Orders", "api:ops/orders")


def test_uids_are_those_of_every_catalog() -> None:
    assert uid_of(Ref("component:default/shop")) == uid_of(Ref("component:default/shop"))
    assert uid_of(Ref("component:default/shop")) != uid_of(Ref("component:default/shop2"))
    for ref in ("component:default/shop", "group:default/ä"):
        assert uid_of(Ref(ref)) == str(uuid5(UUID("b1f6f1a2-5d0e-5c3c-9a35-6c1f0a3f7d11"), ref))
