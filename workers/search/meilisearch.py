"""`MeilisearchIndex`, the search index on a Meilisearch server: rebuilt beside itself and swapped, changed by one task at a time.

A change is a single task that adds documents, puts empty ones in the place of those that are gone, and replaces the state, so that all
of it becomes visible together. Only a change of more than a task can carry becomes so in parts: first what is gone, last the state.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from meilisearch import Client

from workers.search.index import (
    Hits,
    IndexBatch,
    IndexBuild,
    IndexFigures,
    IndexState,
    IndexUnavailableError,
    SearchDocument,
    SearchQuery,
    Word,
)
from workers.search.meilisearch_documents import (
    EDGES,
    KEY,
    STATE_KEY,
    Row,
    gone,
    in_parts,
    layout_of,
    row_of,
    settings_for,
    state_of,
    state_row,
)
from workers.search.meilisearch_filters import DOCUMENT_TYPE, GONE_FILTER, leaf_filter, search_filter, sources_filter
from workers.search.meilisearch_queries import hits_of, parameters_of, text_of, trial_of, without_one
from workers.search.meilisearch_server import MeilisearchServer, RefusedCallError
from workers.search.unicode import valid_unicode

_PART_BYTES = 20_000_000
"""Of the 100 MB that Meilisearch accepts at once unless it is told otherwise."""

_PARTS_UNDER_WAY = 3
_SOURCES_AT_ONCE = 1000
_MOST_ROWS = 10_000_000
"""Rows are fetched at once, because pages of them would shift under a change."""


class MeilisearchIndex:
    """The index `<prefix>-<layout>` on a server; each version of the settings has an index of its own.

    `synonyms` are groups of texts of which each stands for the others.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        prefix: str,
        synonyms: Iterable[Sequence[str]] = (),
        *,
        timeout_seconds: int = 10,
        task_timeout_seconds: float = 900,
    ) -> None:
        self._settings = settings_for(synonyms)
        self._prefix = prefix
        self._uid = f"{prefix}-{layout_of(self._settings)}"
        self._server = MeilisearchServer(url, api_key, timeout_seconds=timeout_seconds, task_timeout_seconds=task_timeout_seconds)
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Make ready. Nothing is asked of the server before it is needed, so that nothing can fail."""
        self._server.open()

    async def close(self) -> None:
        """Ask nothing further. Safe to call twice."""
        self._server.close()

    async def state(self) -> IndexState | None:
        """What the index holds; None if there is none that was built completely and with these settings, or it is closed."""
        if not self._server.is_open:
            return None
        try:
            return state_of(await self._server.ask(self._state_row))
        except RefusedCallError as refused:
            if refused.reason in {"index_not_found", "document_not_found"}:
                return None
            raise

    def _state_row(self, client: Client) -> Row:
        return dict(client.index(self._uid).get_document(STATE_KEY))

    async def check(self) -> None:
        """Nothing: Meilisearch checks what it reads."""

    async def write(self, batch: IndexBatch) -> None:
        """Replace documents, and the state with them."""
        async with self._writing:
            await self._server.settle(self._uid)
            if await self.state() is None:
                raise IndexUnavailableError(f"the index {self._uid} has to be built before it can be changed")
            with valid_unicode():
                rows = {row[KEY]: row for row in map(row_of, batch.documents)}
                stale = [row[KEY] for row in await self._rows_of(batch.sources, [KEY]) if row[KEY] not in rows]
            for part in await _dumped([*map(gone, stale), *rows.values(), state_row(batch.state)]):
                await self._server.finish([await self._server.ask(_adding(self._uid, part))])
            if stale:
                # Not waited for: no search finds them.
                await self._server.ask(lambda client: client.index(self._uid).delete_documents(filter=GONE_FILTER))

    def building(self) -> AbstractAsyncContextManager[IndexBuild]:
        """A new index, which takes the place of the old one in a single step. What was left of a build that was stopped goes first."""
        return self._building()

    @asynccontextmanager
    async def _building(self) -> AsyncGenerator[IndexBuild]:
        built = f"{self._uid}-building"
        await self._server.settle(built)
        await self._drop(built)
        try:
            await self._create(built)
            await self._server.do(lambda client: client.index(built).update_settings(self._settings))
            yield _Build(self._server, built, self._take_over)
        finally:
            with suppress(IndexUnavailableError):
                await self._drop(built)

    async def _take_over(self, built: str, mark: str) -> None:
        """Let what was built be the index, and drop what was. IndexUnavailableError if Meilisearch does not swap them.

        Keys for some indexes can't see the task of a swap. Tasks are carried out in order, so that after that of the drop it is over, and
        the mark in what answers then tells how it went.
        """
        async with self._writing:
            await self._create(self._uid)
            await self._server.ask(lambda client: client.swap_indexes([{"indexes": [self._uid, built]}]))
            await self._drop(built)
            row = await self._server.ask(self._state_row)
        if row.get("mark") != mark:
            raise IndexUnavailableError("Meilisearch did not put the new index in the place of the old one; see the server's log")
        await self._drop_others()

    async def _drop_others(self) -> None:
        """Drop the indexes of other settings."""
        mine = re.compile(rf"{re.escape(self._prefix)}-[0-9a-f]{{8}}(-building)?")
        listed = await self._server.ask(lambda client: cast(Row, client.get_raw_indexes({"limit": 1000}))["results"])
        for uid in [index["uid"] for index in listed]:
            if mine.fullmatch(uid) and uid != self._uid:
                await self._drop(uid)

    async def _create(self, uid: str) -> None:
        await self._unless("index_already_exists", self._server.do(lambda client: client.create_index(uid, {"primaryKey": KEY})))

    async def _drop(self, uid: str) -> None:
        await self._unless("index_not_found", self._server.do(lambda client: client.delete_index(uid)))

    async def _unless(self, reason: str, done: Awaitable[None]) -> None:
        try:
            await done
        except RefusedCallError as refused:
            if refused.reason != reason:
                raise

    async def search(self, query: SearchQuery) -> Hits:
        """The documents that match. InputError if the query has conditions that can't be asked."""
        with valid_unicode():
            return await self._searched(query)

    async def _searched(self, query: SearchQuery) -> Hits:
        words = [word for word in query.terms.words if not word.optional]
        text, allowed = text_of(query.terms, words), search_filter(query)
        if allowed is None or (text and not query.fields):
            return Hits(0, [], {name: [] for name in query.facets})
        search = _Search(self._server, self._uid, query, allowed)
        hits = await search.hits(words)
        if hits.total or len(words) < 2:
            return hits
        return await search.hits(lenient) if (lenient := await search.most_of(words)) else hits

    async def sources_with(self, leaf: str) -> AsyncIterator[str]:
        """The sources, each once, of which a document has the leaf."""
        rows = await self._fetched(leaf_filter(leaf), ["source"])
        for source in dict.fromkeys(row["source"] for row in rows):
            yield source

    async def edges_of(self, sources: Sequence[str]) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for row in await self._rows_of(sources, ["source", EDGES]):
            found.setdefault(row["source"], set()).update(row[EDGES])
        return {source: frozenset(leaves) for source, leaves in found.items()}

    async def figures(self) -> IndexFigures:
        """How many documents there are; Meilisearch does not tell the size of one index."""
        return IndexFigures(await self._server.ask(self._count), None)

    def _count(self, client: Client) -> int:
        return client.index(self._uid).get_documents({"filter": f"{DOCUMENT_TYPE} EXISTS", "fields": [KEY], "limit": 0}).total

    async def _rows_of(self, sources: Sequence[str], attributes: Sequence[str]) -> list[Row]:
        """These attributes of the documents of sources."""
        unique = list(dict.fromkeys(sources))
        starts = range(0, len(unique), _SOURCES_AT_ONCE)
        parts = [await self._fetched(sources_filter(unique[start : start + _SOURCES_AT_ONCE]), attributes) for start in starts]
        return [row for part in parts for row in part]

    async def _fetched(self, allowed: str, attributes: Sequence[str]) -> list[Row]:
        def rows(client: Client) -> list[Row]:
            asked = {"filter": allowed, "fields": list(attributes), "limit": _MOST_ROWS}
            return [dict(row) for row in client.index(self._uid).get_documents(asked).results]

        return await self._server.ask(rows)


