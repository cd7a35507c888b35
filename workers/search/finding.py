"""What is asked of search and what it answers, as the interfaces see it, whichever engine answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from graph.access import Access
from graph.entities import Entity
from graph.errors import CallboardError
from graph.refs import Ref
from graph.store import FacetCount
from plugins.contract import TextField

REBUILD = "rebuild_search_index"
"""The job that builds the index anew."""

UNCONFIGURED = "search does not run here: it starts with the server, and where backend.queue is set it needs search.meilisearch"


class SearchUnavailableError(CallboardError):
    """Nothing answers searches, neither an index nor the store in its place."""

    code = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a snippet; `is_match` where it is what was looked for."""

    text: str
    is_match: bool


@dataclass(frozen=True, slots=True)
class Snippet:
    """What matched in one field of a document, with what is around it."""

    field: TextField
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a result stands: how many come before it, and which one it is."""

    offset: int
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """One result. `entity` is as whoever asks sees it; None for what belongs to none, and where entities were not asked for.

    `highlight` makes its snippets: most who search show a few of them, and many none.
    """

    id: str
    type: str
    ref: Ref | None
    entity: Entity | None
    title: str
    text: str
    location: str
    place: Place
    highlight: Callable[[], Sequence[Snippet]]

    @property
    def snippets(self) -> Sequence[Snippet]:
        """What matches in the texts of the result, in the order of TextField."""
        return self.highlight()


@dataclass(frozen=True, slots=True)
class Results:
    """A page of results, and how many there are in all. `degraded`: the index did not answer, and the store was searched in its place."""

    total: int
    found: Sequence[Found]
    has_previous: bool
    has_next: bool
    degraded: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A search term, what is filtered by (see FACETS; values are alternatives), and which page: `limit` results after `after`.

    `with_entities`: whether results come with their entities.
    """

    term: str
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    limit: int = 20
    after: Place | None = None
    with_entities: bool = False


class Search(Protocol):
    """The service. Each call demands the right to search: ForbiddenError; InputError for a term or filter that makes no sense;
    StoreUnavailableError.
    """

    async def results(self, request: Request, access: Access) -> Results:
        """What is found for the principal."""
        ...

    async def facets(self, request: Request, access: Access) -> Mapping[str, Sequence[FacetCount]]:
        """By what there is in FACETS, the values of all that is found, and how many have each."""
        ...

    async def suggestions(self, request: Request, access: Access) -> Sequence[str]:
        """Names and titles that begin like what is typed, at most `limit`."""
        ...

    async def figures(self) -> Mapping[str, int]:
        """How it goes: `documents`, `lag` (entries of the log that the index is behind), `degraded` (0 or 1)."""
        ...
