"""Field selection: which parts of an entity an answer keeps."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from graph.errors import InputError

_OF_ALL_THE_REST = ("metadata", "metadata.etag")


class Fields:
    """The selected paths. A part of a path may hold dots, as keys of annotations do: the shortest that is a key is taken."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = [path.split(".") for path in paths]
        roots = {parts[0] for parts in self._paths}
        self.has_etag = any(path in _OF_ALL_THE_REST for path in paths)
        """The etag is a hash of everything, so that it takes everything to tell it."""
        self.has_relations = self.has_etag or "relations" in roots
        self.has_errors = self.has_etag or "status" in roots
        self.has_descriptor = bool(roots - {"relations"})

    def of(self, entity: Mapping[str, Any]) -> dict[str, Any]:
        """What is selected of the entity; paths that lead to nothing are left out."""
        selected: dict[str, Any] = {}
        for parts in self._paths:
            keys, value = _found(entity, parts)
            if keys:
                _put(selected, keys, value)
        return selected


def fields_of(texts: Iterable[str]) -> Fields | None:
    """The fields that comma-separated texts select, None for all. InputError for paths into arrays."""
    paths = list(dict.fromkeys(path for text in texts for part in text.split(",") if (path := part.strip())))
    for path in paths:
        if "[" in path:
            raise InputError(f'Invalid field "{path}", array type fields are not supported')
    return Fields(paths) if paths else None


def _found(entity: Mapping[str, Any], parts: Sequence[str]) -> tuple[Sequence[str], object]:
    """The keys that lead to what the parts name, and that; no keys if there is nothing."""
    keys: list[str] = []
    at: Mapping[str, object] = entity
    value: object = None
    pending = ""
    for part in parts:
        key = pending + part
        if key in at:
            value = at[key]
            keys.append(key)
            at = _members(value)
            pending = ""
        else:
            pending = f"{key}."
    return ([], None) if pending else (keys, value)


def _members(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _put(selected: dict[str, Any], keys: Sequence[str], value: object) -> None:
    at = selected
    for key in keys[:-1]:
        at = at.setdefault(key, {})
    at[keys[-1]] = value
