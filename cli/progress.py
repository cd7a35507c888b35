"""How far a long read is, on a terminal."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from cli.printable import printable
from ingest.progress import Progress as Listener
from ingest.progress import Progressed

_LONG_READ = 20
"""Files from which on a bar is worth its place."""


@contextmanager
def shown_progress() -> Generator[Listener | None]:
    """A listener that draws a bar on stderr for each long read while it lasts; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    bars = _Bars()
    try:
        yield bars.listen
    finally:
        bars.stop()


class _Bars:
    """Bars for the reads that are under way. Nothing is drawn, and no thread runs, while there is none."""

    def __init__(self) -> None:
        self._tasks: dict[str, int] = {}
        self._drawn: Any = None

    def listen(self, progressed: Progressed) -> None:
        """Draw what is new; a finished read leaves no trace."""
        task = self._tasks.get(progressed.location)
        if progressed.finished:
            if task is not None:
                self._end(progressed.location)
        elif task is not None or progressed.files >= _LONG_READ:
            drawn = self._drawn = self._drawn or _drawing()
            if task is None:
                task = self._tasks[progressed.location] = drawn.add_task(f"Reading {printable(progressed.location)}")
            drawn.update(task, completed=progressed.read, total=progressed.files)

    def stop(self) -> None:
        """Erase all bars."""
        if self._drawn:
            self._drawn.stop()
        self._drawn = None
        self._tasks.clear()

    def _end(self, location: str) -> None:
        task = self._tasks.pop(location)
        if self._drawn and self._tasks:
            self._drawn.remove_task(task)
        else:
            self.stop()


def _drawing() -> Any:
    # Most starts and commands read nothing long, and should not wait for the drawing library.
    return import_module("cli.bars").started()
