"""How good a ranking is, against judgements: nDCG and success at the first place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from statistics import fmean

import yaml

QUERIES = Path(__file__).with_name("queries.yaml")
DEPTH = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """A query with the documents that are relevant to it, by their grades from 1 to 3."""

    query: str
    category: str
    relevant: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Quality:
    """The means over some queries, each from 0 to 1."""

    queries: int
    ndcg: float
    success: float


def judged_queries() -> Sequence[Judged]:
    """The relevance set."""
    return [Judged(**each) for each in yaml.safe_load(QUERIES.read_text(encoding="utf-8"))]


def ndcg(ranking: Sequence[str], relevant: Mapping[str, int]) -> float:
    """The normalised discounted cumulative gain of the first DEPTH places: 1 for an ideal order, 0 where nothing relevant was found.

    A document gains 2^grade - 1, divided by the logarithm of its place (Burges and others, "Learning to Rank using Gradient
    Descent", 2005); one that comes again gains nothing.
    """
    ideal = _gain(sorted(relevant.values(), reverse=True))
    return _gain([relevant.get(each, 0) for each in dict.fromkeys(ranking)]) / ideal


def succeeds(ranking: Sequence[str], relevant: Mapping[str, int]) -> bool:
    """Whether the first document has the best grade that any has for this query."""
    return bool(ranking) and relevant.get(ranking[0], 0) == max(relevant.values())


def quality(judged: Sequence[Judged], rankings: Sequence[Sequence[str]]) -> Quality:
    """The means over the queries, of which each has its ranking."""
    pairs = list(zip(judged, rankings, strict=True))
    return Quality(
        len(pairs),
        fmean(ndcg(ranking, each.relevant) for each, ranking in pairs),
        fmean(succeeds(ranking, each.relevant) for each, ranking in pairs),
    )


def quality_by_category(judged: Sequence[Judged], rankings: Sequence[Sequence[str]]) -> Mapping[str, Quality]:
    """The means over the queries of each category, in the order in which the categories come first."""
    groups: dict[str, list[tuple[Judged, Sequence[str]]]] = {}
    for each, ranking in zip(judged, rankings, strict=True):
        groups.setdefault(each.category, []).append((each, ranking))
    return {category: quality([each for each, _ in pairs], [ranking for _, ranking in pairs]) for category, pairs in groups.items()}


def _gain(grades: Sequence[int]) -> float:
    return sum((2**grade - 1) / log2(place + 2) for place, grade in enumerate(grades[:DEPTH]))
