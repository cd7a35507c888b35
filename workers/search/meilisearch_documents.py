"""What Meilisearch keeps: a document's attributes, the index's settings, and the state among the documents."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from graph.refs import Ref
from workers.search.index import FACETS, Hit, IndexState, SearchDocument, TextField
from workers.search.leaves import EDGE
from workers.search.meilisearch_filters import DOCUMENT_TYPE, GONE, LEAVES, OF_NO_ENTITY, SOURCE, encoded, key_of
from workers.search.words import searchable, words_of

_NAMES = {TextField.NAME, TextField.TITLE}

_END = "\u00f0\u00f0"
"""Ends every other field, since Meilisearch puts first what has a field that is what is looked for and nothing else, and that should be a
name. Nobody can look for it: analysed words don't have this letter."""

KEY = "key"
EDGES = "edges"
STATE_KEY = "state"

Row = dict[str, Any]

_ROW_VERSION = 2
"""Changes with what rows look like."""

_FACET_ATTRIBUTES = {name: name if name == DOCUMENT_TYPE else f"facet{name.title()}" for name in FACETS}

_ORDERED_BYTES = 230
"""Of an id, as many bytes as Meilisearch compares of their hexadecimal form."""

_ENCODED_FACET = 460
"""Meilisearch cuts longer values of facets, so that they are left out."""

_MOST_CENTRAL = 100_000
_CENTRALITY_IN_SCORE = 1e-13
"""Meilisearch leaves centrality, by which it breaks ties, out of its scores."""


def settings_for(synonyms: Iterable[Sequence[str]]) -> Row:
    """The index's settings. Texts are indexed as words with spaces between them, so that nothing is left to separate."""
    return {
        "searchableAttributes": [field.value for field in TextField],
        "filterableAttributes": [LEAVES, SOURCE, *_FACET_ATTRIBUTES.values()],
        "sortableAttributes": [],
        "rankingRules": ["words", "typo", "attribute", "exactness", "proximity", "centrality:desc", "order:asc"],
        "synonyms": _synonyms(synonyms),
        "stopWords": [],
        "separatorTokens": [],
        "nonSeparatorTokens": [],
        "dictionary": [],
        "typoTolerance": {"enabled": True, "minWordSizeForTypos": {"oneTypo": 4, "twoTypos": 8}},
        # Totals are exact up to this, which is why it is not as many as can be paged through.
        "pagination": {"maxTotalHits": 1_000_000_000},
        "faceting": {"maxValuesPerFacet": 100_000, "sortFacetValuesBy": {"*": "count"}},
        "searchCutoffMs": 5_000,
    }


def layout_of(settings: Row) -> str:
    """A digest of the settings and of what rows look like, for the index's name: what does not fit is another index."""
    return blake2b(orjson.dumps([_ROW_VERSION, settings], option=orjson.OPT_SORT_KEYS), digest_size=4).hexdigest()


def _synonyms(groups: Iterable[Sequence[str]]) -> dict[str, list[str]]:
    """Each word or phrase with the others of its groups, all of them analysed."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        analysed = list(dict.fromkeys(filter(None, (" ".join(words_of(text)) for text in group))))
        for text in analysed:
            found.setdefault(text, {}).update((other, None) for other in analysed if other != text)
    return {text: list(others) for text, others in found.items() if others}


def row_of(document: SearchDocument) -> Row:
    """A document as it is stored: attributes to search, filter, rank and show."""
    leaves = sorted(document.leaves)
    row: Row = {
        KEY: key_of(document.id),
        "id": document.id,
        "order": document.id.encode()[:_ORDERED_BYTES].hex(),
        "type": document.type,
        "ref": document.ref,
        "location": document.location,
        "texts": {field.value: text for field, text in document.texts.items()},
        "centrality": document.centrality,
        "source": document.source,
        SOURCE: key_of(document.source),
        EDGES: [leaf for leaf in leaves if leaf.startswith(EDGE)],
        LEAVES: [key_of(leaf) for leaf in (leaves if document.ref is not None else [*leaves, OF_NO_ENTITY])],
        DOCUMENT_TYPE: encoded(document.type),
    }
    row.update((facet_attribute(name), _facet_values(values)) for name, values in document.facets.items())
    row.update((field.value, _searched(field, text)) for field, text in document.texts.items() if text)
    return row


def _searched(field: TextField, text: str) -> str:
    words = searchable([text])
    return words if field in _NAMES else f"{words} {_END}"


def facet_attribute(name: str) -> str:
    """Where a facet's values are: `type` of facets is not that of documents."""
    return _FACET_ATTRIBUTES[name]


def _facet_values(values: Sequence[str]) -> list[str]:
    """Each value once, of several spellings the least, so that facets count documents."""
    least: dict[str, str] = {}
    for value in values:
        lower = value.lower()
        least[lower] = min(value, least.get(lower, value))
    return [code for value in least.values() if len(code := encoded(value)) <= _ENCODED_FACET]


def gone(key: str) -> Row:
    """What takes a document's place in the same task that adds others: it is of no type, so that no search finds it."""
    return {KEY: key, SOURCE: GONE}


def state_row(state: IndexState) -> Row:
    """The state, which lies among the documents, so that one task writes both."""
    return {KEY: STATE_KEY, "state": {"catalog": state.catalog, "settings": state.settings, "position": state.position}}


def state_of(row: Mapping[str, Any]) -> IndexState | None:
    """The state that a row holds; None if it is none."""
    match row.get("state"):
        case {"catalog": str(catalog), "settings": str(settings), "position": int(position)}:
            return IndexState(catalog, settings, position)
        case _:
            return None


def shown_attributes(fields: frozenset[TextField]) -> list[str]:
    """What a hit is made of."""
    return ["id", "type", "ref", "location", "centrality", *(f"texts.{field}" for field in sorted(fields))]


def hit_of(row: Mapping[str, Any]) -> Hit:
    """A hit as it was answered. KeyError or ValueError if it is none of ours."""
    ref = row["ref"]
    texts = row.get("texts", {})
    return Hit(
        id=row["id"],
        type=row["type"],
        ref=None if ref is None else Ref(ref),
        location=row["location"],
        score=float(row["_rankingScore"]) + min(int(row["centrality"]), _MOST_CENTRAL) * _CENTRALITY_IN_SCORE,
        texts={field: texts[field.value] for field in TextField if field.value in texts},
    )


def in_parts(rows: Iterable[Row], most_bytes: int) -> Iterator[bytes]:
    """The rows as JSON arrays of which none is larger than that, unless a single row is. There is at least one array."""
    part: list[bytes] = []
    size = 0
    for row in rows:
        dumped = orjson.dumps(row)
        if part and size + len(dumped) > most_bytes:
            yield _array(part)
            part, size = [], 0
        part.append(dumped)
        size += len(dumped) + 1
    yield _array(part)


def _array(dumped: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(dumped) + b"]"
