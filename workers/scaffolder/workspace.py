"""The workspace of a task: files below one folder, reached one folder after another without ever following a link."""

import os
import shutil
import stat
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from graph.errors import InputError, LimitExceededError
from plugins.actions import WorkspaceEntry

MOST_FILES = 20_000

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
_DEEPEST = 100


class TaskWorkspace:
    """Implements plugins.actions.Workspace. `max_bytes` is how much all its files may hold together, of which each may hold all.

    What is opened is opened relative to the folder that holds it, so that a link put in the way a moment before is not followed either.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        """The folder is made if need be."""
        self.path = path
        self.max_bytes = max_bytes
        self._unmeasured = 0
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, path: str) -> bytes:
        with self._parent(path) as (folder, name), self._opened(path, folder, name) as handle:
            return _all_of(handle)

    def write(self, path: str, content: bytes, *, executable: bool = False) -> None:
        self._write(path, content, os.O_TRUNC, executable=executable)

    def append(self, path: str, content: bytes) -> None:
        self._write(path, content, os.O_APPEND)

    def make_folder(self, path: str) -> None:
        parts = _parts(path)
        with self._folder(parts, make=True):
            pass

    def entry(self, path: str) -> WorkspaceEntry | None:
        parts = _parts(path)
        if not parts:
            return WorkspaceEntry("", is_folder=True)
        try:
            with self._parent(path) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise InputError(f"{path} is neither a file nor a folder of the workspace")
        return _entry("/".join(parts), found)

    def entries(self, path: str = "", *, recursive: bool = True) -> Sequence[WorkspaceEntry]:
        parts = _parts(path)
        try:
            with self._folder(parts) as folder:
                return sorted(_below(folder, "".join(f"{part}/" for part in parts), recursive), key=lambda entry: entry.path)
        except FileNotFoundError as error:
            raise InputError(f"there is no folder {path} in the workspace") from error

    def remove(self, path: str) -> None:
        with suppress(FileNotFoundError), self._parent(path) as (folder, name):
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def move(self, source: str, target: str, *, overwrite: bool = False) -> None:
        if self.entry(source) is None:
            raise InputError(f"there is no {source} in the workspace")
        origin, aim = "/".join(_parts(source)), "/".join(_parts(target))
        if origin == aim:
            return
        if f"{aim}/".startswith(f"{origin}/"):
            raise InputError(f"{source} can't be moved into itself, to {target}")
        if self.entry(target) is not None:
            if not overwrite:
                raise InputError(f"{target} is in the workspace already; it is replaced with `overwrite: true`")
            self.remove(target)
        with self._parent(source) as (folder, name), self._parent(target, make=True) as (other, new):
            os.rename(name, new, src_dir_fd=folder, dst_dir_fd=other)

    def size(self) -> int:
        """How many bytes its files hold. LimitExceededError if that is more than they may, or if they are too many."""
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        if total > self.max_bytes or len(entries) > MOST_FILES:
            raise _too_large(self.max_bytes)
        self._unmeasured = 0
        return total

    def clear(self) -> None:
        """Remove all that is in it."""
        with self._folder(()) as folder, os.scandir(folder) as found:
            names = [one.name for one in found]
        for name in names:
            self.remove(name)

    def _write(self, path: str, content: bytes, mode: int, *, executable: bool | None = None) -> None:
        if len(content) > self.max_bytes:
            raise _too_large(self.max_bytes)
        with self._parent(path, make=True) as (folder, name):
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | mode
            try:
                handle = os.open(name, flags, 0o755 if executable else 0o644, dir_fd=folder)
            except OSError as error:
                raise InputError(f"{path} can't be written in the workspace: {error.strerror}") from error
            with os.fdopen(handle, "wb") as file:
                if executable is not None and stat.S_ISREG(os.fstat(handle).st_mode):
                    os.fchmod(handle, 0o755 if executable else 0o644)
                file.write(content)
        self._unmeasured += len(content)
        if self._unmeasured > self.max_bytes // 4:
            self.size()

    @contextmanager
    def _opened(self, path: str, folder: int, name: str) -> Generator[int]:
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError as error:
            raise InputError(f"{path} can't be read in the workspace: {error.strerror}") from error
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise InputError(f"{path} is no file of the workspace")
            if found.st_size > self.max_bytes:
                raise _too_large(self.max_bytes)
            yield handle
        finally:
            os.close(handle)

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Generator[tuple[int, str]]:
        """The folder that holds what the path names, and its name in it. FileNotFoundError if the folder is missing and not to be made."""
        parts = _parts(path)
        if not parts:
            raise InputError(f"{path!r} names the workspace itself, and not what is in it")
        with self._folder(parts[:-1], make=make) as folder:
            yield folder, parts[-1]

    @contextmanager
    def _folder(self, parts: Sequence[str], *, make: bool = False) -> Generator[int]:
        handle = os.open(self.path, _FOLDER)
        try:
            for part in parts:
                below = _entered(handle, part, parts, make=make)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)


def _entered(folder: int, name: str, parts: Sequence[str], *, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=folder)
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        # A link is refused as no folder, or as one link too many.
        raise InputError(f"{'/'.join(parts)} leads through {name}, which is no folder of the workspace") from error


def _parts(path: str) -> Sequence[str]:
    """The steps of a path. InputError for one that leads out, is absolute, or can't be a path of every system."""
    if path.startswith(("/", "~")) or "\\" in path or "\0" in path or (len(path) > 1 and path[1] == ":"):
        raise InputError(f"{path!r} is no relative path within the workspace")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise InputError(f"{path!r} leads out of the workspace")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if len(parts) > _DEEPEST or any(len(part.encode(errors="surrogatepass")) > 255 for part in parts):
        raise InputError(f"{path[:100]!r}… is too long a path")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{path!r} is no text") from error
    return parts


def _below(folder: int, beginning: str, recursive: bool) -> Iterator[WorkspaceEntry]:
    with os.scandir(folder) as found:
        names = [one.name for one in found]
    for name in names:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            continue
        entry = _entry(beginning + name, status)
        yield entry
        if recursive and entry.is_folder:
            below = os.open(name, _FOLDER, dir_fd=folder)
            try:
                yield from _below(below, f"{beginning}{name}/", recursive)
            finally:
                os.close(below)


def _entry(path: str, found: os.stat_result) -> WorkspaceEntry:
    is_folder = stat.S_ISDIR(found.st_mode)
    return WorkspaceEntry(path, is_folder, 0 if is_folder else found.st_size, not is_folder and bool(found.st_mode & 0o100))


def _all_of(handle: int) -> bytes:
    chunks: list[bytes] = []
    while chunk := os.read(handle, _CHUNK):
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(max_bytes: int) -> LimitExceededError:
    return LimitExceededError(
        f"the workspace holds more than {max_bytes:,} bytes (scaffolder.maxWorkspaceBytes) or {MOST_FILES:,} files and folders"
    )
