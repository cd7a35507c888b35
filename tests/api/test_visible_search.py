"""What somebody finds is what they would find in a catalog that holds nothing but what they see, whichever way the index came about."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.errors import graphql_error
from api.graphql.context import Context
from api.graphql.schema import build_schema
from graph.access import Access
from graph.redacting import seen_by
from graph.store import Batch, Store
from tests.api.test_visible_catalog import sqlite_with
from tests.searching import Searchable, searchable
from tests.visible_catalogs import EXISTING, REGISTRY, Case, batches, cases, reduced, seeing_all
from workers.search.index import SearchIndex

_ANY_SPEED = list(HealthCheck)
SCHEMA = build_schema(REGISTRY)

SEARCH = """query ($term: String!, $filter: SearchFilter) {
  search(term: $term, filter: $filter) {
    totalCount degraded facets { of values { value count } }
    nodes { type title text ref location entity { ref metadata spec } snippets { field parts { text isMatch } } } }
  searchSuggestions(term: $term, filter: $filter)
}"""

_terms = st.sampled_from(["", "a", "b", "servce", "public -a", '"a"', "red", "ops", "x d", "ghost"])
_filters: st.SearchStrategy[Mapping[str, Sequence[str]]] = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.just(["component", "group"]),
        "type": st.just(["a", "service"]),
        "owner": st.just(["red", "group:ops/red", "ghost"]),
        "lifecycle": st.just(["public", "b"]),
        "tag": st.just(["a"]),
        "namespace": st.just(["default"]),
        "documentType": st.just(["entity"]),
    },
)


async def asked(store: Store, access: Access, found_by: Searchable, term: str, filter: Mapping[str, Any]) -> Any:
    context = Context(seen_by(store, access, REGISTRY), REGISTRY, access, search=found_by.searching)
    result = await SCHEMA.execute(SEARCH, variable_values={"term": term, "filter": filter}, context_value=context)
    assert [graphql_error(error) for error in result.errors or ()] == []
    assert result.data is not None
    return result.data


def _by_place(found: Any) -> list[Any]:
    return sorted(found["search"]["nodes"], key=lambda node: (node["ref"], node["type"], node["location"]))


@given(cases(), _terms, _filters)
@settings(max_examples=15, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_what_is_found_is_what_a_catalog_of_the_visible_entities_would_find(
    case: Case, term: str, filter: Mapping[str, Sequence[str]]
) -> None:
    only, all_of_it = reduced(case), seeing_all(case.access)
    async with (
        sqlite_with(batches(case)) as store,
        sqlite_with(only.batches) as other,
        searchable(store, REGISTRY) as whole,
        searchable(other, REGISTRY) as part,
    ):
        told = await asked(store, case.access, whole, term, filter)
        ought = await asked(other, all_of_it, part, term, filter)
    if case.access.redactions or case.access.hides_references:
        assert_nothing_more(told, ought, everything=not term)
    else:
        assert _by_place(told) == _by_place(ought)
        assert told["search"]["totalCount"] == ought["search"]["totalCount"]
        assert told["search"]["facets"] == ought["search"]["facets"]
        assert sorted(told["searchSuggestions"]) == sorted(ought["searchSuggestions"])
    assert not told["search"]["degraded"]


def assert_nothing_more(told: Any, ought: Any, *, everything: bool) -> None:
    """A text that is redacted of some entity is searched of none, so that less is found; but all without a term."""
    entities = {node["ref"]: node["entity"] for node in _by_place(ought)}
    for node in _by_place(told):
        assert entities[node["ref"]] == node["entity"]
    assert set(told["searchSuggestions"]) <= {node["title"] for node in _by_place(told)}
    if everything:
        assert [node["ref"] for node in _by_place(told)] == [*sorted(entities)]
        assert told["search"]["totalCount"] == ought["search"]["totalCount"]
        counted = {facet["of"]: facet["values"] for facet in ought["search"]["facets"]}
        for facet in told["search"]["facets"]:
            assert facet["values"] == counted[facet["of"]], facet["of"]
    else:
        assert told["search"]["totalCount"] <= ought["search"]["totalCount"]


async def _held(index: SearchIndex) -> Mapping[str, frozenset[str]]:
    return await index.edges_of(EXISTING)


@given(cases())
@settings(max_examples=20, deadline=None, suppress_health_check=_ANY_SPEED)
async def test_an_index_that_followed_each_change_holds_what_one_that_was_built_anew_does(case: Case) -> None:
    history: Sequence[Batch] = batches(case)
    async with sqlite_with([]) as store, searchable(store, REGISTRY) as following:
        for batch in history:
            await store.apply(batch)
            await following.indexing.update()
        assert not await following.indexing.is_behind()
        async with searchable(store, REGISTRY) as anew:
            assert await _held(following.index) == await _held(anew.index)
