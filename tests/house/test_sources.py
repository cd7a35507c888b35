"""The house style, as far as no other tool keeps it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.house.tracked import product_sources, tracked_texts

LONGEST_FUNCTION = 80
LONGEST_WITHOUT_A_REASON = 40
LONGEST_FILE = 500
UNTELLING_MODULES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
UNTELLING_CLASS = re.compile(r"Default[A-Z]\w*|\w+Impl|\w*Manager|\w*Utils?|\w*Helpers?")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplemented(Error)?)\b")
EXCUSE = re.compile(
    r"#\s*(type: ignore|noqa|pragma: no cover|pyright: (?:ignore|basic))(\[[^\]]*\]|: [A-Z]+\d+(?:, ?[A-Z]+\d+)*)?(?P<reason>.*)"
)

LONGER_FOR_A_REASON: dict[str, str] = {}
"""Functions of 41 to 80 lines, as `path::name`, with the reason."""


@dataclass(frozen=True)
class Outline:
    """What the tests look at in a module: functions with their numbers of lines, decorators left out, and classes with their bases."""

    docstring: str | None
    functions: tuple[tuple[str, int], ...]
    classes: tuple[tuple[str, tuple[str, ...]], ...]


@cache
def outline(text: str) -> Outline:
    """Parsed once: there are hundreds of modules, and several tests look at each."""
    module = ast.parse(text)
    functions: list[tuple[str, int]] = []
    classes: list[tuple[str, tuple[str, ...]]] = []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append((node.name, (node.end_lineno or node.lineno) - node.lineno + 1))
        elif isinstance(node, ast.ClassDef):
            classes.append((node.name, tuple(base.id for base in node.bases if isinstance(base, ast.Name))))
    return Outline(ast.get_docstring(module), tuple(functions), tuple(classes))


def lengths() -> Iterator[tuple[str, int]]:
    for path, text in product_sources():
        for name, lines in outline(text).functions:
            yield f"{path}::{name}", lines


def test_no_function_is_longer_than_eighty_lines():
    assert [(name, lines) for name, lines in lengths() if lines > LONGEST_FUNCTION] == []


def test_a_function_over_forty_lines_has_a_reason():
    assert {name for name, lines in lengths() if lines > LONGEST_WITHOUT_A_REASON} == set(LONGER_FOR_A_REASON)


def test_no_file_is_longer_than_five_hundred_lines():
    long = [(str(path), text.count("\n")) for path, text in product_sources() if text.count("\n") > LONGEST_FILE]
    assert long == []


def test_every_module_begins_with_one_sentence_that_says_what_lives_there():
    python = [(path, text) for path, text in tracked_texts() if path.suffix == ".py" and text.strip()]
    missing = [str(path) for path, text in python if not _says_what(outline(text).docstring)]
    assert missing == []


def _says_what(docstring: str | None) -> bool:
    return docstring is not None and docstring.splitlines()[0].rstrip().endswith((".", ":", "?"))


def test_names_tell_something():
    modules = [str(path) for path, _ in product_sources() if {path.stem, *path.parts[:-1]} & UNTELLING_MODULES]
    classes = [f"{path}: {name}" for path, name, _ in _classes() if UNTELLING_CLASS.fullmatch(name)]
    assert (modules, classes) == ([], [])


def _classes() -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    for path, text in product_sources():
        for name, bases in outline(text).classes:
            yield path, name, bases


def test_errors_end_in_error():
    wrong = [
        f"{path}: {name}"
        for path, name, bases in _classes()
        if any(base.endswith(("Error", "Exception")) for base in bases) and not name.endswith("Error")
    ]
    assert wrong == []


def test_nothing_is_left_unfinished():
    found = [f"{path}: {match[0]}" for path, text in product_sources() for match in UNFINISHED.finditer(text)]
    assert found == []


def test_every_excuse_from_a_checker_gives_its_reason():
    found = [
        f"{path}: {match[0]}" for path, text in product_sources() for match in EXCUSE.finditer(text) if not match["reason"].strip(" #:")
    ]
    assert found == []


def test_the_environment_is_read_in_config_alone():
    reading = re.compile(r"\bos\.(environ|getenv)\b")
    assert [str(path) for path, text in product_sources() if path.parts[0] != "config" and reading.search(text)] == []
