"""Reading one file as a whole."""

import pickle
import string

from graph.entities import Edge, Evidence
from graph.refs import Ref
from ingest.kinds import rules_of
from ingest.problems import EXPLANATIONS, ErrorCode
from ingest.reading import IncludeError, ReadDocument, Reading, ReadingSettings, read_documents
from tests.unit.readings import HEAD, PATH, REGISTRY, reading


def nothing(target: str) -> bytes:
    raise IncludeError(target, "")


def test_a_valid_document_is_read_as_it_is_declared():
    ref = Ref("component:default/shop")
    assert reading(f"# The shop.\n---\n\n{HEAD}") == Reading(
        (
            ReadDocument(
                ref,
                {
                    "apiVersion": "backstage.io/v1alpha1",
                    "kind": "Component",
                    "metadata": {"name": "shop"},
                    "spec": {"type": "service", "lifecycle": "production", "owner": "red"},
                },
                0,
                4,
                (Edge(ref, "ownedBy", Ref("group:default/red"), (Evidence(ref, "spec.owner", PATH, 11),)),),
            ),
        ),
        (),
        (),
    )


def test_an_empty_file_holds_nothing():
    assert [reading(text) for text in (b"", b"\xef\xbb\xbf", b"---\n# c\n---\nnull\n")] == [Reading((), ())] * 3


def test_windows_line_ends_change_nothing_but_the_bytes():
    assert reading(HEAD.replace("\n", "\r\n")) == reading(HEAD)


def test_a_file_that_is_too_large_is_not_read():
    found = read_documents(HEAD.encode(), PATH, nothing, ReadingSettings((), REGISTRY, max_bytes=10))
    assert [(p.code, p.document, p.line, p.column) for p in found.problems] == [(ErrorCode.FILE_TOO_LARGE, None, 1, 1)]
    assert found.documents == ()


def test_settings_and_readings_travel_between_processes():
    settings = ReadingSettings((), REGISTRY)
    assert settings.rules is rules_of(())
    assert pickle.loads(pickle.dumps(settings)).kinds == ()
    found = reading(f"{HEAD}---\nx: [\n")
    assert pickle.loads(pickle.dumps(found)) == found


def test_a_document_has_at_most_fifty_problems():
    assert len(reading(f"{HEAD}  dependsOn: [{', '.join(['x'] * 200)}]\n").problems) == 50


def test_every_code_is_explained():
    assert set(EXPLANATIONS) == set(ErrorCode)
    for explanation in EXPLANATIONS.values():
        assert explanation.meaning.endswith(".")
        assert explanation.remedy.endswith((".", "}"))
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(explanation.remedy))


def test_all_that_is_wrong_with_a_document_is_told_at_once():
    found = reading(
        """apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  title: A
spec:
  type: service
  dependsOn: [b]
"""
    )
    assert [(problem.code, problem.line) for problem in found.problems] == [
        ("missing-field", 3),
        ("missing-field", 5),
        ("missing-field", 5),
        ("invalid-ref", 7),
    ]


def test_a_placeholder_that_can_not_be_read_hides_no_other_error():
    found = reading(
        """apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: a b
  title: {$text: ./missing}
spec:
  type: service
  lifecycle: production
  owner: team
"""
    )
    assert [(problem.code, problem.line) for problem in found.problems] == [("placeholder-unreadable", 5), ("invalid-name", 4)]
