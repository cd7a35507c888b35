"""What a serving process is given while its store is open: what changes the catalog and runs templates, and what is known of jobs."""

from dataclasses import dataclass

from ingest.lifecycle import Actions
from workers.figures import BackgroundWork
from workers.scaffolder.port import Scaffolder


@dataclass(frozen=True, slots=True)
class Beside:
    """The background work as the interfaces see it."""

    actions: Actions
    work: BackgroundWork
    scaffolder: Scaffolder | None = None
