"""What Neo4jStore does while its server is away, slow, refusing or shared with other processes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import neo4j
import pytest

from graph.conditions import EVERYTHING, fact_in
from graph.entities import Edge, Entity, Evidence, Origin
from graph.errors import InputError, StaleWriteError, StoreError, StoreUnavailableError
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Batch, Cause, EntityWrite, Location, Window
from graph.stores.neo4j import Neo4jStore
from graph.stores.neo4j_connections import Connections, Transaction
from tests.conftest import StartNeo4j

# Starting a Neo4j takes seconds of two processors, and these tests start five.
pytestmark = pytest.mark.timeout(300)

CAUSE = Cause("location", "file:/catalog/all.yaml")
A_WHILE = 90


def store_at(uri: str, *, password: str | None = None, database: str = "neo4j") -> Neo4jStore:
    return Neo4jStore(uri, "neo4j" if password else None, password, database, RelationRegistry())


def component(name: str) -> EntityWrite:
    ref = Ref(f"component:default/{name}")
    document = {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": name}, "spec": {"type": "service"}}
    owned = Edge(ref, "ownedBy", Ref("group:default/shop"), (Evidence(ref, "owner", "/catalog/all.yaml", 1),))
    return EntityWrite(Entity(ref, document, Origin(CAUSE.detail, "/catalog/all.yaml", 0, 1)), [owned], None)


def batch(*names: str) -> Batch:
    return Batch(CAUSE, writes=[component(name) for name in names])


async def until_answered(ask: Callable[[], Awaitable[None]]) -> None:
    """A server that has just begun may be slower than what is waited for, on a machine that does other work."""
    async with asyncio.timeout(A_WHILE):
        while True:
            with suppress(StoreUnavailableError):
                return await ask()


@pytest.fixture
async def store(empty_neo4j_uri: str) -> AsyncIterator[Neo4jStore]:
    opened = store_at(empty_neo4j_uri)
    await opened.open()
    yield opened
    await opened.close()


async def test_a_store_recovers_by_itself_from_a_server_that_is_away_at_start_and_lost_later(start_neo4j: StartNeo4j) -> None:
    server = start_neo4j()
    store = store_at(server.uri)
    server.kill()
    async with asyncio.timeout(A_WHILE):
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            await store.open()
        with pytest.raises(StoreUnavailableError):
            await store.counts()
        with pytest.raises(StoreUnavailableError):
            await store.check()

    server.start()
    await until_answered(store.open)
    await store.check()
    await store.apply(batch("kept"))

    many = [f"n{i}" for i in range(500)]
    writing = asyncio.create_task(store.apply(batch(*many)))
    await asyncio.sleep(0.3)
    server.kill()
    async with asyncio.timeout(A_WHILE):
        confirmed = not isinstance((await asyncio.gather(writing, return_exceptions=True))[0], StoreUnavailableError)
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            await store.entities_by_ref([Ref("component:default/kept")], visible=EVERYTHING)
        with pytest.raises(StoreUnavailableError):
            await store.apply(batch("lost"))
        with pytest.raises(StoreUnavailableError):
            await store.check()

    server.start()
    await until_answered(store.check)
    counts = await store.counts()
    assert (counts.entities, counts.edges, counts.placeholders, counts.changes) in [
        (501, 501, 1, 501),
        *([] if confirmed else [(1, 1, 1, 1)]),
    ]
    found = await store.entities_by_ref([Ref("component:default/kept"), Ref("component:default/lost")], visible=EVERYTHING)
    assert list(found) == ["component:default/kept"]
    assert [change.sequence for change in await store.apply(batch("later"))] == [counts.changes + 1]

    with server.frozen():
        async with asyncio.timeout(A_WHILE):
            with pytest.raises(StoreUnavailableError, match="no answer within"):
                await store.check()
    await until_answered(store.check)
    await store.close()


async def test_a_refused_user_is_told_what_to_correct_and_no_password_is_shown(start_neo4j: StartNeo4j) -> None:
    server = start_neo4j(auth=True)
    for store in (store_at(server.uri, password="not-the-secret"), store_at(server.uri)):
        with pytest.raises(StoreError, match=r"correct backend\.database\.connection\.user and password") as refused:
            await store.open()
        assert not isinstance(refused.value, StoreUnavailableError)
        assert "not-the-secret" not in str(refused.value)
        await store.close()


async def test_two_processes_that_write_at_once_number_their_changes_without_gap_or_repetition(
    store: Neo4jStore, empty_neo4j_uri: str
) -> None:
    other = store_at(empty_neo4j_uri)
    await other.open()
    applied = await asyncio.gather(
        *(writer.apply(batch(f"{name}-{i}", f"{name}-{i}-more")) for i in range(10) for name, writer in (("one", store), ("other", other)))
    )
    sequences = [[change.sequence for change in changes] for changes in applied]
    assert all(second == first + 1 for first, second in sequences)
    assert sorted(number for pair in sequences for number in pair) == list(range(1, 41))
    logged = await other.changes(0, 100, visible=EVERYTHING)
    assert {change.sequence: change.ref for change in logged} == {change.sequence: change.ref for changes in applied for change in changes}
    assert await store.head() == 40
    await other.close()


async def test_of_two_processes_that_create_one_entity_at_once_the_later_is_refused(store: Neo4jStore, empty_neo4j_uri: str) -> None:
    other = store_at(empty_neo4j_uri)
    await other.open()
    outcomes = await asyncio.gather(store.apply(batch("same")), other.apply(batch("same")), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)] == [StaleWriteError]
    assert (await store.counts()).changes == 1
    await other.close()


async def test_a_transient_error_is_tried_again_and_what_was_written_before_it_is_not_there_twice(empty_neo4j_uri: str) -> None:
    connections = Connections(empty_neo4j_uri, None, None, "neo4j")
    await connections.open()
    attempts: list[int] = []

    async def work(transaction: Transaction) -> int:
        attempts.append(await transaction.value("head"))
        await transaction.run("counter_set", {"head": attempts[-1] + 1, "at": None})
        if len(attempts) == 1:
            raise neo4j.exceptions.TransientError("a deadlock, say")
        return await transaction.value("head")

    assert await connections.write(work) == 1
    assert attempts == [0, 0]
    await connections.close()


@pytest.mark.parametrize("database", ["no-such-database"])
async def test_a_database_that_does_not_exist_is_named_with_the_key_to_correct(neo4j_uri: str, database: str) -> None:
    store = store_at(neo4j_uri, database=database)
    with pytest.raises(StoreError, match=r"no database 'no-such-database'; correct backend\.database\.connection\.database"):
        await store.open()


@pytest.mark.parametrize("uri", ["http://127.0.0.1:7474", "127.0.0.1:7687", "bolt://user:secret@127.0.0.1:99999"])
async def test_an_address_that_can_not_be_one_is_refused_without_showing_a_password(uri: str) -> None:
    with pytest.raises(StoreError, match=r"backend\.database\.connection\.uri") as refused:
        await store_at(uri).open()
    assert "secret" not in str(refused.value)


async def test_text_that_is_not_unicode_and_numbers_over_64_bits_are_refused_before_they_reach_the_server(store: Neo4jStore) -> None:
    half = "component:default/\ud800"
    with pytest.raises(InputError):
        await store.entities_by_ref([Ref(half)], visible=EVERYTHING)
    with pytest.raises(InputError):
        await store.page(fact_in("metadata.title", [half]), (), Window(1), visible=EVERYTHING)
    with pytest.raises(InputError):
        await store.apply(batch(half))
    with pytest.raises(InputError):
        await store.apply(Batch(CAUSE, locations=[Location("file:/a", "file", half, "configured", 0)]))
    named = component("shop").entity
    titled = Entity(named.ref, {**named.document, "metadata": {"name": "shop", "title": "\ud800"}}, named.origin)
    with pytest.raises(InputError):
        await store.apply(Batch(CAUSE, writes=[EntityWrite(titled, [], None)]))
    with pytest.raises(InputError):
        await store.changes(10**20, 1, visible=EVERYTHING)
    assert (await store.counts()).entities == 0
