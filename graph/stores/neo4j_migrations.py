"""Versioned migrations of the Neo4j schema: `NNN_name.cypher` files, each applied once, in order, recorded in a SchemaVersion node."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import LiteralString, cast

from neo4j import AsyncSession, AsyncTransaction
from neo4j.exceptions import ClientError, TransientError

import queries
from graph.errors import StoreError
from graph.refs import uid_of
from graph.stores.neo4j_records import fact_prefix
from graph.stores.neo4j_texts import text

OpenSession = Callable[[], AsyncSession]

_ATTEMPTS = 5
_INDEX_SECONDS = 60
_AT_ONCE = 1000
_UIDS = "004_uids.cypher"


@dataclass(frozen=True, slots=True)
class Migration:
    """The statements that lead from the schema before `version` to it. Schema statements commit one by one, so each may run twice."""

    version: int
    name: str
    text: str


def migrations_in(folder: Traversable) -> Sequence[Migration]:
    """The migrations of a folder by version, counted from 1 without gaps. StoreError if the numbers are not that."""
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".cypher")), key=lambda entry: entry.name)
    migrations = [Migration(int(entry.name[:3]), entry.name, entry.read_text(encoding="utf-8")) for entry in found]
    if [m.version for m in migrations] != list(range(1, len(migrations) + 1)):
        raise StoreError(f"the migrations are not numbered 001, 002 and so on: {[m.name for m in migrations]}")
    return migrations


SCHEMA = migrations_in(files(queries).joinpath("neo4j/migrations"))


async def stored_version(opened: OpenSession) -> int:
    """The version of the schema that the database has; 0 for none."""
    async with opened() as session:
        result = await session.run(text("schema_version"))
        return (await result.single(strict=True))[0]


async def migrate(opened: OpenSession, migrations: Sequence[Migration] = SCHEMA) -> None:
    """Bring the database to the last of the migrations; what it holds is kept. StoreError if its schema is newer than that.

    Safe when several processes do it at once: they queue at the SchemaVersion node.
    """
    if await _checked_version(opened, migrations) == len(migrations):
        return
    await _constrain(opened)
    async with opened() as session, await session.begin_transaction() as transaction:
        await (await transaction.run(text("schema_lock"))).consume()
        # Read by a query of its own: what was committed while this one waited for the lock must be seen.
        stored = (await (await transaction.run(text("schema_version"))).single(strict=True))[0]
        for migration in migrations[stored:]:
            await _apply(migration, opened, transaction)
        await transaction.commit()


async def _checked_version(opened: OpenSession, migrations: Sequence[Migration]) -> int:
    stored = await stored_version(opened)
    if stored > len(migrations):
        raise StoreError(
            f"the database has schema version {stored}, and this Callboard knows {len(migrations)}; "
            "start the newer Callboard that wrote it, or name another database in backend.database.connection"
        )
    return stored


async def _constrain(opened: OpenSession) -> None:
    """Make SchemaVersion nodes unique. Two processes that do it at once can fail at each other, so it is tried again."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with opened() as session:
                await (await session.run(text("schema_constraint"))).consume()
        except (ClientError, TransientError):
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(0.1 * attempt)
        else:
            return


async def _apply(migration: Migration, opened: OpenSession, lock: AsyncTransaction) -> None:
    # Neo4j keeps schema and data apart: one transaction can't change both, so the lock is held by another.
    async with opened() as session:
        for statement in statements_of(migration.text):
            await (await session.run(cast("LiteralString", statement))).consume()
        await (await session.run(text("schema_indexes"), seconds=_INDEX_SECONDS)).consume()
        if migration.name == _UIDS:
            await _give_uids(session)
    done = {"version": migration.version, "name": migration.name, "at": datetime.now(UTC).isoformat()}
    await (await lock.run(text("schema_record"), done)).consume()


async def _give_uids(session: AsyncSession) -> None:
    """Cypher has no such hash as uids are."""
    while refs := (await (await session.run(text("without_uid"), limit=_AT_ONCE)).single(strict=True))[0]:
        rows = [[ref, uid_of(ref)] for ref in refs]
        await (await session.run(text("uids_write"), rows=rows, prefix=fact_prefix("metadata.uid"))).consume()


def statements_of(script: str) -> Iterator[str]:
    """The statements of a script, each ended by a semicolon at the end of a line."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";"):
            yield statement.rstrip().removesuffix(";")
            statement = ""
