"""Archives of repositories, unpacked into one spool file of our own: names in them name nothing on disk."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, Protocol, cast

from plugins.contract import SourceError, SourceReason

_CHUNK = 256 * 1024
_HEADER_BYTES = 1024 * 1024
"""The most that a tar archive may spend on headers between two files."""

_LISTED_BYTES = 64 * 1024 * 1024
_MOST_FILES = 500_000


class _Source(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold, once unpacked: bytes in all, whether kept or not, and bytes of a file that is kept."""

    total_bytes: int
    file_bytes: int


class Unpacked:
    """The files of an archive. `sizes` are those of all regular files by path, `executable` those that may be run; `read` gives those that
    were kept.
    """

    def __init__(self, spool: IO[bytes], sizes: Mapping[str, int], kept: Mapping[str, int], executable: Collection[str] = ()) -> None:
        self.sizes, self.executable = sizes, frozenset(executable)
        self._spool, self._kept = spool, kept

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if it was not kept, being too large or not wanted."""
        start = self._kept.get(path)
        if start is None:
            return None
        self._spool.seek(start)
        return self._spool.read(self.sizes[path])

    def close(self) -> None:
        """Let go of the space on disk. Safe to call twice."""
        self._spool.close()


async def downloaded(chunks: AsyncIterator[bytes], max_bytes: int, url: str) -> IO[bytes]:
    """The archive in a temporary file, to be closed by the caller. SourceError (TOO_LARGE) above `max_bytes`, or what `chunks` raises."""
    file = TemporaryFile()  # noqa: SIM115 - it outlives this function
    try:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > max_bytes:
                raise _too_large(url, f"has more than {max_bytes:,} bytes")
            file.write(chunk)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def unpacked(archive: IO[bytes], url: str, limits: Limits, wanted: Callable[[str], bool], known: Collection[str] = ()) -> Unpacked:
    """The regular files of a .tar.gz or .zip; those whose path is `wanted`, and not too large, can be read. Blocking.

    A folder that all files lie in is left out of their paths, unless some of the `known` paths are found with it. Links, devices, and names
    that lead elsewhere are left out. SourceError (TOO_LARGE) for an archive beyond the limits, (MALFORMED) for a broken one.
    """
    start = archive.read(4)
    archive.seek(0)
    files = _Files(url, limits, wanted)
    try:
        if start[:2] == b"\x1f\x8b":
            files.take_tar(archive)
        elif start[:2] == b"PK":
            files.take_zip(archive)
        else:
            raise _malformed(url, "is neither .tar.gz nor .zip")
        return files.done(known)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        struct.error,
        RuntimeError,
    ) as e:
        files.spool.close()
        raise _malformed(url, "is damaged or incomplete") from e
    except BaseException:
        files.spool.close()
        raise


class _Files:
    """What is taken out of an archive while it is read."""

    def __init__(self, url: str, limits: Limits, wanted: Callable[[str], bool]) -> None:
        self.spool: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed by Unpacked
        self._url, self._limits, self._wanted = url, limits, wanted
        self._sizes: dict[str, int] = {}
        self._kept: dict[str, int] = {}
        self._executable: set[str] = set()
        self._left = limits.total_bytes

    def take_tar(self, archive: IO[bytes]) -> None:
        """Read a .tar.gz from its beginning to its end."""
        with gzip.GzipFile(fileobj=archive) as content:
            metered = _Metered(content, self._url, self._limits.total_bytes)
            metered.allowed = _HEADER_BYTES
            with tarfile.open(fileobj=metered, mode="r|", bufsize=tarfile.BLOCKSIZE) as tar:
                while (member := tar.next()) is not None:
                    # Of such files the size that is told is not the size that follows.
                    if member.issparse():
                        raise _malformed(self._url, "holds a sparse file")
                    metered.allowed = max(member.size, 0) + _HEADER_BYTES
                    data = tar.extractfile(member) if member.isreg() else None
                    if data is not None:
                        self._take(member.name, member.size, data, member.mode)
                    # What is left of the file is read past by the next step; beyond that there may be headers alone.
                    cast("Any", tar).members = []
            while metered.read(_CHUNK):
                metered.allowed = _HEADER_BYTES

    def take_zip(self, archive: IO[bytes]) -> None:
        """Read the entries of a .zip in the order of its directory."""
        if _directory_bytes(archive) > _LISTED_BYTES:
            raise _too_large(self._url, "holds too many files")
        with zipfile.ZipFile(archive) as entries:
            for entry in entries.infolist():
                mode = entry.external_attr >> 16
                if entry.is_dir() or entry.flag_bits & 1 or (stat.S_IFMT(mode) and not stat.S_ISREG(mode)):
                    continue
                with entries.open(entry) as data:
                    self._take(entry.filename, entry.file_size, data, mode)

    def done(self, known: Collection[str]) -> Unpacked:
        """The result, by paths relative to the repository's root."""
        prefix = self._common_folder()
        if prefix and known and any(path in self._sizes for path in known):
            prefix = ""
        cut = len(prefix)
        sizes = {name[cut:]: size for name, size in self._sizes.items()}
        kept = {name[cut:]: start for name, start in self._kept.items()}
        return Unpacked(self.spool, sizes, kept, [name[cut:] for name in self._executable])

    def _take(self, name: str, size: int, data: _Source, mode: int) -> None:
        path = name.removeprefix("./")
        if not _leads_down(path):
            return
        if len(self._sizes) >= _MOST_FILES:
            raise _too_large(self._url, f"holds more than {_MOST_FILES:,} files")
        self._left -= max(size, 0)
        if self._left < 0:
            raise _too_large(self._url, f"unpacks to more than {self._limits.total_bytes:,} bytes")
        self._sizes[path] = size
        if mode & stat.S_IXUSR:
            self._executable.add(path)
        inner = path.partition("/")[2]
        if size > self._limits.file_bytes or not (self._wanted(path) or self._wanted(inner)):
            return
        start = self.spool.seek(0, 2)
        written = 0
        for chunk in _chunks(data, size):
            written += self.spool.write(chunk)
        if written != size:
            raise _malformed(self._url, "is damaged or incomplete")
        self._kept[path] = start

    def _common_folder(self) -> str:
        names = iter(self._sizes)
        first = next(names, "")
        folder, slash, _ = first.partition("/")
        prefix = f"{folder}{slash}" if slash else ""
        return prefix if prefix and all(name.startswith(prefix) for name in names) else ""


