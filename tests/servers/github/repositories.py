"""Bare git repositories in a folder, written by `git fast-import` and read by git alone."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[http]\n\treceivepack = true\n"


class UnknownRevisionError(Exception):
    """The repository has no such branch, tag or commit."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a recursive listing, as git shows it."""

    mode: str
    type: str
    sha: str
    size: int | None
    path: str


@dataclass(slots=True)
class GitRepository:
    """A bare repository. `folder` ends in .git."""

    folder: Path
    default_branch: str = "main"
    commits: int = field(default=0, init=False)

    def create(self) -> None:
        """Make an empty repository."""
        for part in ("objects", "refs/heads", "refs/tags"):
            (self.folder / part).mkdir(parents=True)
        (self.folder / "HEAD").write_text(f"ref: refs/heads/{self.default_branch}\n")
        (self.folder / "config").write_text(_CONFIG)

    def borrow(self, origin: "GitRepository") -> None:
        """Have every object of another repository, and its branches as they are now."""
        (self.folder / "objects" / "info").mkdir()
        (self.folder / "objects" / "info" / "alternates").write_text(f"{origin.folder.resolve() / 'objects'}\n")
        self.commits = origin.commits
        for line in origin.write("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/").splitlines():
            sha, _, name = line.partition(" ")
            self.write("update-ref", name, sha)

    def commit(
        self, files: Mapping[str, str | bytes], *, removed: Sequence[str] = (), branch: str | None = None, anew: bool = False
    ) -> str:
        """Commit the files on the branch, and return the hash. With `anew` the branch forgets all that was before: a force push."""
        name = branch or self.default_branch
        self.commits += 1
        text = f"Commit {self.commits}".encode()
        stream = [f"commit refs/heads/{name}\ncommitter Octo Cat <octo@example.com> {1_700_000_000 + self.commits} +0000\n".encode()]
        stream.append(b"data %d\n%s\n" % (len(text), text))
        if not anew and (self.folder / "refs" / "heads" / name).exists():
            stream.append(f"from refs/heads/{name}^0\n".encode())
        stream += [f"D {path}\n".encode() for path in removed]
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))
        force = ["--force"] if anew else []
        self._git("fast-import", "--quiet", *force, stdin=b"".join(stream))
        return self.head(name)

    def head(self, revision: str) -> str:
        """The commit of a branch, tag or commit. UnknownRevisionError if there is none."""
        short = revision.removeprefix("refs/heads/").removeprefix("heads/")
        reference = self.folder / "refs" / "heads" / short
        if reference.is_file():
            return reference.read_text().strip()
        try:
            return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
        except subprocess.CalledProcessError as error:
            raise UnknownRevisionError(revision) from error

    def tree(self, revision: str) -> Sequence[TreeEntry]:
        """Everything below the revision's root. UnknownRevisionError if there is none."""
        try:
            listing = self._git("ls-tree", "-r", "-t", "-l", "-z", revision).decode()
        except subprocess.CalledProcessError as error:
            raise UnknownRevisionError(revision) from error
        entries: list[TreeEntry] = []
        for line in listing.split("\0")[:-1]:
            meta, path = line.split("\t", 1)
            mode, type_, sha, size = meta.split()
            entries.append(TreeEntry(mode, type_, sha, None if size == "-" else int(size), path))
        return entries

    def file(self, sha: str) -> bytes:
        """The content of a blob."""
        return self._git("cat-file", "blob", sha)

    def archive(self, revision: str, prefix: str) -> bytes:
        """All files as a .tar.gz, below the prefix."""
        return self._git("archive", "--format=tar.gz", f"--prefix={prefix}/", self.head(revision))

    def write(self, *arguments: str, stdin: bytes = b"") -> str:
        """What git prints that is told to write something, in one line. UnknownRevisionError if it does not take it."""
        try:
            return self._git(*arguments, stdin=stdin).decode().strip()
        except subprocess.CalledProcessError as error:
            raise UnknownRevisionError(" ".join(arguments)) from error

    def _git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run(["git", "-C", str(self.folder), *arguments], input=stdin, capture_output=True, check=True)
        return done.stdout
