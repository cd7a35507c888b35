"""Reads Cargo.toml, https://doc.rust-lang.org/cargo/reference/manifest.html."""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from ingest.infer.lines import TomlLines
from ingest.infer.packages import DEVELOPMENT, OPTIONAL, RUNTIME, Ecosystem, Manifest, Package, Required, broken
from ingest.infer.shapes import table, text_of
from ingest.infer.toml import toml_error_line

_TABLES = {"dependencies": RUNTIME, "dev-dependencies": DEVELOPMENT, "build-dependencies": DEVELOPMENT}


def read_cargo(text: str, path: str, workspace: Mapping[str, str]) -> Manifest:
    """What the crate publishes and requires. `workspace` holds the real names of what its workspace renames, see `renamed_in`."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return broken(path, toml_error_line(error), f"is no valid TOML: {error}")
    lines = TomlLines(text)
    name = text_of(table(document, "package"), "name")
    published = None if name is None else _package(name)
    required = [
        Required(_package(_actual(key, wanted, workspace)), ".".join(keys), lines.of(*keys, key), _confidence(keys[-1], wanted))
        for keys in _tables(document)
        for key, wanted in table(document, *keys).items()
    ]
    return Manifest(path, published, lines.of("package", "name") if name else 1, tuple(required))


def renamed_in(text: str) -> Mapping[str, str] | None:
    """The keys of [workspace.dependencies] with the names of their crates; None if the file is no root of a workspace."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    if "workspace" not in document:
        return None
    dependencies = table(document, "workspace", "dependencies")
    return {key: text_of(table(wanted), "package") or key for key, wanted in dependencies.items()}


def _tables(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name in _TABLES:
        yield (name,)
        for platform in table(document, "target"):
            yield "target", platform, name


def _actual(key: str, wanted: object, workspace: Mapping[str, str]) -> str:
    if table(wanted).get("workspace") is True:
        return workspace.get(key, key)
    return text_of(table(wanted), "package") or key


def _confidence(name: str, wanted: object) -> float:
    confidence = _TABLES[name]
    return min(confidence, OPTIONAL) if table(wanted).get("optional") is True else confidence


def _package(name: str) -> Package:
    return Package(Ecosystem.CARGO, name.lower().replace("_", "-"))
