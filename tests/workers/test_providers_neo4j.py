"""Providers on Neo4j, where several workers share the store."""

from collections.abc import AsyncIterator

import pytest

from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores.neo4j import Neo4jStore
from plugins.contract import SourceError, SourceReason
from tests.workers.providing import People, errors, has, refs, run_again, until, working_on
from workers.providers.jobs import all_rows


@pytest.fixture
async def store(empty_neo4j_uri: str) -> AsyncIterator[Store]:
    store = Neo4jStore(empty_neo4j_uri, registry=RelationRegistry())
    await store.open()
    yield store
    await store.close()


async def test_a_provider_is_kept_in_step_and_run_by_one_worker_at_a_time(store: Store):
    people = People()
    people.give("ann", "bob")
    async with working_on(store, people) as queue, working_on(store, people):
        await until(has(store, "ann", "bob"))
        head, reads = await store.head(), people.reads
        await run_again(store, queue, people.name)
        assert (await store.head(), people.reads) == (head, reads + 1)
        people.error = SourceError(SourceReason.UNAVAILABLE, "https://people.example.com", "it is down", "Wait.")
        await run_again(store, queue, people.name)
        assert await errors(store) == [("provider:people:test", "source-unavailable")]
        people.error = None
        people.give("bob")
        await run_again(store, queue, people.name)
        assert (await refs(store), await errors(store)) == (["bob"], [])
    assert (await all_rows(store))[people.name].value["failures"] == 0
