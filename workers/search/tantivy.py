"""The search index in a folder, by tantivy: the embedded default."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import tantivy

from graph.errors import InputError
from workers.search import tantivy_reads
from workers.search.index import (
    MOST_HITS,
    Hits,
    IndexBatch,
    IndexBuild,
    IndexFigures,
    IndexState,
    IndexUnavailableError,
    SearchDocument,
    SearchQuery,
)
from workers.search.tantivy_generations import Builder, Generation, Generations, translated
from workers.search.tantivy_schema import SOURCE, STATE, document_of, state_document

Result = TypeVar("Result")

_READERS = max(2, min(4, os.cpu_count() or 1))
"""More than there are processors only wait for one another."""

_WRITER_BYTES = 15_000_000


class TantivyIndex:
    """The port on tantivy; workers.search.index.SearchIndex says what its methods answer.

    One process writes, from its first write until it closes; others can read what they opened.
    """

    def __init__(self, folder: Path) -> None:
        self._generations = Generations(folder)
        self._current: Generation | None = None
        self._writer: tantivy.IndexWriter | None = None
        self._reading: ThreadPoolExecutor | None = None
        self._writing: ThreadPoolExecutor | None = None
        self._one_build = asyncio.Lock()

    async def open(self) -> None:
        await self.close()
        self._reading = ThreadPoolExecutor(_READERS, thread_name_prefix="search-read")
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="search-write")
        await _in(self._writing, self._reopen)

    async def close(self) -> None:
        pools = [pool for pool in (self._reading, self._writing) if pool is not None]
        self._reading = self._writing = None
        for pool in pools:
            await asyncio.to_thread(pool.shutdown)
        await asyncio.to_thread(self._release)

    async def state(self) -> IndexState | None:
        try:
            return await self._read(tantivy_reads.state_of)
        except IndexUnavailableError:
            return None

    async def check(self) -> None:
        await _in(self._writing, self._check)

    async def write(self, batch: IndexBatch) -> None:
        await _in(self._writing, lambda: self._write(batch))

    @asynccontextmanager
    async def building(self) -> AsyncGenerator[IndexBuild]:
        async with self._one_build:
            built = await _in(self._writing, self._begin)
            try:
                yield _TantivyBuild(lambda work: _in(self._writing, work), built, self._switch)
            finally:
                await asyncio.to_thread(built.end)

    async def search(self, query: SearchQuery) -> Hits:
        if query.offset < 0 or query.limit < 0 or query.offset + query.limit > MOST_HITS:
            raise InputError(f"the first {MOST_HITS} hits of a search can be read; ask for something more precise")
        return await self._read(tantivy_reads.Searching(query))

    async def sources_with(self, leaf: str) -> AsyncIterator[str]:
        for source in await self._read(lambda searcher: tantivy_reads.sources_with(searcher, leaf)):
            yield source

    async def edges_of(self, sources: Sequence[str]) -> Mapping[str, frozenset[str]]:
        return await self._read(lambda searcher: tantivy_reads.edges_of(searcher, sources))

    async def figures(self) -> IndexFigures:
        current = self._current
        documents = await self._read(lambda searcher: searcher.num_docs - 1)
        return IndexFigures(documents, await asyncio.to_thread(current.size_bytes) if current else None)

    async def _read(self, work: Callable[[tantivy.Searcher], Result]) -> Result:
        return await _in(self._reading, lambda: self._read_current(work))

    def _read_current(self, work: Callable[[tantivy.Searcher], Result]) -> Result:
        current = self._answering()
        try:
            with translated("the search index can't be read"):
                return work(current.searcher())
        except IndexUnavailableError:
            if self._current is current:
                self._reopen()
            raise

    def _answering(self) -> Generation:
        if (current := self._current) is None:
            raise IndexUnavailableError("there is no search index that can answer; it has to be built first")
        return current

    def _reopen(self) -> None:
        """Take up what is in the folder, if it can be read."""
        generation = self._generations.current()
        self._current = None
        if generation is not None:
            with suppress(IndexUnavailableError):
                self._current = Generation(generation)

    def _check(self) -> None:
        if (current := self._current) is None:
            return
        try:
            # Opened once more, which checks every file.
            Generation(current.path)
        except IndexUnavailableError:
            self._writer = None
            self._reopen()
            raise

    def _begin(self) -> Builder:
        if self._generations.lock():
            self._reopen()
        return Builder(self._generations)

    def _switch(self, generation: Path) -> None:
        """Let a generation that was built answer, and drop the old one."""
        built = Generation(generation)
        with translated("the search index can't be written"):
            self._generations.switch_to(generation)
        self._writer = None
        self._current = built
        self._generations.drop_all_but(generation)

    def _write(self, batch: IndexBatch) -> None:
        documents = [document_of(document) for document in batch.documents]
        if self._generations.lock():
            self._reopen()
        current = self._answering()
        try:
            with translated("the search index can't be written"):
                if (writer := self._writer) is None:
                    writer = self._writer = current.index.writer(_WRITER_BYTES, 1)
                for source in batch.sources:
                    writer.delete_documents_by_term(SOURCE, source)
                for document in documents:
                    writer.add_document(document)
                writer.delete_documents_by_term(STATE, STATE)
                writer.add_document(state_document(batch.state))
                writer.commit()
                current.index.reload()
        except IndexUnavailableError:
            # A writer that failed is of no use any more, and what it committed is what the folder holds.
            self._writer = None
            self._reopen()
            raise

    def _release(self) -> None:
        self._writer = None
        self._current = None
        self._generations.unlock()


class _TantivyBuild:
    """The new index as the port has it, written where everything is written, one after another."""

    def __init__(
        self, in_writing: Callable[[Callable[[], None]], Awaitable[None]], builder: Builder, switch: Callable[[Path], None]
    ) -> None:
        self._in_writing = in_writing
        self._builder = builder
        self._switch = switch

    async def add(self, documents: Sequence[SearchDocument]) -> None:
        await self._in_writing(lambda: self._builder.add(documents))

    async def complete(self, state: IndexState) -> None:
        await self._in_writing(lambda: self._switch(self._builder.finished(state)))


async def _in(pool: ThreadPoolExecutor | None, work: Callable[[], Result]) -> Result:
    if pool is None:
        raise IndexUnavailableError("the search index is not open")
    return await asyncio.get_running_loop().run_in_executor(pool, work)
