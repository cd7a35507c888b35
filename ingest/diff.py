"""What an update changes: JSON Patches that can be taken back, and entities compared with what is stored of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from graph.entities import Document, Edge, Entity, canonical_json, content_hash
from graph.store import EntityWrite, Patch, Removal

_ABSENT = object()


def patch_between(old: Document, new: Document) -> Patch:
    """The JSON Patch (RFC 6902) from old to new. Each remove and replace follows a `test` of the old value.

    Arrays are compared place by place between what they share at both ends. Equal documents give an empty patch.
    """
    return tuple(_changes("", old, new))


def write_of(entity: Entity, declares: Sequence[Edge], stored: Entity | None, declared: Sequence[Edge]) -> EntityWrite | None:
    """The write that turns the stored entity and its edges into the given ones; None if nothing differs."""
    if stored is None:
        return EntityWrite(entity, declares, None)
    patch = patch_between(stored.document, entity.document)
    if not patch and stored.origin == entity.origin and stored.orphan == entity.orphan and tuple(declared) == tuple(declares):
        return None
    return EntityWrite(entity, declares, hash_of(stored), patch)


def removal_of(stored: Entity) -> Removal:
    """The removal of the entity as it is stored, its whole document in the patch."""
    patch = ({"op": "test", "path": "", "value": stored.document}, {"op": "remove", "path": ""})
    return Removal(stored.ref, hash_of(stored), patch)


def hash_of(entity: Entity) -> str:
    """The hash by which the store recognises the document that a write was computed against."""
    return content_hash(canonical_json(entity.document))


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
