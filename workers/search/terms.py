"""The query language: words, "phrases", -excluded words and -"phrases", as one term that somebody types.

Nothing that can be typed is an error, except text that is too long. A quote that is not closed yet, a dash alone and other punctuation
are passed over. The last word is open while nothing follows it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graph.errors import InputError
from workers.search.index import Terms, Word
from workers.search.words import Found, found_in, words_of

LONGEST_TERM = 500
"""Characters of a term."""

MOST_WORDS = 32
"""Words of a term, those of phrases included; of them need not be found any that are optional."""

_PIECE = re.compile(r'(?P<excluded>(?<!\S)-)?"(?P<phrase>[^"]*)"|(?P<without>(?<!\S)-(?=[^\W_]))?(?P<text>[^\s"]+)')
_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"'})

_OPTIONAL = frozenset(
    re.findall(
        r"\w+",
        "a about am an and any are as at be been by can could do does for from had has have how i in into is it its me my of on or our "
        "should so than that the their them then there these they this to us was we were what when where which who whose why will with "
        "would you your",
    )
)
"""Words of English that say how something is asked rather than what for."""


@dataclass(frozen=True, slots=True)
class Synonyms:
    """Words and phrases that mean the same, by the analysed words of each."""

    others: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict[tuple[str, ...], tuple[str, ...]])
    longest: int = 0

    @classmethod
    def of(cls, groups: Iterable[Sequence[str]]) -> "Synonyms":
        """Each group holds texts of which every one stands for the others."""
        others: dict[tuple[str, ...], dict[str, None]] = {}
        for group in groups:
            analysed = list(dict.fromkeys(tuple(words_of(text)) for text in group))
            for words in filter(None, analysed):
                meant = others.setdefault(words, {})
                meant.update((" ".join(other), None) for other in analysed if other and other != words)
        return cls({words: tuple(meant) for words, meant in others.items()}, max(map(len, others), default=0))

    def for_each(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """What each of the words can be replaced by. What stands for several words in a row stands for each of them."""
        found: list[dict[str, None]] = [{} for _ in words]
        for start in range(len(words) if self.others else 0):
            for end in range(start + 1, min(start + self.longest, len(words)) + 1):
                meant = self.others.get(tuple(words[start:end]), ())
                for at in range(start, end):
                    found[at].update(dict.fromkeys(meant))
        return [tuple(each) for each in found]


NO_SYNONYMS = Synonyms()


def parsed(term: str, synonyms: Synonyms = NO_SYNONYMS) -> Terms:
    """What a term asks for. InputError if it is too long, has too many words, or is no Unicode."""
    text = _checked(term)
    words: list[Found] = []
    phrases: list[tuple[str, ...]] = []
    excluded: list[tuple[str, ...]] = []
    ends_open = False
    for piece in _PIECE.finditer(text):
        if (quoted := piece["phrase"]) is not None:
            (excluded if piece["excluded"] else phrases).append(tuple(words_of(quoted)))
            continue
        written = list(found_in(piece["text"]))
        if piece["without"]:
            excluded.append(tuple(word.text for word in written))
            excluded.extend(word.parts for word in written if len(written) == 1)
            continue
        words.extend(written)
        ends_open = bool(written) and piece.end() == len(text) and written[-1].end == len(piece["text"])
    _check_number(len(words) + sum(map(len, phrases)) + sum(map(len, excluded)))
    return Terms(
        words=_words(words, synonyms, ends_open and bool(words)),
        phrases=tuple(dict.fromkeys(filter(None, phrases))),
        excluded_words=tuple(dict.fromkeys(phrase[0] for phrase in excluded if len(phrase) == 1)),
        excluded_phrases=tuple(dict.fromkeys(phrase for phrase in excluded if len(phrase) > 1)),
    )


def _checked(term: str) -> str:
    if len(term) > LONGEST_TERM:
        raise InputError(f"a search term has at most {LONGEST_TERM} characters; this one has {len(term)}")
    try:
        term.encode()
    except UnicodeEncodeError as failure:
        raise InputError(f"the search term is not valid Unicode: {failure}") from failure
    return term.translate(_QUOTES)


def _check_number(words: int) -> None:
    if words > MOST_WORDS:
        raise InputError(f"a search term has at most {MOST_WORDS} words; this one has {words}")


def _words(found: Sequence[Found], synonyms: Synonyms, ends_open: bool) -> tuple[Word, ...]:
    texts = [word.text for word in found]
    may_be_left_out = any(text not in _OPTIONAL for text in texts)
    meanings = synonyms.for_each(texts)
    words: dict[str, Word] = {}
    for at, (word, meant) in enumerate(zip(found, meanings, strict=True)):
        alternatives = ((" ".join(word.parts),) if word.parts else ()) + meant
        is_open = ends_open and at == len(found) - 1
        if (former := words.get(word.text)) is not None:
            alternatives = tuple(dict.fromkeys(former.synonyms + alternatives))
        words[word.text] = Word(word.text, alternatives, is_open, may_be_left_out and word.text in _OPTIONAL)
    return tuple(words.values())
