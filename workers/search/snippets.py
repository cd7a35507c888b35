"""What of a hit's texts shows why it was found: the best passage of each field, with the words that match."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice, takewhile

from workers.search.finding import Part
from workers.search.index import Terms, TextField, Word
from workers.search.words import folded, found_in, inflections, parts_of, typos_in, written_in

LONGEST_SNIPPET = 200
"""Characters of a passage, about; it begins and ends with whole words where it can."""

_BEFORE = 40
"""Characters in front of the first match of a passage."""

_MOST_PLACES = 200
"""How many places are compared when the best passage of a text is chosen."""

_MOST_COMPARED = 2_000
"""How many words of a long text are looked at for typos."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A passage as its parts, which together are a piece of the text as it was, and whether the text goes on before and behind it."""

    parts: Sequence[Part]
    is_cut_before: bool
    is_cut_after: bool


class Highlighter:
    """Snippets of the hits of one search. What it learns of a word it keeps, since hits of one search have many words in common."""

    def __init__(self, terms: Terms) -> None:
        words = [word for word in terms.words if not word.optional]
        self._bits: dict[str, int] = {}
        """By word in its folded form, whose searched words it is, as bits."""
        self._sequences = [phrase for phrase in terms.phrases if len(phrase) > 1]
        for place, word in enumerate(words):
            synonyms = [tuple(synonym.split(" ")) for synonym in word.synonyms]
            self._sequences.extend(synonym for synonym in synonyms if len(synonym) > 1)
            for text in (word.text, *inflections(word.text), *(synonym[0] for synonym in synonyms if len(synonym) == 1)):
                self._bits[text] = self._bits.get(text, 0) | 1 << place
        for phrase in terms.phrases:
            if len(phrase) == 1:
                self._bits[phrase[0]] = self._bits.get(phrase[0], 0) | 1 << len(words)
        self._beginnings = [(word.text, 1 << place) for place, word in enumerate(words) if word.open]
        self._typos = [(1 << place, word, most) for place, word in enumerate(words) if (most := typos_in(word.text))]
        self._misspelt = sum(bit for bit, _, _ in self._typos)
        self._exact: dict[str, int] = {}
        self._near: dict[tuple[str, int], bool] = {}
        sought = {*(word.text for word in words), *self._bits, *(sequence[0] for sequence in self._sequences)}
        self._sought = re.compile("|".join(map(re.escape, sorted(sought, reverse=True))), re.IGNORECASE) if sought else None

    def snippets(self, texts: Mapping[TextField, str]) -> Mapping[TextField, Snippet]:
        """The snippets of the fields in which something matches. A word is looked for with typos where no text has it without."""
        if self._sought is None:
            return {}
        found, seen = self._pass(texts, self._sought, 0)
        missing = self._misspelt & ~seen
        return self._pass(texts, self._sought, missing)[0] if missing else found

    def _pass(self, texts: Mapping[TextField, str], sought: re.Pattern[str], missing: int) -> tuple[dict[TextField, Snippet], int]:
        """The snippets, and the bits of the words that are in them; the `missing` words count with typos as well."""
        found: dict[TextField, Snippet] = {}
        seen = 0
        for field, text in texts.items():
            # What is plain text holds a word letter by letter, or not at all.
            if not missing and text.isascii() and "'" not in text and not sought.search(text):
                continue
            start, end = (0, len(text)) if len(text) <= LONGEST_SNIPPET else _passage(text, self._places(text, sought, missing))
            matches = list(self._matches(text[start:end], missing))
            if matches:
                found[field] = Snippet(_parts(text, start, end, matches), start > 0, end < len(text))
                for begin, stop in matches:
                    seen |= self._bits_of(text[start + begin : start + stop])
        return found, seen

    def _places(self, text: str, sought: re.Pattern[str], missing: int) -> Sequence[tuple[int, str]]:
        """Where a long text holds what is looked for, or where it holds none of it, something like it; and what stands there."""
        places = [(match.start(), match[0].lower()) for match in islice(sought.finditer(text), _MOST_PLACES)]
        if places or not missing:
            return places
        written = islice(written_in(text), _MOST_COMPARED)
        return [(word.start(), word[0].lower()) for word in written if self._is_near(word[0], missing)][:_MOST_PLACES]

    def _matches(self, text: str, missing: int) -> Iterator[tuple[int, int]]:
        """From where to where something matches, in order and apart from one another."""
        in_sequences = self._in_sequences(text) if self._sequences else ()
        for word in written_in(text):
            written = word[0]
            if self._bits_of(written) or word.start() in in_sequences or (missing and self._is_near(written, missing)):
                yield word.span()

    def _in_sequences(self, text: str) -> Set[int]:
        """Where the words begin that stand in a phrase or a synonym of several words."""
        words = list(found_in(text))
        starts: set[int] = set()
        for sequence in self._sequences:
            for at, word in enumerate(words):
                following = words[at : at + len(sequence)]
                if tuple(each.text for each in following) == sequence:
                    starts.update(each.start for each in following)
                elif word.parts and _holds(word.parts, sequence):
                    starts.add(word.start)
        return starts

    def _bits_of(self, written: str) -> int:
        if (bits := self._exact.get(written)) is None:
            bits = 0
            for text in (folded(written), *parts_of(written)):
                bits |= self._bits.get(text, 0)
                for beginning, bit in self._beginnings:
                    if text.startswith(beginning):
                        bits |= bit
            self._exact[written] = bits
        return bits

    def _is_near(self, written: str, missing: int) -> bool:
        if (near := self._near.get((written, missing))) is None:
            texts = (folded(written), *parts_of(written))
            near = any(bit & missing and _is_meant(text, word, most) for bit, word, most in self._typos for text in texts)
            self._near[written, missing] = near
        return near


