"""Connections to one SQLite file: readers on threads of their own, one writer, and the queries they run."""

import asyncio
import queue
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Any, TypeVar

import orjson

import queries
from graph.errors import InputError, StoreError, StoreUnavailableError
from graph.stores.sqlite_migrations import SCHEMA, migrate, statements_of

Result = TypeVar("Result")

_READERS = 4
BUSY_SECONDS = 15.0
"""How long a writer waits for those of other processes."""

_PRAGMAS = (
    # For a new file. A long load writes a tenth faster than with 4096.
    "PRAGMA page_size = 8192",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_size_limit = 67108864",
    # As many pages as the limit above holds: a long load else copies the same pages back after every batch.
    "PRAGMA wal_autocheckpoint = 8192",
)
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
}


@lru_cache(maxsize=1024)
def _text(name: str, fragments: tuple[tuple[str, str], ...]) -> str:
    text = queries.load(f"sqlite/{name}.sql")
    return Template(text).substitute(dict(fragments)) if fragments else text


class Session:
    """One connection inside one transaction. A query is named after its file; its fragments come from the composer alone.

    Every read answers with one row of one column, which is JSON where it is a list: SQLite hands rows to Python one by one and takes the
    interpreter's lock for each, so that many rows beside a busy event loop take many times as long.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def value(self, query: str, parameters: Mapping[str, object] | None = None, **fragments: str) -> Any:
        """The first column of the first row, None without one."""
        row = self._connection.execute(_text(query, tuple(fragments.items())), parameters or {}).fetchone()
        return None if row is None else row[0]

    def rows(self, query: str, parameters: Mapping[str, object] | None = None, **fragments: str) -> list[Any]:
        """The list that the query collects into one JSON array."""
        collected: str | None = self.value(query, parameters, **fragments)
        return orjson.loads(collected) if collected else []

    def run(self, query: str, parameters: Mapping[str, object] | None = None, **fragments: str) -> int:
        """Execute a statement that writes: how many rows it wrote."""
        return self._connection.execute(_text(query, tuple(fragments.items())), parameters or {}).rowcount


def as_json(value: object) -> str:
    """A parameter that a query takes apart with json_each. InputError for text that is not Unicode."""
    try:
        return orjson.dumps(value).decode()
    except TypeError as failure:
        raise InputError(f"the request holds text that is not valid Unicode: {failure}") from failure


def texts_as_json(texts: Iterable[str]) -> str:
    """Texts to look for, each once, as such a parameter; those with a NUL, at which SQLite's JSON would end them, are in no store."""
    return as_json([text for text in dict.fromkeys(texts) if "\0" not in text])


class Connections:
    """The open connections of one store. Readers see one snapshot for each call; writes happen one at a time."""

    def __init__(self, filename: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self._filename = filename
        self._busy_seconds = busy_seconds
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._all: list[sqlite3.Connection] = []
        self._reading: ThreadPoolExecutor | None = None
        self._writing: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Open the file, made with its folder if need be, and migrate it. StoreUnavailableError if it can't be opened."""
        await self.close()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._writer = await _in(self._writing, self._open)
        self._reading = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-read")

    async def close(self) -> None:
        """Let the running calls end, then close every connection."""
        pools = [pool for pool in (self._reading, self._writing) if pool is not None]
        self._reading = self._writing = None
        for pool in pools:
            await asyncio.to_thread(pool.shutdown)
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._readers = queue.SimpleQueue()

    async def read(self, work: Callable[[Session], Result]) -> Result:
        """What `work` answers on one snapshot."""
        return await _in(self._reading, lambda: self._read(work))

    async def write(self, work: Callable[[Session], Result]) -> Result:
        """What `work` answers, once its transaction is committed. Nothing is written if it raises."""
        return await _in(self._writing, lambda: self._write(work))

    async def check(self) -> None:
        """Return if the file is there and has the schema of this code. StoreUnavailableError otherwise."""
        stored = await self.read(lambda session: session.value("schema_version"))
        if stored != len(SCHEMA) or not await asyncio.to_thread(self._filename.exists):
            raise StoreUnavailableError(f"{self._filename} is gone or was migrated by another Callboard; start again")

    def _open(self) -> sqlite3.Connection:
        self._filename.parent.mkdir(parents=True, exist_ok=True)
        writer = self._connect(cache_kib=65536)
        writer.execute("PRAGMA journal_mode = WAL")
        migrate(writer)
        for _ in range(_READERS):
            reader = self._connect(cache_kib=16384)
            for statement in statements_of(queries.load("sqlite/scratch_tables.sql")):
                reader.execute(statement)
            self._readers.put(reader)
        return writer

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._filename, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        self._all.append(connection)
        for pragma in (*_PRAGMAS, f"PRAGMA cache_size = -{cache_kib}"):
            connection.execute(pragma)
        return connection

    def _read(self, work: Callable[[Session], Result]) -> Result:
        reader = self._readers.get()
        try:
            reader.execute("BEGIN")
            try:
                return work(Session(reader))
            finally:
                # What was put into scratch tables goes with it.
                reader.execute("ROLLBACK")
        finally:
            self._readers.put(reader)

    def _write(self, work: Callable[[Session], Result]) -> Result:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            result = work(Session(self._writer))
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        return result


async def _in(pool: ThreadPoolExecutor | None, work: Callable[[], Result]) -> Result:
    if pool is None:
        raise StoreUnavailableError("the store is not open")
    return await asyncio.get_running_loop().run_in_executor(pool, _translated, work)


def _translated(work: Callable[[], Result]) -> Result:
    try:
        return work()
    except UnicodeEncodeError as failure:
        raise InputError(f"the request holds text that is not valid Unicode: {failure}") from failure
    except OverflowError as failure:
        raise InputError(f"a number of the request is out of range: {failure}") from failure
    except OSError as failure:
        raise StoreUnavailableError(f"the database can't be opened: {failure}") from failure
    except sqlite3.Error as failure:
        # Extended codes such as SQLITE_BUSY_SNAPSHOT carry the primary code in their lowest byte.
        primary = getattr(failure, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        kind = StoreUnavailableError if primary in _UNAVAILABLE else StoreError
        raise kind(f"SQLite: {failure}") from failure
