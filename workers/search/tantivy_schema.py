"""What tantivy stores of a search document: its fields, and how a document is turned into them and back."""

from collections.abc import Collection, Sequence
from hashlib import blake2b
from math import log2

import orjson
import tantivy

from graph.refs import Ref
from workers.search.index import FACETS, Hit, IndexState, SearchDocument, TextField
from workers.search.leaves import EDGE
from workers.search.unicode import valid_unicode
from workers.search.words import searchable, words_of

VERSION = 2
"""Of this schema and of how text is analysed. An index of another one is built anew."""

SOURCE, TYPE, LEAVES, CENTRALITY, STATE = "source", "type", "leaves", "centrality", "state"
SHOWN, EDGES = "shown", "edges"
BELONGS_TO_NONE = "-"
"""The leaf of documents that belong to no entity; those of conditions begin otherwise."""

WHOLE = {TextField.NAME: "whole_name", TextField.TITLE: "whole_title"}
"""The fields that hold a name or a title as a single word."""

BEGINNING = {TextField.NAME: "begin_name", TextField.TITLE: "begin_title"}
"""The fields that hold the first word of a name or a title: few terms, so that what begins like a word is quickly known."""

_LONGEST_LEAF = 1000
_CENTRALITY_WEIGHT = 0.08
_ORDER_WEIGHT = 0.002


def text_field(field: TextField) -> str:
    """The name of the tantivy field with the words of a text field."""
    return f"text_{field}"


def facet_field(facet: str) -> str:
    """The name of the fast field with the values of a facet."""
    return TYPE if facet == "documentType" else f"facet_{facet}"


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in (SOURCE, LEAVES, STATE, *WHOLE.values(), *BEGINNING.values()):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(TYPE, tokenizer_name="raw", index_option="basic", fast=True)
    for facet in FACETS:
        if facet != "documentType":
            builder.add_text_field(facet_field(facet), tokenizer_name="raw", index_option="basic", fast=True)
    for field in TextField:
        builder.add_text_field(text_field(field), tokenizer_name="whitespace")
    builder.add_float_field(CENTRALITY, fast=True)
    builder.add_bytes_field(SHOWN, stored=True)
    builder.add_bytes_field(EDGES, stored=True)
    return builder.build()


SCHEMA = _schema()


def leaf_term(leaf: str) -> str:
    """The leaf as it is indexed: itself, or a digest if it is longer than what tantivy takes for certain.

    UnicodeEncodeError if it is no Unicode.
    """
    encoded = leaf.encode()
    return leaf if len(encoded) <= _LONGEST_LEAF else f"#{blake2b(encoded, digest_size=16).hexdigest()}"


def whole(words: Sequence[str]) -> str:
    """Words as the single one that `checkout-service`, `checkoutService` and `checkout service` have in common."""
    return "".join(words)


def document_of(document: SearchDocument) -> tantivy.Document:
    """The document as tantivy takes it. InputError if a text is no Unicode."""
    with valid_unicode():
        return _stored(document)


def _stored(document: SearchDocument) -> tantivy.Document:
    stored = tantivy.Document()
    stored.add_text(SOURCE, document.source)
    stored.add_text(TYPE, document.type)
    for leaf in document.leaves:
        stored.add_text(LEAVES, leaf_term(leaf))
    if document.ref is None:
        stored.add_text(LEAVES, BELONGS_TO_NONE)
    for field, text in document.texts.items():
        stored.add_text(text_field(field), searchable([text]))
    for field, name in WHOLE.items():
        if words := words_of(document.texts.get(field, "")):
            stored.add_text(name, whole(words))
            stored.add_text(BEGINNING[field], words[0])
    for facet, values in document.facets.items():
        # Of several spellings of a value a document has one, so that it counts once.
        for value in {value.lower(): value for value in sorted(values, reverse=True)}.values():
            stored.add_text(facet_field(facet), value)
    stored.add_float(CENTRALITY, _weight(document))
    texts = [document.texts.get(field) for field in TextField]
    shown = [document.id, document.type, document.ref, document.location, texts]
    stored.add_bytes(SHOWN, orjson.dumps(shown))
    edges = (leaf for leaf in document.leaves if leaf.startswith(EDGE))
    stored.add_bytes(EDGES, orjson.dumps([document.source, *edges]))
    return stored


def _weight(document: SearchDocument) -> float:
    """The value v for which tantivy's factor of a score, log2(2 + v), is what the document's centrality is worth.

    A small part of it comes from the id, so that documents that are alike have an order.
    """
    digest = int.from_bytes(blake2b(document.id.encode(), digest_size=4).digest()) / 2**32
    return 2 ** (1 + _CENTRALITY_WEIGHT * log2(1 + max(document.centrality, 0)) + _ORDER_WEIGHT * digest) - 2


def state_document(state: IndexState) -> tantivy.Document:
    """The document that holds the state, which no search finds: it has no type."""
    stored = tantivy.Document()
    stored.add_text(STATE, STATE)
    stored.add_bytes(SHOWN, orjson.dumps([state.catalog, state.settings, state.position]))
    return stored


def state_in(stored: tantivy.Document) -> IndexState:
    """The state that its document holds."""
    catalog, settings, position = orjson.loads(stored.get_first(SHOWN) or b"")
    return IndexState(catalog, settings, position)


def shown_of(fields: Collection[TextField]) -> Sequence[tuple[int, TextField]]:
    """The fields with their places among what is stored of a document."""
    return [(at, field) for at, field in enumerate(TextField) if field in fields]


def hit_in(stored: tantivy.Document, score: float, fields: Sequence[tuple[int, TextField]]) -> Hit:
    """The hit that a stored document is, with the texts of these fields, as `shown_of` gives them."""
    ident, of_type, ref, location, texts = orjson.loads(stored.get_first(SHOWN) or b"")
    shown = {field: texts[at] for at, field in fields if texts[at] is not None}
    return Hit(ident, of_type, None if ref is None else Ref(ref), location, score, shown)


def edges_in(stored: tantivy.Document) -> tuple[str, list[str]]:
    """The source of a stored document, and its leaves that stand for edges."""
    source, *edges = orjson.loads(stored.get_first(EDGES) or b"")
    return source, edges
