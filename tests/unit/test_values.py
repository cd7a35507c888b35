"""Values of YAML 1.2, as JSON."""

from typing import Any

import pytest

from ingest.values import TooDeepError, YamlError, parsed


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("True", True),
        ("tRue", "tRue"),
        ("~", None),
        ("1e3", 1000.0),
        (".inf", None),
        ("-.INF", None),
        (".nan", None),
        ("1e999", None),
        ("!thing a", "a"),
        ("!!set {a}", {"a": None}),
        ("{3: a, true: b, null: c, 4.0: d, 2.5: e}", {"3": "a", "true": "b", "": "c", "4": "d", "2.5": "e"}),
        ("{? [a, 1] : b}", {"[ a, 1 ]": "b"}),
        ("[&x a, *x]", ["a", "a"]),
        ("{<<: {b: 1}, c: 2}", {"<<": {"b": 1}, "c": 2}),
        ("a\ta", "a\ta"),
    ],
)
def test_scalars_and_collections_are_those_of_the_core_schema(written: str, value: Any):
    assert parsed(f"v: {written}\n").json == {"v": value}


@pytest.mark.parametrize("text", ["", "# c\n", "---\n", "null", "~"])
def test_nothing_is_null(text: str):
    assert parsed(text).json is None


def test_an_empty_block_scalar_at_the_end_is_empty():
    assert parsed("a: b\nv: |\n").json == {"a": "b", "v": ""}


def test_a_tab_may_part_a_key_from_its_value():
    assert parsed("a:\t1\nb:\n  c:\t2\n").json == {"a": 1, "b": {"c": 2}}


def test_json_indented_by_tabs_is_read():
    assert parsed('{\n\t"a": "\\ud83d\\ude00"\n}').json == {"a": "😀"}


def test_a_bare_expression_is_an_odd_key():
    assert parsed("a: {{ x }}\n").odd_keys
    assert parsed("a: {{ x }}\n").json == {"a": {"{ x }": None}}
    assert not parsed("1: a\n").odd_keys


def test_an_error_names_its_place():
    with pytest.raises(YamlError) as error:
        parsed("a: 1\nb: c: d\n")
    assert (error.value.line, error.value.column) == (1, 4)


def test_a_value_that_json_can_not_hold_is_too_deep():
    with pytest.raises(TooDeepError):
        parsed("".join(f"{' ' * level}a:\n" for level in range(300)))
