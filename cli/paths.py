"""Places in files as people write them."""

from pathlib import Path

from config.paths import shown_path


def shown_place(path: str, line: int | None = None, column: int | None = None) -> str:
    """path:line:column, as far as they are known; the path is relative where it lies below the working directory."""
    return ":".join(str(part) for part in (shown_path(Path(path)), line, column) if part is not None)
