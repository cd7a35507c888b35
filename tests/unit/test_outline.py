"""What a look at lines alone can tell of a document."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingest.outline import keys_are_unique, rows_of, spec_lines, without_block_scalars
from ingest.survey import survey

DOCUMENT = """\
kind: Component
metadata:
  name: shop
  labels: {}
spec:
  type: service
  dependsOn:
    - component:a
    # of old
    - resource:b
  consumesApis:
  - c
  - d
  owner: red
"""


def unique(text: str) -> bool:
    kept = without_block_scalars(text)
    return keys_are_unique(kept, rows_of(kept))


def test_every_line_has_a_row():
    assert rows_of("a: 1\n\n  - b: c:d\n# x: y\n  z") == [("", "a"), ("", ""), ("  - ", "b"), ("", "# x"), ("  ", "")]


def test_the_lines_of_spec_are_found():
    assert spec_lines(rows_of(DOCUMENT)) == {"type": [5], "dependsOn": [6, 7, 9], "consumesApis": [10, 11, 12], "owner": [13]}


def test_without_a_spec_there_are_no_lines():
    assert spec_lines(rows_of("kind: A\nmetadata:\n  spec: 1\n")) == {}


def test_an_ordinary_document_has_unique_keys():
    assert unique(DOCUMENT)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2\n",
        "a: 1\n'a': 2\n",
        'a: 1\n"a": 2\n',
        "a: 1\na : 2\n",
        "a: 1\n&x a: 2\n",
        "a: 1\n!!str a: 2\n",
        "a: 1\n? a\n: 2\n",
        "- a: 1\n  a: 2\n",
        "x: {a: 1, a: 2}\n",
        "x: [{a: 1, a: 2}]\n",
        "-\ta: 1\n  a: 2\n",
        "{a: 1,\na: 2}\n",
    ],
)
def test_a_key_that_could_stand_twice_needs_a_closer_look(text: str):
    assert not unique(text)


def test_block_scalars_are_emptied_and_keep_their_lines():
    text = "a: |\n  x: 1\n  x: 2\n\nb:\n  - c: >-  # why\n     y: 1\n    d: 2\n# e: |\n  f: 3\n"
    assert without_block_scalars(text) == "a: |\n\n\n\nb:\n  - c: >-  # why\n\n    d: 2\n# e: |\n  f: 3\n"


LINES = st.sampled_from(
    [
        "a: 1\n",
        "a: 2\n",
        "b:\n",
        "  a: 1\n",
        "  a: |\n",
        "   a: 1\n",
        "    a: 1\n",
        "  - a: 1\n",
        "    a: 2\n",
        "- a: x\n",
        "  b: >\n",
        "'a': 1\n",
    ]
)


@given(st.lists(LINES, max_size=10))
def test_what_is_proven_unique_is_unique(lines: list[str]):
    text = "".join(lines)
    try:
        found = survey(text)
    except yaml.YAMLError:
        return
    assert not (unique(text) and found.duplicate)
