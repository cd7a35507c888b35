"""Conditions on entities: one closed algebra for filters, permissions and search.

Both stores translate it into queries, and nothing else may decide what matches. Paths and values are compared in lower case; the
constructors lower them. `relations` are never facts: they are asked for by Related.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from graph.refs import Ref
from graph.relations import Direction


@dataclass(frozen=True, slots=True)
class FactIn:
    """The entity has one of `values` (lower case) under `path`. No values: no entity."""

    path: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactExists:
    """The entity has any value under `path`."""

    path: str


@dataclass(frozen=True, slots=True)
class FactHasPrefix:
    """A value under `path` starts with `prefix` (lower case)."""

    path: str
    prefix: str


@dataclass(frozen=True, slots=True)
class FactContains:
    """`part` (lower case) is part of a value under `path`."""

    path: str
    part: str


@dataclass(frozen=True, slots=True)
class RefIn:
    """The entity is one of `refs`."""

    refs: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """An edge of `relation`, followed in `direction`, leads to one of `targets`, which need not exist as entities.

    With `transitive`, a chain of such edges does, whatever lies between. Without targets (None), any such edge will do. With `seen`,
    edges that lead to what is hidden or missing do not count.
    """

    relation: str
    direction: Direction
    targets: tuple[Ref, ...] | None
    transitive: bool = False
    seen: bool = False


@dataclass(frozen=True, slots=True)
class TextContains:
    """Every one of `words` (lower case) is part of the ref, the title, the description or a tag; with `ref_alone`, of the ref."""

    words: tuple[str, ...]
    ref_alone: bool = False


@dataclass(frozen=True, slots=True)
class IsOrphan:
    """No location leads to the entity any more."""


@dataclass(frozen=True, slots=True)
class HasErrors:
    """A catalog error names the entity."""


@dataclass(frozen=True, slots=True)
class OnWholeGraph:
    """`of` holds as it does for visibility: on the whole graph, whatever the caller may see of it."""

    of: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """Every one of `of` holds. An empty All holds for every entity."""

    of: tuple["Condition", ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of `of` holds. An empty AnyOf holds for none."""

    of: tuple["Condition", ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """`of` does not hold."""

    of: "Condition"


Condition = (
    FactIn
    | FactExists
    | FactHasPrefix
    | FactContains
    | RefIn
    | Related
    | TextContains
    | IsOrphan
    | HasErrors
    | OnWholeGraph
    | All
    | AnyOf
    | Not
)

EVERYTHING = All()
NOTHING = AnyOf()


def fact_in(path: str, values: Iterable[str]) -> FactIn:
    """FactIn with path and values lowered, values sorted and without repetition."""
    return FactIn(path.lower(), tuple(sorted({v.lower() for v in values})))


def all_of(conditions: Iterable[Condition]) -> Condition:
    """The conjunction, flattened: a single condition is returned itself."""
    flat: list[Condition] = []
    for condition in conditions:
        flat.extend(condition.of if isinstance(condition, All) else (condition,))
    return flat[0] if len(flat) == 1 else All(tuple(flat))
