"""Brings the sources of documentation into a folder of our own, and tells by their version whether they changed."""

import asyncio
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from config.backend import Reading
from config.generator import BuildLimits
from graph.errors import CallboardError
from plugins.archives import Limits, Unpacked, downloaded, unpacked
from plugins.contract import Head, SourceError, SourceReason
from plugins.hosts import settled
from workers.techdocs.references import LocalFolder, RepositoryFolder
from workers.techdocs.results import LeftOut

_SINGLE_FILES = 200
"""The most files that are asked for one by one, where the archive of their repository is too large."""

_SKIPPED = frozenset({".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".terraform"})
"""Folders that no page is made of, and that are often larger than all the pages."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_CHUNK = 1024 * 1024


class UnusableSourcesError(CallboardError):
    """There is no documentation that could be built; the message is for its author, `remedy` says what to do."""

    code = "BAD_USER_INPUT"

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy


class Sources(Protocol):
    """The sources of one site. UnusableSourcesError or SourceError if they can't be had."""

    async def version(self) -> str:
        """What stands for the content of the sources as they are now."""
        ...

    async def fetch(self, into: Path) -> tuple[str, list[LeftOut]]:
        """Copy the sources into an empty folder: their version, and what was not taken along."""
        ...


def sources_of(source: LocalFolder | RepositoryFolder, reading: Reading, limits: BuildLimits) -> Sources:
    """The sources at a folder, within the limits."""
    if isinstance(source, LocalFolder):
        return _LocalSources(source, limits)
    return _RepositorySources(source, reading, limits)


class _LocalSources:
    """A folder of this machine; its version is a digest of the names and contents of all files."""

    def __init__(self, source: LocalFolder, limits: BuildLimits) -> None:
        self._source, self._limits = source, limits

    async def version(self) -> str:
        return (await asyncio.to_thread(_read, self._source, self._limits, None))[0]

    async def fetch(self, into: Path) -> tuple[str, list[LeftOut]]:
        return await asyncio.to_thread(_read, self._source, self._limits, into)


def _read(source: LocalFolder, limits: BuildLimits, into: Path | None) -> tuple[str, list[LeftOut]]:
    """The version of a folder, and what of it is left out; with `into`, everything else is copied there."""
    folder, root = os.path.realpath(source.path), os.path.realpath(source.root)
    # A link may have been put in the way since the reference was resolved.
    if folder != root and not folder.startswith(f"{root.rstrip('/')}/"):
        raise UnusableSourcesError(f"{source.path} leads outside of {source.root}", "Keep the documentation inside its location's folder.")
    if not Path(folder).is_dir():
        raise UnusableSourcesError(f"{source.path} is no folder", "Let backstage.io/techdocs-ref name the folder that holds mkdocs.yml.")
    left_out: list[LeftOut] = []
    digest, taken = blake2b(digest_size=16), _Taken(limits, source.path)
    for path in _files(folder, "", left_out):
        content = _content(folder, path, limits.file_bytes, left_out)
        if content is None:
            continue
        taken.add(len(content))
        digest.update(f"{len(path.encode())} {path} {len(content)} ".encode())
        digest.update(content)
        if into is not None:
            _write(into, path, content)
    return digest.hexdigest(), left_out


def _files(root: str, below: str, left_out: list[LeftOut]) -> Iterator[str]:
    """The paths of the files below a folder, in order; links to files that stay in the root count as files."""
    with os.scandir(f"{root}/{below}") as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = f"{below}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _SKIPPED:
                yield from _files(root, f"{path}/", left_out)
        elif entry.is_symlink():
            real = os.path.realpath(entry.path)
            if not real.startswith(f"{root}/"):
                left_out.append(LeftOut(path, "The link leads outside of the folder of documentation."))
            elif Path(real).is_file():
                yield path
            else:
                left_out.append(LeftOut(path, "The link leads to no file; links to folders are not followed."))
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            left_out.append(LeftOut(path, "It is neither a file nor a folder."))


def _content(root: str, path: str, most: int, left_out: list[LeftOut]) -> bytes | None:
    real = os.path.realpath(f"{root}/{path}")
    if not real.startswith(f"{root}/"):
        return None
    try:
        handle = os.open(real, _FLAGS)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            content = file.read(most + 1)
    except OSError as error:
        left_out.append(LeftOut(path, f"It can't be read: {(error.strerror or 'unknown').lower()}."))
        return None
    if len(content) > most:
        left_out.append(LeftOut(path, f"It is larger than {most:,} bytes."))
        return None
    return content


class _RepositorySources:
    """A folder of a repository; its version is the commit."""

    def __init__(self, source: RepositoryFolder, reading: Reading, limits: BuildLimits) -> None:
        self._source, self._reading, self._limits = source, reading, limits
        self._known: Head | None = None

    async def version(self) -> str:
        head = self._known = await self._source.host.head(self._source.place, self._known)
        place = settled(self._source.place, head)
        return f"{place.repository} {head.commit} {place.path}"

    async def fetch(self, into: Path) -> tuple[str, list[LeftOut]]:
        version = await self.version()
        try:
            left_out = await self._from_archive(into)
        except SourceError as error:
            if error.reason is not SourceReason.TOO_LARGE:
                raise
            left_out = await self._singly(into)
        return version, left_out

    async def _from_archive(self, into: Path) -> list[LeftOut]:
        host, head, folder = self._source.host, self._head(), self._folder()
        url = self._source.url
        limits = Limits(self._reading.max_unpacked_bytes, self._limits.file_bytes)
        with await downloaded(host.archive(self._source.place, head), self._reading.max_archive_bytes, url) as packed:
            # Whether the paths begin with a folder of the archive's own is only known in the end.
            content = await asyncio.to_thread(unpacked, packed, url, limits, lambda path: _below(folder, path) is not None)
        try:
            return await asyncio.to_thread(self._take, content, into)
        finally:
            content.close()

    def _take(self, content: Unpacked, into: Path) -> list[LeftOut]:
        taken, left_out = _Taken(self._limits, self._source.url), list[LeftOut]()
        for path in sorted(content.sizes):
            inner = _below(self._folder(), path)
            if inner is None:
                continue
            data = content.read(path)
            if data is None:
                left_out.append(LeftOut(inner, f"It is larger than {self._limits.file_bytes:,} bytes."))
                continue
            taken.add(len(data))
            _write(into, inner, data)
        return taken.checked(left_out)

    async def _singly(self, into: Path) -> list[LeftOut]:
        """As from the archive, file by file: the repository is too large to be had as a whole."""
        host, head = self._source.host, self._head()
        place = settled(self._source.place, head)
        inside = {file.path: inner for file in await host.tree(place, head) if (inner := _below(self._folder(), file.path)) is not None}
        taken, left_out = _Taken(self._limits, self._source.url), list[LeftOut]()
        if len(inside) > _SINGLE_FILES:
            message = f"{self._source.url} holds {len(inside):,} files, and the archive of its repository is larger than allowed"
            raise UnusableSourcesError(
                message, "Raise backend.reading.maxArchiveBytes, or name a smaller folder in backstage.io/techdocs-ref."
            )
        for path, inner in inside.items():
            try:
                data = await host.file(replace(place, path=path), head, self._limits.file_bytes)
            except SourceError as error:
                if error.reason is not SourceReason.TOO_LARGE:
                    raise
                left_out.append(LeftOut(inner, f"It is larger than {self._limits.file_bytes:,} bytes."))
                continue
            taken.add(len(data))
            await asyncio.to_thread(_write, into, inner, data)
        return taken.checked(left_out)

    def _head(self) -> Head:
        if self._known is None:
            raise AssertionError("the version is asked for first")
        return self._known

    def _folder(self) -> str:
        return settled(self._source.place, self._head()).path


def _below(folder: str, path: str) -> str | None:
    """The path as seen from the folder; None if it lies elsewhere, or in a folder that no page is made of."""
    if folder and not path.startswith(f"{folder}/"):
        return None
    inner = path[len(folder) + 1 :] if folder else path
    return None if _SKIPPED.intersection(inner.split("/")[:-1]) else inner


def _write(into: Path, path: str, content: bytes) -> None:
    file = into / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


class _Taken:
    """Counts what is taken along."""

    def __init__(self, limits: BuildLimits, shown: str) -> None:
        self._limits, self._shown = limits, shown
        self._files = self._bytes = 0

    def add(self, size: int) -> None:
        """Count one more file. UnusableSourcesError beyond the limits."""
        self._files += 1
        self._bytes += size
        limits = self._limits
        if self._files > limits.source_files or self._bytes > limits.source_bytes:
            raise UnusableSourcesError(
                f"{self._shown} holds more than {limits.source_files:,} files or {limits.source_bytes:,} bytes",
                "Let backstage.io/techdocs-ref name a folder that holds little beside documentation, or raise techdocs.generator.limits.",
            )

    def checked(self, left_out: list[LeftOut]) -> list[LeftOut]:
        """What was left out. UnusableSourcesError if there is nothing else."""
        if self._files == 0:
            message = f"{self._shown} holds no files"
            raise UnusableSourcesError(message, "Let backstage.io/techdocs-ref name the folder that holds mkdocs.yml.")
        return left_out
