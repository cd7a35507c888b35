"""Inferred evidence on stored edges: how it is told from declared one, and how it stands beside what a document declares anew."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from graph.entities import Edge, Evidence
from graph.refs import Ref

_OWNED_BY = "ownedBy"


def is_of_inference(evidence: Evidence) -> bool:
    """Whether inference wrote the evidence; fields of documents, and what processors emit, have no place in a file in their names."""
    return evidence.inferred and "#" in evidence.field


def declared_alone(edges: Iterable[Edge]) -> list[Edge]:
    """The edges without what inference added."""
    kept = ((edge, tuple(one for one in edge.evidence if not is_of_inference(one))) for edge in edges)
    return [Edge(edge.source, edge.relation, edge.target, evidence) for edge, evidence in kept if evidence]


def beside(declared: Sequence[Edge], inferred: Iterable[Edge]) -> tuple[Edge, ...]:
    """The declared edges with the inferred evidence beside it, ordered by (source, relation, target) and each by field.

    An inferred owner is left out where another is declared.
    """
    owners = {edge.target for edge in declared if edge.relation == _OWNED_BY}
    found: dict[tuple[Ref, str, Ref], dict[str, Evidence]] = defaultdict(dict)
    for edge in declared:
        for one in edge.evidence:
            found[edge.source, edge.relation, edge.target][one.field] = one
    for edge in inferred:
        if edge.relation == _OWNED_BY and owners and edge.target not in owners:
            continue
        for one in edge.evidence:
            if is_of_inference(one):
                found[edge.source, edge.relation, edge.target].setdefault(one.field, one)
    return tuple(Edge(*ends, tuple(fields[name] for name in sorted(fields))) for ends, fields in sorted(found.items()) if fields)


def kept_beside(declares: tuple[Edge, ...], stored: Sequence[Edge]) -> tuple[Edge, ...]:
    """What an entity declares now, with what inference added to it when it was stored; inference itself takes back what no longer holds."""
    if not any("#" in one.field for edge in stored for one in edge.evidence):
        return declares
    return beside(declares, stored)
