"""How far a long read is, on a terminal."""

from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from cli.reports import printable
from ingest.progress import Progress as Listener
from ingest.progress import Progressed

_SHORT_READ = 20


@contextmanager
def shown_progress() -> Generator[Listener | None]:
    """A listener that draws a bar for each location on stderr, gone at the end; None where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def listen(progressed: Progressed) -> None:
            task = tasks.get(progressed.location)
            if task is None:
                if progressed.finished or progressed.files < _SHORT_READ:
                    return
                task = tasks[progressed.location] = bars.add_task(f"Reading {printable(progressed.location)}")
            bars.update(task, completed=progressed.read, total=progressed.files)

        yield listen
