"""The relations of the graph: how they are declared, stored, read backwards, and travelled by a change.

The pairs are Backstage's, https://backstage.io/docs/features/software-catalog/well-known-relations
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    """Which way an edge is followed from an entity: out of it as stored, or into it."""

    OUT = "out"
    IN = "in"

    @property
    def opposite(self) -> "Direction":
        return Direction.IN if self is Direction.OUT else Direction.OUT


class Travel(StrEnum):
    """Where a change of one end is felt along a stored edge."""

    TO_SOURCE = "to_source"
    TO_TARGET = "to_target"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A field of `spec` that declares edges.

    `kinds` are the kinds (lower case) in which the field has this meaning. Where `inverted`, the declaring entity is the stored edge's
    target. A field with `default_kind` None needs refs that name their kind.
    """

    field: str
    kinds: frozenset[str]
    default_kind: str | None
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """One kind of edge. `name` is the stored one; `forward` and `backward` are the pair as Backstage names it."""

    name: str
    forward: str
    backward: str
    travel: Travel
    travels_on_request: bool
    declarations: tuple[Declaration, ...]

    @property
    def graphql_name(self) -> str:
        """The value in the GraphQL enum RelationType: `dependsOn` is DEPENDS_ON."""
        return "".join(f"_{c}" if c.isupper() else c for c in self.name).upper()


@dataclass(frozen=True, slots=True)
class Step:
    """One permitted move of a traversal: along `relation`, in `direction` as seen from the entity reached last."""

    relation: str
    direction: Direction


def _kinds(*names: str) -> frozenset[str]:
    return frozenset(names)


_PARTS = _kinds("component", "api", "resource", "airesource")
_DEPENDING = _kinds("component", "resource")
_OWNED = _kinds("component", "api", "resource", "system", "domain", "template", "airesource")

BUILTIN_RELATIONS: tuple[Relation, ...] = (
    Relation(
        "dependsOn", "dependsOn", "dependencyOf", Travel.TO_SOURCE, False,
        (
            Declaration("dependsOn", _DEPENDING, None),
            Declaration("dependencyOf", _DEPENDING, None, inverted=True),
            Declaration("dependsOn", _kinds("airesource"), "AiResource"),
        ),
    ),
    Relation(
        "providesApis", "providesApi", "apiProvidedBy", Travel.TO_TARGET, False,
        (Declaration("providesApis", _kinds("component"), "API"),),
    ),
    Relation(
        "consumesApis", "consumesApi", "apiConsumedBy", Travel.TO_SOURCE, False,
        (Declaration("consumesApis", _kinds("component"), "API"),),
    ),
    Relation(
        "partOf", "partOf", "hasPart", Travel.TO_SOURCE, True,
        (
            Declaration("system", _PARTS, "System"),
            Declaration("subcomponentOf", _kinds("component"), "Component"),
            Declaration("domain", _kinds("system"), "Domain"),
            Declaration("subdomainOf", _kinds("domain"), "Domain"),
            Declaration("skills", _kinds("airesource"), "AiResource", inverted=True),
            Declaration("plugins", _kinds("airesource"), "AiResource", inverted=True),
        ),
    ),
    Relation("ownedBy", "ownedBy", "ownerOf", Travel.NOWHERE, False, (Declaration("owner", _OWNED, "Group"),)),
    Relation(
        "childOf", "childOf", "parentOf", Travel.NOWHERE, False,
        (
            Declaration("parent", _kinds("group"), "Group"),
            Declaration("children", _kinds("group"), "Group", inverted=True),
        ),
    ),
    Relation(
        "memberOf", "memberOf", "hasMember", Travel.NOWHERE, False,
        (
            Declaration("memberOf", _kinds("user"), "Group"),
            Declaration("members", _kinds("group"), "User", inverted=True),
        ),
    ),
)  # fmt: skip


class RelationRegistry:
    """The relations of one catalog: the built-in ones and those of its configuration."""

    def __init__(self, configured: Iterable[Relation] = ()) -> None:
        self._by_name: dict[str, Relation] = {r.name: r for r in (*BUILTIN_RELATIONS, *configured)}
        self._by_kind: dict[str, list[tuple[Relation, Declaration]]] = {}
        for relation in self._by_name.values():
            for declaration in relation.declarations:
                for kind in declaration.kinds:
                    self._by_kind.setdefault(kind, []).append((relation, declaration))

    def __iter__(self) -> Iterator[Relation]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> Relation:
        """The relation stored under `name`. KeyError if there is none."""
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    @property
    def by_either_name(self) -> Mapping[str, tuple[Relation, Direction]]:
        """Backstage's relation types (lower case) to the stored relation and the direction they read it in."""
        both: dict[str, tuple[Relation, Direction]] = {}
        for relation in self._by_name.values():
            both[relation.name.lower()] = both[relation.forward.lower()] = (relation, Direction.OUT)
            both[relation.backward.lower()] = (relation, Direction.IN)
        return both

    def declared_by(self, kind: str) -> Sequence[tuple[Relation, Declaration]]:
        """The fields by which an entity of this kind (lower case) declares edges; empty if none."""
        return self._by_kind.get(kind, ())

    def dependent_steps(self, names: Iterable[str] | None = None) -> tuple[Step, ...]:
        """The steps from something that changes to what feels it. Without `names`, all relations that travel unasked."""
        steps: list[Step] = []
        for relation in self._by_name.values():
            wanted = relation.name in names if names is not None else not relation.travels_on_request
            if wanted and relation.travel is Travel.TO_SOURCE:
                steps.append(Step(relation.name, Direction.IN))
            elif wanted and relation.travel is Travel.TO_TARGET:
                steps.append(Step(relation.name, Direction.OUT))
        return tuple(steps)

    def dependency_steps(self, names: Iterable[str] | None = None) -> tuple[Step, ...]:
        """The steps from something to what its own changes come from: the dependent steps turned round."""
        return tuple(Step(s.relation, s.direction.opposite) for s in self.dependent_steps(names))
