"""Who reads the files of a location: a thread for a few, further processes as well for many."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType

from ingest.files import FileContext, FileJob, FileReading
from ingest.reading_process import Chunk, Readings, read_files

_CHUNK = 64
_CHUNKS_AHEAD = 64
# While one is read the next is there already: the event loop may be busy with what was read before.
_CHUNKS_OF_ONE = 2
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
    """Reads files some chunks ahead of its caller, so that reading goes on while readings are written.

    Processes take half a second of a processor to start, so they come in only when what is left is worth more than that; until one of them
    has answered, the caller's own reads as well.
    """

    def __init__(self, context: FileContext, processes: int | None = None) -> None:
        self._context = context
        self._most = spare_processors() if processes is None else processes
        self._processes: list[_ReadingProcess] = []
        self._own = _OwnProcess(context)
        # The last in is the first out: large files are often the first, and then a process reads them.
        self._idle: asyncio.LifoQueue[_ReadingProcess | _OwnProcess] = asyncio.LifoQueue()
        self._idle.put_nowait(self._own)

    async def __aenter__(self) -> "Crew":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            process.close()

    async def readings(self, jobs: Sequence[FileJob]) -> AsyncIterator[tuple[FileJob, FileReading | None]]:
        """Each job with what its file is read as, None where nothing changed: in the order of the jobs within each chunk of them."""
        if sum(not job.digest for job in jobs) >= _WORTH_NEW_FILES:
            self._reinforce()
        chunks = _chunks(jobs)
        ahead: set[asyncio.Task[Sequence[tuple[FileJob, FileReading | None]]]] = set()
        left, began = len(jobs), time.monotonic()
        try:
            while True:
                while len(ahead) < (_CHUNKS_AHEAD if self._processes else 1) and (chunk := next(chunks, None)) is not None:
                    ahead.add(asyncio.create_task(self._read(chunk)))
                if not ahead:
                    return
                done, ahead = await asyncio.wait(ahead, return_when=asyncio.FIRST_COMPLETED)
                for read in await asyncio.gather(*done):
                    for job, reading in read:
                        yield job, reading
                    left -= len(read)
                if left * (time.monotonic() - began) / (len(jobs) - left) > _WORTH_SECONDS:
                    self._reinforce()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    def _reinforce(self) -> None:
        while len(self._processes) < self._most:
            process = _ReadingProcess(self._context)
            self._processes.append(process)
            for _ in range(_CHUNKS_OF_ONE):
                self._idle.put_nowait(process)

    async def _read(self, chunk: Chunk) -> Sequence[tuple[FileJob, FileReading | None]]:
        reader = await self._idle.get()
        readings = await reader.read(chunk)
        # Once the processes are there, the interpreter of this one is needed for writing.
        if reader is not self._own or not any(process.answered for process in self._processes):
            self._idle.put_nowait(reader)
        return list(zip(chunk, readings, strict=True))


class _OwnProcess:
    """The caller's process, as one that reads."""

    def __init__(self, context: FileContext) -> None:
        self._context = context

    async def read(self, chunk: Chunk) -> Readings:
        return await asyncio.to_thread(read_files, chunk, self._context)


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
        self._first: FileContext | None = context
        # One thread each, so that answers come to those who asked, and a process that answers never waits for one that asks.
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="ask-reader")
        self._listening = ThreadPoolExecutor(1, thread_name_prefix="hear-reader")
        self.answered = False

    async def read(self, chunk: Chunk) -> Readings:
        """The readings of the chunk, which are those of the chunks asked for before first. EOFError or OSError if the process died."""
        asked = self._asking.submit(self._ask, chunk)
        heard = self._listening.submit(self._connection.recv)
        await asyncio.wrap_future(asked)
        readings: Readings = await asyncio.wrap_future(heard)
        self.answered = True
        return readings

    def close(self) -> None:
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        # Whoever still waits for it has met its end by now.
        for pool in (self._asking, self._listening):
            pool.shutdown(cancel_futures=True)
        self._connection.close()

    def _ask(self, chunk: Chunk) -> None:
        # A process that starts does not take what it is sent, so that sending waits for it.
        if self._first is not None:
            self._connection.send(self._first)
            self._first = None
        self._connection.send(chunk)


def _chunks(jobs: Sequence[FileJob]) -> Iterator[Chunk]:
    for start in range(0, len(jobs), _CHUNK):
        yield jobs[start : start + _CHUNK]
