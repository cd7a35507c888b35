"""What both stores refuse to overwrite: what is not as it was when the write was computed."""

from collections.abc import Mapping, Sequence

from graph.errors import StaleWriteError
from graph.store import StateWrite

Place = tuple[str, str]


def refuse_moved_files(expected: Mapping[Place, str], stored: Mapping[Place, str]) -> None:
    """StaleWriteError unless each file has the expected digest; a file without a record has the empty one."""
    moved = [path for (location, path), digest in expected.items() if stored.get((location, path), "") != digest]
    if moved:
        raise StaleWriteError(f"{len(moved)} files were read by others meanwhile, such as {moved[0]}; read again and retry")


def refuse_moved_rows(writes: Sequence[StateWrite], stored: Mapping[Place, int]) -> None:
    """StaleWriteError unless each row has the expected version, 0 for none, or if two writes are of one row."""
    if len({(write.collection, write.id) for write in writes}) < len(writes):
        raise StaleWriteError("one row is written twice at once; write what it shall be in the end")
    moved = [w for w in writes if w.expected is not None and stored.get((w.collection, w.id), 0) != w.expected]
    if moved:
        row = f"{moved[0].collection} {moved[0].id}"
        raise StaleWriteError(f"{len(moved)} rows of state were written by others meanwhile, such as {row}; read again and retry")
