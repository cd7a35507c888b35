"""Repositories in local folders: the files that inference looks at."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ingest.infer.facts import is_evidence
from ingest.infer.manifests import MOST_BYTES
from ingest.readers import CATALOG_FILES

MOST_FILES = 20_000
"""So many files are read of one folder at most."""

_ENTERED_THOUGH_HIDDEN = frozenset({".github", ".gitlab", ".bitbucket"})
_NOT_ENTERED = frozenset({"node_modules", "vendor", "target", "dist", "build", "venv", "__pycache__"})


def files_below(folder: Path) -> Mapping[str, bytes]:
    """The catalog files, manifests and CODEOWNERS below the folder, by path relative to it. Hidden folders, what package managers install
    and symbolic links are left out; a file that can't be read is left out too. Blocking.
    """
    found: dict[str, bytes] = {}
    for path in _paths(folder):
        if len(found) >= MOST_FILES:
            break
        try:
            with Path(folder, path).open("rb") as file:
                # One byte more, by which what is too large is known.
                found[path] = file.read(max(MOST_BYTES, 10 * MOST_BYTES if path.endswith(CATALOG_FILES) else 0) + 1)
        except OSError:
            continue
    return found


def repositories_below(folder: Path) -> list[Path]:
    """The repositories that the folder holds: itself, unless folders directly below it are clones and it is none."""
    if (folder / ".git").exists():
        return [folder]
    clones = sorted(path.parent for path in folder.glob("*/.git"))
    return clones or [folder]


def _paths(folder: Path) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_entered(name))
        for name in sorted(names):
            path = Path(where, name)
            relative = path.relative_to(folder).as_posix()
            if (name in CATALOG_FILES or is_evidence(relative)) and path.is_file() and not path.is_symlink():
                yield relative


def _is_entered(name: str) -> bool:
    return name in _ENTERED_THOUGH_HIDDEN if name.startswith(".") else name not in _NOT_ENTERED
