"""Operations that ask for too much are refused before anything is read; what an operation costs is known before it runs."""

from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query, parse
from hypothesis import given
from hypothesis import strategies as st

from api.execute import execute
from api.graphql.context import Context
from api.graphql.costs import LIST_LENGTH, measured
from api.graphql.limits import extensions_for
from api.graphql.schema import build_schema, core_schema
from config.graphql import GraphQL
from graph.store import Store
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CONFIGURED, REGISTRY

SCHEMA = core_schema(build_schema(REGISTRY))


def _cost(query: str, **variables: object) -> int:
    return measured(SCHEMA, parse(query), None).cost(variables)


def _depth(query: str) -> int:
    return measured(SCHEMA, parse(query), None).depth


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ __typename }", 0),
        ('{ entity(ref: "a:b") { name title } }', 1),
        ('{ entity(ref: "a:b") { owner { name } } }', 2),
        ("{ entities { totalCount } }", 1),
        ("{ entities { nodes { name } } }", 1 + 50),
        ("{ entities(first: 7) { nodes { name } } }", 1 + 7),
        ("{ entities(last: 7) { nodes { name } } }", 1 + 7),
        ("{ entities(first: 7) { edges { node { owner { name } } } pageInfo { hasNextPage } } }", 1 + 7 * 3 + 1),
        ("{ entities(first: 7) { nodes { relations(first: 3) { nodes { name } } } } }", 1 + 7 * (1 + 1 + 3)),
        ('{ entitiesByRef(refs: ["a:b", "a:c", "a:d"]) { name } }', 3),
        ('{ entity(ref: "a:b") { owners { name } } }', 1 + LIST_LENGTH),
        (
            '{ impact(of: ["a:b"], first: 9) { edges { node { name } path { toRef } } byOwner { count } } }',
            1 + 9 * (2 + LIST_LENGTH) + LIST_LENGTH,
        ),
        ('{ paths(from: "a:b", to: "a:c", limit: 2) { steps { toRef } } }', 2 * (1 + LIST_LENGTH)),
        ('{ entity(ref: "a:b") { ... on Component { system { name } } ... on API { system { name } } } }', 3),
        ('{ entity(ref: "a:b") { owner { name } ...f } } fragment f on Entity { owner { title } }', 2),
        ('{ entity(ref: "a:b") { owner @skip(if: true) { name } } }', 2),
        ("{ entities(first: -3) { nodes { name } } }", 1),
    ],
)
def test_the_cost_is_the_number_of_objects_an_answer_could_hold(query: str, cost: int):
    assert _cost(query) == cost


def test_variables_their_defaults_and_their_absence_count():
    query = "query($n: Int = 4) { entities(first: $n) { nodes { name } } }"
    assert (_cost(query, n=9), _cost(query), _cost(query, n=None), _cost(query, n="many")) == (10, 5, 51, 51)
    assert _cost("query($refs: [String!]!) { entitiesByRef(refs: $refs) { name } }", refs=["a:b"] * 8) == 8
    assert _cost("query($refs: [String!]!) { entitiesByRef(refs: $refs) { name } }", refs="component:default/shop") == 1


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_asking_for_more_never_costs_less(fewer: int, more: int):
    query = "query($n: Int) { entities(first: $n) { nodes { dependencies(first: $n) { nodes { name } } } } }"
    assert (_cost(query, n=fewer) <= _cost(query, n=more)) == (fewer <= more)


def test_depth_counts_nested_fields_through_fragments():
    assert _depth("{ __typename }") == 1
    assert _depth('{ entity(ref: "a:b") { owner { owner { name } } } }') == 4
    assert _depth('{ entity(ref: "a:b") { ...f } } fragment f on Entity { ... on Component { system { name } } }') == 3


def test_introspection_is_bounded_by_cost_and_not_by_depth():
    assert _depth(get_introspection_query()) == 1
    assert 60_000 < _cost(get_introspection_query()) < 80_000
    assert _cost("{ __schema { types { fields { type { fields { name } } } } } }") == 1 + 100 * (1 + 12 * (2 + 12))


def test_fragments_that_multiply_are_measured_in_no_time():
    fragments = "".join(
        f" fragment f{n} on Entity {{ a: owner {{ ...f{n + 1} }} b: owner {{ ...f{n + 1} ...f{n + 1} }} }}" for n in range(60)
    )
    query = f'{{ entity(ref: "a:b") {{ ...f0 }} }} {fragments} fragment f60 on Entity {{ name }}'
    assert _cost(query) == 2**61 - 1


