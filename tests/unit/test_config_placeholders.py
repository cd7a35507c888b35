"""References within configuration values: variables, files and includes."""

from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigurationError
from config.placeholders import Surroundings, resolve
from config.settings import read_settings


def resolved(folder: Path, text: str, **environ: str) -> Any:
    (folder / "c.yaml").write_text(text)
    found = resolve(read_settings(folder / "c.yaml"), Surroundings(environ, folder, {}))
    return found.plain() if found else None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("x-${A}-${B}", "x-1-2"),
        ("${ A }", "1"),
        ("${A:-9}", "1"),
        ("${C:-9}", "9"),
        ("${EMPTY:-9}", "9"),
        ("${C:-http://h:1/x}", "http://h:1/x"),
        ("$${A}", "${A}"),
        ("a$${A}-${A}", "a${A}-1"),
        ("$A", "$A"),
        ("${EMPTY}", ""),
    ],
)
def test_variables_are_substituted(tmp_path: Path, text: str, value: str):
    assert resolved(tmp_path, f"key: '{text}'", A="1", B="2", EMPTY="") == {"key": value}


@pytest.mark.parametrize("text", ["'${C}'", "'x${A}${C}'", "'${C:-}'", "{ $env: C }"])
def test_a_value_with_an_unset_variable_is_left_out(tmp_path: Path, text: str):
    assert resolved(tmp_path, f"key: {text}\nlist: [{text}, b]", A="1") == {"list": ["b"]}


def test_env_reads_a_variable(tmp_path: Path):
    assert resolved(tmp_path, "key: { $env: A }", A="${B}") == {"key": "${B}"}


def test_file_reads_a_text_without_its_trailing_newline(tmp_path: Path):
    (tmp_path / "secret.txt").write_text("  hunter2\n\n")
    assert resolved(tmp_path, "key: { $file: './${NAME}.txt' }", NAME="secret") == {"key": "  hunter2"}


def test_include_reads_another_file_with_references_of_its_own(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/one.yaml").write_text("a: { $include: two.json#deep.x }\nb: '${B}'")
    (tmp_path / "sub/two.json").write_text('{"deep": {"x": [1, {"y": true}]}}')
    assert resolved(tmp_path, "key: { $include: sub/one.yaml }", B="2") == {"key": {"a": [1, {"y": True}], "b": "2"}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("key: { $secret: x }", r"c\.yaml:1: key: \$secret is unknown; \$env, \$file and \$include are known"),
        ("key: { $env: A, b: 1 }", r"c\.yaml:1: key: \$env has to stand alone in its mapping"),
        ("list:\n  - { $env: [A] }", r"c\.yaml:2: list\[0\]: \$env needs a text"),
        ("key: { $file: nowhere }", r"c\.yaml:1: key: .*nowhere can't be read: No such file or directory"),
        ("key: { $include: notes.txt }", r"c\.yaml:1: key: \$include reads \.yaml, \.yml and \.json files, not notes\.txt"),
        ("key: { $include: c.yaml#a.b }", r"c\.yaml:1: key: c\.yaml has no a\.b"),
        ("key: { $include: c.yaml }", r"c\.yaml:1: key(\.key)*: \$include leads round in a circle"),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error_with_its_place(tmp_path: Path, text: str, problem: str):
    with pytest.raises(ConfigurationError, match=problem):
        resolved(tmp_path, text)


def test_a_json_schema_keeps_its_own_dollar_keys_and_nulls(tmp_path: Path):
    schema = {"$schema": "x", "$ref": "#/$defs/a", "pattern": "^${x}$", "const": None}
    (tmp_path / "s.json").write_text('{"$schema": "x", "$ref": "#/$defs/a", "pattern": "^${x}$", "const": null}')
    text = "- jsonSchema: { $schema: x, $ref: '#/$defs/a', pattern: '^${x}$', const: null }\n- jsonSchema: { $include: s.json }"
    assert resolved(tmp_path, text) == [{"jsonSchema": schema}, {"jsonSchema": schema}]
