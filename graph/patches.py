"""JSON Patches (RFC 6902) that can be taken back: made from two documents, applied, undone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import orjson

from graph.entities import Document
from graph.errors import PatchError
from graph.store import Patch

_ABSENT = object()


def patch_between(old: Document, new: Document) -> Patch:
    """The JSON Patch (RFC 6902) from old to new. Each remove and replace follows a `test` of the old value.

    Arrays are compared place by place between what they share at both ends. Equal documents give an empty patch.
    """
    return tuple(_changes("", old, new))


def patch_of_removal(document: Document) -> Patch:
    """The patch that leaves nothing of a document, and holds the whole of it."""
    return ({"op": "test", "path": "", "value": document}, {"op": "remove", "path": ""})


def patch_of_difference(before: Document | None, after: Document | None) -> Patch:
    """The patch from one to the other; None is no document at all, as whose root a whole one is added or removed."""
    if after is None:
        return () if before is None else patch_of_removal(before)
    return ({"op": "add", "path": "", "value": after},) if before is None else patch_between(before, after)


def applied(document: Document | None, patch: Patch) -> Document | None:
    """The document after the patch, the given one left as it is; None for none. PatchError if the patch does not fit it."""
    # A copy by way of JSON: the patch's values must not become part of two documents either.
    root = [] if document is None else [orjson.loads(orjson.dumps(document))]
    for step in patch:
        _apply(root, step)
    return root[0] if root else None


def taken_back(document: Document | None, patch: Patch) -> Document | None:
    """The document before the patch, given the one after it. PatchError if it does not fit, or has no `test` of what it took away."""
    return applied(document, tuple(_undoing(patch)))


def _undoing(patch: Patch) -> Iterator[Mapping[str, Any]]:
    steps: list[Mapping[str, Any]] = []
    tested: Mapping[str, Any] = {}
    for step in patch:
        path = step["path"]
        if step["op"] == "add":
            steps += [{"op": "remove", "path": path}, {"op": "test", "path": path, "value": step["value"]}]
        elif step["op"] in {"remove", "replace"}:
            if tested.get("path") != path:
                raise PatchError(f"{step['op']} of {path!r} follows no test of the old value, so that it can't be taken back")
            if step["op"] == "remove":
                steps.append({"op": "add", "path": path, "value": tested["value"]})
            else:
                replaced = {"op": "replace", "path": path, "value": tested["value"]}
                steps += [replaced, {"op": "test", "path": path, "value": step["value"]}]
        tested = step if step["op"] == "test" else {}
    return reversed(steps)


def _apply(root: list[Any], step: Mapping[str, Any]) -> None:
    operation, path = step["op"], step["path"]
    *above, last = [0, *(token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:])]
    holder: Any = root
    for token in above:
        holder = holder[_place(holder, token, path)]
    if operation == "add":
        _add(holder, last, orjson.loads(orjson.dumps(step["value"])), path)
        return
    place = _place(holder, last, path)
    if operation == "remove":
        del holder[place]
    elif operation == "replace":
        holder[place] = orjson.loads(orjson.dumps(step["value"]))
    elif operation != "test" or next(_changes("", holder[place], step["value"]), None) is not None:
        raise PatchError(f"{operation} of {path!r} fails")


def _add(holder: Any, token: object, value: object, path: str) -> None:
    if path == "" and holder:
        raise PatchError("there is a document already")
    if isinstance(holder, dict) and token not in holder:
        cast("dict[object, object]", holder)[token] = value
    elif isinstance(holder, list) and (index := _index(token)) is not None and index <= len(cast("list[object]", holder)):
        cast("list[object]", holder).insert(index, value)
    else:
        raise PatchError(f"there is no room for {path!r}")


def _place(holder: Any, token: object, path: str) -> Any:
    """The key or index of an existing value."""
    if isinstance(holder, dict) and token in holder:
        return token
    if isinstance(holder, list) and (index := _index(token)) is not None and index < len(cast("list[object]", holder)):
        return index
    raise PatchError(f"there is no {path!r}")


def _index(token: object) -> int | None:
    if isinstance(token, int):
        return token
    return int(token) if isinstance(token, str) and token.isascii() and token.isdecimal() else None


def _changes(path: str, old: object, new: object) -> Iterator[Mapping[str, Any]]:
    if type(old) is type(new) and old == new and not isinstance(old, dict | list):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _key_changes(path, cast("Document", old), cast("Document", new))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _item_changes(path, cast("list[object]", old), cast("list[object]", new))
    else:
        yield {"op": "test", "path": path, "value": old}
        yield {"op": "replace", "path": path, "value": new}


def _key_changes(path: str, old: Document, new: Document) -> Iterator[Mapping[str, Any]]:
    for key in sorted(old.keys() | new.keys()):
        below = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if before is _ABSENT:
            yield {"op": "add", "path": below, "value": after}
        elif after is _ABSENT:
            yield from _removed(below, before)
        else:
            yield from _changes(below, before, after)


def _item_changes(path: str, old: list[object], new: list[object]) -> Iterator[Mapping[str, Any]]:
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    common = min(len(before), len(after))
    for index in range(common):
        yield from _changes(f"{path}/{start + index}", before[index], after[index])
    # From the end, so that each index is still what it was in the old array.
    for index in range(len(before) - 1, common - 1, -1):
        yield from _removed(f"{path}/{start + index}", before[index])
    for index in range(common, len(after)):
        yield {"op": "add", "path": f"{path}/{start + index}", "value": after[index]}


def _removed(path: str, value: object) -> Iterator[Mapping[str, Any]]:
    yield {"op": "test", "path": path, "value": value}
    yield {"op": "remove", "path": path}


def _shared(old: Sequence[object], new: Sequence[object]) -> int:
    """How many items both begin with."""
    count = 0
    for before, after in zip(old, new, strict=False):
        if next(_changes("", before, after), None) is not None:
            break
        count += 1
    return count
