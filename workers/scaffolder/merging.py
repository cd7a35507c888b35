"""The three-way difference: what changed from one rendering of a template to the next, applied to what a repository holds by now."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from plugins.git.merging import MergeError, merge_texts

_NAMES = ("the repository", "the template before", "the template now")
_MOST_LINES = 5_000
_LARGEST_TEXT = 1024 * 1024

_NO_TEXT = "It is no text, and changed in the template and in the repository; it stays as it is in the repository."
_REMOVED_THERE = "It changed in the template, and was removed from the repository; it stays removed."
_REMOVED_HERE = "It was removed from the template, and changed in the repository; it stays as it is there."
_UNKNOWN = "It is not known whether the template still makes it, because a step of it can't be tried; it stays as it is."
_MARKED = "It changed in the template and in the repository at the same places, {places} of them, which are marked in it."


@dataclass(frozen=True, slots=True)
class File:
    """A file of a rendering or a repository."""

    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """What a step publishes: files by path, and the paths of those that hold secrets."""

    files: Mapping[str, File]
    secret_files: frozenset[str] = frozenset()


class ChangeKind(StrEnum):
    """What is proposed for a file."""

    ADDED = "added"
    MODIFIED = "modified"
    REMOVED = "removed"
    KEPT = "kept"
    """Nothing, because of a conflict that can't be marked in it."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """What is proposed for a file: `before` is what the repository holds, `after` what it should; `conflict` what has to be decided.

    What a file holds that `is_secret` is not told.
    """

    path: str
    before: File | None
    after: File | None
    conflict: str | None = None
    is_secret: bool = False

    @property
    def kind(self) -> ChangeKind:
        if self.before == self.after:
            return ChangeKind.KEPT
        if self.before is None:
            return ChangeKind.ADDED
        return ChangeKind.REMOVED if self.after is None else ChangeKind.MODIFIED

    def diff(self) -> str:
        """The change as a unified diff. What is secret, no text, or too long to compare, is only named."""
        if self.kind is ChangeKind.KEPT:
            return ""
        if self.is_secret:
            return f"{self.path} differs, and holds secrets: it is not shown\n"
        before, after = (_lines(file) for file in (self.before, self.after))
        if before is None or after is None or len(before) > _MOST_LINES or len(after) > _MOST_LINES:
            return f"{self.path} differs\n"
        mode = ""
        if self.before and self.after and self.before.executable != self.after.executable:
            mode = f"{self.path} becomes {'executable' if self.after.executable else 'not executable'}\n"
        names = ("/dev/null" if self.before is None else f"a/{self.path}", "/dev/null" if self.after is None else f"b/{self.path}")
        told = [
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in difflib.unified_diff(before, after, *names)
        ]
        return mode + "".join(told)


def changes_between(
    old: Mapping[str, File], new: Mapping[str, File], current: Mapping[str, File], *, removes: bool = True
) -> list[FileChange]:
    """What has to be done to what is there now, by path, so that it has what is new. What only the repository changed stays as it is.

    Without `removes` nothing is taken away, because it is not known whether it is still made. Blocking.
    """
    changes: list[FileChange] = []
    for path in sorted(old.keys() | new.keys()):
        before, wanted, there = old.get(path), new.get(path), current.get(path)
        if wanted in (before, there):
            continue
        if wanted is None and not removes:
            changes.append(FileChange(path, there, there, _UNKNOWN))
        elif there == before:
            changes.append(FileChange(path, there, wanted))
        else:
            changes.append(_merged(path, before, wanted, there))
    return [change for change in changes if change.conflict or change.before != change.after]


def _merged(path: str, before: File | None, wanted: File | None, there: File | None) -> FileChange:
    if there is None or wanted is None:
        return FileChange(path, there, there, _REMOVED_THERE if there is None else _REMOVED_HERE)
    executable = wanted.executable if before is None or there.executable == before.executable else there.executable
    base = before.content if before else b""
    if wanted.content in (base, there.content) or there.content == base:
        return FileChange(path, there, File(wanted.content if there.content == base else there.content, executable))
    if not all(_is_text(content) for content in (base, wanted.content, there.content)):
        return FileChange(path, there, there, _NO_TEXT)
    try:
        content, places = merge_texts(there.content, base, wanted.content, _NAMES)
    except MergeError as error:
        return FileChange(path, there, there, f"{error}; it stays as it is in the repository.")
    return FileChange(path, there, File(content, executable), _MARKED.format(places=places) if places else None)


def _is_text(content: bytes) -> bool:
    return len(content) <= _LARGEST_TEXT and b"\0" not in content


def _lines(file: File | None) -> list[str] | None:
    if file is None:
        return []
    if not _is_text(file.content):
        return None
    try:
        return file.content.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return None
