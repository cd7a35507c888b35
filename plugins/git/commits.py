"""Commits that are made of files alone: no working copy, and so no link, hook, filter or attribute that could have a say in them."""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from graph.errors import InputError
from plugins.git.command import environment_of

_SECONDS = 300.0
_REGULAR, _EXECUTABLE = "100644", "100755"


@dataclass(frozen=True, slots=True)
class CommittedFile:
    """A regular file of a commit. `read` gives its content."""

    path: str
    executable: bool
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class CommitText:
    """What a commit says beside its files; with the same files, the same text is the same commit."""

    message: str
    author_name: str
    author_email: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Parent:
    """The commit that another one follows, by what the repository knows it as, and which of its files are removed."""

    revision: str
    removed: Sequence[str] = ()


async def committed(repository: Path, branch: str, files: Iterable[CommittedFile], text: CommitText, parent: Parent | None = None) -> str:
    """The hash of a commit of the files on the branch of a bare repository in the folder, which is made if there is none.

    Without a parent it holds nothing else. InputError for a name of a branch that git does not take, and for paths that can't be committed.
    """
    return await asyncio.to_thread(_committed, repository, branch, files, text, parent)


async def signed(repository: Path, branch: str, commit: str, sign: Callable[[bytes], Awaitable[str]]) -> str:
    """The hash of the same commit with the signature that `sign` makes of its content, which the branch holds instead from now on."""
    content = (await asyncio.to_thread(_run, repository, "cat-file", "commit", commit)).stdout
    head, _, message = content.partition(b"\n\n")
    # Lines that go on begin with a space: https://git-scm.com/docs/gitformat-signature
    signature = (await sign(content)).strip().encode().replace(b"\n", b"\n ")
    written = head + b"\ngpgsig " + signature + b"\n\n" + message
    made = await asyncio.to_thread(_run, repository, "hash-object", "-t", "commit", "-w", "--stdin", content=written)
    name = made.stdout.decode().strip()
    await asyncio.to_thread(_run, repository, "update-ref", f"refs/heads/{branch}", name)
    return name


async def ignored(repository: Path, folder: Path, paths: Sequence[str]) -> frozenset[str]:
    """Those of the paths below the folder that its own .gitignore files leave out. An empty repository is made for it to be asked by."""
    return await asyncio.to_thread(_ignored, repository, folder, paths) if paths else frozenset()


def is_gits_own(path: str) -> bool:
    """Whether a path leads into a repository's own folder, or what some file system takes for it."""
    return any(part.lower().rstrip(". ") in {".git", "git~1"} for part in path.split("/"))


def _committed(repository: Path, branch: str, files: Iterable[CommittedFile], text: CommitText, parent: Parent | None) -> str:
    _run(repository, "init", "--quiet", "--bare", "--template=")
    if _run(repository, "check-ref-format", "--branch", branch, codes=(0, 1, 128)).returncode or branch.startswith("-"):
        raise InputError(f"{branch!r} is no name for a branch")
    command = _command(repository, "fast-import", "--quiet", "--force")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()) as process:  # noqa: S603 - git, with a fixed command
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(_beginning(branch, text, parent))
            for file in files:
                _check(file.path)
                content = file.read()
                mode = _EXECUTABLE if file.executable else _REGULAR
                process.stdin.write(f"M {mode} inline {_quoted(file.path)}\ndata {len(content)}\n".encode() + content + b"\n")
            process.stdin.write(b"done\n")
        _, told = process.communicate(timeout=_SECONDS)
    if process.returncode:
        raise InputError(f"the files can't be committed: {told.decode(errors='replace').strip()[:300]}")
    return _run(repository, "rev-parse", "--verify", "--end-of-options", f"refs/heads/{branch}").stdout.decode().strip()


def _check(path: str) -> None:
    # Versions of git before 2.46 take any path from such a stream.
    if is_gits_own(path) or any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        raise InputError(f"the files can't be committed: {path!r} is no path of a repository")


def _beginning(branch: str, text: CommitText, parent: Parent | None) -> bytes:
    name, email = ("".join(c for c in part if c not in "<>\n\0").strip() for part in (text.author_name, text.author_email))
    who = f"{name} <{email}> {int(text.at.timestamp())} +0000"
    message = text.message.encode()
    head = f"feature done\ncommit refs/heads/{branch}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode() + message + b"\n"
    if parent is None:
        return head
    for path in parent.removed:
        _check(path)
    return head + "".join([f"from {parent.revision}^0\n", *(f"D {_quoted(path)}\n" for path in parent.removed)]).encode()


def _ignored(repository: Path, folder: Path, paths: Sequence[str]) -> frozenset[str]:
    _run(repository, "init", "--quiet", "--bare", "--template=")
    # A path that begins so is never taken for a pattern with a meaning of its own.
    asked = "".join(f"./{path}\0" for path in paths).encode()
    arguments = ("-C", str(folder), f"--work-tree={folder}", "-c", "core.bare=false", "check-ignore", "-z", "--stdin", "--no-index")
    done = _run(repository, *arguments, content=asked, codes=(0, 1))
    return frozenset(path.removeprefix("./") for path in done.stdout.decode().split("\0") if path)


def _run(repository: Path, *arguments: str, content: bytes = b"", codes: Sequence[int] = (0,)) -> subprocess.CompletedProcess[bytes]:
    command = _command(repository, *arguments)
    done = subprocess.run(command, input=content, capture_output=True, env=_environment(), check=False, timeout=_SECONDS)  # noqa: S603 - git
    if done.returncode not in codes:
        raise InputError(f"git can't work on the files: {done.stderr.decode(errors='replace').strip()[:300]}")
    return done


def _command(repository: Path, *arguments: str) -> list[str]:
    return ["git", f"--git-dir={repository}", *arguments]


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@cache
def _environment() -> Mapping[str, str]:
    settings = {"core.attributesFile": "", "core.excludesFile": "", "core.autocrlf": "false"}
    more = {"GIT_ALLOW_PROTOCOL": "", "GIT_ATTR_NOSYSTEM": "1"}
    return {**environment_of(Path(os.devnull), settings), **more}
