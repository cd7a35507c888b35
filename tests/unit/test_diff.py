"""Patches lead from the old document to the new one, and back."""

from typing import Any

import jsonpatch
from hypothesis import given
from hypothesis import strategies as st

from graph.entities import canonical_json
from ingest.diff import patch_between

_scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2).map(lambda f: f + 0.0) | st.sampled_from(["", "a", "/", "~"])
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab/~"), inner), max_leaves=12)
_documents = st.dictionaries(st.sampled_from(["a", "b", "a/b", "~c", ""]), _values)


def _taken_back(patch: Any) -> list[dict[str, Any]]:
    """The operations that undo the patch: what its `test` operations are for."""
    undone: list[dict[str, Any]] = []
    old: Any = None
    for operation in patch:
        match operation["op"]:
            case "test":
                old = operation["value"]
            case "add":
                undone.insert(0, {"op": "remove", "path": operation["path"]})
            case "remove":
                undone.insert(0, {"op": "add", "path": operation["path"], "value": old})
            case _:
                undone.insert(0, {"op": "replace", "path": operation["path"], "value": old})
    return undone


@given(_documents, _documents)
def test_applying_a_patch_yields_the_new_document_and_undoing_it_the_old_one(old: dict[str, Any], new: dict[str, Any]):
    patch = list(patch_between(old, new))
    patched = jsonpatch.apply_patch(old, patch)
    assert canonical_json(patched) == canonical_json(new)
    assert canonical_json(jsonpatch.apply_patch(patched, _taken_back(patch))) == canonical_json(old)


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
