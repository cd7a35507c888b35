"""A workspace as one compressed archive, taken at the end of a step, and put back where a task goes on."""

import gzip
import io
import tarfile

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
            member = tarfile.TarInfo(entry.path)
            if entry.is_folder:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
            else:
                content = workspace.read(entry.path)
                member.size, member.mode = len(content), 0o755 if entry.executable else 0o644
                tar.addfile(member, io.BytesIO(content))
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
