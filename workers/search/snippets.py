"""What of a text is shown of a result: some words around what was looked for, and which of it that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from plugins.contract import TextField
from workers.search.finding import Part, Snippet
from workers.search.index import Terms
from workers.search.words import Found, found_in, inflections, typos_in

LONGEST_SNIPPET = 200
"""Characters of a snippet, beside the marks of what is left out at its ends."""

_MOST_READ = 20_000
_BEFORE = 60


@dataclass(frozen=True, slots=True)
class _Wanted:
    exact: frozenset[str]
    beginnings: tuple[str, ...]
    near: tuple[str, ...]

    def has(self, found: Found) -> bool:
        return self._is(found.text) or any(part in self.exact for part in found.parts)

    def _is(self, word: str) -> bool:
        if word in self.exact or word.startswith(self.beginnings) or any(_is_near(word, other) for other in self.near):
            return True
        # The beginning of a longer word may have typos too, and so be a letter shorter or longer.
        cut = [(word[: len(other) + more], other) for other in self.beginnings for more in (-1, 0, 1) if len(word) > len(other)]
        return any(_is_near(beginning, other) for beginning, other in cut)


def snippets_of(texts: Mapping[TextField, str], terms: Terms) -> Sequence[Snippet]:
    """A snippet of each field in which something of what was looked for stands, in the order of the fields."""
    wanted = _wanted(terms)
    snippets: list[Snippet] = []
    for name in TextField:
        text = texts.get(name, "")[:_MOST_READ]
        if matches := [(found.start, found.end) for found in found_in(text) if wanted.has(found)]:
            snippets.append(Snippet(name, _parts(text, matches)))
    return snippets


def _wanted(terms: Terms) -> _Wanted:
    words = [word for word in terms.words if not word.optional]
    exact = {word.text for word in words} | {text for phrase in terms.phrases for text in phrase}
    exact.update(other for word in words for other in inflections(word.text))
    exact.update(text for word in words for synonym in word.synonyms for text in synonym.split())
    return _Wanted(
        frozenset(exact), tuple(word.text for word in words if word.open), tuple(word.text for word in words if typos_in(word.text))
    )


def _parts(text: str, matches: Sequence[tuple[int, int]]) -> Sequence[Part]:
    start = max(0, matches[0][0] - _BEFORE)
    start = start and (text.rfind(" ", 0, start) + 1 or start)
    end = min(len(text), start + LONGEST_SNIPPET)
    pieces: list[Part] = [Part("…", is_match=False)] if start else []
    at = start
    for match_start, match_end in matches:
        if match_end > end and at > start:
            break
        pieces += _piece(text[at:match_start], is_match=False)
        pieces += _piece(text[match_start:match_end], is_match=True)
        at = match_end
    pieces += _piece(text[at : max(at, end)], is_match=False)
    return [*pieces, *_piece("…" if end < len(text) else "", is_match=False)]


def _piece(text: str, *, is_match: bool) -> Iterable[Part]:
    return [Part(text, is_match)] if text else []


def _is_near(word: str, other: str) -> bool:
    """Whether one is the other with no more typos than it may have, the first letter right."""
    allowed = typos_in(other)
    if not word or word[0] != other[0] or abs(len(word) - len(other)) > allowed:
        return False
    return _distance(word, other) <= allowed


def _distance(one: str, other: str) -> int:
    """Letters that are wrong, missing, too many or swapped with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = [*range(len(other) + 1)]
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
            if last and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], last[j - 2] + 1)
    return row[-1]
