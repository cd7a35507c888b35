"""Every file of the corpus is read: a valid document becomes an entity, an invalid one an error with its place, and nothing crashes."""

from collections import Counter

import pytest

from ingest.problems import ErrorCode
from ingest.reading import Reading
from tests.corpus import CATALOG_ROLES, CorpusFile, corpus_files, read

OTHER_ROLES = ("placeholder", "mkdocs", "docs")


def assert_placed(file: CorpusFile, reading: Reading) -> None:
    lines = file.content.count(b"\n") + 1
    for problem in reading.problems:
        assert 1 <= problem.line <= lines, (file, problem)
        assert problem.column >= 1, (file, problem)
        assert problem.message, (file, problem)
        assert problem.remedy, (file, problem)
    refused = {problem.document for problem in reading.problems}
    assert refused.isdisjoint(document.index for document in reading.documents), file


def test_catalog_files_give_entities_or_placed_errors(capsys: pytest.CaptureFixture[str]):
    documents, refused, codes, edges = Counter[str](), Counter[str](), Counter[ErrorCode](), 0
    with capsys.disabled():
        for file in corpus_files(*CATALOG_ROLES):
            if not file.path.endswith((".yaml", ".yml")):
                continue
            reading = read(file)
            assert_placed(file, reading)
            documents[file.role] += len(reading.documents)
            refused[file.role] += len({problem.document for problem in reading.problems})
            codes.update(problem.code for problem in reading.problems)
            edges += sum(len(document.edges) for document in reading.documents)
            for problem in reading.problems:
                print(  # noqa: T201 - the list is there to be read
                    f"\n{file.repository}/{file.path}:{problem.line}:{problem.column} {problem.code}: {problem.message} {problem.remedy}",
                    end="",
                )
    assert documents == {"catalog": 1162, "template": 142, "transcribed": 25}
    assert refused == {"catalog": 51, "template": 6, "transcribed": 6}
    assert edges == 2377
    assert codes == {
        ErrorCode.PLACEHOLDER_UNREADABLE: 27,
        ErrorCode.INVALID_REF: 19,
        ErrorCode.UNRENDERED_TEMPLATE: 17,
        ErrorCode.INVALID_NAME: 4,
        ErrorCode.WRONG_TYPE: 4,
        ErrorCode.NOT_AN_ENTITY: 4,
        ErrorCode.YAML_SYNTAX: 3,
        ErrorCode.UNKNOWN_API_VERSION: 2,
        ErrorCode.UNKNOWN_KIND: 1,
        ErrorCode.DUPLICATE_KEY: 1,
        ErrorCode.EMPTY_VALUE: 1,
        ErrorCode.CONTROL_CHARACTER: 1,
    }


def test_other_files_are_read_without_a_crash():
    read_files = 0
    for file in corpus_files(*CATALOG_ROLES, *OTHER_ROLES):
        assert_placed(file, read(file))
        read_files += 1
    assert read_files == 943
