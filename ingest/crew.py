"""Who reads the files of a location: a thread for a few, further processes as well for many."""

import asyncio
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType

from ingest.files import FileContext, FileJob, FileReading
from ingest.reading_process import Chunk, Readings, read_files

_CHUNK = 64
_WORTH_SECONDS = 0.5
_WORTH_NEW_FILES = 500
_MOST_PROCESSES = 4


def spare_processors() -> int:
    """How many processors this process may use beside its own; 0 where connections can't be handed on."""
    if sys.platform == "win32":
        return 0
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(usable - 1, _MOST_PROCESSES)


class Crew:
    """Reads files in their order, some chunks ahead of its caller, so that reading goes on while readings are written.

    Processes take half a second of a processor to start, so they come in only when what is left is worth more than that.
    """

    def __init__(self, context: FileContext, processes: int | None = None) -> None:
        self._context = context
        self._most = spare_processors() if processes is None else processes
        self._processes: list[_ReadingProcess] = []
        self._idle: asyncio.Queue[_ReadingProcess] = asyncio.Queue()

    async def __aenter__(self) -> "Crew":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            process.close()

    async def readings(self, jobs: Sequence[FileJob]) -> AsyncIterator[tuple[FileJob, FileReading | None]]:
        """Each job with what its file is read as, None where nothing changed, in the order of the jobs."""
        if sum(not job.digest for job in jobs) >= _WORTH_NEW_FILES:
            self._reinforce()
        chunks = _chunks(jobs)
        ahead: deque[tuple[Chunk, asyncio.Task[Readings]]] = deque()
        left, began = len(jobs), time.monotonic()
        try:
            while True:
                while len(ahead) < 2 * len(self._processes) + 1 and (chunk := next(chunks, None)) is not None:
                    ahead.append((chunk, asyncio.ensure_future(self._read(chunk))))
                if not ahead:
                    return
                chunk, readings = ahead.popleft()
                for job, reading in zip(chunk, await readings, strict=True):
                    yield job, reading
                left -= len(chunk)
                if left * (time.monotonic() - began) / (len(jobs) - left) > _WORTH_SECONDS:
                    self._reinforce()
        finally:
            for _, task in ahead:
                task.cancel()
            await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)

    def _reinforce(self) -> None:
        while len(self._processes) < self._most:
            process = _ReadingProcess(self._context)
            self._processes.append(process)
            self._idle.put_nowait(process)

    async def _read(self, chunk: Chunk) -> Readings:
        if not self._processes:
            return await asyncio.to_thread(read_files, chunk, self._context)
        process = await self._idle.get()
        readings = await asyncio.to_thread(process.read, chunk)
        self._idle.put_nowait(process)
        return readings


class _ReadingProcess:
    """A process of our own that reads chunks, one at a time. It ends when its connection does."""

    # Not multiprocessing.Process: that would import the main module, with all of the server, once more in each process.
    _CODE = "import sys; sys.path[:] = {path!r}; from ingest.reading_process import serve; serve({handle})"

    def __init__(self, context: FileContext) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            handle = theirs.fileno()
            code = self._CODE.format(path=[str(Path(entry).absolute()) for entry in sys.path], handle=handle)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-c", code], pass_fds=(handle,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        self._connection.send(context)

    def read(self, chunk: Chunk) -> Readings:
        """The readings of the chunk. Blocking. EOFError if the process died."""
        self._connection.send(chunk)
        return self._connection.recv()

    def close(self) -> None:
        self._connection.close()
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)


def _chunks(jobs: Sequence[FileJob]) -> Iterator[Chunk]:
    for start in range(0, len(jobs), _CHUNK):
        yield jobs[start : start + _CHUNK]
