"""On random graphs each store answers every reading method as the model does, and so both agree."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from graph.relations import RelationRegistry
from graph.store import Batch, Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore
from tests.contract.model import Model
from tests.contract.questions import Question, questions
from tests.emptying import empty
from tests.graphs import catalogs

_ANY_SPEED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


async def _assert_agree(store: Store, catalog: Batch, asked: Sequence[Question]) -> None:
    model = Model()
    model.apply(catalog)
    await store.apply(catalog)
    for question in asked:
        assert await question.ask(store) == await question.ask(model), question


@given(catalogs(), questions(), questions())
@settings(max_examples=60, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_sqlite_answers_as_the_model_does(catalog: Batch, asked: Sequence[Question], asked_by_another: Sequence[Question]) -> None:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "catalog.db", RelationRegistry())
        await store.open()
        try:
            await _assert_agree(store, catalog, [*asked, *asked_by_another])
        finally:
            await store.close()


@given(catalogs(), questions())
@settings(max_examples=15, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_neo4j_answers_as_the_model_does(neo4j_uri: str, catalog: Batch, asked: Sequence[Question]) -> None:
    await _ask_neo4j(neo4j_uri, catalog, asked)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(catalogs(), questions(), questions(), questions())
@settings(max_examples=2000, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_sqlite_answers_thousands_of_catalogs_as_the_model_does(
    catalog: Batch, asked: Sequence[Question], second: Sequence[Question], third: Sequence[Question]
) -> None:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "catalog.db", RelationRegistry())
        await store.open()
        try:
            await _assert_agree(store, catalog, [*asked, *second, *third])
        finally:
            await store.close()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(catalogs(), questions(), questions())
@settings(max_examples=200, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_neo4j_answers_hundreds_of_catalogs_as_the_model_does(
    neo4j_uri: str, catalog: Batch, asked: Sequence[Question], second: Sequence[Question]
) -> None:
    await _ask_neo4j(neo4j_uri, catalog, [*asked, *second])


async def _ask_neo4j(uri: str, catalog: Batch, asked: Sequence[Question]) -> None:
    empty(uri)
    store = Neo4jStore(uri, registry=RelationRegistry())
    await store.open()
    try:
        await _assert_agree(store, catalog, asked)
    finally:
        await store.close()