@pytest.fixture
async def context(filled_file: Path) -> Context:
    return Context(SqliteStore(filled_file, CONFIGURED), REGISTRY)


async def _asked(context: Context, query: str, variables: dict[str, Any] | None = None, **settings: object) -> dict[str, Any]:
    """The answer of a store that is not open, which only a request that reaches it notices."""
    schema = build_schema(REGISTRY, extensions_for(GraphQL.model_validate(settings)))
    return await execute(schema, query, variables, None, context)


@pytest.mark.parametrize(
    ("query", "settings", "message"),
    [
        ("{ a b c d }", {"maxTokens": 3}, "Syntax Error: Document contains more than 3 tokens. Parsing aborted."),
        ("{ a: __typename b: __typename }", {"maxAliases": 1}, "The operation has 2 aliases; the limit is 1 (graphql.maxAliases)."),
        (
            '{ entity(ref: "a:b") { owner { owner { name } } } }',
            {"maxDepth": 3},
            "The operation has 4 levels of nested fields; the limit is 3 (graphql.maxDepth).",
        ),
        (
            "{ entities(first: 1000) { nodes { dependencies(first: 1000) { nodes { name } } } } }",
            {},
            "The operation has an estimated cost of 1,002,001; the limit is 200,000 (graphql.maxCost).",
        ),
    ],
)
async def test_each_limit_is_named_with_its_value_and_what_was_asked(
    context: Context, query: str, settings: dict[str, object], message: str
):
    answer = await _asked(context, query, **settings)
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED"}
    assert error["message"].removesuffix(" Ask for less, or in parts.") == message
    assert "data" not in answer


async def test_what_is_at_the_limit_passes(context: Context):
    answer = await _asked(context, "{ a: __typename }", maxAliases=1, maxTokens=5, maxDepth=1, maxCost=1)
    assert answer == {"data": {"a": "Query"}, "extensions": {"cost": {"estimated": 0, "limit": 1}}}


@pytest.mark.parametrize(
    "query",
    ["{ a" * 2_000, "{ a(b: " + "[" * 2_000, "{" + " a { b }" * 1_200 + "}", "{ ...f } fragment f on Query " + "{ ...f }" * 3],
    ids=["fields nested without end", "lists nested without end", "the same field over and over", "no document"],
)
async def test_hostile_documents_are_refused_as_the_callers_fault(context: Context, query: str):
    answer = await _asked(context, query)
    assert {error["extensions"]["code"] for error in answer["errors"]} <= {"LIMIT_EXCEEDED", "BAD_USER_INPUT"}
    assert "data" not in answer


