"""The files of a finished site, and the one among them that describes it, as Backstage's generator writes it.

@backstage/plugin-techdocs-node, stages/generate/helpers: createOrUpdateMetadata and storeEtagMetadata
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import orjson

METADATA = "techdocs_metadata.json"


def site_files(folder: Path) -> Sequence[str]:
    """The paths of all regular files of a site, in order; whatever else is there is removed. Blocking."""
    return sorted(_files(folder, ""))


def _files(folder: Path, below: str) -> Iterator[str]:
    with os.scandir(folder / below) as found:
        entries = list(found)
    for entry in entries:
        path = f"{below}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _files(folder, f"{path}/")
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            Path(entry.path).unlink()


def write_metadata(folder: Path, files: Sequence[str], etag: str) -> None:
    """Complete what mkdocs wrote about the site, or begin it. Blocking."""
    path = folder / METADATA
    described: dict[str, Any] = {}
    if METADATA in files:
        try:
            found: object = orjson.loads(path.read_bytes())
            described = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        except orjson.JSONDecodeError:
            described = {}
    described |= {"build_timestamp": int(time.time() * 1000), "engine": "mkdocs", "files": sorted({*files, METADATA}), "etag": etag}
    path.write_bytes(orjson.dumps(described))
