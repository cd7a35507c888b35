"""How targets become files and files become bytes: the protocol of readers, and the reader of a file system below a root."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from graph.errors import CallboardError
from ingest.globs import alternatives, fixed_folder, is_pattern, name_matches
from ingest.problems import ErrorCode, remedy_for
from ingest.targets import type_of

CATALOG_FILES = ("catalog-info.yaml", "catalog-info.yml")
"""What a target that is a folder stands for, at any depth below it."""


class ReadError(CallboardError):
    """A source can't be read. `path` is what was to be read; `missing` says that there is nothing."""

    code = "BAD_USER_INPUT"

    def __init__(self, reason: ErrorCode, path: str, message: str, remedy: str | None = None, *, missing: bool = False) -> None:
        super().__init__(message)
        self.reason, self.path, self.message, self.missing = reason, path, message, missing
        self.remedy = remedy or remedy_for(reason)


@dataclass(frozen=True, slots=True)
class Found:
    """The files that a target stands for, ordered; `failures` tell what could not be looked at.

    `missing` says that the one path is what the target names, but that nothing is there.
    """

    paths: Sequence[str]
    missing: bool = False
    failures: Sequence[ReadError] = ()


class Reader(Protocol):
    """Reads what locations of one type lead to. Blocking, so call it off the event loop. That of files is picklable, so that processes
    can share the work.

    Paths are what the reader says they are: absolute for files, URLs for what comes from hosts. What leads outside of the reader's
    root is refused.
    """

    def find(self, target: str) -> Found:
        """The files of a target that `resolve` returned. ReadError if the target can't be looked at, or leads outside."""
        ...

    def read(self, path: str) -> bytes:
        """The content of a file. ReadError (UNREADABLE, OUTSIDE_ROOT, FILE_TOO_LARGE) if it can't be had."""
        ...

    def resolve(self, path: str, target: str) -> str:
        """The target as meant by the file that names it: relative targets start at the file's folder."""
        ...

    def covers(self, target: str, path: str) -> bool:
        """Whether a pattern or folder that `find` can't look at now would have led to the path."""
        ...

    def annotations(self, path: str) -> Mapping[str, str]:
        """Annotations that an entity of the file has unless it says otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads files below `root` and nowhere else, wherever symbolic links point. Files over `max_bytes` are refused."""

    root: str
    max_bytes: int
    _real_root: str = field(init=False, repr=False)
    _real_folders: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_real_root", os.path.realpath(self.root))
        object.__setattr__(self, "_real_folders", {})

    def resolve(self, path: str, target: str) -> str:
        return os.path.normpath(target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}")

    def find(self, target: str) -> Found:
        self._check_inside(fixed_folder(target) if is_pattern(target) else target)
        mode = _mode(target)
        if stat.S_ISDIR(mode):
            return self._below(target)
        if not is_pattern(target) or stat.S_ISREG(mode):
            return Found((target,), missing=not mode)
        failures: list[ReadError] = []
        paths: set[str] = set()
        for pattern in alternatives(target):
            folder = fixed_folder(pattern)
            paths.update(self._walk(folder, pattern[len(folder) :].strip("/").split("/"), failures))
        return Found(sorted(paths), failures=failures)

    def annotations(self, path: str) -> Mapping[str, str]:
        return {}

    def covers(self, target: str, path: str) -> bool:
        folder = fixed_folder(target) if is_pattern(target) else target
        return path.startswith(folder.rstrip("/") + "/")

    def read(self, path: str) -> bytes:
        real = self._check_inside(path)
        try:
            # What was checked is opened: a link put there in between is not followed.
            handle = os.open(real, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        try:
            return self._read_all(path, handle)
        except OSError as error:
            raise _unreadable(path, error) from error
        finally:
            os.close(handle)

    def _read_all(self, path: str, handle: int) -> bytes:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise ReadError(ErrorCode.UNREADABLE, path, f"{path} is a folder", "Name a file in it, or a glob such as ./folder/*.yaml.")
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(ErrorCode.UNREADABLE, path, f"{path} is not a regular file", "Name a file with YAML or text in it.")
        chunks: list[bytes] = []
        left = self.max_bytes + 1
        while left > 0 and (chunk := os.read(handle, min(left, max(status.st_size, 1 << 16)))):
            chunks.append(chunk)
            left -= len(chunk)
            if len(chunk) == status.st_size < left:
                break
        if left <= 0:
            raise ReadError(ErrorCode.FILE_TOO_LARGE, path, f"{path} is larger than {self.max_bytes:,} bytes")
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _below(self, folder: str) -> Found:
        failures: list[ReadError] = []
        paths = {path for name in CATALOG_FILES for path in self._walk(folder, ["**", name], failures)}
        return Found(sorted(paths), failures=failures)

    def _walk(self, folder: str, parts: Sequence[str], failures: list[ReadError]) -> Iterator[str]:
        """The files below the folder that the parts of a pattern match. `**` does not enter links to folders."""
        part, rest = parts[0], parts[1:]
        if part == "**":
            rest = rest or ["*"]
            yield from self._walk(folder, rest, failures)
        for entry in self._entries(folder, failures):
            if part == "**":
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    yield from self._walk(entry.path, parts, failures)
            elif name_matches(part, entry.name):
                if rest and entry.is_dir():
                    yield from self._walk(entry.path, rest, failures)
                elif not rest and entry.is_file():
                    yield entry.path

    def _entries(self, folder: str, failures: list[ReadError]) -> list[os.DirEntry[str]]:
        try:
            self._check_inside(folder)
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except ReadError as outside:
            failures.append(outside)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, ValueError) as error:
            failures.append(_unreadable(folder, error))
        return []

    def _check_inside(self, path: str) -> str:
        """The path with all links followed. ReadError if that leads out of the root, whether anything is there or not."""
        real = self._real(path)
        if real == self._real_root or real.startswith(self._real_root.rstrip("/") + "/"):
            return real
        raise ReadError(ErrorCode.OUTSIDE_ROOT, path, f"{path} leads outside of {self.root}, the root of its location")

    def _real(self, path: str) -> str:
        """As os.path.realpath, but one look at each folder however many files are below it."""
        folder, _, name = path.rpartition("/")
        if not name:
            return path
        real = f"{self._real_folder(folder)}/{name}"
        return os.path.realpath(real) if _is_link(real) else real

    def _real_folder(self, folder: str) -> str:
        known = self._real_folders.get(folder)
        if known is None:
            known = self._real_folders[folder] = self._real(folder)
        return known


