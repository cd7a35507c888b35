"""A search as Meilisearch's parameters, and its answer as hits."""

from collections.abc import Mapping, Sequence
from typing import Any

from graph.errors import InputError
from graph.store import FacetCount
from workers.search.index import MOST_HITS, Hits, SearchQuery, Terms, Word
from workers.search.meilisearch_documents import facet_attribute, hit_of, shown_attributes
from workers.search.meilisearch_filters import decoded
from workers.search.words import words_of

_SPLIT_BY_THE_ENGINE = 2
"""Meilisearch finds a word that is written as that many."""

_SHORTEST_PART = 3
"""Shorter parts of a compound, such as those of k8s, are found in too much else."""


def text_of(terms: Terms, words: Sequence[Word]) -> str:
    """The terms with these of their words in Meilisearch's own language, of which nothing in them can be syntax: it is analysed before.

    Exclusions come first, because Meilisearch reads no further than ten words and phrases. Only a last word with nothing behind it is
    taken as a prefix, so that a space ends what is not open.
    """
    closed = [written for word in words if not word.open for written in _written(word)]
    open_words = [written for word in words if word.open for written in _written(word)]
    excluded = [*terms.excluded_phrases, *((word,) for word in terms.excluded_words)]
    pieces = [
        *(f'-"{phrase}"' for phrase in map(_phrase, excluded) if phrase),
        *(f'"{phrase}"' for phrase in map(_phrase, terms.phrases) if phrase),
        *closed,
        *open_words,
    ]
    text = " ".join(pieces)
    return text if open_words or not text else f"{text} "


def _phrase(words: Sequence[str]) -> str:
    text = " ".join(words)
    text.encode()
    return " ".join(words_of(text))


def _written(word: Word) -> list[str]:
    """The word, or its parts if it is a compound of so many that Meilisearch would not find it written apart."""
    for other in word.synonyms:
        parts = words_of(other)
        if len(parts) > _SPLIT_BY_THE_ENGINE and "".join(parts) == word.text and min(map(len, parts)) >= _SHORTEST_PART:
            return parts
    return _phrase((word.text,)).split()


def without_one(words: Sequence[Word]) -> list[list[Word]]:
    """The words without each of them."""
    return [[*words[:at], *words[at + 1 :]] for at in range(len(words))]


def parameters_of(query: SearchQuery, allowed: str, text: str) -> dict[str, Any]:
    """The parameters of a search. Pages are asked for, since only these have exact totals. InputError if they are out of reach."""
    if query.offset < 0 or query.limit < 0 or query.offset + query.limit > MOST_HITS:
        raise InputError(f"the first {MOST_HITS} hits of a search can be read; ask for something more precise")
    page, size = _page(query.offset, query.limit)
    return {
        **trial_of(query, allowed, text),
        "page": page,
        "hitsPerPage": size,
        "attributesToRetrieve": shown_attributes(query.fields),
        "facets": [facet_attribute(name) for name in query.facets],
    }


def trial_of(query: SearchQuery, allowed: str, text: str) -> dict[str, Any]:
    """The parameters that tell how many documents match and how well the best one does."""
    parameters: dict[str, Any] = {
        "q": text,
        "filter": allowed,
        "page": 1,
        "hitsPerPage": 1,
        "attributesToRetrieve": [],
        "showRankingScore": True,
        "matchingStrategy": "all",
    }
    return parameters | ({"attributesToSearchOn": sorted(query.fields)} if text else {})


def _page(offset: int, limit: int) -> tuple[int, int]:
    """The smallest page that holds a window, as its number, counted from 1, and its size."""
    size = limit
    while limit and offset // size != (offset + limit - 1) // size:
        size += 1
    return (offset // size + 1, size) if limit else (1, 0)


def hits_of(query: SearchQuery, answer: Mapping[str, Any]) -> Hits:
    """The hits of an answer. KeyError, TypeError or ValueError if it is none."""
    skipped = query.offset - (answer["page"] - 1) * answer["hitsPerPage"] if query.limit else 0
    counted: dict[str, dict[str, int]] = answer.get("facetDistribution") or {}
    return Hits(
        total=int(answer["totalHits"]),
        hits=[hit_of(row) for row in answer["hits"][skipped : skipped + query.limit]],
        facets={name: _counts(counted.get(facet_attribute(name), {})) for name in query.facets},
    )


def _counts(counted: Mapping[str, int]) -> list[FacetCount]:
    """Counts by value. Of several spellings the least stands for all."""
    spellings: dict[str, tuple[str, int]] = {}
    for code, count in counted.items():
        value = decoded(code)
        former, sum_so_far = spellings.get(value.lower(), (value, 0))
        spellings[value.lower()] = (min(value, former), sum_so_far + count)
    return [FacetCount(*of) for _, of in sorted(spellings.items(), key=lambda item: (-item[1][1], item[0]))]
