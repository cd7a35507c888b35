"""Splitting a file into its YAML documents."""

import pytest
import yaml12
from hypothesis import given
from hypothesis import strategies as st

from ingest.documents import decoded, split


def pieces(text: str) -> list[tuple[str, int]]:
    return [(document.text, document.line) for document in split(text)]


@pytest.mark.parametrize("text", ["", "\n \n", "---", "---\n", "# only\n", "---\n# only\n---\n...\n", "---\n---\n \n---", "...\n"])
def test_nothing_but_blanks_and_comments_is_no_document(text: str):
    assert pieces(text) == []


def test_each_document_knows_the_line_it_begins_in():
    text = "a: 1\n---\n\nb: 2\n---\n---\n# c\nd: 3\n...\n# e\n%YAML 1.2\n---\nf: 4\n---"
    assert pieces(text) == [("a: 1\n", 1), ("---\n\nb: 2\n", 2), ("---\n# c\nd: 3\n", 6), ("\n# e\n%YAML 1.2\n---\nf: 4\n", 9)]


def test_a_document_may_begin_behind_its_mark():
    assert pieces("--- |\n a\n--- b\n---c: 1\n") == [("--- |\n a\n", 1), ("--- b\n---c: 1\n", 3)]


def test_a_mark_inside_of_a_line_divides_nothing():
    assert pieces("a: |\n  ---\n  b\nc: ' ---'\n") == [("a: |\n  ---\n  b\nc: ' ---'\n", 1)]


def test_line_breaks_and_byte_order_marks_are_made_alike():
    assert decoded(b"\xef\xbb\xbfa: 1\r\nb: 2\rc: 3\n") == "a: 1\nb: 2\nc: 3\n"


def test_bytes_that_are_no_utf8_are_kept_apart():
    assert decoded(b"a: \xff") == "a: \udcff"


@given(st.lists(st.sampled_from(["---\n", "...\n", "a: 1\n", "# c\n", "\n", "- x\n", "--- b\n", "  ---\n", "%YAML 1.2\n"]), max_size=12))
def test_documents_alone_hold_what_the_whole_file_holds(lines: list[str]):
    text = "".join(lines)
    try:
        whole = [value for value in yaml12.parse_yaml(text, multi=True) if value is not None]
    except ValueError:
        return
    alone = [value for document in split(text) for value in yaml12.parse_yaml(document.text, multi=True) if value is not None]
    assert alone == whole