@dataclass(frozen=True, slots=True)
class _Search:
    """A search, which can be tried with fewer words than it has."""

    server: MeilisearchServer
    uid: str
    query: SearchQuery
    allowed: str

    async def hits(self, words: Sequence[Word]) -> Hits:
        """What has all of these words."""
        parameters = parameters_of(self.query, self.allowed, text_of(self.query.terms, words))
        return await self.server.ask(lambda client: hits_of(self.query, client.index(self.uid).search(parameters["q"], parameters)))

    async def most_of(self, words: Sequence[Word]) -> Sequence[Word] | None:
        """At least half of the words such that something has all of them: those that anything has, or all but one of these."""
        known = [word for word, (total, _) in zip(words, await self._tried([[word] for word in words]), strict=True) if total]
        for tries in ([known], without_one(known)):
            enough = [some for some in tries if some and 2 * len(some) >= len(words)]
            outcomes = await self._tried(enough) if enough else []
            (total, _), best = max(zip(outcomes, enough, strict=True), key=lambda tried: tried[0][::-1], default=((0, 0.0), None))
            if total:
                return best
        return None

    async def _tried(self, tries: Sequence[Sequence[Word]]) -> list[tuple[int, float]]:
        """For each of these lists of words, how many documents have them all, and the best one's score."""
        queries = [{"indexUid": self.uid, **trial_of(self.query, self.allowed, text_of(self.query.terms, words))} for words in tries]

        def outcomes(client: Client) -> list[tuple[int, float]]:
            results = client.multi_search(queries)["results"]
            return [(result["totalHits"], max((hit["_rankingScore"] for hit in result["hits"]), default=0.0)) for result in results]

        return await self.server.ask(outcomes)


