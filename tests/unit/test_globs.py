"""Which paths a glob pattern matches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.globs import alternatives, fixed_folder, is_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/a/*.yaml", "/a/b.yaml", True),
        ("/a/*.yaml", "/a/b/c.yaml", False),
        ("/a/**/*.yaml", "/a/b.yaml", True),
        ("/a/**/*.yaml", "/a/b/c/d.yaml", True),
        ("/a/**/x/**/d.yaml", "/a/b/x/c/d.yaml", True),
        ("/a/**/x/**/d.yaml", "/a/b/c/d.yaml", False),
        ("/a/**", "/a/b/c", True),
        ("/a/?.yaml", "/a/bc.yaml", False),
        ("/a/[b-d].yaml", "/a/c.yaml", True),
        ("/a/[!b-d].yaml", "/a/c.yaml", False),
        ("/a/[z-a].yaml", "/a/[z-a].yaml", True),
        ("/a/[.yaml", "/a/[.yaml", True),
        ("/a/{b,c/d}.yaml", "/a/c/d.yaml", True),
        ("/a/{b,c}{1,2}", "/a/c1", True),
        ("/a/*", "/a/.hidden", False),
        ("/a/.*", "/a/.hidden", True),
        ("/**/x", "/.a/x", False),
        ("/a.b", "/axb", False),
    ],
)
def test_patterns_match_as_in_backstage(pattern: str, path: str, expected: bool):
    assert matches(pattern, path) is expected


def test_case_and_dots_count_only_where_wanted():
    assert not matches("/A/*.yaml", "/a/b.yaml")
    assert matches("/A/*.YAML", "/a/.b.yaml", hidden=True, ignore_case=True)


@pytest.mark.parametrize(
    ("target", "folder"), [("/a/b*/c", "/a"), ("/a/b/c.yaml", "/a/b"), ("/*", "/"), ("/a.yaml", "/"), ("/a/{b,c}/d", "/a"), ("/a/b", "/a")]
)
def test_the_fixed_folder_ends_before_the_first_wildcard(target: str, folder: str):
    assert fixed_folder(target) == folder


def test_a_name_without_wildcards_is_no_pattern():
    assert not is_pattern("/a/b-c.yaml")
    assert alternatives("/a/{b}.yaml") == ["/a/{b}.yaml"]


@given(st.text(alphabet="ab*?[]{},!-^\\./", max_size=14), st.text(alphabet="ab./", max_size=10))
def test_any_text_is_a_pattern_that_can_be_matched(pattern: str, path: str):
    assert matches(pattern, path) in (True, False)


@given(st.text(alphabet="abc./-", max_size=12).filter(lambda text: "//" not in text))
def test_text_without_wildcards_matches_itself_alone(text: str):
    assert matches(text, text, hidden=True)
    assert not matches(text, text + "x", hidden=True)
