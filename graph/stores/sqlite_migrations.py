"""Versioned migrations of the SQLite schema: `NNN_name.sql` files, each applied once, in order, in one transaction."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable

import queries
from graph.errors import StoreError
from graph.refs import uid_of


@dataclass(frozen=True, slots=True)
class Migration:
    """The statements that lead from the schema before `version` to it."""

    version: int
    name: str
    text: str


def migrations_in(folder: Traversable) -> Sequence[Migration]:
    """The migrations of a folder by version, counted from 1 without gaps. StoreError if the numbers are not that."""
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    migrations = [Migration(int(entry.name[:3]), entry.name, entry.read_text(encoding="utf-8")) for entry in found]
    if [m.version for m in migrations] != list(range(1, len(migrations) + 1)):
        raise StoreError(f"the migrations are not numbered 001, 002 and so on: {[m.name for m in migrations]}")
    return migrations


SCHEMA = migrations_in(files(queries).joinpath("sqlite/migrations"))


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = SCHEMA) -> None:
    """Bring the database to the last of the migrations; what it holds is kept. StoreError if its schema is newer than that.

    Safe when several processes do it at once.
    """
    connection.create_function("uid_of", 1, uid_of, deterministic=True)
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(queries.load("sqlite/create_schema_versions.sql"))
        stored = stored_version(connection)
        if stored > len(migrations):
            raise StoreError(
                f"the database has schema version {stored}, and this Callboard knows {len(migrations)}; "
                "start the newer Callboard that wrote it, or name another file in backend.database.connection.filename"
            )
        for migration in migrations[stored:]:
            for statement in statements_of(migration.text):
                connection.execute(statement)
            done = (migration.version, migration.name, datetime.now(UTC).isoformat())
            connection.execute(queries.load("sqlite/write_schema_version.sql"), done)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def stored_version(connection: sqlite3.Connection) -> int:
    """The version of the schema that the database has; 0 for none."""
    return connection.execute(queries.load("sqlite/schema_version.sql")).fetchone()[0]


def statements_of(text: str) -> Iterator[str]:
    """The statements of a script, one by one: sqlite3's own executescript would commit first."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
