"""On random entities a condition that becomes a query of a search index allows what it allows elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.conditions import EVERYTHING, NOTHING, All, AnyOf, Condition, FactExists, FactIn, Not, OnWholeGraph, RefIn, Related
from graph.matching import passes
from graph.refs import Ref
from graph.relations import Direction
from graph.store import Batch, EntityWrite
from tests.contract.search_documents import STATE, build
from tests.contract.search_indexes import open_index
from tests.graphs import KINDS, PATHS, REFS, RELATIONS, VALUES, catalogs
from workers.search.index import SearchDocument, SearchQuery, TextField
from workers.search.leaves import leaves_of
from workers.search.terms import parsed

_some_refs = st.lists(st.sampled_from(REFS), max_size=10).map(tuple)
_leaves = (
    st.builds(FactIn, st.sampled_from(PATHS), st.lists(st.sampled_from(VALUES).map(str.lower), max_size=10).map(tuple))
    | st.builds(FactIn, st.just("kind"), st.lists(st.sampled_from(KINDS), max_size=2).map(tuple))
    | st.builds(FactExists, st.sampled_from(PATHS))
    | st.builds(RefIn, _some_refs)
    | st.builds(Related, st.sampled_from(RELATIONS), st.just(Direction.OUT), _some_refs)
    | st.builds(Related, st.just("partOf"), st.just(Direction.OUT), _some_refs, st.just(True))
)
_conditions: st.SearchStrategy[Condition] = st.recursive(
    _leaves,
    lambda of: (
        st.builds(All, st.lists(of, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(of, max_size=3).map(tuple))
        | st.builds(Not, of)
        | st.builds(OnWholeGraph, of)
    ),
    max_leaves=6,
)


class _Described:
    """An entity with the edges out of it that it declares, and what it is made part of by hand."""

    def __init__(self, write: EntityWrite) -> None:
        self.entity = write.entity
        self.ends = [(edge.relation, Direction.OUT, edge.target) for edge in write.declares if edge.source == write.entity.ref]
        self.ancestors = [ref for relation, _, ref in self.ends if relation == "partOf"] + [Ref("api:ops/a")]

    def document(self) -> SearchDocument:
        ref = self.entity.ref
        leaves = leaves_of(self.entity, self.ends, self.ancestors)
        return SearchDocument(ref, ref, "entity", ref, "", {TextField.NAME: self.entity.name}, leaves=leaves)

    def passes(self, condition: Condition) -> bool:
        held = passes(self._without_relations(condition), self.entity.ref, self.entity.document, frozenset())
        assert held is not None
        return held

    def _without_relations(self, condition: Condition) -> Condition:
        """The condition with what it says about edges decided, of which a descriptor alone can't tell what is not there."""
        match condition:
            case Related(relation, _, targets, transitive):
                ends = self.ancestors if transitive else [ref for of, _, ref in self.ends if of == relation]
                return EVERYTHING if set(ends) & set(targets or ()) else NOTHING
            case All(of):
                return All(tuple(map(self._without_relations, of)))
            case AnyOf(of):
                return AnyOf(tuple(map(self._without_relations, of)))
            case Not(of):
                return Not(self._without_relations(of))
            case OnWholeGraph(of):
                return OnWholeGraph(self._without_relations(of))
            case _:
                return condition


@pytest.mark.parametrize("name", ["tantivy", "meilisearch"])
@given(catalogs(), st.lists(_conditions, min_size=4, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_condition_allows_the_same_as_on_the_graph(name: str, catalog: Batch, conditions: Sequence[Condition]) -> None:
    described = [_Described(write) for write in catalog.writes]
    with TemporaryDirectory() as folder:
        async with open_index(name, Path(folder)) as index:
            await build(index, [each.document() for each in described], STATE)
            for condition in conditions:
                allowed = {each.entity.ref for each in described if each.passes(condition)}
                visible = await index.search(SearchQuery(parsed(""), {"entity": condition}, limit=100))
                filtered = await index.search(SearchQuery(parsed(""), {"entity": EVERYTHING}, filter=condition, limit=100))
                assert {hit.ref for hit in visible.hits} == {hit.ref for hit in filtered.hits} == allowed
                assert visible.total == filtered.total == len(allowed)
