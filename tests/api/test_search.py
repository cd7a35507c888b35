"""Search over GraphQL and in Backstage's shape: what is found, page by page, by whom, and what happens while the index can't answer."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from api.graphql.context import Context
from api.graphql.schema import build_schema
from graph.access import UNRESTRICTED_GUEST, Access, Action
from graph.conditions import Not, fact_in
from graph.store import Batch, Store
from tests.api.catalog import CAUSE, CONFIGURED, ORGANISATION, CountingStore, described, write_of
from tests.api.http import client_of
from tests.searching import Searchable, searchable
from workers.beside import Beside
from workers.queue import connected
from workers.work import QueuedWork

SCHEMA = build_schema(CONFIGURED)
WITHOUT_SHOP = Access(
    UNRESTRICTED_GUEST.principal, {**UNRESTRICTED_GUEST.conditions, Action.ENTITY_READ: Not(fact_in("metadata.name", ("shop",)))}
)
FOUND = """query ($term: String!, $first: Int, $after: String, $filter: SearchFilter) {
  search(term: $term, first: $first, after: $after, filter: $filter) {
    totalCount degraded nodes { ref title entity { kind } } pageInfo { hasNextPage endCursor } } }"""
SUGGESTED = "query ($term: String!) { searchSuggestions(term: $term) }"


@pytest.fixture
async def found_by(organisation: Store) -> AsyncIterator[Searchable]:
    async with searchable(organisation, CONFIGURED, [("till", "shop")]) as found_by:
        yield found_by


async def asked(
    store: Store, found_by: Searchable | None, operation: str = FOUND, access: Access = UNRESTRICTED_GUEST, **values: Any
) -> Any:
    context = Context(store, CONFIGURED, access, search=found_by.searching if found_by else None)
    return await SCHEMA.execute(operation, variable_values=values, context_value=context)


async def refs(store: Store, found_by: Searchable, access: Access = UNRESTRICTED_GUEST, **values: Any) -> list[str]:
    answer = await asked(store, found_by, access=access, **values)
    assert answer.errors is None
    return [node["ref"] for node in answer.data["search"]["nodes"]]


@pytest.mark.parametrize("term", ["shop", "sho", "shpo", "till", '"the shop"', "sells things", "shop -cart"])
async def test_a_component_is_found_by_its_name_however_it_is_typed(organisation: Store, found_by: Searchable, term: str):
    assert (await refs(organisation, found_by, term=term))[0] == "component:default/shop"


async def test_results_are_filtered_and_those_of_an_unknown_value_are_none(organisation: Store, found_by: Searchable):
    assert await refs(organisation, found_by, term="", filter={"owner": ["red"], "kind": ["COMPONENT"]}) == ["component:default/shop"]
    assert await refs(organisation, found_by, term="", filter={"kind": []}) == []
    assert await refs(organisation, found_by, term="", filter={"documentType": ["section"]}) == []


async def test_pages_hold_each_result_once_although_the_index_changes_in_between(organisation: Store, found_by: Searchable):
    expected = await refs(organisation, found_by, term="")
    assert len(expected) == len(ORGANISATION)
    read: list[str] = []
    after = None
    while True:
        answer = (await asked(organisation, found_by, term="", first=3, after=after)).data["search"]
        read += [node["ref"] for node in answer["nodes"]]
        if not answer["pageInfo"]["hasNextPage"]:
            break
        after = answer["pageInfo"]["endCursor"]
        if len(read) == 3:
            await organisation.apply(Batch(CAUSE, [write_of(described("Component", "aaa", {"type": "service"}))]))
            await found_by.indexing.update()
    assert [ref for ref in read if ref != "component:default/aaa"] == expected


async def test_what_is_hidden_is_not_found_and_not_suggested(organisation: Store, found_by: Searchable):
    assert await refs(organisation, found_by, WITHOUT_SHOP, term="sells things") == []
    assert (await asked(organisation, found_by, SUGGESTED, term="the sh")).data["searchSuggestions"] == ["The Shop"]
    assert (await asked(organisation, found_by, SUGGESTED, WITHOUT_SHOP, term="the sh")).data["searchSuggestions"] == []


async def test_what_was_hidden_a_moment_ago_is_not_found_by_an_index_that_is_behind(organisation: Store, found_by: Searchable):
    secret = next(document for document in ORGANISATION if document["metadata"]["name"] == "ledger")
    hidden = {**secret, "metadata": {**secret["metadata"], "tags": ["secret"]}}
    access = Access(
        UNRESTRICTED_GUEST.principal, {**UNRESTRICTED_GUEST.conditions, Action.ENTITY_READ: Not(fact_in("metadata.tags", ("secret",)))}
    )
    await organisation.apply(Batch(CAUSE, [write_of(hidden, previous=secret)]))
    behind = (await asked(organisation, found_by, access=access, term="ledger")).data["search"]
    assert behind == {"totalCount": 0, "degraded": True, "nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    await found_by.indexing.update()
    assert (await asked(organisation, found_by, access=access, term="ledger")).data["search"] == {**behind, "degraded": False}


async def test_who_may_not_search_is_refused(organisation: Store, found_by: Searchable):
    access = Access(UNRESTRICTED_GUEST.principal, {Action.ENTITY_READ: UNRESTRICTED_GUEST.visible})
    answer = await asked(organisation, found_by, access=access, term="shop")
    assert "no rule of the permission policy allows search.query" in str(answer.errors)
    assert answer.data is None


async def test_without_an_index_the_store_is_searched(organisation: Store, found_by: Searchable):
    await found_by.index.close()
    answer = (await asked(organisation, found_by, term="shop", first=5)).data["search"]
    assert answer["degraded"] is True
    assert [node["ref"] for node in answer["nodes"]] == ["component:default/shop"]
    await found_by.index.open()
    assert (await asked(organisation, found_by, term="shop")).data["search"]["degraded"] is False


async def test_search_that_is_not_configured_says_so(organisation: Store):
    answer = await asked(organisation, None, term="shop")
    assert "search.meilisearch" in str(answer.errors)


@pytest.mark.parametrize("first", [1, 50])
async def test_a_page_takes_one_call_of_the_store_however_long_it_is(organisation: Store, first: int):
    many = [write_of(described("Component", f"many-{number}", {"type": "service"})) for number in range(60)]
    await organisation.apply(Batch(CAUSE, many))
    counting = CountingStore(organisation)
    async with searchable(cast("Store", counting), CONFIGURED) as found_by:
        counting.calls.clear()
        assert len(await refs(cast("Store", counting), found_by, term="many", first=first)) == first
        assert dict(counting.calls) == {"entities_by_ref": 1}


@asynccontextmanager
async def rest(store: Store, found_by: Searchable) -> AsyncIterator[Any]:
    @asynccontextmanager
    async def background() -> AsyncIterator[Beside]:
        yield Beside(cast("Any", None), cast("Any", None), found_by.searching)

    async with client_of(store, background=background) as client:
        yield client


async def test_backstage_gets_its_documents(organisation: Store, found_by: Searchable):
    async with rest(organisation, found_by) as client:
        path = "/api/search/query?term=shop&types[0]=software-catalog&filters[kind]=Component&pageLimit=1"
        answer = (await client.get(path)).json()
        assert answer["numberOfResults"] == 2
        result = answer["results"][0]
        assert (result["type"], result["rank"]) == ("software-catalog", 1)
        assert result["document"] == {
            "title": "The Shop",
            "text": "Sells things.",
            "location": "/catalog/default/component/shop",
            "kind": "Component",
            "namespace": "default",
            "name": "shop",
            "componentType": "service",
            "type": "service",
            "lifecycle": "production",
            "owner": "red",
        }
        pre, post = result["highlight"]["preTag"], result["highlight"]["postTag"]
        assert result["highlight"]["fields"] == {"title": f"The {pre}Shop{post}", "text": "Sells things."}
        second = (await client.get(f"{path}&pageCursor={answer['nextPageCursor']}")).json()
        assert [each["document"]["name"] for each in second["results"]] == ["cart"]
        assert "nextPageCursor" not in second
        first = (await client.get(f"{path}&pageCursor={second['previousPageCursor']}")).json()
        assert [each["document"]["name"] for each in first["results"]] == ["shop"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("filters[tag]=java", ["ledger", "shop"]),
        ("filters[tags][0]=web", ["shop"]),
        ("filters[tag]=java&filters[componentType]=service&filters[lifecycle]=experimental", ["ledger"]),
        ("types[0]=techdocs", []),
        ("filters[documentType]=section", []),
        ("filters[namespace]=data", ["sales"]),
    ],
)
async def test_backstage_filters_by_whatever_there_is(organisation: Store, found_by: Searchable, query: str, names: list[str]):
    async with rest(organisation, found_by) as client:
        answer = (await client.get(f"/api/search/query?{query}")).json()
        assert sorted(result["document"]["name"] for result in answer["results"]) == names


async def test_results_of_the_store_are_not_ranked_for_backstage(organisation: Store, found_by: Searchable):
    await found_by.index.close()
    async with rest(organisation, found_by) as client:
        (result,) = (await client.get("/api/search/query?term=shop&filters[kind]=Component&pageLimit=5")).json()["results"]
    assert set(result) == {"type", "document", "highlight"}


@pytest.mark.parametrize("query", ["pageLimit=101", "pageLimit=x", "order=name", "filters[secret]=x", "pageCursor=x", f"term={'x' * 501}"])
async def test_requests_that_make_no_sense_are_refused_in_the_one_shape_of_errors(organisation: Store, found_by: Searchable, query: str):
    async with rest(organisation, found_by) as client:
        response = await client.get(f"/api/search/query?{query}")
        assert response.status_code == 400
        assert set(response.json()) == {"error", "request", "response"}


REBUILD = "mutation { rebuildSearchIndex { job } }"


class Lines:
    """What the audit log says, as pairs of action and outcome."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        caplog.set_level("INFO", "callboard.audit")

    def __call__(self) -> list[tuple[str, str]]:
        told = [json.loads(record.getMessage()) for record in self._caplog.records if record.name == "callboard.audit"]
        return [(line["action"], line["outcome"]) for line in told]