def file_reader(target: str, max_bytes: int) -> FileReader:
    """The reader of a location of type file: its root is the folder before the target's first wildcard, or the target, if a folder."""
    whole = not is_pattern(target) and Path(target).is_dir()
    return FileReader(target if whole else fixed_folder(target), max_bytes)


@dataclass(frozen=True, slots=True)
class AnyReader:
    """Reads files by `local` and URLs by `remote`, whichever there is."""

    local: FileReader | None
    remote: Reader | None

    def find(self, target: str) -> Found:
        return self._of(target).find(target)

    def read(self, path: str) -> bytes:
        return self._of(path).read(path)

    def resolve(self, path: str, target: str) -> str:
        return self._of(path).resolve(path, target)

    def covers(self, target: str, path: str) -> bool:
        if type_of(target) != type_of(path):
            return False
        reader = self.remote if type_of(path) == "url" else self.local
        return reader.covers(target, path) if reader else same_host(target, path)

    def annotations(self, path: str) -> Mapping[str, str]:
        return self._of(path).annotations(path)

    def _of(self, path: str) -> Reader:
        reader = self.remote if type_of(path) == "url" else self.local
        if reader is None:
            raise ReadError(ErrorCode.UNSUPPORTED_LOCATION, path, f"{path} is not read here")
        return reader


def same_host(target: str, path: str) -> bool:
    """Whether two URLs that nobody here understands better may belong together."""
    return target.split("/")[:3] == path.split("/")[:3]


def _mode(path: str) -> int:
    """The type bits of what is there; 0 if nothing can be seen."""
    try:
        return Path(path).stat().st_mode
    except (OSError, ValueError):
        return 0


def _is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _unreadable(path: str, error: OSError | ValueError) -> ReadError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return ReadError(ErrorCode.UNREADABLE, path, f"{path} does not exist", missing=True)
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    return ReadError(ErrorCode.UNREADABLE, path, f"{path} can't be read: {reason}", "Let the user that runs Callboard read it.")
