"""Bundles an OpenAPI or AsyncAPI definition: what its relative `$ref`s name in other files is written into the one text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from posixpath import dirname, join, normpath
from typing import cast
from urllib.parse import unquote

import yaml12

from ingest.survey import DEEPEST

_MOST_VALUES = 500_000

Pointer = tuple[str, ...]


class BundleError(Exception):
    """A definition can't be bundled; the message completes a sentence that begins with the file's name."""


def bundled(target: str, value: object, read: Callable[[str], object]) -> str:
    """The definition with its external references inlined, as YAML, whatever it was written in: so does Backstage.

    A value that is referred to several times is inlined where it is first met, and the other places refer to it there; references to
    URLs stay. `read` gives the value of another file by its path, relative to the catalog file like `target`. BundleError if the
    definition is no mapping, or if a reference leads to nothing.
    """
    if not isinstance(value, dict):
        raise BundleError("which is no mapping, and so no API definition.")
    root, definition = normpath(target), cast("dict[str, object]", value)
    bundle = _Bundle(root, read, {root: definition})
    return yaml12.format_yaml(bundle.walk(definition, root, ())).rstrip("\n") + "\n"


@dataclass(slots=True)
class _Bundle:
    root: str
    read: Callable[[str], object]
    files: dict[str, object]
    placed: dict[tuple[str, Pointer], Pointer] = field(default_factory=lambda: {})
    walked: int = 0

    def walk(self, value: object, file: str, at: Pointer) -> object:
        """The value of `file` as it stands in the bundle under the pointer `at`."""
        self.walked += 1
        if self.walked > _MOST_VALUES or len(at) > DEEPEST:
            raise BundleError("whose references multiply to an excessive size.")
        if isinstance(value, list):
            return [self.walk(item, file, (*at, str(index))) for index, item in enumerate(cast("list[object]", value))]
        if not isinstance(value, dict):
            return value
        entries = cast("dict[str, object]", value)
        ref = entries.get("$ref")
        if isinstance(ref, str) and (goal := self._goal(ref, file)) is not None:
            return self._inlined(goal, {key: below for key, below in entries.items() if key != "$ref"}, file, at)
        return {key: self.walk(below, file, (*at, key)) for key, below in entries.items()}

    def _goal(self, ref: str, file: str) -> tuple[str, Pointer] | None:
        """The file and pointer that a reference names; None for one that stays as it is."""
        path, _, fragment = ref.partition("#")
        if "://" in path or (fragment and not fragment.startswith("/")) or (not path and file == self.root):
            return None
        goal = normpath(join(dirname(file), unquote(path))) if path else file
        pointer = tuple(unquote(step).replace("~1", "/").replace("~0", "~") for step in fragment.split("/")[1:])
        return goal, pointer

    def _inlined(self, goal: tuple[str, Pointer], siblings: Mapping[str, object], file: str, at: Pointer) -> object:
        place = goal[1] if goal[0] == self.root else self.placed.get(goal)
        beside = {key: self.walk(below, file, (*at, key)) for key, below in siblings.items()}
        if place is not None:
            return {"$ref": _written(place), **beside}
        self.placed[goal] = at
        value = self.walk(self._found(goal), goal[0], at)
        if isinstance(value, dict) and beside:
            return {**cast("dict[str, object]", value), **beside}
        return cast("object", value)

    def _found(self, goal: tuple[str, Pointer]) -> object:
        file, pointer = goal
        if file not in self.files:
            self.files[file] = self.read(file)
        value = self.files[file]
        for step in pointer:
            if isinstance(value, dict) and step in value:
                value = cast("dict[str, object]", value)[step]
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(cast("list[object]", value)):
                value = cast("list[object]", value)[int(step)]
            else:
                raise BundleError(f"which refers to {_written(pointer)} of {file}, and that does not exist.")
        return value


def _written(pointer: Pointer) -> str:
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in pointer)