async def test_fragments_in_a_circle_are_refused(context: Context):
    answer = await _asked(context, "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }")
    assert answer["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize("levels", [41, 150, 5_000])
async def test_an_argument_nested_without_end_is_refused(context: Context, levels: int):
    nested: dict[str, Any] = {}
    for _ in range(levels - 1):
        nested = {"not": nested}
    answer = await _asked(context, "query($f: EntityFilter) { entities(filter: $f) { totalCount } }", {"f": nested})
    message = f"An argument nests lists and objects {levels} deep; the limit is 40. Write it flatter."
    assert answer == {"errors": [{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]}


async def test_an_argument_nested_without_end_is_refused_in_the_document_too(context: Context):
    nested = "{ not: " * 41 + "{}" + "}" * 41
    answer = await _asked(context, f"{{ entities(filter: {nested}) {{ totalCount }} }}")
    assert answer["errors"][0]["message"] == "An argument nests lists and objects 42 deep; the limit is 40. Write it flatter."


async def test_variables_may_hold_as_many_values_as_a_document_tokens(context: Context):
    query = "query($refs: [String!]!) { entitiesByRef(refs: $refs) { name } }"
    answer = await _asked(context, query, {"refs": ["component:default/shop"] * 5_000})
    assert answer["errors"][0]["message"] == (
        "The operation has 5,001 values in its variables; the limit is 5,000 (graphql.maxTokens). Ask for less, or in parts."
    )


async def test_objects_of_filters_are_counted_before_any_is_converted(context: Context):
    query = "query($f: EntityFilter, $other: [EntityOrder!]) { entities(filter: $f, orderBy: $other) { totalCount } }"
    answer = await _asked(context, query, {"f": {"or": [{"kind": [f"k{n}"]} for n in range(300)]}, "other": [{"path": "kind"}] * 200})
    message = "The variables hold 501 objects of filters and the like; the limit is 500. Ask for less, or in parts."
    assert answer == {"errors": [{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]}


def test_objects_within_json_are_none_of_filters():
    run = 'mutation($values: JSON!, $o: EntityOrder) { runTemplate(template: "a", values: $values) { __typename } }'
    assert measured(SCHEMA, parse(run), None).input_objects({"values": [{}] * 600, "o": {"path": "kind"}}) == 1


@pytest.mark.parametrize("levels", [20, 39])
async def test_what_is_nested_less_reaches_the_store(organisation: Store, levels: int):
    nested: dict[str, Any] = {"kind": ["component"]}
    for _ in range(levels - 2):
        nested = {"not": nested}
    context = Context(organisation, CONFIGURED)
    answer = await _asked(context, "query($f: EntityFilter) { entities(filter: $f) { totalCount } }", {"f": nested})
    assert "errors" not in answer


async def test_introspection_can_be_switched_off(context: Context):
    for query in (get_introspection_query(), '{ __type(name: "Query") { name } }'):
        answer = await _asked(context, query, introspection=False)
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
        assert "data" not in answer
        assert "errors" not in await _asked(context, query)
    assert (await _asked(context, "{ __typename }", introspection=False))["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        ("{ entitie { x } }", None, "Cannot query field 'entitie' on type 'Query'."),
        (
            "{ entities(filter: { kinds: 1 }) { totalCount } }",
            None,
            "Expected value of type 'EntityFilter' not to include unknown field 'kinds'. Found: { kinds: 1 }.",
        ),
        (
            "query($d: ImpactDirection!) { impact(of: [], direction: $d) { totalCount } }",
            {"d": "DEPENDENT"},
            "Variable '$d' has invalid value: Value 'DEPENDENT' does not exist in 'ImpactDirection' enum.",
        ),
    ],
)
async def test_where_the_schema_is_not_shown_no_error_suggests_a_name_of_it(
    context: Context, query: str, variables: dict[str, Any] | None, message: str
):
    hidden = await _asked(context, query, variables, introspection=False)
    assert [error["message"] for error in hidden["errors"]] == [message]
    shown = await _asked(context, query, variables)
    assert "Did you mean" in shown["errors"][0]["message"]


@pytest.mark.parametrize(
    "query",
    [
        "{ " + "__typename " * 4_900 + "}",
        "{ " + 'entity(ref: "a:b/c") { name } ' * 300 + "}",
        "{ " + ('entity(ref: "a:b/c") { ' + "name " * 60 + "} ") * 60 + "}",
        "{ ...f0 } " + " ".join(f"fragment f{n} on Query {{ __typename }}" for n in range(300)),
    ],
    ids=["a field", "a field with fields", "fields of fields", "fragments"],
)
async def test_what_validation_would_compare_pair_by_pair_is_bounded_before_it(context: Context, query: str):
    [error] = (await _asked(context, query))["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED"}
    assert "pairs would have to be compared; the limit is 20,000." in error["message"]


async def test_the_same_names_in_different_places_are_no_pairs(context: Context):
    fields = " ".join(f'a{n}: entity(ref: "component:b/c") {{ name kind title ref owner {{ name ref }} }}' for n in range(60))
    answer = await _asked(context, f"{{ {fields} }}")
    assert "LIMIT_EXCEEDED" not in str(answer)


@pytest.mark.parametrize(("fields", "fragments", "refused"), [(10, 0, False), (11, 0, True), (6, 5, True), (0, 11, True), (5, 5, False)])
async def test_what_one_mutation_does_is_bounded(context: Context, fields: int, fragments: int, refused: bool):
    own, others = ([f"a{n}: signOutEverywhere" for n in range(start, start + count)] for start, count in ((0, fields), (50, fragments)))
    spread, fragment = ("...f", f"fragment f on Mutation {{ {' '.join(others)} }}") if others else ("", "")
    answer = await _asked(context, f"mutation {{ {' '.join(own)} {spread} }} {fragment}")
    assert ("mutations in one" in answer["errors"][0]["message"]) is refused


async def test_a_document_may_hold_many_mutations_of_which_one_is_executed(context: Context):
    document = " ".join(f"mutation m{n} {{ a: signOutEverywhere b: signOutEverywhere }}" for n in range(10))
    schema = build_schema(REGISTRY, extensions_for(GraphQL()))
    answer = await execute(schema, document, None, "m3", context)
    assert "mutations in one" not in str(answer)
