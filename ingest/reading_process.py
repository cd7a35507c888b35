"""A process that reads files for another one: jobs come in over a connection, readings go back."""

import gc
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from ingest.files import FileContext, FileJob, FileReading, read_file

Chunk = Sequence[FileJob]
Readings = list[FileReading | None]


def read_files(jobs: Chunk, context: FileContext) -> Readings:
    """What each file is read as, None where nothing changed. Blocking."""
    return [read_file(job, context) for job in jobs]


def serve(handle: int) -> None:
    """Answer chunks of jobs over the connection until its other end closes. The first message is the context."""
    # Ctrl-C reaches the whole group of processes; this one ends when the one that asks does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    with Connection(handle) as connection:
        try:
            context: FileContext = connection.recv()
            while True:
                connection.send(read_files(connection.recv(), context))
        except (EOFError, OSError):
            sys.exit(0)
