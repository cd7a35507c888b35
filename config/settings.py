"""A configuration file as a tree whose every value knows the file and line it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
import yaml12

from config.errors import ConfigurationError
from config.paths import shown_path

VERBATIM_KEYS = frozenset({"jsonSchema"})
"""Keys whose values are a language of their own, in which null and `$` have other meanings."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a configuration file; lines count from 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{shown_path(self.file)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value: a mapping of settings, a list of settings, or a scalar."""

    value: "Mapping[str, Setting] | list[Setting] | str | int | float | bool | None"
    place: Place

    def plain(self, keep_nulls: bool = False) -> Any:
        """The value without places. A key without a value counts as absent, since an emptied section looks like that."""
        if isinstance(self.value, Mapping):
            return {
                key: below.plain(keep_nulls or key in VERBATIM_KEYS)
                for key, below in self.value.items()
                if keep_nulls or below.value is not None
            }
        if isinstance(self.value, list):
            return [below.plain(keep_nulls) for below in self.value]
        return self.value

    def find(self, path: tuple[str | int, ...]) -> "Setting":
        """The setting at the path, or the nearest one above it."""
        if path and isinstance(self.value, Mapping) and path[0] in self.value:
            return self.value[str(path[0])].find(path[1:])
        if path and isinstance(self.value, list) and isinstance(path[0], int) and path[0] < len(self.value):
            return self.value[path[0]].find(path[1:])
        return self


def read_settings(path: Path) -> Setting:
    """The file's content (YAML 1.2 or JSON); an empty file is an empty mapping. ConfigurationError if it can't be read or parsed."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError("", f"can't be read: {reason}", shown_path(path)) from error
    return parse_settings(text, path)


def parse_settings(text: str, path: Path) -> Setting:
    """As read_settings, for text that stands in `path`."""
    try:
        node = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.CSafeLoader))  # pyright: ignore[reportUnknownMemberType] untyped stub
        value = yaml12.parse_yaml(text)
    except (yaml.MarkedYAMLError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        place = f"{shown_path(path)}:{mark.line + 1}:{mark.column + 1}" if mark else shown_path(path)
        reason = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
        raise ConfigurationError("", f"is no valid YAML: {reason}", place) from error
    return Setting({}, Place(path, 1)) if node is None or value is None else _placed(node, value, path)


def _placed(node: yaml.Node, value: object, path: Path) -> Setting:
    place = Place(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode) and isinstance(value, dict):
        keys = [str(cast("object", key.value)) for key, _ in node.value]
        repeated = next((pair for i, pair in enumerate(node.value) if pair[0].value in keys[:i]), None)
        if repeated:
            raise ConfigurationError(repeated[0].value, "stands twice in one mapping", str(Place(path, repeated[0].start_mark.line + 1)))
        values = cast("dict[object, object]", value).values()
        return Setting({k: _placed(n, v, path) for k, (_, n), v in zip(keys, node.value, values, strict=True)}, place)
    if isinstance(node, yaml.SequenceNode) and isinstance(value, list):
        return Setting([_placed(n, v, path) for n, v in zip(node.value, cast("list[object]", value), strict=True)], place)
    if value is None or isinstance(value, str | int | float | bool):
        return Setting(value, place)
    raise ConfigurationError("", f"the tag {node.tag!r} has no meaning here", str(place))


def merge(under: Setting, over: Setting) -> Setting:
    """Both together: mappings key by key, anything else replaced whole by `over`.

    Where both name a `client` and not the same one, `under` has nothing to say: its connection belongs to the other client.
    """
    if not isinstance(under.value, Mapping) or not isinstance(over.value, Mapping):
        return over
    if "client" in under.value and "client" in over.value and under.value["client"].value != over.value["client"].value:
        return over
    merged = dict(under.value)
    for key, setting in over.value.items():
        merged[key] = merge(merged[key], setting) if key in merged else setting
    return Setting(merged, over.place)
