"""Conditions as Meilisearch's filters: closed fragments, keys that nothing can end, and the meaning that conditions have."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.conditions import EVERYTHING, NOTHING, All, AnyOf, Condition, FactExists, FactIn, HasErrors, Not, OnWholeGraph, RefIn, Related
from graph.errors import InputError
from graph.refs import Ref
from graph.relations import Direction
from tests.servers.meilisearch_search import Filter
from workers.search.index import SearchDocument, SearchQuery, Terms
from workers.search.leaves import leaves_asked
from workers.search.meilisearch_documents import row_of, settings_for
from workers.search.meilisearch_filters import DEEPEST, decoded, encoded, key_of, leaf_filter, search_filter, sources_filter

PROD = FactIn("spec.lifecycle", ("prod",))
OWNED = Related("ownedBy", Direction.OUT, (Ref("group:default/a"),))
PROD_KEY, OWNED_KEY, NONE_KEY = key_of("=spec.lifecycle=prod"), key_of(">ownedby>group:default/a"), key_of("of no entity")
FILTERABLE: Sequence[str] = settings_for(())["filterableAttributes"]


def asked(visible: Condition = EVERYTHING, filter: Condition = EVERYTHING) -> str | None:
    return search_filter(SearchQuery(Terms(), {"entity": visible}, filter=filter))


def test_each_type_has_its_condition_and_what_belongs_to_no_entity_is_exempt():
    visible = {"section": NOTHING, "entity": PROD}
    entities = f'(documentType IN ["entity"]) AND ((leafKeys IN ["{NONE_KEY}"]) OR (leafKeys IN ["{PROD_KEY}"]))'
    sections = f'(documentType IN ["section"]) AND (leafKeys IN ["{NONE_KEY}"])'
    assert search_filter(SearchQuery(Terms(), visible, filter=Not(OWNED))) == (
        f'(({entities}) OR ({sections})) AND (NOT (leafKeys IN ["{OWNED_KEY}"]))'
    )


def test_what_holds_for_all_or_none_is_not_asked():
    assert asked() == 'documentType IN ["entity"]'
    assert asked(All((All(), Not(NOTHING), OnWholeGraph(EVERYTHING)))) == 'documentType IN ["entity"]'
    assert asked(NOTHING) == f'(documentType IN ["entity"]) AND (leafKeys IN ["{NONE_KEY}"])'
    assert asked(filter=All((PROD, NOTHING))) is None
    assert asked(filter=FactIn("kind", ())) is None
    assert search_filter(SearchQuery(Terms(), {})) is None


def test_a_leaf_of_several_values_is_one_list():
    assert (
        asked(filter=FactIn("kind", ("api", "x")))
        == f'(documentType IN ["entity"]) AND (leafKeys IN ["{key_of("=kind=api")}", "{key_of("=kind=x")}"])'
    )
    assert sources_filter(["a", "b"]) == f'sourceKey IN ["{key_of("a")}", "{key_of("b")}"]'
    assert leaf_filter("?x") == f'leafKeys IN ["{key_of("?x")}"]'


def test_conditions_that_leaves_can_not_tell_and_those_that_are_too_deep_are_refused():
    with pytest.raises(InputError, match="restricted by values, refs and relations alone"):
        asked(filter=Not(HasErrors()))
    deep: Condition = PROD
    for _ in range(DEEPEST // 2):
        deep = All((Not(deep), OWNED))
    text = asked(filter=deep)
    assert text is not None
    Filter(text, FILTERABLE)
    with pytest.raises(InputError, match="more than 30 levels deep"):
        asked(filter=Not(deep))


@given(st.text())
def test_values_are_encoded_in_a_form_that_no_comparison_changes(value: str):
    code = encoded(value)
    assert decoded(code) == value
    assert re.fullmatch(r"[a-z0-9_.:/@%-]*", code)


LEAVES: list[Condition] = [PROD, OWNED, FactExists("spec.type"), RefIn((Ref("component:default/x"), Ref("component:default/y")))]
LEAF_TEXTS = ["=spec.lifecycle=prod", ">ownedby>group:default/a", "?spec.type", "@component:default/x", "@component:default/y"]
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda of: All(tuple(of))),
        st.lists(inner, max_size=3).map(lambda of: AnyOf(tuple(of))),
        inner.map(Not),
        inner.map(OnWholeGraph),
    ),
    max_leaves=8,
)


def holds(condition: Condition, leaves: frozenset[str]) -> bool:
    match condition:
        case All(of):
            return all(holds(part, leaves) for part in of)
        case AnyOf(of):
            return any(holds(part, leaves) for part in of)
        case Not(of):
            return not holds(of, leaves)
        case OnWholeGraph(of):
            return holds(of, leaves)
        case FactIn() | FactExists() | RefIn() | Related():
            return not leaves.isdisjoint(leaves_asked(condition))
        case _:
            raise AssertionError(condition)


@given(CONDITIONS, CONDITIONS, st.frozensets(st.sampled_from(LEAF_TEXTS)), st.booleans(), st.sampled_from(["entity", "section"]))
def test_a_filter_holds_where_its_conditions_do(visible: Condition, wanted: Condition, leaves: frozenset[str], of_entity: bool, kind: str):
    document = SearchDocument("id", "source", kind, Ref("component:default/x") if of_entity else None, "", {}, leaves=leaves)
    text = asked(visible, wanted)
    expected = kind == "entity" and (not of_entity or holds(visible, leaves)) and holds(wanted, leaves)
    assert (text is not None and Filter(text, FILTERABLE).holds(row_of(document))) == expected
