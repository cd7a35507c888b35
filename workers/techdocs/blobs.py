"""The port of blob storage: files by path that are no part of the graph, such as built documentation.

A path is names joined by slashes, without a slash at either end. Every method raises BlobsUnavailableError while the storage can't be
reached or refuses what it is asked, and InputError for writing to a path that is none; nothing is ever found under such a path.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from graph.errors import CallboardError


class BlobsUnavailableError(CallboardError):
    """The storage of files does not answer, or does not do what it is asked."""

    code = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What is known of a file without reading it. `etag` is another whenever the content is; it has no quotes."""

    path: str
    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Blob:
    """A file, or the part of it that was asked for; `info` speaks of the whole."""

    info: BlobInfo
    content: bytes


class Blobs(Protocol):
    """Files by path. A read sees a file as one write left it, never half of one."""

    async def find(self, path: str) -> BlobInfo | None:
        """What is known of a file; None if there is none."""
        ...

    async def read(self, path: str, span: tuple[int, int] | None = None) -> Blob | None:
        """A file, or its bytes from the first number up to the second, that one excluded, as far as it has them; None if there is none.

        The first number has to be less than the second. A span that begins beyond the end is empty.
        """
        ...

    async def write(self, path: str, content: bytes, content_type: str | None = None) -> None:
        """Put a file in place of what is there, for all readers at once. Folders keep no content type."""
        ...

    async def delete(self, paths: Sequence[str]) -> None:
        """Remove files; those that are not there are passed over."""
        ...

    def listed(self, folder: str) -> AsyncIterator[BlobInfo]:
        """All files below a folder, at any depth, in no order. The empty text is all there is."""
        ...

    async def folders(self, folder: str) -> Sequence[str]:
        """The names of the folders right below a folder, ordered."""
        ...

    async def check(self) -> None:
        """Return if the storage answers."""
        ...
