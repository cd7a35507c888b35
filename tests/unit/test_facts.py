"""What filters see of a descriptor."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from graph.entities import Entity, Origin, canonical_json, content_hash, facts_of
from graph.refs import Ref, uid_of


def _facts(**parts: Any) -> set[tuple[str, str, str]]:
    """The facts of a descriptor, but for its namespace."""
    facts = facts_of({"metadata": {"namespace": "n"}, **parts})
    return {(path, value, shown) for (path, value), shown in facts.items()} - {("metadata.namespace", "n", "n")}


def test_objects_are_walked_by_key_and_compared_in_lower_case() -> None:
    assert _facts(kind="API", spec={"Type": "OpenAPI", "deep": {"Er": "x"}}) == {
        ("kind", "api", "API"),
        ("spec.type", "openapi", "OpenAPI"),
        ("spec.deep.er", "x", "x"),
    }


def test_scalars_are_shown_as_json_writes_them() -> None:
    assert _facts(spec={"a": True, "b": False, "c": 7, "d": 1.5, "e": None, "f": ""}) == {
        ("spec.a", "true", "true"),
        ("spec.b", "false", "false"),
        ("spec.c", "7", "7"),
        ("spec.d", "1.5", "1.5"),
        ("spec.f", "", ""),
    }


def test_elements_of_a_list_are_values_and_paths() -> None:
    assert _facts(tags=["Java", 5, {"k": "v"}, ["x"], None]) == {
        ("tags", "java", "Java"),
        ("tags.java", "true", "true"),
        ("tags", "5", "5"),
        ("tags.k", "v", "v"),
        ("tags", "x", "x"),
        ("tags.x", "true", "true"),
    }


def test_a_fact_is_there_once_shown_as_where_it_comes_first() -> None:
    assert facts_of({"metadata": {"namespace": "n"}, "a": ["B", "b"]})["a", "b"] == "B"


def test_a_missing_or_empty_namespace_is_default() -> None:
    for metadata in ({}, {"namespace": None}, {"namespace": ""}):
        assert facts_of({"metadata": metadata})["metadata.namespace", "default"] == "default"
    assert ("metadata.namespace", "default") not in facts_of({"metadata": {"namespace": "n"}})


def test_text_over_the_limit_and_text_with_nul_is_left_out() -> None:
    assert _facts(a="x" * 200, b="x" * 201, c=["y" * 201], d="nul\0", e=["nul\0"]) == {("a", "x" * 200, "x" * 200)}


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=3), of, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=3), _json, max_size=4))
def test_facts_are_in_lower_case(spec: dict[str, Any]) -> None:
    facts = facts_of({"metadata": {}, "spec": spec})
    assert all(path == path.lower() and value == shown.lower() for (path, value), shown in facts.items())


def test_equal_documents_have_one_hash_whatever_their_order() -> None:
    one, other = {"a": 1, "b": {"c": [1, 2], "d": None}}, {"b": {"d": None, "c": [1, 2]}, "a": 1}
    assert content_hash(canonical_json(one)) == content_hash(canonical_json(other))
    assert content_hash(canonical_json(one)) != content_hash(canonical_json({**one, "b": {"c": [2, 1], "d": None}}))


def test_an_entity_reads_its_descriptor() -> None:
    entity = Entity(Ref("api:default/a"), {"kind": "API", "metadata": {"name": "A"}}, Origin("l", "/a.yaml", 0, 1))
    assert (entity.kind, entity.namespace, entity.name, entity.spec) == ("API", "default", "A", {})


def test_a_uid_is_the_entitys_whatever_its_author_wrote() -> None:
    uid = uid_of(Ref("api:n/orders"))
    written = facts_of({"kind": "API", "metadata": {"namespace": "N", "name": "Orders", "uid": "mine", "etag": "x"}})
    assert {fact: shown for fact, shown in written.items() if fact[0].startswith("metadata.uid")} == {("metadata.uid", uid): uid}
    assert not any(path.startswith("metadata.uid") for path, _ in facts_of({"kind": "API", "metadata": {"uid": {"a": "b"}}}))
