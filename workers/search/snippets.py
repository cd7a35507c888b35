"""What of a hit's texts shows why it was found: the best passage of each field, with the words that match."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from workers.search.finding import Part
from workers.search.index import Terms, TextField
from workers.search.words import Found, found_in, inflections, typos_in

LONGEST_SNIPPET = 200
"""Characters of a passage, about; it begins and ends with whole words where it can."""

_BEFORE = 40
"""Characters in front of the first match of a passage."""

_MOST_PLACES = 40
"""How many places of each word are compared when the best passage of a text is chosen."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A passage as its parts, which together are a piece of the text as it was, and whether the text goes on before and behind it."""

    parts: Sequence[Part]
    is_cut_before: bool
    is_cut_after: bool


class Highlighter:
    """Snippets of the hits of one search."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        words = {word.text for word in terms.words if not word.optional}
        self._exact = words | {other for word in words for other in inflections(word)}
        self._beginnings = tuple(word.text for word in terms.words if word.open and not word.optional)
        self._sequences = [tuple(phrase) for phrase in terms.phrases]
        for word in terms.words:
            self._sequences.extend(tuple(synonym.split(" ")) for synonym in word.synonyms)
        self._exact |= {words[0] for words in self._sequences if len(words) == 1}
        self._near = tuple((word, most) for word in words if (most := typos_in(word)))
        self._known: dict[str, bool] = {}
        sought = sorted({*words, *(sequence[0] for sequence in self._sequences)})
        self._sought = [re.compile(re.escape(word), re.IGNORECASE) for word in sought]

    def snippets(self, texts: Mapping[TextField, str]) -> Mapping[TextField, Snippet]:
        """The snippets of the fields in which something matches."""
        found: dict[TextField, Snippet] = {}
        for field, text in texts.items():
            if self._sought and (snippet := self._snippet(text)) is not None:
                found[field] = snippet
        return found

    def _snippet(self, text: str) -> Snippet | None:
        start, end = (0, len(text)) if len(text) <= LONGEST_SNIPPET else self._passage(text)
        parts: list[Part] = []
        at = start
        for begin, stop in self._matches(text[start:end]):
            if begin + start > at:
                parts.append(Part(text[at : begin + start], False))
            parts.append(Part(text[begin + start : stop + start], True))
            at = stop + start
        if not parts:
            return None
        if at < end:
            parts.append(Part(text[at:end], False))
        return Snippet(parts, start > 0, end < len(text))

    def _passage(self, text: str) -> tuple[int, int]:
        """From where to where the text holds most of what is looked for, the earliest such passage."""
        places: list[tuple[int, str]] = []
        for sought in self._sought:
            places.extend((match.start(), sought.pattern) for match in islice(sought.finditer(text), _MOST_PLACES))
        places.sort()
        best, first = 0, 0
        for number, (place, _) in enumerate(places):
            close = takewhile(lambda other, reach=place + LONGEST_SNIPPET - _BEFORE: other[0] < reach, islice(places, number, None))
            within = {word for _, word in close}
            if len(within) > best:
                best, first = len(within), place
        start = max(first - _BEFORE, 0)
        end = min(start + LONGEST_SNIPPET, len(text))
        return _after_space(text, start, first), _before_space(text, end, first)

    def _matches(self, text: str) -> Iterator[tuple[int, int]]:
        """From where to where something matches, in order and apart from one another."""
        words = list(found_in(text))
        matching = [self._is_match(word) for word in words]
        texts = [word.text for word in words]
        for sequence in self._sequences:
            for at in range(len(words) - len(sequence) + 1):
                if tuple(texts[at : at + len(sequence)]) == sequence:
                    matching[at : at + len(sequence)] = [True] * len(sequence)
        for word, matches in zip(words, matching, strict=True):
            if matches or (word.parts and any(_holds(word.parts, sequence) for sequence in self._sequences)):
                yield word.start, word.end

    def _is_match(self, word: Found) -> bool:
        return any(self._is_known(text) for text in (word.text, *word.parts))

    def _is_known(self, text: str) -> bool:
        if (known := self._known.get(text)) is None:
            known = text in self._exact or text.startswith(self._beginnings) or any(_are_near(text, *near) for near in self._near)
            self._known[text] = known
        return known


def _holds(words: Sequence[str], sequence: Sequence[str]) -> bool:
    return any(tuple(words[at : at + len(sequence)]) == sequence for at in range(len(words) - len(sequence) + 1))


def _after_space(text: str, start: int, latest: int) -> int:
    space = text.find(" ", start, latest) if start else -1
    return space + 1 if space >= 0 else start


def _before_space(text: str, end: int, earliest: int) -> int:
    space = text.rfind(" ", earliest, end) if end < len(text) else -1
    return space if space > earliest else end


def _are_near(one: str, other: str, most: int) -> bool:
    """Whether at most `most` letters are wrong, missing, too many or swapped with the next."""
    if abs(len(one) - len(other)) > most:
        return False
    begin = 0
    shorter = min(len(one), len(other))
    while begin < shorter and one[begin] == other[begin]:
        begin += 1
    tail = 0
    while tail < shorter - begin and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    return _distance(one[begin : len(one) - tail], other[begin : len(other) - tail], most) <= most


def _distance(one: str, other: str, most: int) -> int:
    """The optimal string alignment distance, or more than `most`."""
    if len(set(one) ^ set(other)) > 2 * most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        two_before, before, row = before, row, [at]
        for place, another in enumerate(other, start=1):
            cost = min(before[place] + 1, row[place - 1] + 1, before[place - 1] + (letter != another))
            if at > 1 and place > 1 and letter == other[place - 2] and one[at - 2] == another:
                cost = min(cost, two_before[place - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