class _Build:
    """What is built beside the index, in parts of which a few are under way at once."""

    def __init__(self, server: MeilisearchServer, uid: str, take_over: Callable[[str, str], Awaitable[None]]) -> None:
        self._server = server
        self._uid = uid
        self._take_over = take_over
        self._under_way: deque[int] = deque()

    async def add(self, documents: Sequence[SearchDocument]) -> None:
        """Add documents, each once."""
        with valid_unicode():
            rows = list(map(row_of, documents))
        if rows:
            await self._enqueue(rows)

    async def complete(self, state: IndexState) -> None:
        """Let the new index answer from now on, all at once, and drop the old one."""
        mark = uuid4().hex
        await self._enqueue([{**state_row(state), "mark": mark}])
        await self._server.finish(self._under_way)
        await self._take_over(self._uid, mark)

    async def _enqueue(self, rows: Sequence[Row]) -> None:
        for part in await _dumped(rows):
            self._under_way.append(await self._server.ask(_adding(self._uid, part)))
            if len(self._under_way) > _PARTS_UNDER_WAY:
                await self._server.finish([self._under_way.popleft()])


async def _dumped(rows: Sequence[Row]) -> list[bytes]:
    """The rows as the JSON of as many tasks as it takes. InputError if a text is no Unicode."""
    with valid_unicode():
        return await asyncio.to_thread(lambda: list(in_parts(rows, _PART_BYTES)))


def _adding(uid: str, part: bytes) -> Callable[[Client], int]:
    return lambda client: client.index(uid).add_documents_raw(part, KEY, "application/json").task_uid
