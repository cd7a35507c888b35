"""What both stores refuse to overwrite: files whose record is not what a batch was computed from."""

from collections.abc import Mapping

from graph.errors import StaleWriteError

Place = tuple[str, str]


def refuse_moved_files(expected: Mapping[Place, str], stored: Mapping[Place, str]) -> None:
    """StaleWriteError unless each file has the expected digest; a file without a record has the empty one."""
    moved = [path for (location, path), digest in expected.items() if stored.get((location, path), "") != digest]
    if moved:
        raise StaleWriteError(f"{len(moved)} files were read by others meanwhile, such as {moved[0]}; read again and retry")
