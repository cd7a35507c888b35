"""Connections before they are typed: rows loaded once, when something asks for them, and counted only if something asks."""

from asyncio import Future, ensure_future
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from api.graphql.cursors import cursor_of
from graph.entities import Evidence
from graph.store import Keyset, Page, Window

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
    """The source of a connection. Neither rows nor total are asked of the store before a field needs them."""

    def __init__(self, load: Callable[[], Awaitable[Slice[N]]], count: Callable[[], Awaitable[int]]) -> None:
        self._load = load
        self._count = count
        self._slice: Future[Slice[N]] | None = None
        self._total: Future[int] | None = None

    def slice(self) -> "Future[Slice[N]]":
        """The page, loaded at the first call."""
        if self._slice is None:
            self._slice = ensure_future(self._load())
        return self._slice

    def total(self) -> "Future[int]":
        """How many rows there are in all, counted at the first call."""
        if self._total is None:
            self._total = ensure_future(self._count())
        return self._total


def slice_of(page: Page[R], row: Callable[[Keyset, R], ListedRow[N]]) -> Slice[N]:
    """The slice of a store's page, each row made by `row`."""
    return Slice([row(keyset, found) for keyset, found in zip(page.keysets, page.rows, strict=True)], page.has_previous, page.has_next)


def page_within(rows: Sequence[tuple[Keyset, R]], window: Window) -> Page[R]:
    """The window of rows that are all at hand, in the order of their keysets, which hold texts alone."""
    after, before = _texts(window.after), _texts(window.before)
    keysets = [_texts(keyset) or () for keyset, _ in rows]
    start = next((i for i, keyset in enumerate(keysets) if after is None or keyset > after), len(rows))
    stop = next((i for i, keyset in enumerate(keysets) if before is not None and keyset >= before), len(rows))
    if window.backward:
        start = max(start, stop - window.limit)
    else:
        stop = min(stop, start + window.limit)
    chosen = rows[start:stop]
    return Page([row for _, row in chosen], [keyset for keyset, _ in chosen], has_previous=start > 0, has_next=max(start, stop) < len(rows))


def _texts(keyset: Keyset | None) -> tuple[str, ...] | None:
    return None if keyset is None else tuple(text or "" for text in keyset)
