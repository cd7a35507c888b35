"""Glob patterns over the files of a workspace, as templates write them; what a pattern names may be a folder as well."""

from collections.abc import Iterator, Sequence
from math import prod

from graph.errors import InputError
from ingest.globs import matches
from plugins.actions import Workspace, WorkspaceEntry

_LONGEST = 1000
_MOST_ALTERNATIVES = 1000


def checked_pattern(pattern: str) -> str:
    """The pattern relative to the workspace. InputError for one that leads out, or takes too long to look for."""
    alternatives = prod(part.count(",") + 1 for part in pattern.split("{")[1:])
    if len(pattern) > _LONGEST or alternatives > _MOST_ALTERNATIVES:
        raise InputError("a pattern is too long, or stands for too many")
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if pattern.startswith("/") or ".." in parts or "\\" in pattern:
        raise InputError(f"{pattern!r} leads out of the workspace")
    return "/".join(parts)


def is_matched(pattern: str, path: str) -> bool:
    """Whether the pattern, which was checked, names the path or a folder that it is in."""
    parts = path.split("/")
    return any(matches(pattern, "/".join(parts[:count]), hidden=True) for count in range(1, len(parts) + 1))


def entries_matching(workspace: Workspace, pattern: str) -> Iterator[WorkspaceEntry]:
    """The files that the pattern names, or that are in folders that it names. Blocking."""
    checked = checked_pattern(pattern)
    return (entry for entry in workspace.entries() if not entry.is_folder and is_matched(checked, entry.path))


def checked_patterns(patterns: Sequence[str] | None) -> Sequence[str]:
    """Each of the patterns as `checked_pattern` has it."""
    return [checked_pattern(pattern) for pattern in patterns or ()]
