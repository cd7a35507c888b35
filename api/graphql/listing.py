"""Connections before they are typed: rows loaded once, when something asks for them, and counted only if something asks."""

from asyncio import Future, ensure_future
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.graphql.cursors import cursor_of
from graph.entities import Evidence
from graph.store import Keyset, Page

N = TypeVar("N")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ListedRow(Generic[N]):
    """A row of a connection. `node` is None where the entity at `target_ref` is missing."""

    scope: str
    keyset: Keyset
    target_ref: str
    node: N | None
    evidence: Sequence[Evidence] = ()

    @property
    def cursor(self) -> str:
        return cursor_of(self.scope, self.keyset)


@dataclass(frozen=True, slots=True)
class Slice(Generic[N]):
    """The rows of one page, and whether there are more on either side."""

    rows: Sequence[ListedRow[N]]
    has_previous_page: bool
    has_next_page: bool

    @property
    def start_cursor(self) -> str | None:
        return self.rows[0].cursor if self.rows else None

    @property
    def end_cursor(self) -> str | None:
        return self.rows[-1].cursor if self.rows else None


class Listing(Generic[N]):
    """A connection's source. Neither rows nor total are asked of the store before a field needs them."""

    def __init__(self, load: Callable[[], Awaitable[Slice[N]]], count: Callable[[], Awaitable[int]]) -> None:
        self._load = load
        self._slice: Future[Slice[N]] | None = None
        self.count = count

    def slice(self) -> "Future[Slice[N]]":
        """The page, loaded at the first call."""
        if self._slice is None:
            self._slice = ensure_future(self._load())
        return self._slice


def slice_of(page: Page[R], row: Callable[[Keyset, R], ListedRow[N]]) -> Slice[N]:
    """The slice of a store's page, each row made by `row`."""
    return Slice([row(keyset, found) for keyset, found in zip(page.keysets, page.rows, strict=True)], page.has_previous, page.has_next)
