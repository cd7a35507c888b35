"""The relevance set is sound, and so is what rankings are measured by."""

from collections import Counter
from pathlib import Path

import pytest

from tests.relevance.documents import judged_documents
from tests.relevance.measures import Judged, Quality, judged_queries, ndcg, quality, quality_by_category, succeeds

RELEVANT = {"a": 3, "b": 2, "c": 1}


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        (["a", "b", "c"], 1.0),
        (["a", "b", "c", "x"], 1.0),
        ([], 0.0),
        (["x", "y"], 0.0),
        (["x", "a"], 0.470202),
        (["c", "b", "a"], 0.680606),
        (["a", "a", "b", "c"], 1.0),
        ([*(f"x{n}" for n in range(10)), "a"], 0.0),
    ],
)
def test_a_ranking_gains_by_grade_and_place(ranking: list[str], expected: float):
    assert ndcg(ranking, RELEVANT) == pytest.approx(expected, abs=1e-6)


def test_more_relevant_documents_than_places_can_still_be_ideal():
    relevant = {f"d{n}": 2 for n in range(14)}
    assert ndcg([f"d{n}" for n in range(4, 14)], relevant) == 1.0


def test_the_first_place_succeeds_with_the_best_grade_there_is():
    assert succeeds(["a", "x"], RELEVANT)
    assert not succeeds(["b", "a"], RELEVANT)
    assert succeeds(["y"], {"y": 2, "z": 2})
    assert not succeeds([], RELEVANT)


def test_quality_is_the_mean_over_queries_and_by_category():
    judged = [Judged("one", "exact", {"a": 3}), Judged("two", "typo", {"b": 1}), Judged("three", "exact", {"c": 1})]
    rankings = [["a"], ["x", "b"], []]
    assert quality(judged, rankings) == Quality(3, pytest.approx((1 + 0.630930) / 3, abs=1e-6), pytest.approx(1 / 3))
    assert quality_by_category(judged, rankings) == {
        "exact": Quality(2, 0.5, 0.5),
        "typo": Quality(1, pytest.approx(0.630930, abs=1e-6), 0.0),
    }


def test_every_query_is_judged_once_and_by_grades():
    judged = judged_queries()
    assert Counter(each.category for each in judged) == {
        "exact": 23,
        "typo": 18,
        "prefix": 15,
        "phrase": 11,
        "synonym": 14,
        "operation": 22,
        "documentation": 11,
        "owner or tag": 13,
        "natural language": 24,
    }
    assert len({each.query for each in judged}) == len(judged)
    assert {grade for each in judged for grade in each.relevant.values()} == {1, 2, 3}


def test_every_document_that_is_judged_exists(tmp_path: Path):
    documents = judged_documents(tmp_path)
    ids = {document.id for document in documents}
    assert len(ids) == len(documents)
    assert {judged for each in judged_queries() for judged in each.relevant} - ids == set()
    assert Counter(document.type for document in documents) == {"entity": 1326, "definition": 448, "section": 10}