def _parts(text: str, start: int, end: int, matches: Sequence[tuple[int, int]]) -> Sequence[Part]:
    parts: list[Part] = []
    at = start
    for begin, stop in matches:
        if begin + start > at:
            parts.append(Part(text[at : begin + start], False))
        parts.append(Part(text[begin + start : stop + start], True))
        at = stop + start
    if at < end:
        parts.append(Part(text[at:end], False))
    return parts


def _passage(text: str, places: Sequence[tuple[int, str]]) -> tuple[int, int]:
    """From where to where the text holds most of what stands at these places, the earliest such passage."""
    best, first = 0, 0
    for number, (place, _) in enumerate(places):
        close = takewhile(lambda other, reach=place + LONGEST_SNIPPET - _BEFORE: other[0] < reach, islice(places, number, None))
        within = {word for _, word in close}
        if len(within) > best:
            best, first = len(within), place
    start = max(first - _BEFORE, 0)
    end = min(start + LONGEST_SNIPPET, len(text))
    return _after_space(text, start, first), _before_space(text, end, first)


def _holds(words: Sequence[str], sequence: Sequence[str]) -> bool:
    return any(tuple(words[at : at + len(sequence)]) == sequence for at in range(len(words) - len(sequence) + 1))


def _after_space(text: str, start: int, latest: int) -> int:
    space = text.find(" ", start, latest) if start else -1
    return space + 1 if space >= 0 else start


def _before_space(text: str, end: int, earliest: int) -> int:
    space = text.rfind(" ", earliest, end) if end < len(text) else -1
    return space if space > earliest else end


def _is_meant(text: str, word: Word, most: int) -> bool:
    """Whether the text is the word with so many typos, or begins with what is still being typed of it."""
    ends = range(len(word.text) - most, min(len(word.text) + most, len(text) - 1) + 1) if word.open else ()
    return _are_near(text, word.text, most) or any(_are_near(text[:end], word.text, most) for end in ends)


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
