"""What a serving process is given for as long as its store is open: what changes the catalog, and what is known of the background work."""

from dataclasses import dataclass

from ingest.lifecycle import Actions
from workers.figures import BackgroundWork
from workers.search.finding import Search


@dataclass(frozen=True, slots=True)
class Beside:
    """The background work as the interfaces see it. Without `search`, none is configured."""

    actions: Actions
    work: BackgroundWork
    search: Search | None = None
