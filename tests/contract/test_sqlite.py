"""What SQLite alone has to do: keep data through migrations, share its file with other processes, and survive being killed."""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from graph.conditions import EVERYTHING, AnyOf, IsOrphan, fact_in
from graph.errors import InputError, StoreError, StoreUnavailableError
from graph.refs import uid_of
from graph.relations import RelationRegistry
from graph.store import Cause, Window
from graph.stores.sqlite import SqliteStore
from graph.stores.sqlite_connections import Connections, Session
from graph.stores.sqlite_migrations import SCHEMA, Migration, migrate, migrations_in, stored_version
from tests.contract import shop
from tests.graphs import batch, created, declared, entity

PROCESSES = multiprocessing.get_context("spawn")


async def _opened(filename: Path) -> SqliteStore:
    store = SqliteStore(filename, RelationRegistry())
    await store.open()
    return store


def _add(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


async def test_the_file_and_its_folder_are_made(tmp_path: Path) -> None:
    store = await _opened(tmp_path / "new" / "folder" / "catalog.db")
    await store.check()
    await store.close()
    assert (tmp_path / "new" / "folder" / "catalog.db").exists()


async def test_a_migration_keeps_what_the_schema_before_held(tmp_path: Path) -> None:
    filename = tmp_path / "catalog.db"
    store = await _opened(filename)
    await shop.stock(store)
    before = await store.counts()
    await store.close()
    connection = sqlite3.connect(filename, isolation_level=None)
    migrate(
        connection,
        [*SCHEMA, Migration(len(SCHEMA) + 1, "next.sql", "ALTER TABLE nodes ADD COLUMN note TEXT;\nUPDATE nodes SET note = ref;\n")],
    )
    assert stored_version(connection) == len(SCHEMA) + 1
    assert connection.execute("SELECT count(*) FROM nodes WHERE note = ref").fetchone() == (before.entities + before.placeholders,)
    migrate(connection, [*SCHEMA, Migration(len(SCHEMA) + 1, "next.sql", "this would fail")])
    connection.close()


async def test_entities_stored_before_uids_were_are_found_by_them(tmp_path: Path) -> None:
    filename = tmp_path / "catalog.db"
    store = await _opened(filename)
    await shop.stock(store)
    await store.close()
    connection = sqlite3.connect(filename, isolation_level=None)
    connection.execute("UPDATE facts SET value = 'written' WHERE path = (SELECT id FROM terms WHERE term = 'metadata.uid')")
    connection.execute("DELETE FROM schema_versions WHERE version >= 3")
    connection.close()
    store = await _opened(filename)
    uids = await store.facets(["metadata.uid"], fact_in("kind", ["component", "group"]), visible=EVERYTHING)
    expected = sorted(uid_of(ref) for ref in shop.ALL if ref.startswith(("component:", "group:")))
    assert [(found.value, found.count) for found in uids["metadata.uid"]] == [(uid, 1) for uid in expected]
    await store.close()


def test_migrations_are_applied_in_order_and_each_once(tmp_path: Path) -> None:
    _add(tmp_path / "m", "001_first.sql", "CREATE TABLE a (x);\n-- a comment; with a semicolon\nINSERT INTO a VALUES ('one; two');\n")
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    migrate(connection, migrations_in(tmp_path / "m"))
    _add(tmp_path / "m", "002_second.sql", "ALTER TABLE a ADD COLUMN y DEFAULT 2;\n")
    migrate(connection, migrations_in(tmp_path / "m"))
    migrate(connection, migrations_in(tmp_path / "m"))
    assert connection.execute("SELECT x, y FROM a").fetchall() == [("one; two", 2)]
    assert connection.execute("SELECT version, name FROM schema_versions").fetchall() == [(1, "001_first.sql"), (2, "002_second.sql")]
    connection.close()


def test_a_migration_that_fails_leaves_the_schema_before(tmp_path: Path) -> None:
    _add(tmp_path / "m", "001_first.sql", "CREATE TABLE a (x);\n")
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    migrate(connection, migrations_in(tmp_path / "m"))
    _add(tmp_path / "m", "002_second.sql", "CREATE TABLE b (x);\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, migrations_in(tmp_path / "m"))
    assert stored_version(connection) == 1
    assert [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")] == [
        "a",
        "schema_versions",
    ]
    connection.close()


def test_migrations_are_numbered_without_gaps(tmp_path: Path) -> None:
    _add(tmp_path / "m", "001_first.sql", "")
    _add(tmp_path / "m", "003_third.sql", "")
    with pytest.raises(StoreError, match="003_third"):
        migrations_in(tmp_path / "m")


async def test_a_schema_newer_than_this_code_is_refused_and_left_alone(tmp_path: Path) -> None:
    filename = tmp_path / "catalog.db"
    await (await _opened(filename)).close()
    connection = sqlite3.connect(filename, isolation_level=None)
    connection.execute("INSERT INTO schema_versions (version, name, applied_at) VALUES (99, 'future', 'now')")
    store = SqliteStore(filename, RelationRegistry())
    with pytest.raises(StoreError, match="schema version 99"):
        await store.open()
    await store.close()
    assert connection.execute("SELECT max(version) FROM schema_versions").fetchone() == (99,)
    connection.close()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    filename = tmp_path / "catalog.db"
    filename.write_bytes(b"this is a text, and long enough to be read as the header of a database file" * 100)
    store = SqliteStore(filename, RelationRegistry())
    with pytest.raises(StoreError, match="not a database"):
        await store.open()
    await store.close()


async def test_a_place_where_no_file_can_be_is_unavailable_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file in the way")
    store = SqliteStore(tmp_path / "folder" / "catalog.db", RelationRegistry())
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await store.open()
    with pytest.raises(StoreUnavailableError):
        await store.head()
    (tmp_path / "folder").unlink()
    await store.open()
    assert await store.head() == 0
    await store.close()


async def test_a_file_that_is_gone_is_noticed(tmp_path: Path) -> None:
    store = await _opened(tmp_path / "catalog.db")
    (tmp_path / "catalog.db").unlink()
    with pytest.raises(StoreUnavailableError):
        await store.check()
    await store.close()


async def test_a_writer_that_holds_the_lock_is_waited_for_and_then_reported(tmp_path: Path) -> None:
    filename = tmp_path / "catalog.db"
    store = SqliteStore(filename, RelationRegistry(), busy_seconds=0.3)
    await store.open()
    other = sqlite3.connect(filename, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="locked"):
        await store.apply(batch(created(entity("component:default/a"))))
    # Reading goes on beside a writer.
    assert await store.head() == 0
    writing = asyncio.create_task(store.apply(batch(created(entity("component:default/a")))))
    await asyncio.sleep(0.05)
    other.execute("ROLLBACK")
    other.close()
    assert [change.sequence for change in await writing] == [1]
    await store.close()


def _write_many(filename: Path, writer: int, batches: int) -> None:
    async def write() -> None:
        store = await _opened(filename)
        for i in range(batches):
            refs = [f"component:w{writer}/{i}-{n}" for n in range(20)]
            await store.apply(
                batch(
                    *[created(entity(ref), declared(ref, "ownedBy", "group:default/all")) for ref in refs], cause=Cause("task", str(writer))
                )
            )
        await store.close()

    asyncio.run(write())


async def test_several_processes_write_one_file_and_number_their_changes_without_gaps(tmp_path: Path) -> None:
    filename = tmp_path / "catalog.db"
    writers = [PROCESSES.Process(target=_write_many, args=(filename, writer, 10)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        await asyncio.to_thread(writer.join)
        assert writer.exitcode == 0
    store = await _opened(filename)
    log = await store.changes(0, 10_000, visible=EVERYTHING)
    assert [change.sequence for change in log] == list(range(1, 601))
    assert len({change.ref for change in log}) == 600
    assert {change.cause.detail for change in log} == {"0", "1", "2"}
    await store.close()


async def test_a_process_killed_while_it_writes_leaves_whole_batches(tmp_path: Path) -> None:
    for kill in range(3):
        filename = tmp_path / f"catalog{kill}.db"
        writer = PROCESSES.Process(target=_write_many, args=(filename, 0, 100_000))
        writer.start()
        await asyncio.to_thread(_wait_for, Path(f"{filename}-wal"))
        await asyncio.sleep(0.1 + 0.15 * kill)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        await asyncio.to_thread(writer.join)
        store = await _opened(filename)
        counts = await store.counts()
        assert counts.entities % 20 == 0
        assert (counts.changes, counts.edges, counts.placeholders) == (counts.entities, counts.entities, min(counts.entities, 1))
        await store.apply(batch(created(entity("component:default/after"))))
        assert await store.head() == counts.changes + 1
        await store.close()
        connection = sqlite3.connect(filename)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.01)


async def test_a_read_is_one_snapshot(tmp_path: Path) -> None:
    connections = Connections(tmp_path / "catalog.db")
    await connections.open()
    store = await _opened(tmp_path / "catalog.db")
    before, written = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def between() -> None:
        await before.wait()
        await shop.stock(store)
        written.set()

    def twice(session: Session) -> tuple[int, int]:
        first = session.value("head")
        loop.call_soon_threadsafe(before.set)
        asyncio.run_coroutine_threadsafe(written.wait(), loop).result(30)
        return first, session.value("head")

    heads, _ = await asyncio.gather(connections.read(twice), between())
    assert heads == (0, 0)
    assert await store.head() == 9
    await connections.close()
    await store.close()


async def test_reads_that_follow_one_another_share_nothing(tmp_path: Path) -> None:
    store = await _opened(tmp_path / "catalog.db")
    await shop.stock(store)
    for _ in range(12):
        for visible, total in ((EVERYTHING, 9), (fact_in("kind", ["component"]), 3), (IsOrphan(), 1)):
            facets = await store.facets(["kind"], EVERYTHING, visible=visible)
            assert sum(count.count for count in facets["kind"]) == total
    await store.close()


async def test_thousands_of_parts_of_a_condition_and_of_values_are_no_trouble(tmp_path: Path) -> None:
    store = await _opened(tmp_path / "catalog.db")
    await shop.stock(store)
    parts = AnyOf((*(fact_in("metadata.name", [str(i)]) for i in range(1500)), IsOrphan()))
    assert await store.count(parts, visible=EVERYTHING) == 1
    assert await store.count(fact_in("metadata.name", [*map(str, range(50_000)), "web"]), visible=EVERYTHING) == 1
    await store.close()


async def test_a_number_out_of_range_is_refused(tmp_path: Path) -> None:
    store = await _opened(tmp_path / "catalog.db")
    with pytest.raises(InputError):
        await store.changes(10**30, 1, visible=EVERYTHING)
    await store.close()


async def test_large_documents_come_back_whole(tmp_path: Path) -> None:
    store = await _opened(tmp_path / "catalog.db")
    large = [entity(f"api:default/{i}", {"definition": "€" * 2_000_000}) for i in range(4)]
    await store.apply(batch(*[created(of) for of in large]))
    page = await store.page(EVERYTHING, (), Window(10), visible=EVERYTHING)
    assert list(page.rows) == large
    await store.close()