class _Metered(io.RawIOBase):
    """Reads on while what was read since is within `allowed`, and all of it within `total`: gzip packs a gigabyte into a megabyte."""

    def __init__(self, content: _Source, url: str, total: int) -> None:
        super().__init__()
        self._content, self._url = content, url
        self._total = total
        self.allowed = 0

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._content.read(size if size >= 0 else _CHUNK)
        self.allowed -= len(chunk)
        self._total -= len(chunk)
        if self._total < 0 or self.allowed < 0:
            raise _too_large(self._url, "unpacks to more than is allowed")
        return chunk


def _chunks(data: _Source, size: int) -> Iterator[bytes]:
    """The content, at most one byte more than was told."""
    left = size + 1
    while left > 0 and (chunk := data.read(min(left, _CHUNK))):
        left -= len(chunk)
        yield chunk


def _leads_down(path: str) -> bool:
    parts = path.split("/")
    return not ("\\" in path or "\0" in path or {"", ".", ".."}.intersection(parts))


def _directory_bytes(archive: IO[bytes]) -> int:
    """How large the directory of a zip says it is; it is read as a whole, so that has to be known before.

    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.16 and 4.3.14
    """
    size = archive.seek(0, 2)
    archive.seek(max(0, size - 65_557))
    tail = archive.read()
    archive.seek(0)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise zipfile.BadZipFile("no end of directory")
    (told,) = struct.unpack_from("<I", tail, end + 12)
    large = tail.rfind(b"PK\x06\x06")
    if large >= 0 and len(tail) >= large + 48:
        told = max(told if told != 0xFFFFFFFF else 0, struct.unpack_from("<Q", tail, large + 40)[0])
    return told


def _too_large(url: str, why: str) -> SourceError:
    remedy = "Name the catalog files singly, or raise backend.reading.maxArchiveBytes or backend.reading.maxUnpackedBytes."
    return SourceError(SourceReason.TOO_LARGE, url, f"The archive of {url} {why}", remedy)


def _malformed(url: str, why: str) -> SourceError:
    remedy = "It is tried again by itself; if it stays so, look at the archive that the host makes of the repository."
    return SourceError(SourceReason.MALFORMED, url, f"The archive of {url} {why}", remedy)
