"""What is read of a tantivy index, on one snapshot: hits with their number and facets, the state, sources and leaves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from tantivy import DocAddress, Query, Searcher

from graph.store import FacetCount
from workers.search.index import MOST_HITS, Hit, Hits, IndexState, SearchQuery, Terms
from workers.search.tantivy_conditions import restrictions
from workers.search.tantivy_queries import Search
from workers.search.tantivy_schema import (
    CENTRALITY,
    LEAVES,
    SCHEMA,
    SOURCE,
    STATE,
    TYPE,
    edges_in,
    facet_field,
    hit_in,
    leaf_term,
    shown_of,
    state_in,
)
from workers.search.unicode import valid_unicode

_MOST_VALUES = 9_000
"""Values of a facet that are counted; tantivy has at most 65,000 in one answer."""

_SOURCES_AT_ONCE = 500
_BEYOND = 8
"""Hits read beyond a window, since those of one score stand in the order of their ids."""


class Searching:
    """A search that is ready to run. InputError when it is made if the query can't be answered."""

    def __init__(self, query: SearchQuery) -> None:
        self._query = query
        self._shown = shown_of(query.fields)
        with valid_unicode():
            _encoded(query.terms)
            "".join(query.visible).encode()
            restrictions(query, query.visible)

    def __call__(self, searcher: Searcher) -> Hits:
        """The hits in a snapshot. ValueError if it can't be read."""
        wanted = self._query
        types = (of for of, _ in searcher.terms_with_prefix(TYPE, ""))
        search = Search(wanted.terms, wanted.fields, restrictions(wanted, types))
        begin = max(wanted.offset - _BEYOND, 0)
        limit = min(wanted.offset + wanted.limit + _BEYOND, MOST_HITS) - begin
        for step in search.steps():
            found = searcher.search(step.query, max(limit, 1), offset=begin, weight_by_field=CENTRALITY)
            total: int = cast(Any, found).count
            if total >= step.enough:
                break
        else:
            raise AssertionError("a search has a last step")
        hits = self._window(searcher, found.hits, wanted.offset - begin)
        return Hits(total, hits, _facets(searcher, step.query, wanted.facets))

    def _window(self, searcher: Searcher, ranked: Sequence[tuple[Any, DocAddress]], first: int) -> Sequence[Hit]:
        """The hits from `first` on. Those of one score come by their ids, also where some of them lie beyond the window."""
        begin, end = first, min(first + self._query.limit, len(ranked))
        if begin >= end:
            return []
        while begin > 0 and ranked[begin - 1][0] == ranked[begin][0]:
            begin -= 1
        while end < len(ranked) and ranked[end][0] == ranked[end - 1][0]:
            end += 1
        hits = [hit_in(searcher.doc(address), score, self._shown) for score, address in ranked[begin:end]]
        hits.sort(key=lambda hit: (-hit.score, hit.id))
        return hits[first - begin : first - begin + self._query.limit]


def _encoded(terms: Terms) -> None:
    """UnicodeEncodeError if terms are no Unicode, which tantivy would tell by an error like that of a damaged index."""
    for word in terms.words:
        "".join((word.text, *word.synonyms)).encode()
    for words in (terms.excluded_words, *terms.phrases, *terms.excluded_phrases):
        "".join(words).encode()


def _facets(searcher: Searcher, query: Query, facets: Sequence[str]) -> Mapping[str, Sequence[FacetCount]]:
    if not facets:
        return {}
    asked = {facet: {"terms": {"field": facet_field(facet), "size": _MOST_VALUES}} for facet in facets}
    aggregate = cast(Callable[[Query, object], Mapping[str, Any]], searcher.aggregate)
    counted = aggregate(query, asked)
    return {facet: _values(counted[facet]["buckets"]) for facet in facets}


def _values(buckets: Sequence[Mapping[str, Any]]) -> Sequence[FacetCount]:
    """The values, those that differ only in case as one, under the least of their spellings."""
    merged: dict[str, tuple[str, int]] = {}
    for bucket in buckets:
        value: str = bucket["key"]
        spelling, count = merged.get(value.lower(), (value, 0))
        merged[value.lower()] = min(spelling, value), count + bucket["doc_count"]
    ordered = sorted(merged.items(), key=lambda item: (-item[1][1], item[0]))
    return [FacetCount(*counted) for _, counted in ordered]


def state_of(searcher: Searcher) -> IndexState:
    """The state committed with the documents. ValueError if there is none."""
    found = searcher.search(Query.term_query(SCHEMA, STATE, STATE, "basic"), 1)
    if not found.hits:
        raise ValueError("the index holds no state")
    return state_in(searcher.doc(found.hits[0][1]))


def sources_with(searcher: Searcher, leaf: str) -> Sequence[str]:
    """The sources with a document that has the leaf."""
    with_leaf = Query.term_query(SCHEMA, LEAVES, leaf_term(leaf), "basic")
    return [source for source, _ in searcher.terms_with_prefix(SOURCE, "", with_leaf)]


def edges_of(searcher: Searcher, sources: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """The leaves of sources that stand for edges."""
    found: dict[str, set[str]] = {}
    for at in range(0, len(sources), _SOURCES_AT_ONCE):
        of_sources = Query.term_set_query(SCHEMA, SOURCE, sources[at : at + _SOURCES_AT_ONCE])
        for _, address in searcher.search(of_sources, max(searcher.num_docs, 1)).hits:
            source, edges = edges_in(searcher.doc(address))
            found.setdefault(source, set()).update(edges)
    return {source: frozenset(leaves) for source, leaves in found.items()}
