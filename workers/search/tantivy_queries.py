"""What is looked for as tantivy's queries, in steps of which each finds what the one before does and more.

First every word has to be there, as written, inflected, as a synonym or, while it is typed, as the beginning of a word. Where that finds
little, words may have typos. Where that finds hardly anything, only most of the words have to be there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from tantivy import Occur, Query

from workers.search.index import Terms, TextField, Word
from workers.search.tantivy_schema import BEGINNING, SCHEMA, WHOLE, text_field, whole
from workers.search.words import LONGEST_WORD, inflections, typos_in

WEIGHTS = {
    TextField.NAME: 20.0,
    TextField.TITLE: 12.0,
    TextField.TAGS: 7.0,
    TextField.REFERENCES: 4.0,
    TextField.DESCRIPTION: 2.5,
    TextField.DETAILS: 1.8,
    TextField.PARAMETERS: 1.4,
    TextField.STEPS: 1.2,
    TextField.BODY: 1.0,
}
"""What a word is worth in each field."""

LITTLE = 3
"""With fewer hits than that, typos are looked for."""

HARDLY_ANY = 3
"""With fewer hits than that, words may be missing."""

_NEAR = (TextField.NAME, TextField.TITLE, TextField.DESCRIPTION)
_BESIDE = 0.5
_IS_WHOLE_NAME = 1000.0
_INFLECTED = 0.8
_SYNONYM = 0.7
_PREFIX = 0.25
_TYPOS = {1: 0.15, 2: 0.06}

_BEGINS_FROM = {
    **dict.fromkeys(WHOLE.values(), 1),
    **dict.fromkeys(map(text_field, (TextField.NAME, TextField.TITLE, TextField.TAGS)), 2),
}
_BEGINS_ELSEWHERE_FROM = 3
"""How many letters can be the beginning of a word in a field; what is shorter begins too many."""

_ELSEWHERE = 0.1
"""How much of what a word is worth in further fields is added to its worth in the best one."""


@dataclass(frozen=True, slots=True)
class Step:
    """A query, and with fewer hits than `enough` the next step is taken."""

    query: Query
    enough: int


@dataclass(frozen=True)
class Search:
    """What terms ask for in these fields, among what `restrictions` let through, which have no score."""

    terms: Terms
    fields: frozenset[TextField]
    restrictions: Sequence[tuple[Occur, Query]]

    def steps(self) -> Iterator[Step]:
        """The queries to try in turn, the last of which stands however little it finds."""
        required = [word for word in self.terms.words if not word.optional]
        if not required:
            yield Step(self._query([]), 0)
            return
        exact, lenient = ([self._required(word, typos=typos) for word in required] for typos in (False, True))
        yield Step(self._query([(Occur.Must, word) for word in exact]), LITTLE)
        yield Step(self._query([(Occur.Must, word) for word in lenient]), HARDLY_ANY if len(required) > 1 else 0)
        if len(required) > 1:
            most = Query.boolean_query([(Occur.Should, word) for word in lenient], (len(required) + 1) // 2)
            yield Step(self._query([(Occur.Must, most)]), 0)

    def _required(self, word: Word, *, typos: bool) -> Query:
        """The word, or what it begins right behind the word before it, which tells more than a letter or two alone."""
        found = _word(word, self.fields, typos)
        if not word.open or len(word.text) >= _BEGINS_ELSEWHERE_FROM or len(self.terms.words) < 2:
            return found
        pair = [self.terms.words[-2].text, word.text]
        behind = (Query.phrase_prefix_query(SCHEMA, text_field(field), list(pair)) for field in _NEAR if field in self.fields)
        return _best([found, *behind])

    def _query(self, words: list[tuple[Occur, Query]]) -> Query:
        return Query.boolean_query([*self._always, *words])

    @cached_property
    def _always(self) -> list[tuple[Occur, Query]]:
        """The parts of every step: what may be found, phrases, what is excluded, and what only adds to the score."""
        terms = self.terms
        parts = [*self.restrictions]
        parts.extend((Occur.Must, self._phrase(phrase)) for phrase in terms.phrases)
        parts.extend((Occur.MustNot, self._phrase(phrase)) for phrase in terms.excluded_phrases)
        parts.extend((Occur.MustNot, self._phrase((word,))) for word in terms.excluded_words)
        if not terms.words:
            return parts if terms.phrases else [*parts, (Occur.Must, Query.const_score_query(Query.all_query(), 1.0))]
        parts.extend((Occur.Should, Query.boost_query(query, _IS_WHOLE_NAME)) for query in self._whole_names())
        parts.extend((Occur.Should, _word(word, self.fields)) for word in terms.words if word.optional)
        parts.extend((Occur.Should, pair) for pair in self._pairs())
        return parts

    def _pairs(self) -> Iterator[Query]:
        """Queries for words that stand beside one another as they were typed."""
        for first, second in pairwise(self.terms.words):
            pair = [first.text, second.text]
            for field in _NEAR:
                if field in self.fields:
                    of_words = text_field(field)
                    beside = Query.phrase_prefix_query(SCHEMA, of_words, list(pair)) if second.open else _sequence(of_words, pair)
                    yield _boosted(beside, WEIGHTS[field] * _BESIDE)

    def _whole_names(self) -> Iterator[Query]:
        """Queries of score 1 for documents whose name or title is what is looked for, and nothing else."""
        name = whole([word.text for word in self.terms.words])
        for field, whole_field in WHOLE.items():
            if field in self.fields:
                yield Query.const_score_query(Query.term_query(SCHEMA, whole_field, name, "basic"), 1.0)

    def _phrase(self, words: Sequence[str]) -> Query:
        return _best([_boosted(_sequence(text_field(field), words), weight) for field, weight in self._weighted])

    @cached_property
    def _weighted(self) -> list[tuple[TextField, float]]:
        return [(field, weight) for field, weight in WEIGHTS.items() if field in self.fields]


@lru_cache(maxsize=2048)
def _word(word: Word, fields: frozenset[TextField], typos: bool = False) -> Query:
    """The word in any of the fields, worth most as it is written and in the weightiest field."""
    alone = Word(word.text, open=word.open)
    ways: list[Query] = []
    for field, weight in WEIGHTS.items():
        if field in fields:
            ways.extend(_ways(text_field(field), word, weight, typos))
            if field in WHOLE and typos:
                ways.extend(_ways(WHOLE[field], alone, weight, typos))
            elif field in BEGINNING and word.open:
                ways.append(_boosted(_begun(BEGINNING[field], word.text), weight * _PREFIX))
    return _best(ways)


def _ways(field: str, word: Word, weight: float, typos: bool) -> Iterator[Query]:
    """The ways in which a word can be in a field."""
    text = word.text
    if len(text) > LONGEST_WORD:
        return
    yield _boosted(Query.term_query(SCHEMA, field, text), weight)
    for other in inflections(text):
        yield _boosted(Query.term_query(SCHEMA, field, other), weight * _INFLECTED)
    for synonym in word.synonyms:
        words = synonym.split(" ")
        query = Query.phrase_prefix_query(SCHEMA, field, list(words)) if word.open and len(words) > 1 else _sequence(field, words)
        yield _boosted(query, weight * _SYNONYM)
    if word.open and len(text) >= _BEGINS_FROM.get(field, _BEGINS_ELSEWHERE_FROM):
        yield _boosted(_begun(field, text), weight * _PREFIX)
    for distance in range(1, typos_in(text) + 1 if typos else 1):
        yield _boosted(Query.fuzzy_term_query(SCHEMA, field, text, distance, True, word.open), weight * _TYPOS[distance])


def _begun(field: str, beginning: str) -> Query:
    return Query.fuzzy_term_query(SCHEMA, field, beginning, 0, True, True)


def _sequence(field: str, words: Sequence[str]) -> Query:
    if len(words) == 1:
        return Query.term_query(SCHEMA, field, words[0])
    return Query.phrase_query(SCHEMA, field, list(words))


def _best(ways: Sequence[Query]) -> Query:
    return Query.disjunction_max_query(ways, _ELSEWHERE) if ways else Query.empty_query()


def _boosted(query: Query, weight: float) -> Query:
    return query if weight == 1.0 else Query.boost_query(query, weight)
