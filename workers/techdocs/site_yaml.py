"""Reads a repository's mkdocs.yml as the untrusted text it is: no tag makes an object, and nothing is read beside it.

Backstage allows the same names after `!!python/name:`, https://backstage.io/docs/features/techdocs/configuration
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from workers.techdocs.results import LeftOut

PYTHON_NAMES = frozenset(
    {
        *(
            f"pymdownx.emoji.{name}"
            for name in ("emojione", "gemoji", "twemoji", "to_alt", "to_png", "to_png_sprite", "to_svg", "to_svg_sprite")
        ),
        *(f"{module}.emoji.{name}" for module in ("materialx", "material.extensions") for name in ("twemoji", "to_svg")),
        "pymdownx.superfences.fence_code_format",
        "pymdownx.superfences.fence_div_format",
        "pymdownx.slugs.slugify",
        "pymdownx.slugs.uslugify",
    }
)
"""What may stand after `!!python/name:`; each is known to do no more than its name says."""

_TAG = "tag:yaml.org,2002:"
_DEEPEST = 60
_MOST_VALUES = 50_000
_MOST_BYTES = 1024 * 1024


class UnreadableYamlError(ValueError):
    """The text is no YAML, or not one that is read here; the message names the place."""


@dataclass(frozen=True, slots=True)
class PythonName:
    """A function that mkdocs.yml names, called with `arguments` first where there are any."""

    name: str
    arguments: Mapping[str, Any] | None = None

    def encoded(self) -> dict[str, Any]:
        """The JSON by which the building process knows it."""
        return {"$python": self.name, "arguments": self.arguments}


_REFUSED = object()


def parse_site_yaml(content: bytes, file: str, left_out: list[LeftOut]) -> dict[str, Any]:
    """The mapping that the text holds, empty for none; what is refused in it is added to `left_out`. UnreadableYamlError if it is none."""
    if len(content) > _MOST_BYTES:
        raise UnreadableYamlError(f"{file} has more than {_MOST_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
        _check_depth(text, file)
        node = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.CSafeLoader))  # pyright: ignore[reportUnknownMemberType] untyped stub
    except UnicodeDecodeError as error:
        raise UnreadableYamlError(f"{file} is not UTF-8") from error
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error)
        raise UnreadableYamlError(f"{place} is no valid YAML: {problem}") from error
    if node is None:
        return {}
    value = _Values(file, left_out).of(node, "", 0)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableYamlError(f"{file} holds no mapping of settings")
    return cast("dict[str, Any]", value)


def _check_depth(text: str, file: str) -> None:
    depth = 0
    for event in cast("Iterator[yaml.Event]", yaml.parse(text, Loader=yaml.CSafeLoader)):  # pyright: ignore[reportUnknownMemberType] untyped stub
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise UnreadableYamlError(f"{file} nests more than {_DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


@dataclass(slots=True)
class _Values:
    """Makes plain values of nodes; mappings have text as keys. Aliases count as often as they are used."""

    file: str
    left_out: list[LeftOut]
    _made: int = 0
    _scalars: yaml.constructor.SafeConstructor = field(default_factory=yaml.constructor.SafeConstructor)

    def of(self, node: yaml.Node, path: str, depth: int) -> Any:
        self._made += 1
        if self._made > _MOST_VALUES or depth > _DEEPEST:
            raise UnreadableYamlError(f"{self.file} holds too many values, or aliases of aliases")
        if not node.tag.startswith(_TAG) or node.tag.startswith(f"{_TAG}python/"):
            return self._tagged(node, path, depth)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            below = [self.of(item, f"{path}.{index}", depth + 1) for index, item in enumerate(node.value)]
            return [value for value in below if value is not _REFUSED]
        return self._scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        values: dict[str, Any] = {}
        for key, below in node.value:
            if key.tag == f"{_TAG}merge":
                found = self.of(below, path, depth + 1)
                for one in reversed(cast("list[Any]", found) if isinstance(found, list) else [found]):
                    merged |= cast("dict[str, Any]", one) if isinstance(one, dict) else {}
                continue
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            value = self.of(below, f"{path}.{name}" if path else name, depth + 1)
            if value is not _REFUSED:
                values[name] = value
        return {**merged, **values}

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix(_TAG)
        make = {
            "null": self._scalars.construct_yaml_null,
            "bool": self._scalars.construct_yaml_bool,
            "int": self._scalars.construct_yaml_int,
            "float": self._scalars.construct_yaml_float,
        }.get(kind)
        try:
            return make(node) if make else str(node.value)
        except (ValueError, KeyError, IndexError):
            return str(node.value)

    def _tagged(self, node: yaml.Node, path: str, depth: int) -> Any:
        shown = node.tag.replace(_TAG, "!!")
        if shown.startswith("!!python/name:") and (name := shown.removeprefix("!!python/name:")) in PYTHON_NAMES:
            return PythonName(name)
        if shown == "!!python/object/apply:pymdownx.slugs.slugify" and isinstance(node, yaml.MappingNode):
            arguments = self._mapping(node, path, depth).get("kwds")
            return PythonName("pymdownx.slugs.slugify", cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {})
        if shown == "!include" and isinstance(node, yaml.ScalarNode):
            return f"!include {node.value}"
        if shown == "!ENV" and isinstance(node, yaml.SequenceNode) and len(node.value) > 1:
            return self.of(node.value[-1], path, depth + 1)
        self.left_out.append(LeftOut(path, _REASONS.get(shown) or f"The tag {shown} makes an object of a program, which is not done here."))
        return _REFUSED


_REASONS = {
    "!ENV": "A build has no environment; write the value, or give a default in a list after the variable's name.",
    "!relative": "Paths start at the folder of mkdocs.yml; name it without !relative.",
}
