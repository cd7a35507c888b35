"""Places, duplicate keys and aliases, as the surveying parser sees them."""

import pytest
import yaml

from ingest.survey import DEEPEST, MOST_VALUES, Duplicate, survey


def test_places_lead_to_keys_and_items():
    found = survey("a:\n  b: [1, {c: d}]\n  e:\n  - f\n")
    assert found.places == {
        (): (0, 0),
        ("a",): (0, 0),
        ("a", "b"): (1, 2),
        ("a", "b", 0): (1, 6),
        ("a", "b", 1): (1, 9),
        ("a", "b", 1, "c"): (1, 10),
        ("a", "e"): (2, 2),
        ("a", "e", 0): (3, 4),
    }


def test_what_is_missing_stands_where_its_parent_stands():
    found = survey("a:\n  b: 1\n")
    assert found.place(("a", "x", 3, "y")) == (0, 0)
    assert found.place(("a", "b")) == (1, 2)


def test_a_second_key_is_a_duplicate_of_the_first():
    assert survey("a: 1\nb: {c: 1, c: 2}\na: 3\n").duplicate == Duplicate("c", (1, 10), (1, 4))
    assert survey("a: 1\nb: {a: 1}\n").duplicate is None


def test_a_survey_of_too_many_values_is_cut_off():
    assert survey("- a\n" * MOST_VALUES).cut_off == (MOST_VALUES - 1, 2)
    assert survey("- a\n" * (MOST_VALUES - 1)).cut_off is None


def test_aliases_are_weighed_by_what_they_expand_to():
    assert survey("a: &x [1, 2]\nb: *x\nc: *x\n").expanded == 2 * (1 + 2 + 2)


def test_a_chain_of_aliases_explodes():
    rungs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert survey(f"a0: &a0 [x]\n{rungs}").explodes


def test_a_long_text_repeated_explodes():
    assert survey(f"a: &a {'x' * 10_000}\nb: [{', '.join(['*a'] * 500)}]\n").explodes


def test_an_alias_inside_of_its_own_anchor_is_a_circle():
    assert survey("a: &x\n  b: *x\n").cyclic == [("x", (1, 5))]


def test_an_alias_without_an_anchor_is_undefined():
    assert survey("a: *x\n").undefined == [("x", (0, 3))]


def test_nesting_is_followed_only_so_far():
    assert survey("[" * DEEPEST + "]" * DEEPEST).too_deep is None
    assert survey("[" * 10_000).too_deep == (0, DEEPEST)


def test_line_breaks_of_yaml_1_1_do_not_count():
    assert survey("a: x\u2028y\u0085z\nb: 1\n").places[("b",)] == (1, 0)


def test_a_text_that_the_parser_refuses_is_an_error():
    with pytest.raises(yaml.MarkedYAMLError):
        survey("a: [\n")
