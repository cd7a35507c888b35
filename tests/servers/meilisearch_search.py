"""What Meilisearch finds, as far as its documentation says it plainly: filters by their grammar, words with typos and prefixes, facets.

Its ranking is simplified, and it knows no language. What is meant for the real server is not proven here.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

Row = dict[str, Any]
Test = Callable[[Row], bool]

LONGEST_FACET = 468
DEEPEST_FILTER = 200
MOST_WORDS = 10

_TOKEN = re.compile(r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|=|\[|\]|\(|\)|,)|(?P<word>[\w.-]+))""")
_KEYWORDS = {"AND", "OR", "IN", "NOT", "TO", "EXISTS", "IS", "NULL", "EMPTY", "CONTAINS", "STARTS", "WITH"}


class WrongRequestError(Exception):
    """The request is refused with this error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def values_of(row: Row, attribute: str) -> list[str]:
    """The values of an attribute as filters compare them: decomposed, trimmed, in lower case, and cut."""
    value: Any = row.get(attribute, [])
    values = cast("list[Any]", value if isinstance(value, list) else [value])
    return [_normal(str(each)) for each in values]


def _normal(value: str) -> str:
    return unicodedata.normalize("NFKD", value.strip()).lower().encode()[:LONGEST_FACET].decode(errors="ignore")


class Filter:
    """A parsed filter, by the grammar of `filter-parser` in Meilisearch's source."""

    def __init__(self, text: str, filterable: Sequence[str]) -> None:
        self._tokens = list(_tokens(text))
        self._filterable = filterable
        self._at = 0
        self.holds = self._or(0)
        if self._at != len(self._tokens):
            raise WrongRequestError("invalid_search_filter", f"unexpected {self._tokens[self._at]}")

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise WrongRequestError("invalid_search_filter", "the filter ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False

    def _need(self, kind: str, text: str) -> None:
        if not self._is(kind, text):
            raise WrongRequestError("invalid_search_filter", f"{text} is missing")

    def _or(self, depth: int) -> Test:
        parts = [self._and(depth + 1)]
        while self._is("word", "OR"):
            parts.append(self._and(depth + 1))
        return lambda row: any(part(row) for part in parts)

    def _and(self, depth: int) -> Test:
        parts = [self._not(depth + 1)]
        while self._is("word", "AND"):
            parts.append(self._not(depth + 1))
        return lambda row: all(part(row) for part in parts)

    def _not(self, depth: int) -> Test:
        if depth > DEEPEST_FILTER:
            raise WrongRequestError("invalid_search_filter", "too deep")
        if self._is("word", "NOT"):
            inner = self._not(depth + 1)
            return lambda row: not inner(row)
        if self._is("sign", "("):
            inner = self._or(depth + 2)
            self._need("sign", ")")
            return inner
        return self._condition()

    def _condition(self) -> Test:
        attribute = self._value()
        if attribute not in self._filterable:
            raise WrongRequestError("invalid_search_filter", f"attribute {attribute} is not filterable")
        if self._is("word", "EXISTS"):
            return lambda row: attribute in row
        if self._is("sign", "="):
            wanted = {_normal(self._value())}
        else:
            self._need("word", "IN")
            wanted = self._list()
        return lambda row: not wanted.isdisjoint(values_of(row, attribute))

    def _list(self) -> set[str]:
        self._need("sign", "[")
        found: set[str] = set()
        while not self._is("sign", "]"):
            found.add(_normal(self._value()))
            if not self._is("sign", ","):
                self._need("sign", "]")
                break
        return found

    def _value(self) -> str:
        kind, text = self._next()
        if kind == "quoted":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "word" and text not in _KEYWORDS:
            return text
        raise WrongRequestError("invalid_search_filter", f"a value is expected instead of {text}")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise WrongRequestError("invalid_search_filter", f"unexpected {text[at]}")
        yield str(match.lastgroup), match[str(match.lastgroup)]
        at = match.end()


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed `q`."""

    words: Sequence[str]
    phrases: Sequence[Sequence[str]]
    excluded: Sequence[Sequence[str]]
    ends_open: bool


def asked(q: str) -> Asked:
    """The words and phrases, of which ten count, and what is excluded before that."""
    words: list[str] = []
    phrases: list[list[str]] = []
    excluded: list[list[str]] = []
    for match in re.finditer(r'(?<!\S)(-?)"([^"]*)"?|(?<!\S)(-?)([^\s"]+)', q):
        if len(words) + len(phrases) >= MOST_WORDS:
            break
        minus, phrase, minus_word, word = match[1] or "", match[2], match[3], match[4]
        if phrase is not None:
            (excluded if minus else phrases).append(phrase.lower().split())
        elif minus_word:
            excluded.append([word.lower()])
        else:
            words.append(word.lower())
    return Asked(words, phrases, excluded, bool(words) and not q.endswith((" ", '"')))


@dataclass(frozen=True, slots=True)
class Texts:
    """The searched attributes of a document as words, the weightiest first."""

    attributes: Sequence[Sequence[str]]

    def place(self, phrase: Sequence[str]) -> int | None:
        """The first attribute that has the words in a row."""
        size = len(phrase)
        for rank, words in enumerate(self.attributes):
            if any(list(words[at : at + size]) == list(phrase) for at in range(len(words) - size + 1)):
                return rank
        return None

    def near(self, matches: Callable[[str], int | None]) -> tuple[int, int] | None:
        """The least typos with which a word matches, and the first attribute where it does."""
        found = [(typos, rank) for rank, words in enumerate(self.attributes) for typos in map(matches, words) if typos is not None]
        return min(found, default=None)


@dataclass(frozen=True, slots=True)
class Engine:
    """Finds and ranks by an index's settings."""

    settings: Mapping[str, Any]

    def score(self, row: Row, q: Asked, attributes: Sequence[str]) -> float | None:
        """How well a document matches; None if it does not."""
        searched = [name for name in self.settings["searchableAttributes"] if name in attributes]
        texts = Texts([str(row.get(name, "")).lower().split() for name in searched])
        if any(texts.place(phrase) is not None for phrase in q.excluded):
            return None
        typos = rank = inexact = 0
        for phrase in q.phrases:
            place = texts.place(phrase)
            if place is None:
                return None
            rank += place
        for at, word in enumerate(q.words):
            found = self._word(texts, word, q.ends_open and at == len(q.words) - 1) or self._joined(texts, q.words, at)
            if found is None:
                return None
            typos, rank, inexact = typos + found[0], rank + found[1], inexact + found[2]
        whole = [word for phrase in q.phrases for word in phrase] + list(q.words)
        inexact += 0 if list(whole) in [list(words) for words in texts.attributes] else 1
        return 1 - ((min(typos, 63) * 256 + min(rank, 255)) * 64 + min(inexact, 63)) / (64 * 256 * 64)

    def _word(self, texts: Texts, word: str, is_open: bool) -> tuple[int, int, int] | None:
        """Typos, attribute and inexactness of the best way in which the document has the word."""
        ways: list[tuple[int, int, int]] = []
        if (place := texts.place([word])) is not None:
            ways.append((0, place, 0))
        ways.extend((0, found, 1) for other in self.settings["synonyms"].get(word, []) if (found := texts.place(other.split())) is not None)
        ways.extend((1, found, 1) for cut in range(1, len(word)) if (found := texts.place([word[:cut], word[cut:]])) is not None)
        most = self._most_typos(word)
        if (near := texts.near(lambda other: _typos(word, other, most, is_open))) is not None:
            ways.append((*near, 1))
        return min(ways, default=None)

    def _joined(self, texts: Texts, words: Sequence[str], at: int) -> tuple[int, int, int] | None:
        """The same of the word joined with the one before or behind, as an n-gram."""
        joined = [f"{one}{two}" for index, (one, two) in enumerate(pairwise(words)) if at in {index, index + 1}]
        return min(((1, place, 1) for each in joined if (place := texts.place([each])) is not None), default=None)

    def _most_typos(self, word: str) -> int:
        sizes = self.settings["typoTolerance"]["minWordSizeForTypos"]
        return 2 if len(word) >= sizes["twoTypos"] else 1 if len(word) >= sizes["oneTypo"] else 0


def _typos(word: str, other: str, most: int, is_open: bool) -> int | None:
    """How many typos lead from a word to another, or to its beginning; one in the first letter counts twice. None if more than `most`."""
    compared = [other[:size] for size in range(max(len(word) - most, 1), len(word) + most + 1)] if is_open else [other]
    least = min((_distance(word, each) for each in compared if abs(len(each) - len(word)) <= most), default=most + 1)
    if least and word[:1] != other[:1]:
        least += 1
    return least if least <= most else None


def _distance(one: str, two: str) -> int:
    """Levenshtein's, with two letters that changed places as one typo."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(two, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
