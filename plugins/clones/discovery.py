"""Discovers the Git repositories below a folder of this machine, whose catalog files are read where they lie."""

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path

from config.providers import Clones
from plugins.contract import FullMutation, ProvidedLocation, ProviderConnection, SourceError, SourceReason, Touched
from plugins.schedule import schedule_of

_LEFT_OUT = frozenset({"node_modules", "__pycache__"})
_WILDCARD = re.compile(r"[*?\[\]{}]")


class ClonesDiscovery:
    """Provides the catalog files of every Git repository below the folder. Repositories within repositories are part of these."""

    def __init__(self, id: str, config: Clones) -> None:
        self.name = f"clones:{id}"
        self.config = config
        self.schedule = schedule_of(config.schedule)

    async def read(self, connection: ProviderConnection) -> None:
        """Provide what lies there now. SourceError if the folder, or one below it, can't be listed."""
        await connection.apply(FullMutation(locations=await asyncio.to_thread(self._locations)))

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        """Nobody tells of a local folder."""
        return False

    def _locations(self) -> list[ProvidedLocation]:
        path = self.config.catalog_path.lstrip("/")
        found: list[ProvidedLocation] = []
        for repository in _repositories(str(self.config.path)):
            # A wildcard in the folder's name would be taken for one of the pattern.
            if not _WILDCARD.search(repository) and (_WILDCARD.search(path) or Path(repository, path).is_file()):
                found.append(ProvidedLocation("file", f"{repository}/{path}"))
        return found


def _repositories(folder: str) -> Iterator[str]:
    """The folders that hold a repository, ordered. Links are not followed, and what is hidden is left out."""
    try:
        with os.scandir(folder) as entries:
            folders = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceError(
            SourceReason.NOT_FOUND, folder, f"{folder} is no folder", "Mend the path under catalog.providers.clones."
        ) from error
    except OSError as error:
        message = f"{folder} can't be listed: {(error.strerror or str(error)).lower()}"
        raise SourceError(SourceReason.UNAVAILABLE, folder, message, "Let the user that runs Callboard list the folder.") from error
    if ".git" in folders or Path(folder, ".git").is_file():
        yield folder
        return
    for name in folders:
        if not name.startswith(".") and name not in _LEFT_OUT:
            yield from _repositories(f"{folder}/{name}")
