"""A workspace as one compressed archive, taken at the end of a step, and put back where a task goes on."""

import gzip
import io
import tarfile
from collections.abc import Mapping

from plugins.actions import Workspace
from workers.scaffolder.merging import File
from workers.scaffolder.workspace import TaskWorkspace

_LEVEL = 1


def packed(workspace: TaskWorkspace) -> bytes:
    """All files and folders of the workspace; equal workspaces give equal archives. LimitExceededError if it is too large. Blocking."""
    workspace.size()
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=_LEVEL, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for entry in workspace.entries():
            if entry.is_folder:
                member = tarfile.TarInfo(entry.path)
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
            else:
                _add(tar, entry.path, File(workspace.read(entry.path), entry.executable))
    return buffer.getvalue()


def restore(workspace: TaskWorkspace, archive: bytes | None) -> None:
    """Make the workspace what it was when the archive was packed; empty for None. Blocking."""
    workspace.clear()
    if archive is None:
        return
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None:
                workspace.write(member.name, content.read(), executable=bool(member.mode & 0o100))
            elif member.isdir():
                workspace.make_folder(member.name)


def archive_of(files: Mapping[str, File]) -> bytes:
    """The files as one compressed archive; `files_of` reads it. Blocking."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=_LEVEL, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path, file in sorted(files.items()):
            _add(tar, path, file)
    return buffer.getvalue()


def files_of(archive: bytes) -> dict[str, File]:
    """The files of an archive, by path. Blocking."""
    found: dict[str, File] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None:
                found[member.name] = File(content.read(), bool(member.mode & 0o100))
    return found


def files_in(workspace: Workspace) -> dict[str, File]:
    """The files of the workspace, by path. Blocking."""
    return {entry.path: File(workspace.read(entry.path), entry.executable) for entry in workspace.entries() if not entry.is_folder}


def below(files: Mapping[str, File], folder: str) -> Mapping[str, File]:
    """The files in the folder, by their paths from there."""
    path = "/".join(part for part in folder.split("/") if part not in ("", "."))
    beginning = f"{path}/" if path else ""
    return {name.removeprefix(beginning): file for name, file in files.items() if name.startswith(beginning)}


def _add(tar: tarfile.TarFile, path: str, file: File) -> None:
    member = tarfile.TarInfo(path)
    member.size, member.mode = len(file.content), 0o755 if file.executable else 0o644
    tar.addfile(member, io.BytesIO(file.content))
