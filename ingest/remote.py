"""Reading the URLs of a location: on a thread of their own, skipping what is known to be unchanged, and remembering what was seen."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from graph.store import Location, SourceFile, StateWrite, Store
from ingest.files import FileContext, FileJob, FileReading, read_file
from ingest.problems import ErrorCode, Problem, remedy_for
from ingest.settings import IngestSettings, fingerprint_of
from ingest.sources import SourceReader, SourceState, source_state

SOURCES = "sources"
"""The collection of states that tells what each location's repositories were when it was last read, by its id."""

_CHUNK = 16
_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(slots=True)
class RemoteFiles:
    """What one read of one location reads from hosts. `before` is what the store remembers of the last one."""

    location: Location
    store: Store
    reader: SourceReader
    before: SourceState
    thread: ThreadPoolExecutor

    async def in_thread(self, doing: Callable[_P, _R], *arguments: _P.args, **named: _P.kwargs) -> _R:
        """What the function returns, called on the reader's thread. That of others would be missed: readers wait for networks."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, lambda: doing(*arguments, **named))

    async def all_unchanged(self) -> bool:
        """Whether all repositories of the last read are as they were, so that nothing has to be read."""
        return await self.in_thread(self.reader.all_unchanged)

    async def readings(
        self, jobs: Sequence[FileJob], context: FileContext, known: Mapping[str, SourceFile]
    ) -> AsyncIterator[tuple[FileJob, FileReading | None]]:
        """Each job with what its file is read as; None where it is as before, or can't be known not to be."""
        await self.in_thread(self._announce, jobs, known)
        for start in range(0, len(jobs), _CHUNK):
            chunk = jobs[start : start + _CHUNK]
            for job, reading in zip(chunk, await self.in_thread(self._read, chunk, context, known), strict=True):
                yield job, reading

    async def finished(self, *, write: bool) -> float | None:
        """Remember what was seen, if that is news, and return how long a host asks to be left alone."""
        after = self.reader.state
        news = after.encoded() != self.before.encoded() and (after.heads or self.before.heads or self.location.type == "url")
        if news and write:
            await self.store.write_states([StateWrite(SOURCES, self.location.id, after.encoded())])
        return self.reader.retry_after_seconds

    def _announce(self, jobs: Sequence[FileJob], known: Mapping[str, SourceFile]) -> None:
        self.reader.announce([job.path for job in jobs if not self._is_as_before(job, known.get(job.path))])

    def _read(self, jobs: Sequence[FileJob], context: FileContext, known: Mapping[str, SourceFile]) -> list[FileReading | None]:
        return [None if self._is_as_before(job, known.get(job.path)) else self._reading(job, context) for job in jobs]

    def _is_as_before(self, job: FileJob, record: SourceFile | None) -> bool:
        """Whether the stored record stands: nothing changed, or its repository can't be read, which its target's error tells."""
        if record is None:
            return False
        return self.reader.is_failed(job.path) or (record.parent == job.parent and self.reader.is_unchanged(job.path))

    def _reading(self, job: FileJob, context: FileContext) -> FileReading | None:
        root = job.parent is None
        news = root and self.reader.is_news_that_it_moved(job.path)
        reading = read_file(replace(job, digest="") if news else job, context)
        address = self.reader.moved_to(job.path) if root and reading and not reading.failure else None
        if reading is None or address is None:
            return reading
        code = ErrorCode.SOURCE_RENAMED
        problem = Problem(code, f"The repository is called {address} by now", remedy_for(code, address=address), None, 1, 1)
        return replace(reading, problems=[*reading.problems, problem])


@asynccontextmanager
async def remote_files(location: Location, store: Store, settings: IngestSettings) -> AsyncGenerator[RemoteFiles | None]:
    """How the location's URLs are read while entered; None if no host may be read."""
    if settings.hosts is None or settings.source_limits is None:
        yield None
        return
    rows = await store.states(SOURCES, ids=[location.id])
    before = source_state(rows[0].value if rows else None)
    fingerprint = fingerprint_of(location, settings)
    reader = SourceReader(settings.hosts, settings.source_limits, before, fingerprint, asyncio.get_running_loop())
    thread = ThreadPoolExecutor(1, thread_name_prefix="sources")
    try:
        yield RemoteFiles(location, store, reader, before, thread)
    finally:
        reader.close()
        thread.shutdown(wait=False)
