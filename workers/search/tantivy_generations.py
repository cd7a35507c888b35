"""The folder of a tantivy index: its generations, of which a pointer names the one that answers, and the lock of whoever writes."""

import fcntl
import os
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4
from zlib import crc32

import orjson
import tantivy

from graph.errors import InputError
from workers.search.index import IndexState, IndexUnavailableError, SearchDocument
from workers.search.tantivy_schema import SCHEMA, VERSION, document_of, state_document

FORMAT = f"{VERSION}/{version('tantivy')}"
"""What a generation has to be of to be read by this code."""

_POINTER = "current.json"
_LOCK = "writing.lock"
_PREFIX = "generation-"
_META = "meta.json"
_FOOTER_MAGIC = 1337
_BUILDER_BYTES = 96_000_000
_PIECE_BYTES = 1_000_000


class Generations:
    """The generations below a folder. Only who holds the lock makes, switches and drops them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None

    def lock(self) -> bool:
        """Become the one process that writes, and drop what others left half done. False if this one is already.

        IndexUnavailableError if another process writes.
        """
        if self._lock is not None:
            return False
        with translated(f"the folder {self._folder} of the search index can't be written"):
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            os.close(lock)
            raise IndexUnavailableError(
                f"the search index {self._folder} is written by another process; stop it, or give this one a folder of its own"
            ) from failure
        self._lock = lock
        self.drop_all_but(self.current())
        return True

    def unlock(self) -> None:
        """Let others write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def current(self) -> Path | None:
        """The generation that answers; None if there is none that this code can read."""
        try:
            pointer = orjson.loads((self._folder / _POINTER).read_bytes())
            name, made_by = pointer["generation"], pointer["format"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if made_by != FORMAT or not isinstance(name, str) or not name.startswith(_PREFIX) or "/" in name:
            return None
        return self._folder / name

    def new(self) -> Path:
        """The folder of a new generation."""
        generation = self._folder / f"{_PREFIX}{uuid4().hex}"
        # The whole folder may have been deleted since it was locked.
        generation.mkdir(parents=True)
        return generation

    def switch_to(self, generation: Path) -> None:
        """Let the generation answer from now on, for good."""
        written = self._folder / f"{_POINTER}.new"
        with written.open("wb") as file:
            file.write(orjson.dumps({"generation": generation.name, "format": FORMAT}))
            file.flush()
            os.fsync(file.fileno())
        written.replace(self._folder / _POINTER)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def drop_all_but(self, kept: Path | None) -> None:
        """Remove every other generation. Searches that still read one go on: its files are mapped, and stay until then."""
        for generation in self._folder.glob(f"{_PREFIX}*"):
            if generation != kept:
                shutil.rmtree(generation, ignore_errors=True)


class Generation:
    """A generation that is open."""

    def __init__(self, path: Path) -> None:
        """IndexUnavailableError if a file of it is missing, or not what was written."""
        self.path = path
        with translated(f"the search index {path} can't be opened"):
            _check_files(path)
            if not tantivy.Index.exists(str(path)):
                raise IndexUnavailableError(f"{path} holds no index")
            self.index = tantivy.Index(SCHEMA, str(path))
            self.index.config_reader("manual")
            self.index.reload()

    def searcher(self) -> tantivy.Searcher:
        """The documents as of the last commit. IndexUnavailableError if their folder is gone."""
        if not (self.path / _META).exists():
            raise IndexUnavailableError(f"the search index {self.path} is gone")
        return self.index.searcher()

    def size_bytes(self) -> int:
        """How large the files are."""
        with translated(f"the search index {self.path} can't be read"):
            return sum(file.stat().st_size for file in self.path.iterdir())


class Builder:
    """A generation that is being written, in memory that is given back afterwards."""

    def __init__(self, generations: Generations) -> None:
        self._generations = generations
        self._writer: tantivy.IndexWriter | None = None
        with translated("no search index can be built"):
            self._path = generations.new()
            try:
                self._writer = tantivy.Index(SCHEMA, str(self._path)).writer(_BUILDER_BYTES, 1)
            finally:
                if self._writer is None:
                    self.end()

    def add(self, documents: Sequence[SearchDocument]) -> None:
        """Add documents. InputError if a text is no Unicode."""
        writer = self._open_writer()
        for document in map(document_of, documents):
            with translated("the search index can't be built"):
                writer.add_document(document)

    def finished(self, state: IndexState) -> Path:
        """The generation with everything committed. Nothing can be added any more."""
        writer = self._open_writer()
        with translated("the search index can't be built"):
            writer.add_document(state_document(state))
            writer.commit()
            writer.wait_merging_threads()
        self._writer = None
        return self._path

    def end(self) -> None:
        """Drop what is not the generation that answers."""
        self._writer = None
        self._generations.drop_all_but(self._generations.current())

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise IndexUnavailableError("this search index was built, or dropped; begin a new one")
        return self._writer


@contextmanager
def translated(what: str) -> Generator[None]:
    """Errors of tantivy and of the file system as IndexUnavailableError, those of text that is no Unicode as InputError."""
    try:
        yield
    except UnicodeEncodeError as failure:
        raise InputError(f"search is given text that is not valid Unicode: {failure}") from failure
    except (OSError, ValueError) as failure:
        raise IndexUnavailableError(f"{what}: {failure}") from failure
    except BaseException as failure:
        # A panic of tantivy, as on files that changed under it, is no Exception, and its class can't be imported.
        if type(failure).__name__ != "PanicException":
            raise
        raise IndexUnavailableError(f"{what}: {failure}") from failure


def _check_files(generation: Path) -> None:
    """ValueError or OSError if a file of the last commit is not what was written."""
    while True:
        committed = (generation / _META).read_bytes()
        try:
            for file in _committed(generation, committed):
                _check(file)
        except (OSError, ValueError):
            # Segments that were merged meanwhile are gone.
            if (generation / _META).read_bytes() == committed:
                raise
        else:
            return


def _committed(generation: Path, meta: bytes) -> Iterator[Path]:
    """The files of a commit. What a killed writer left beside them does not count. ValueError if it can't be told."""
    try:
        segments = orjson.loads(meta)["segments"]
        ids = {segment["segment_id"].replace("-", ""): segment["deletes"] for segment in segments}
    except (KeyError, TypeError, AttributeError) as failure:
        raise ValueError(f"{generation / _META} is not what was written") from failure
    for file in generation.iterdir():
        segment, _, rest = file.name.partition(".")
        deletes = ids.get(segment)
        if segment in ids and (file.suffix != ".del" or (deletes and rest == f"{deletes['opstamp']}.del")):
            yield file


def _check(file: Path) -> None:
    """ValueError unless the file is as tantivy finished it: behind its content stand a checksum, and how long that note is."""
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(size - 8, 0))
        length, magic = int.from_bytes(opened.read(4), "little"), int.from_bytes(opened.read(4), "little")
        end = size - 8 - length
        if magic != _FOOTER_MAGIC or end < 0:
            raise ValueError(f"{file} was not written to its end")
        opened.seek(end)
        expected: int = orjson.loads(opened.read(length))["crc"]
        opened.seek(0)
        found = 0
        for start in range(0, end, _PIECE_BYTES):
            found = crc32(opened.read(min(_PIECE_BYTES, end - start)), found)
    if found != expected:
        raise ValueError(f"{file} is not what was written")
