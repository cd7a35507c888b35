"""Reads pyproject.toml: PEP 621 metadata, dependency groups (PEP 735), build requirements, and Poetry's tables."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ingest.infer.lines import TomlLines
from ingest.infer.packages import DEVELOPMENT, OPTIONAL, RUNTIME, Ecosystem, InferenceProblem, Manifest, Package, Required, broken
from ingest.infer.shapes import listed, table, text_of
from ingest.infer.toml import toml_error_line


def read_pyproject(text: str, path: str) -> Manifest:
    """What the file publishes and requires. One without a project name publishes nothing; what can't be read is a problem."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return broken(path, toml_error_line(error), f"is no valid TOML: {error}")
    lines = TomlLines(text)
    project, poetry = table(document, "project"), table(document, "tool", "poetry")
    name, where = text_of(project, "name"), ("project", "name")
    if name is None:
        name, where = text_of(poetry, "name"), ("tool", "poetry", "name")
    required: list[Required] = []
    problems: list[InferenceProblem] = []
    for found in (*_declared(document, path, lines), *_of_poetry(poetry, lines)):
        (required if isinstance(found, Required) else problems).append(found)  # pyright: ignore[reportArgumentType] - told apart here
    published = None if name is None else _package(name)
    return Manifest(path, published, lines.of(*where) if name else 1, tuple(required), tuple(problems))


def _declared(document: Mapping[str, Any], path: str, lines: TomlLines) -> Iterator[Required | InferenceProblem]:
    """The requirements that are written as PEP 508 texts."""
    project = table(document, "project")
    lists = [(("project", "dependencies"), RUNTIME), (("build-system", "requires"), DEVELOPMENT)]
    lists += [(("project", "optional-dependencies", extra), OPTIONAL) for extra in table(project, "optional-dependencies")]
    lists += [(("dependency-groups", group), DEVELOPMENT) for group in table(document, "dependency-groups")]
    for keys, confidence in lists:
        field = ".".join(keys)
        for item in listed(table(document, *keys[:-1]), keys[-1]):
            # A dependency group may include another by a table, which is in the list of all groups anyway.
            if not isinstance(item, str):
                continue
            line = lines.of_item(item, *keys)
            try:
                yield Required(_package(Requirement(item).name), field, line, confidence)
            except InvalidRequirement:
                yield InferenceProblem(path, line, f"{field} holds {item[:80]!r}, which is no requirement")


def _of_poetry(poetry: Mapping[str, Any], lines: TomlLines) -> Iterator[Required]:
    tables = [(("dependencies",), RUNTIME), (("dev-dependencies",), DEVELOPMENT)]
    tables += [(("group", group, "dependencies"), DEVELOPMENT) for group in table(poetry, "group")]
    for keys, confidence in tables:
        for name, wanted in table(poetry, *keys).items():
            if name.lower() == "python":
                continue
            optional = isinstance(wanted, dict) and cast("dict[str, object]", wanted).get("optional") is True
            line = lines.of("tool", "poetry", *keys, name)
            yield Required(_package(name), ".".join(("tool.poetry", *keys)), line, min(confidence, OPTIONAL) if optional else confidence)


def _package(name: str) -> Package:
    return Package(Ecosystem.PYPI, canonicalize_name(name))
