"""Ten thousand malformed files: none crashes or holds up the reader, every error has its place, and no other document is lost."""

import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.relations import RelationRegistry
from ingest.reading import IncludeError, Reading, ReadingSettings, read_documents
from tests.malformed import GOOD, malformed

SETTINGS = ReadingSettings((), RelationRegistry())
LONGEST_SECONDS = 2
GROUPS = {"group:default/before", "group:default/behind"}


def include(target: str) -> bytes:
    if target == "b":
        return b"a: [1]\n"
    raise IncludeError("it can't be read.", "Check the path.")


def read(content: bytes) -> Reading:
    start = time.process_time()
    reading = read_documents(content, "catalog-info.yaml", include, SETTINGS)
    assert time.process_time() - start < LONGEST_SECONDS, content
    return reading


def assert_orderly(content: bytes, reading: Reading) -> None:
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
    for problem in reading.problems:
        assert 1 <= problem.line <= lines, (content, problem)
        assert problem.column >= 1, (content, problem)
        assert problem.message, (content, problem)
        assert problem.remedy, (content, problem)
    refused = {problem.document for problem in reading.problems}
    assert refused.isdisjoint(document.index for document in reading.documents), content


def read_malformed(count: int, seed: int) -> Counter[str]:
    """How many files were read as what, after each was found to be in order as far as it can be."""
    outcomes: Counter[str] = Counter()
    for content in malformed(count, seed):
        reading = read(content)
        assert_orderly(content, reading)
        assert {document.ref for document in reading.documents} >= GROUPS, content
        outcomes.update({problem.code.value for problem in reading.problems} or {"in order"})
    return outcomes


def test_five_hundred_malformed_files_harm_nothing():
    outcomes = read_malformed(500, seed=1)
    assert len(outcomes) >= 12, outcomes


@pytest.mark.soak
def test_ten_thousand_malformed_files_harm_nothing():
    outcomes = read_malformed(10_000, seed=2)
    assert len(outcomes) >= 18, outcomes


FRAGMENTS = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: a
spec:
  type: t
  owner: o
  dependsOn:
  - b
    - component:c
---
...
{
}
[
]
'
"
\t
  x: |
  x: >
   - y
? z
: z
&a
*a
  p: {$text: q}"""
LINES = st.sampled_from(FRAGMENTS.splitlines())
TEXTS = st.lists(LINES | st.text(max_size=12), max_size=20).map("\n".join)


@given(before=TEXTS)
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_and_what_follows_it_is_kept(before: str):
    content = f"{before}\n...\n---\n{GOOD.format(name='behind')}".encode()
    reading = read(content)
    assert_orderly(content, reading)
    assert "group:default/behind" in {document.ref for document in reading.documents}


@given(content=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read(content: bytes):
    assert_orderly(content, read(content))


@pytest.mark.soak
@given(before=TEXTS)
@settings(max_examples=20_000, deadline=None)
def test_any_text_is_read_at_length(before: str):
    content = f"{before}\n...\n---\n{GOOD.format(name='behind')}".encode()
    reading = read(content)
    assert_orderly(content, reading)
    assert "group:default/behind" in {document.ref for document in reading.documents}
