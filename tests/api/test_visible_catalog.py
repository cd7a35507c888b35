"""What a principal sees equals what a catalog shows that holds only the visible entities, whatever the policy; on both stores."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.errors import graphql_error
from api.graphql.context import Context
from api.graphql.feed import FeedClosedError, LogFeed
from api.graphql.requests import GraphQLRequest
from api.graphql.schema import build_schema
from api.graphql.streams import answers as answers_of
from config.graphql import GraphQL
from graph.access import Access
from graph.redacting import seen_by
from graph.refs import Ref
from graph.store import Batch, Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore
from tests.api.visible_operations import Operation, operations, operations_in_brief, without_places
from tests.api.visible_requests import FILTERS, answers, client_of
from tests.emptying import empty
from tests.visible_catalogs import EXISTING, REFS, REGISTRY, Case, batches, cases, fill, of_one_form, reduced, seeing_all

SCHEMA = build_schema(REGISTRY)
_ANY_SPEED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]

_words = st.sampled_from(["a", "B", "service", "public"])
_plain_filters = (
    st.fixed_dictionaries({}, optional={"kind": st.just(["component", "group", "api"]), "type": st.lists(_words, max_size=2)})
    | st.fixed_dictionaries({"owner": st.lists(st.sampled_from(["red", "ops/red", "blue", "user:ann"]), max_size=2)})
    | st.fixed_dictionaries({"system": st.just(["s", "t"])})
    | st.fixed_dictionaries({"tag": st.lists(_words, max_size=2)})
    | st.fixed_dictionaries({"label": st.just([{"key": "tier"}])})
    | st.fixed_dictionaries({"annotation": st.just([{"key": "example.com/x", "value": ["a", "service"]}])})
    | st.fixed_dictionaries({"hasErrors": st.booleans()})
    | st.fixed_dictionaries(
        {"where": st.tuples(st.fixed_dictionaries({"path": st.sampled_from(["spec.type", "metadata.title"]), "hasPrefix": _words}))}
    )
    | st.fixed_dictionaries(
        {
            "related": st.tuples(
                st.fixed_dictionaries(
                    {
                        "relation": st.sampled_from(["DEPENDS_ON", "OWNED_BY", "PART_OF", "MEMBER_OF"]),
                        "direction": st.sampled_from(["OUT", "IN"]),
                        "transitive": st.booleans(),
                    },
                    optional={"target": st.lists(st.sampled_from(REFS), min_size=1, max_size=3)},
                )
            )
        }
    )
)
_filters = st.recursive(
    _plain_filters,
    lambda of: of.map(lambda one: {"not": one}) | st.lists(of, max_size=2).map(lambda some: {"or": some}),
    max_leaves=2,
)
_texts = _words.map(lambda word: {"text": word})
_orders = st.sampled_from(["metadata.name", "kind", "metadata.namespace"]).map(lambda path: [{"path": path, "direction": "DESC"}])


Asked = tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, str]], Sequence[Ref]]
"""Two filters, an ordering, and some refs."""


@st.composite
def questions(draw: st.DrawFn, case: Case) -> Asked:
    # Of entities whose texts are redacted, the words of their refs alone are looked for.
    texts_whole = case.paths.isdisjoint({"metadata.title", "metadata.description", "metadata.tags"})
    filters = _filters | _texts if texts_whole else _filters
    return (draw(filters), draw(filters)), draw(_orders), draw(st.lists(st.sampled_from(REFS), unique=True, min_size=2, max_size=4))


async def answer(store: Store, access: Access, operation: Operation) -> Any:
    """What the principal is told: data and errors, as a client gets them."""
    context = Context(seen_by(store, access, REGISTRY), REGISTRY, access)
    result = await SCHEMA.execute(operation[0], variable_values=dict(operation[1]), context_value=context)
    return {"data": result.data, "errors": [graphql_error(error) for error in result.errors or ()]}


@asynccontextmanager
async def sqlite_with(history: Sequence[Batch]) -> AsyncIterator[Store]:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "catalog.db", REGISTRY)
        await store.open()
        try:
            await fill(store, history)
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def neo4j_with(uri: str, history: Sequence[Batch]) -> AsyncIterator[Store]:
    empty(uri)
    store = Neo4jStore(uri, registry=REGISTRY)
    await store.open()
    try:
        await fill(store, history)
        yield store
    finally:
        await store.close()


async def assert_sees_only_what_is_visible(store: Store, case: Case, asked: Sequence[Operation], refs: Sequence[Ref], filter: str) -> None:
    """Compare all answers of the whole catalog in the store with those of the reduced one."""
    only, all_of_it = reduced(case), seeing_all(case.access)
    shown: Callable[[Any], Any] = without_places if case.access.hides_references else lambda told: told
    async with sqlite_with(only.batches) as other:
        assert await other.head() == await store.head()
        for operation in asked:
            expected = await answer(other, all_of_it, operation)
            assert shown(await answer(store, case.access, operation)) == shown(expected), operation
        async with client_of(store, case.access) as client, client_of(other, all_of_it) as reduced_client:
            expected = await answers(reduced_client, refs, filter)
            for told, ought in zip(await answers(client, refs, filter), expected, strict=True):
                assert told == ought


async def assert_random_questions(store: Store, case: Case, data: st.DataObject) -> None:
    filters, order, refs = data.draw(questions(case))
    asked = operations(filters, order, refs, await store.head())
    await assert_sees_only_what_is_visible(store, case, asked, refs, data.draw(st.sampled_from(FILTERS)))


@given(cases(), st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_what_is_seen_is_what_a_catalog_of_the_visible_entities_would_show(case: Case, data: st.DataObject) -> None:
    async with sqlite_with(batches(case)) as store:
        await assert_random_questions(store, case, data)


@pytest.mark.timeout(300)
@given(cases(of_one_form, hides_references=True), st.sampled_from(EXISTING))
@settings(max_examples=2, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_on_neo4j_what_is_seen_is_what_a_catalog_of_the_visible_entities_would_show(neo4j_uri: str, case: Case, ref: Ref) -> None:
    async with neo4j_with(neo4j_uri, batches(case)) as store:
        await assert_sees_only_what_is_visible(store, case, operations_in_brief([ref], await store.head()), [ref], FILTERS[0])


_CHANGES = """subscription ($f: EntityFilter) { entityChanges(since: "0", filter: $f) {
  cursor matches change { sequence ref operation patch entity { spec } } } }"""
_ERRORS = "subscription { catalogErrors { operation error { id ref code message entity { spec } } } }"


async def told(store: Store, access: Access, subscription: str, filter: Mapping[str, Any]) -> Sequence[Any]:
    """All events up to the head of the log, at which the server stops."""

    async def head() -> int:
        found = await store.head()
        asyncio.get_running_loop().call_soon(feed.close)
        return found

    feed = LogFeed(head, lambda: None, 10)
    context = Context(seen_by(store, access, REGISTRY), REGISTRY, access, log_feed=feed)
    events: list[Any] = []
    async with aclosing(answers_of(SCHEMA, GraphQLRequest(subscription, None, {"f": filter}), context, GraphQL())) as stream:
        with suppress(FeedClosedError):
            async for event in stream:
                events.append(event)
    return events


@given(cases(), st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_subscriptions_tell_what_a_catalog_of_the_visible_entities_would(case: Case, data: st.DataObject) -> None:
    shown: Callable[[Any], Any] = without_places if case.access.hides_references else lambda told: told
    asked = [(_CHANGES, {}), (_CHANGES, data.draw(_plain_filters)), (_ERRORS, {})]
    async with sqlite_with(batches(case)) as store, sqlite_with(reduced(case).batches) as other:
        everything = seeing_all(case.access)
        seen = [await told(store, case.access, *subscription) for subscription in asked]
        ought = [await told(other, everything, *subscription) for subscription in asked]
        assert shown(seen) == shown(ought)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(cases(), st.data())
@settings(max_examples=1000, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_only_what_is_visible_is_seen_of_a_thousand_catalogs(case: Case, data: st.DataObject) -> None:
    async with sqlite_with(batches(case)) as store:
        await assert_random_questions(store, case, data)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(cases(), st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_on_neo4j_only_what_is_visible_is_seen_of_a_hundred_catalogs(neo4j_uri: str, case: Case, data: st.DataObject) -> None:
    async with neo4j_with(neo4j_uri, batches(case)) as store:
        await assert_random_questions(store, case, data)
