"""Who may find what, as queries of tantivy over the leaves of documents, which never score."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from tantivy import Occur, Query

from graph.conditions import EVERYTHING, All, AnyOf, Condition, FactExists, FactIn, Not, OnWholeGraph, RefIn, Related
from graph.errors import InputError
from workers.search.index import SearchQuery
from workers.search.leaves import leaves_asked
from workers.search.tantivy_schema import BELONGS_TO_NONE, LEAVES, SCHEMA, STATE, TYPE, leaf_term

_FEW_TERMS = 8


def restrictions(query: SearchQuery, types: Iterable[str]) -> Sequence[tuple[Occur, Query]]:
    """What may be found and is not filtered out, in an index with documents of these types, by parts of a query that have no score.

    InputError if leaves can't tell.
    """
    allowed = _visible(tuple(sorted(query.visible.items())), frozenset(types))
    if query.filter == EVERYTHING:
        return allowed
    return [*allowed, (Occur.Must, Query.const_score_query(_condition(query.filter), 0.0))]


@lru_cache(maxsize=256)
def _visible(visible: tuple[tuple[str, Condition], ...], types: frozenset[str]) -> Sequence[tuple[Occur, Query]]:
    """What can be found is said by what can't wherever that is possible: few documents are excluded, and all others need not be read."""
    shown = [(document_type, condition) for document_type, condition in visible if document_type in types]
    hidden = sorted(types - {document_type for document_type, _ in shown})
    excluded = [(Occur.MustNot, Query.term_query(SCHEMA, TYPE, document_type, "basic")) for document_type in hidden]
    excluded.append((Occur.MustNot, Query.term_query(SCHEMA, STATE, STATE, "basic")))
    conditions = {condition for _, condition in shown}
    if conditions <= {EVERYTHING}:
        return excluded
    of_types = [
        _visible_types([of for of, its in shown if its == condition] if len(conditions) > 1 else (), condition) for condition in conditions
    ]
    return [*excluded, (Occur.Must, Query.const_score_query(_either(of_types), 0.0))]


def _visible_types(types: Sequence[str], condition: Condition) -> Query:
    """The documents of these types, of all if there are none, that the condition shows."""
    of_types = [_any(TYPE, types)] if types else []
    if condition == EVERYTHING:
        return _both(of_types)
    of_none = Query.term_query(SCHEMA, LEAVES, BELONGS_TO_NONE, "basic")
    return _both([*of_types, _either([_condition(condition), of_none])])


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
