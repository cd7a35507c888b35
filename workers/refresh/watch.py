"""Watching the folders of file locations, so that a change on disk is read at once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, awatch  # pyright: ignore[reportUnknownVariableType] - one of its parameters is untyped

from graph.errors import StoreUnavailableError
from graph.store import Location
from ingest.readers import file_reader
from workers.queue import Queue
from workers.refresh.jobs import Refreshing, refresh_location

_DEBOUNCE_MILLISECONDS = 250
_LOOK_MILLISECONDS = 2000
_IGNORED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".callboard"})

_log = logging.getLogger("callboard.watch")

Roots = Mapping[str, tuple[int, Sequence[str]]]
"""By the path of each folder that exists: its inode, and the ids of the locations whose root it is."""


async def watch(refreshing: Refreshing, queue: Queue) -> None:
    """Ask for the locations whose folders change, until cancelled. Folders that appear, or are put in place of others, are taken up."""
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    roots: Roots = {}
    while True:
        before, roots = roots, await _roots(refreshing, roots)
        if not roots:
            await asyncio.sleep(_LOOK_MILLISECONDS / 1000)
            continue
        new = [location_id for folder, (inode, ids) in roots.items() if before.get(folder, (0,))[0] != inode for location_id in ids]
        try:
            await _watch_folders(roots, new, refreshing, queue)
        except OSError as error:
            _log.warning("folders can't be watched: %s; changes are seen when a location is due", error)
            return


async def _watch_folders(roots: Roots, new: Sequence[str], refreshing: Refreshing, queue: Queue) -> None:
    """Watch until the set of folders changes. The `new` locations are asked for once they are watched: nobody saw them change before."""
    relevant = _Relevant(tuple(roots), str(refreshing.database_file or ""))
    async for changes in awatch(
        *roots,
        watch_filter=relevant,
        debounce=_DEBOUNCE_MILLISECONDS,
        rust_timeout=_LOOK_MILLISECONDS,
        yield_on_timeout=True,
        recursive=True,
    ):
        touched = {location for _, path in changes for folder, (_, ids) in roots.items() if _is_below(path, folder) for location in ids}
        await _request(queue, sorted(touched.union(new)))
        new = ()
        if await _roots(refreshing, roots) != roots:
            return


async def _request(queue: Queue, location_ids: Sequence[str]) -> None:
    for location_id in location_ids:
        await queue.request(refresh_location.__name__, location_id)


async def _roots(refreshing: Refreshing, last: Roots) -> Roots:
    """The folders to watch now; the last known while the store does not answer."""
    with suppress(StoreUnavailableError):
        return await asyncio.to_thread(_existing_roots, [*refreshing.configured, *await refreshing.store.locations()])
    return last


def _existing_roots(locations: Sequence[Location]) -> Roots:
    roots: dict[str, tuple[int, list[str]]] = {}
    for location in {location.id: location for location in locations}.values():
        if location.type == "file":
            folder = Path(file_reader(location.target, 0).root)
            with suppress(OSError):
                if folder.is_dir():
                    roots.setdefault(str(folder), (folder.stat().st_ino, []))[1].append(location.id)
    return roots


@dataclass(frozen=True, slots=True)
class _Relevant:
    """Which changes count: not those of the catalog's own database, of version control or of installed packages."""

    roots: Sequence[str]
    database: str

    def __call__(self, _: Change, path: str) -> bool:
        if self.database and path.startswith(self.database):
            return False
        below = min((path[len(root) :] for root in self.roots if _is_below(path, root)), key=len, default=path)
        return _IGNORED.isdisjoint(below.split("/"))


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
