"""The leaves of conditions, as search documents store them, so that a condition becomes a query of any engine.

A leaf is a text: `=path=value` for a fact (values and paths in lower case), `?path` for a path that has any value, `@ref` for the entity
itself, `>relation>ref` for an edge out of it, and `>>partof>ref` for a chain of them. Conditions that ask for anything else, which
permissions can't, are refused.
"""

from collections.abc import Iterable, Sequence

from graph.conditions import FactExists, FactIn, RefIn, Related
from graph.entities import Entity, facts_of
from graph.errors import InputError
from graph.refs import Ref
from graph.relations import Direction
from graph.store import EdgeEnd

TRANSITIVE_RELATION = "partOf"
"""The relation whose chains are stored: `system` and `domain` in filters and policies mean transitive parts."""

EDGE = ">"
"""How the leaves of edges, and of chains of them, begin."""

ANCESTORS = f">>{TRANSITIVE_RELATION.lower()}>"
"""How the leaves of a chain begin."""

Leaf = FactIn | FactExists | RefIn | Related
"""The conditions that can be asked of leaves."""


def leaves_of(entity: Entity, ends: Iterable[EdgeEnd], ancestors: Iterable[Ref]) -> frozenset[str]:
    """The leaves of an entity with these edges, which is part, near or far, of these ancestors (missing ones included)."""
    facts = facts_of(entity.document)
    found = {f"={path}={value}" for path, value in facts}
    found.update(f"?{path}" for path, _ in facts)
    found.update(f">{relation.lower()}>{ref}" for relation, direction, ref in ends if direction is Direction.OUT)
    found.update(f"{ANCESTORS}{ref}" for ref in ancestors)
    found.add(f"@{entity.ref}")
    return frozenset(found)


def leaves_asked(condition: Leaf) -> Sequence[str]:
    """The leaves of which a document has to have one for the condition to hold. InputError if no leaf says whether it does."""
    match condition:
        case FactIn(path, values):
            return [f"={path}={value}" for value in values]
        case FactExists(path):
            return [f"?{path}"]
        case RefIn(refs):
            return [f"@{ref}" for ref in refs]
        case Related(relation, direction, targets, transitive, seen):
            if direction is not Direction.OUT or targets is None or seen or (transitive and relation != TRANSITIVE_RELATION):
                raise InputError(f"search can't be restricted by this use of the relation {relation}; filter entities by it instead")
            begin = ANCESTORS if transitive else f">{relation.lower()}>"
            return [f"{begin}{target}" for target in targets]
