"""Patches lead from the old document to the new one, and back."""

from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.entities import canonical_json
from graph.errors import PatchError
from graph.patches import applied, patch_between, patch_of_difference, taken_back

_scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2).map(lambda f: f + 0.0) | st.sampled_from(["", "a", "/", "~"])
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab/~"), inner), max_leaves=12)
_documents = st.dictionaries(st.sampled_from(["a", "b", "a/b", "~c", ""]), _values)


@given(_documents, _documents)
def test_applying_a_patch_yields_the_new_document_and_undoing_it_the_old_one(old: dict[str, Any], new: dict[str, Any]):
    patch = list(patch_between(old, new))
    patched = jsonpatch.apply_patch(old, patch)
    assert canonical_json(patched) == canonical_json(new)
    assert canonical_json(taken_back(new, patch)) == canonical_json(old)


@given(_documents)
def test_equal_documents_have_an_empty_patch(document: dict[str, Any]):
    assert patch_between(document, document) == ()


def test_an_item_put_in_between_is_one_addition():
    assert patch_between({"tags": ["a", "c"]}, {"tags": ["a", "b", "c"]}) == ({"op": "add", "path": "/tags/1", "value": "b"},)


def test_true_and_one_are_different():
    assert patch_between({"a": True}, {"a": 1}) == (
        {"op": "test", "path": "/a", "value": True},
        {"op": "replace", "path": "/a", "value": 1},
    )


def test_items_are_removed_from_the_end():
    assert [operation["path"] for operation in patch_between({"a": [1, 2, 3]}, {"a": []})] == [
        "/a/2",
        "/a/2",
        "/a/1",
        "/a/1",
        "/a/0",
        "/a/0",
    ]


@given(st.none() | _documents, st.none() | _documents)
def test_documents_that_come_and_go_have_patches_as_well(old: dict[str, Any] | None, new: dict[str, Any] | None):
    patch = patch_of_difference(old, new)
    assert canonical_json(applied(old, patch)) == canonical_json(new)
    assert canonical_json(taken_back(new, patch)) == canonical_json(old)


_UNFIT: list[tuple[dict[str, Any] | None, Any]] = [
    ({"a": 1}, [{"op": "test", "path": "/a", "value": True}]),
    ({"a": 1}, [{"op": "add", "path": "/a", "value": 2}]),
    ({"a": [1]}, [{"op": "add", "path": "/a/2", "value": 2}]),
    ({"a": [1]}, [{"op": "remove", "path": "/a/1"}]),
    ({"a": 1}, [{"op": "replace", "path": "/a/b", "value": 2}]),
    ({}, [{"op": "remove", "path": "/a"}]),
    ({}, [{"op": "move", "path": "", "from": "/a"}]),
    ({}, [{"op": "add", "path": "", "value": {}}]),
    (None, [{"op": "remove", "path": ""}]),
]


@pytest.mark.parametrize(("document", "patch"), _UNFIT)
def test_a_patch_that_does_not_fit_is_refused_and_leaves_the_document(document: dict[str, Any] | None, patch: Any):
    before = canonical_json(document)
    with pytest.raises(PatchError):
        applied(document, patch)
    assert canonical_json(document) == before


def test_what_was_removed_without_being_told_can_not_be_taken_back():
    with pytest.raises(PatchError, match="no test"):
        taken_back({}, [{"op": "remove", "path": "/a"}])
