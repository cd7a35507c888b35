"""Small catalogs for tests: entities, edges and batches by hand, and random ones by hypothesis."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from graph.conditions import (
    EVERYTHING,
    All,
    AnyOf,
    Condition,
    FactContains,
    FactExists,
    FactHasPrefix,
    FactIn,
    HasErrors,
    IsOrphan,
    Not,
    OnWholeGraph,
    RefIn,
    Related,
    TextContains,
)
from graph.entities import Edge, Entity, Evidence, Origin, canonical_json, content_hash
from graph.refs import Ref, split_ref
from graph.relations import Direction, Step
from graph.store import Batch, CatalogError, Cause, EntityWrite, Order, Removal

LOCATION = "file:/catalog/all.yaml"
CAUSE = Cause("refresh", LOCATION)


def entity(
    ref: str, spec: Mapping[str, Any] | None = None, *, path: str = "/catalog/all.yaml", orphan: bool = False, **metadata: object
) -> Entity:
    """An entity whose descriptor says what is given; its kind is shown as Backstage writes it."""
    kind, namespace, name = split_ref(Ref(ref))
    shown = {"api": "API", "airesource": "AiResource"}.get(kind, kind.capitalize())
    about: dict[str, object] = {"name": name, **metadata}
    if namespace != "default":
        about["namespace"] = namespace
    document = {"apiVersion": "backstage.io/v1alpha1", "kind": shown, "metadata": about, "spec": dict(spec or {})}
    return Entity(Ref(ref), document, Origin(LOCATION, path, 0, 1), orphan)


def declared(declarer: str, relation: str, other: str, *, inverted: bool = False, field: str | None = None, line: int = 7) -> Edge:
    """The edge that an entity declares, from itself unless inverted."""
    source, target = (other, declarer) if inverted else (declarer, other)
    evidence = Evidence(Ref(declarer), field or f"spec.{relation}{'Inverted' if inverted else ''}", "/catalog/all.yaml", line)
    return Edge(Ref(source), relation, Ref(target), (evidence,))


def hash_of(of: Entity) -> str:
    return content_hash(canonical_json(of.document))


def created(of: Entity, *declares: Edge) -> EntityWrite:
    return EntityWrite(of, declares, None)


def updated(old: Entity, new: Entity, *declares: Edge) -> EntityWrite:
    """The update that turns one entity into another, with a patch that replaces its whole spec."""
    patch = [{"op": "test", "path": "/spec", "value": old.spec}, {"op": "replace", "path": "/spec", "value": new.spec}]
    return EntityWrite(new, declares, hash_of(old), [] if old.document == new.document else patch)


def removed(old: Entity) -> Removal:
    return Removal(old.ref, hash_of(old), [{"op": "test", "path": "", "value": old.document}, {"op": "remove", "path": ""}])


def batch(*writes: EntityWrite, removals: Sequence[Removal] = (), cause: Cause = CAUSE, **more: Any) -> Batch:
    return Batch(cause, writes=writes, removals=removals, **more)


def merged(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """The edges, each once, with all the evidence given for it."""
    evidence: dict[tuple[Ref, str, Ref], dict[str, Evidence]] = {}
    for edge in edges:
        evidence.setdefault((edge.source, edge.relation, edge.target), {}).update({e.field: e for e in edge.evidence})
    return tuple(Edge(*ends, tuple(of[field] for field in sorted(of))) for ends, of in evidence.items())


KINDS = ("component", "api", "group")
REFS = tuple(Ref(f"{kind}:{namespace}/{name}") for kind in KINDS for namespace, name in (("default", "a"), ("default", "b"), ("ops", "a")))
RELATIONS = ("dependsOn", "ownedBy", "partOf")
VALUES = ("a", "B", "b", "ab", "Zürich", "ß", "\U0001f600", "\u4e2d")
PATHS = ("kind", "metadata.namespace", "metadata.name", "spec.type", "spec.tags", "spec.tags.ab", "metadata.title", "spec.missing")

refs = st.sampled_from(REFS)
relations = st.sampled_from(RELATIONS)
directions = st.sampled_from(Direction)
values = st.sampled_from(VALUES)


@st.composite
def writes(draw: st.DrawFn, ref: Ref) -> EntityWrite:
    """A random entity with what it declares."""
    spec: dict[str, object] = {}
    if draw(st.booleans()):
        spec["type"] = draw(values)
    if draw(st.booleans()):
        spec["tags"] = draw(st.lists(values, max_size=2))
    metadata: dict[str, object] = {}
    if draw(st.booleans()):
        metadata["title"] = draw(values)
    ends = st.tuples(relations, refs, st.booleans(), st.sampled_from(["spec.one", "spec.two"]))
    drawn = draw(st.lists(ends, max_size=4))
    edges = [declared(ref, relation, other, inverted=inverted, field=field) for relation, other, inverted, field in drawn]
    return created(entity(ref, spec, orphan=draw(st.booleans()), **metadata), *merged(edges))


@st.composite
def catalogs(draw: st.DrawFn) -> Batch:
    """A random catalog in one batch, with errors that name entities, missing ones and none."""
    chosen = draw(st.lists(refs, unique=True, min_size=1, max_size=len(REFS)))
    concerned = draw(st.lists(st.none() | refs, max_size=3))
    errors = [
        CatalogError(LOCATION, f"/{draw(values)}", "code", f"message {i}", "remedy", line=draw(st.none() | st.integers(1, 20)), ref=ref)
        for i, ref in enumerate(concerned)
    ]
    return batch(*[draw(writes(ref)) for ref in chosen], errors=errors)


_few_values = st.lists(values.map(str.lower), max_size=10).map(tuple)
_few_refs = st.lists(refs, max_size=3).map(tuple)
_paths = st.sampled_from(PATHS)
_leaves = (
    st.builds(FactIn, _paths, _few_values)
    | st.builds(FactIn, st.just("kind"), st.lists(st.sampled_from(KINDS), max_size=2).map(tuple))
    | st.builds(FactExists, _paths)
    | st.builds(FactHasPrefix, _paths, values.map(str.lower) | st.just(""))
    | st.builds(FactContains, _paths, values.map(str.lower) | st.sampled_from(["", "r", "e"]))
    | st.builds(RefIn, _few_refs)
    | st.builds(Related, relations, directions, st.none() | _few_refs, st.booleans(), st.booleans())
    | st.builds(TextContains, st.lists(values.map(str.lower) | st.just("api:"), max_size=2).map(tuple), st.booleans())
    | st.just(IsOrphan())
    | st.just(HasErrors())
)

conditions: st.SearchStrategy[Condition] = st.recursive(
    _leaves,
    lambda of: (
        st.builds(All, st.lists(of, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(of, max_size=3).map(tuple))
        | st.builds(Not, of)
        | st.builds(OnWholeGraph, of)
    ),
    max_leaves=4,
)
visibilities = st.just(EVERYTHING) | st.builds(Not, _leaves) | conditions
steps = st.lists(st.builds(Step, relations, directions), max_size=4).map(tuple)
orders = st.lists(st.builds(Order, _paths, st.booleans()), max_size=2, unique_by=lambda order: order.path).map(tuple)
