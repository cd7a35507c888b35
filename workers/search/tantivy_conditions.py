"""Who may find what, as queries of tantivy over the leaves of documents, which never score."""

from collections.abc import Sequence
from functools import lru_cache

from tantivy import Occur, Query

from graph.conditions import EVERYTHING, All, AnyOf, Condition, FactExists, FactIn, Not, OnWholeGraph, RefIn, Related
from graph.errors import InputError
from workers.search.index import SearchQuery
from workers.search.leaves import leaves_asked
from workers.search.tantivy_schema import BELONGS_TO_NONE, LEAVES, SCHEMA, TYPE, leaf_term

_FEW_TERMS = 8


def filter_of(query: SearchQuery) -> Query:
    """What may be found and is not filtered out, by a query of score 0. InputError if leaves can't tell."""
    visible = _visible(tuple(sorted(query.visible.items())))
    if query.filter == EVERYTHING:
        return visible
    return _both([visible, Query.const_score_query(_condition(query.filter), 0.0)])


@lru_cache(maxsize=256)
def _visible(visible: tuple[tuple[str, Condition], ...]) -> Query:
    types: dict[Condition, list[str]] = {}
    "".join(document_type for document_type, _ in visible).encode()
    for document_type, condition in visible:
        types.setdefault(condition, []).append(document_type)
    found = [_visible_types(of, condition) for condition, of in types.items()]
    return Query.const_score_query(_either(found), 0.0)


def _visible_types(types: Sequence[str], condition: Condition) -> Query:
    of_types = _any(TYPE, types)
    if condition == EVERYTHING:
        return of_types
    of_none = Query.term_query(SCHEMA, LEAVES, BELONGS_TO_NONE, "basic")
    return _both([of_types, _either([_condition(condition), of_none])])


@lru_cache(maxsize=256)
def _condition(condition: Condition) -> Query:
    """The condition on leaves as a query. InputError for a condition that leaves can't tell."""
    match condition:
        case All(of):
            return _both([_condition(part) for part in of])
        case AnyOf(of):
            return _either([_condition(part) for part in of])
        case Not(of):
            return Query.boolean_query([(Occur.Must, Query.all_query()), (Occur.MustNot, _condition(of))])
        case OnWholeGraph(of):
            return _condition(of)
        case FactIn() | FactExists() | RefIn() | Related():
            return _any(LEAVES, [leaf_term(leaf) for leaf in leaves_asked(condition)])
        case _:
            raise InputError(f"search can't be restricted by {type(condition).__name__}; filter entities by it instead")


def _any(field: str, terms: Sequence[str]) -> Query:
    # A set reads all documents of its terms before the first one is looked at, which pays where each has few.
    if len(terms) > _FEW_TERMS:
        return Query.term_set_query(SCHEMA, field, terms)
    return _either([Query.term_query(SCHEMA, field, term, "basic") for term in terms])


def _both(queries: Sequence[Query]) -> Query:
    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(Occur.Must, query) for query in queries]) if queries else Query.all_query()


def _either(queries: Sequence[Query]) -> Query:
    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(Occur.Should, query) for query in queries]) if queries else Query.empty_query()
