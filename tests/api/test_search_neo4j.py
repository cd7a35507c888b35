"""Search over GraphQL where the catalog is in Neo4j."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from graph.stores.neo4j import Neo4jStore
from tests.api import test_search as searches
from tests.api.catalog import CONFIGURED, store_organisation
from tests.searching import Searchable, searchable


@pytest.fixture
async def organisation(empty_neo4j_uri: str) -> AsyncIterator[Neo4jStore]:
    store = Neo4jStore(empty_neo4j_uri, None, None, "neo4j", CONFIGURED)
    await store.open()
    await store_organisation(store)
    yield store
    await store.close()


@pytest.fixture
async def found_by(organisation: Neo4jStore) -> AsyncIterator[Searchable]:
    async with searchable(organisation, CONFIGURED, [("till", "shop")]) as found_by:
        yield found_by


@pytest.mark.parametrize(
    "behaviour",
    [
        searches.test_results_are_filtered_and_those_of_an_unknown_value_are_none,
        searches.test_pages_hold_each_result_once_although_the_index_changes_in_between,
        searches.test_what_is_hidden_is_not_found_and_not_suggested,
        searches.test_what_was_hidden_a_moment_ago_is_not_found_by_an_index_that_is_behind,
        searches.test_without_an_index_the_store_is_searched,
    ],
)
async def test_it_is_the_same(
    organisation: Neo4jStore, found_by: Searchable, behaviour: Callable[[Neo4jStore, Searchable], Awaitable[None]]
):
    await behaviour(organisation, found_by)