async def test_an_administrator_has_the_index_built_anew_and_others_are_refused(
    organisation: Store, found_by: Searchable, caplog: pytest.LogCaptureFixture
):
    lines = Lines(caplog)
    async with connected(None) as queue:
        context = Context(organisation, CONFIGURED, UNRESTRICTED_GUEST, search=found_by.searching, work=QueuedWork(queue))
        answer = await SCHEMA.execute(REBUILD, context_value=context)
        assert (answer.errors, answer.data) == (None, {"rebuildSearchIndex": {"job": "rebuild_search_index"}})
        asked_for = [numbers.name for numbers in await QueuedWork(queue).numbers()]
        assert asked_for == ["rebuild_search_index"]
        allowed = {action: on for action, on in UNRESTRICTED_GUEST.conditions.items() if action != Action.ADMIN}
        other = Context(
            organisation, CONFIGURED, Access(UNRESTRICTED_GUEST.principal, allowed), search=found_by.searching, work=QueuedWork(queue)
        )
        refused = await SCHEMA.execute(REBUILD, context_value=other)
        assert "no rule of the permission policy allows callboard.admin" in str(refused.errors)
        assert [numbers.queued for numbers in await QueuedWork(queue).numbers()] == [1]
    assert lines() == [("search.rebuild", "done"), ("search.rebuild", "denied")]
