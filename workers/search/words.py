"""How text becomes the words that are searched: folded, and split so that each way of writing a compound finds the others.

Whatever is no letter and no digit separates words. A word that consists of parts by its case or digits (`checkoutService`, `oauth2`) is
kept whole, and its parts are words beside it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST_WORD = 64
"""Characters of a word that count; what is longer is a digest or a blob."""

_MOST_PARTS = 6
"""A word of more parts is a digest too."""

_ONE_TYPO_FROM = 4
_TWO_TYPOS_FROM = 9

_LONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words: each character is a word."""

_WORD = re.compile(rf"[{_LONE}]|(?:[^\W_{_LONE}][\u0300-\u036f]*)+(?:['\u2019](?:[^\W_{_LONE}][\u0300-\u036f]*)+)*")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
_COMPOUND = re.compile(r"[a-z][A-Z0-9]|[A-Z]{2}[a-z]|[A-Z][0-9]|[0-9][A-Za-z]|.'")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "\u0131": "i", "ð": "d", "þ": "th", "'": None, "\u2019": None}
)


@dataclass(frozen=True, slots=True)
class Found:
    """A word where it stands in a text: its folded form, from `start` to before `end`, and the parts of a compound."""

    text: str
    start: int
    end: int
    parts: tuple[str, ...]


def folded(word: str) -> str:
    """The word without case, diacritics and apostrophes, as it is compared. Empty if nothing is left of it."""
    if word.isascii():
        return word.lower().replace("'", "")[:LONGEST_WORD]
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_UNDECOMPOSED)
    return "".join(c for c in plain if c.isalnum())[:LONGEST_WORD]


def parts_of(word: str) -> tuple[str, ...]:
    """The folded parts of a word as written, from its case and digits; none if it is no compound."""
    if not _COMPOUND.search(word):
        return ()
    plain = word if word.isascii() else "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    parts = tuple(part.lower() for part in _PART.findall(plain))
    return parts if 1 < len(parts) <= _MOST_PARTS else ()


def written_in(text: str) -> Iterator[re.Match[str]]:
    """The words of a text as they are written there, in order."""
    return (_ASCII_WORD if text.isascii() else _WORD).finditer(text)


def found_in(text: str) -> Iterator[Found]:
    """The words of a text with their places, in order."""
    for match in written_in(text):
        written = match[0]
        if word := folded(written):
            yield Found(word, match.start(), match.end(), parts_of(written))


def words_of(text: str) -> list[str]:
    """The words of a text, in order and without the parts of compounds."""
    return [word for written in _written(text) if (word := folded(written))]


def searchable(texts: Iterable[str]) -> str:
    """The words of texts as an index takes them, separated by spaces, with the parts of each compound behind, so that phrases hold."""
    whole: list[str] = []
    parts: dict[tuple[str, ...], None] = {}
    for text in texts:
        for written in _written(text):
            if word := folded(written):
                whole.append(word)
            if split := parts_of(written):
                parts[split] = None
    return " ".join([*whole, *(" ".join(split) for split in parts)])


def typos_in(word: str) -> int:
    """How many typos a word may have: letters wrong, missing, too many or swapped. Numbers have none."""
    if word.isdecimal() or len(word) < _ONE_TYPO_FROM:
        return 0
    return 1 if len(word) < _TWO_TYPOS_FROM else 2


def inflections(word: str) -> tuple[str, ...]:
    """Singular and plural of an English word, as far as its ending tells."""
    if len(word) < 4 or not word.isalpha():
        return ()
    if word.endswith("ies"):
        return (word[:-3] + "y",)
    if word.endswith("s"):
        return (word[:-2], word[:-1]) if word.endswith(("ses", "xes", "ches", "shes")) else () if word.endswith("ss") else (word[:-1],)
    if word.endswith("y") and word[-2] not in "aeiou":
        return (word[:-1] + "ies",)
    return (word + ("es" if word.endswith(("x", "ch", "sh")) else "s"),)


def _written(text: str) -> list[str]:
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)
