"""The search index port: documents in, ranked hits out, and the values that cross it.

`TantivyIndex` and `MeilisearchIndex` are its adapters; `tests/contract/` holds both to the same behaviour. What somebody may find is an
argument of every search (`visible`), and becomes part of the query. Every method raises IndexUnavailableError while the index can't be
reached, or is damaged so that it has to be built anew.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from graph.conditions import EVERYTHING, Condition
from graph.errors import CallboardError
from graph.refs import Ref
from graph.store import FacetCount
from plugins.contract import TextField

MOST_HITS = 1000
"""How many hits of one search can be paged through; `Hits.total` counts all."""


class IndexUnavailableError(CallboardError):
    """The search index does not answer at the moment, or has to be built anew first."""

    code = "UNAVAILABLE"


FACETS = ("kind", "type", "owner", "lifecycle", "tag", "namespace", "documentType")
"""What a search can be restricted by, and what its hits are counted by."""


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """Something that can be found.

    `id` is stable and unique in the index. `source` is what it is replaced under: the ref of the entity that it belongs to, or
    `source:<name>` for what a plugin brings of its own, which belongs to no entity (`ref` None). `type` is that of its collator, such as
    entity, definition or section. `location` says where it is below its entity: the path and anchor of a section, the pointer of an
    operation, a URL for what belongs to none; empty for the entity itself. `texts` are searched and shown. `facets` hold values as
    declared, by the names of FACETS without documentType. `leaves` are what conditions are asked of (see `workers.search.leaves`).
    `centrality` is how many others depend on the entity.
    """

    id: str
    source: str
    type: str
    ref: Ref | None
    location: str
    texts: Mapping[TextField, str]
    facets: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    leaves: frozenset[str] = frozenset()
    centrality: int = 0


@dataclass(frozen=True, slots=True)
class IndexState:
    """What the index holds: of which catalog, up to which entry of its log, made by which settings (a digest). Committed with documents."""

    catalog: str
    settings: str
    position: int


@dataclass(frozen=True, slots=True)
class IndexBatch:
    """Documents that replace all those of `sources`; a source without documents is gone. All of it becomes visible at once, or nothing."""

    state: IndexState
    sources: Sequence[str] = ()
    documents: Sequence[SearchDocument] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word to look for, as its analysed form, or one of its `synonyms`. An `open` one, the last while somebody types, is a prefix too.

    A synonym of several words has spaces between them and is meant as a phrase. An `optional` word, such as `the`, need not be found.
    """

    text: str
    synonyms: tuple[str, ...] = ()
    open: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """A parsed search term: what has to be found (words, each possibly with a typo, and whole phrases) and what must not be.

    No words and no phrases: everything is found. Phrases and what is excluded are meant to the letter, without typos and prefixes.
    """

    words: tuple[Word, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()
    excluded_words: tuple[str, ...] = ()
    excluded_phrases: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for, and for whom.

    `visible` holds, by document type, the condition of what may be found; a type that is absent is not found at all, and documents that
    belong to no entity are found where their type is present. `fields` are those that may be searched and returned. `filter` restricts
    further. At most `limit` hits after the first `offset`, by falling score and then by id, within MOST_HITS.
    """

    terms: Terms
    visible: Mapping[str, Condition]
    fields: frozenset[TextField] = frozenset(TextField)
    filter: Condition = EVERYTHING
    facets: Sequence[str] = ()
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A document found. `texts` are those of the query's fields. Scores of one search can be compared, those of two can't."""

    id: str
    type: str
    ref: Ref | None
    location: str
    score: float
    texts: Mapping[TextField, str]


@dataclass(frozen=True, slots=True)
class Hits:
    """A window of the hits, the number of all of them, and their facets: values by falling count, then by value in lower case."""

    total: int
    hits: Sequence[Hit]
    facets: Mapping[str, Sequence[FacetCount]] = field(default_factory=dict[str, Sequence[FacetCount]])


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """How much the index holds; `size_bytes` is None where the engine does not tell."""

    documents: int
    size_bytes: int | None


class IndexBuild(Protocol):
    """A new index beside the one that answers."""

    async def add(self, documents: Sequence[SearchDocument]) -> None:
        """Add documents, each once."""
        ...

    async def complete(self, state: IndexState) -> None:
        """Let the new index answer from now on, all at once, and drop the old one."""
        ...


class SearchIndex(Protocol):
    """The index, of one catalog."""

    async def open(self) -> None:
        """Make ready to answer. A missing or damaged index is no failure: `state` is None then, until it was built."""
        ...

    async def close(self) -> None:
        """Release everything. Safe to call twice, and after a failed open."""
        ...

    async def state(self) -> IndexState | None:
        """What the index holds; None if there is nothing that can answer."""
        ...

    async def check(self) -> None:
        """Look whether all that is stored is still what was written. Damage that is found ends `state` and every answer until it is built.

        No failure if there is nothing that can answer. What a server stores is the server's to check.
        """
        ...

    async def write(self, batch: IndexBatch) -> None:
        """Replace documents, and the state with them. What was written is found by every search that begins afterwards."""
        ...

    def building(self) -> AbstractAsyncContextManager[IndexBuild]:
        """A new index, built while the old one answers; left without `complete`, it is dropped. One at a time."""
        ...

    async def search(self, query: SearchQuery) -> Hits:
        """The documents that match."""
        ...

    def sources_with(self, leaf: str) -> AsyncIterator[str]:
        """The sources, each once, of which a document has the leaf."""
        ...

    async def edges_of(self, sources: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """For each source that has documents, its leaves that stand for edges and chains of them: those that begin with `>`."""
        ...

    async def figures(self) -> IndexFigures:
        """How much it holds."""
        ...
