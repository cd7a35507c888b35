"""Paths as people write them, and as the program needs them."""

import os
from pathlib import Path


def shown_path(path: Path) -> str:
    """The path as people write it: relative to the working directory where it lies below, else absolute."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def anchored(text: str, folder: Path) -> str:
    """The absolute path, or glob, that a text means for a file in `folder`, without following symbolic links."""
    return os.path.normpath(folder / Path(text).expanduser())
