"""Random catalogs with what a principal may see of them, and the catalogs that hold only that: worked out without the code under test."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from graph.access import GUEST_PRINCIPAL, UNRESTRICTED_GUEST, Access, Action, Redaction
from graph.conditions import EVERYTHING, All, AnyOf, Condition, FactExists, Not, Related, fact_in
from graph.entities import Entity, Origin, canonical_json, content_hash
from graph.errors import InvalidRefError
from graph.patches import patch_between, patch_of_removal
from graph.refs import Ref, parse_ref
from graph.relations import Direction, RelationRegistry
from graph.store import Batch, CatalogError, Cause, Change, Claim, EntityWrite, Location, Removal, SourceFile, Store
from ingest.relate import relations_of
from tests.contract.model import Model

Document = dict[str, Any]

REGISTRY = RelationRegistry()
CAUSE = Cause("refresh", "loc-1")
_LOCATION = Location("loc-1", "file", "/catalog/all.yaml", "configured", 0)
_FILE = "/catalog/all.yaml"

NAMES: Mapping[str, tuple[str, ...]] = {
    "Group": ("red", "blue", "ops/red"),
    "User": ("ann",),
    "Domain": ("d",),
    "System": ("s", "t"),
    "Component": ("a", "b", "ops/a"),
    "API": ("x",),
    "Resource": ("r",),
    "Location": ("more",),
}
"""The entities that may be there, by kind; a name is in the namespace before its slash."""

_FIELDS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "Component": {
        "owner": ("Group", False),
        "system": ("System", False),
        "subcomponentOf": ("Component", False),
        "dependsOn": ("Component", True),
        "dependencyOf": ("Resource", True),
        "providesApis": ("API", True),
        "consumesApis": ("API", True),
    },
    "API": {"owner": ("Group", False), "system": ("System", False)},
    "Resource": {"owner": ("Group", False), "system": ("System", False), "dependsOn": ("Component", True)},
    "System": {"owner": ("Group", False), "domain": ("Domain", False)},
    "Domain": {"owner": ("Group", False)},
    "Group": {"parent": ("Group", False), "children": ("Group", True), "members": ("User", True)},
    "User": {"memberOf": ("Group", True)},
}
"""The fields of relations that are drawn: the kind of their targets, and whether they are lists."""

PATHS = (
    "spec.definition",
    "spec.type",
    "spec.lifecycle",
    "spec.profile",
    "spec.profile.email",
    "metadata.annotations",
    "metadata.annotations.example.com/x",
    "metadata.labels.tier",
    "metadata.title",
    "metadata.description",
    "metadata.tags",
    "metadata.links",
)
"""What may be redacted."""


def ref_of(kind: str, name: str) -> Ref:
    return parse_ref(f"{kind}:{name}").ref


EXISTING = tuple(ref_of(kind, name) for kind, names in NAMES.items() for name in names)
REFS = (*EXISTING, Ref("component:default/ghost"), Ref("group:default/ghost"))
"""All refs that anything speaks of; the last ones are never there."""

_words = st.sampled_from(["a", "B", "service", "public"])


def _texts_of(kind: str) -> st.SearchStrategy[str]:
    """Refs to entities of a kind, in either spelling, some of them missing."""
    named = [f"{kind.lower()}:{name}" for name in (*NAMES[kind], "ghost")]
    return st.sampled_from([*named, *(named if kind in {"Component", "Resource"} else (*NAMES[kind], "ghost"))])


@st.composite
def _documents(draw: st.DrawFn, kind: str, name: str) -> Document:
    namespace, _, alone = name.rpartition("/")
    metadata: Document = {"name": alone, **({"namespace": namespace} if namespace else {})}
    metadata |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "title": _words,
                "description": _words,
                "tags": st.lists(_words, max_size=2, unique=True),
                "labels": st.fixed_dictionaries({}, optional={"tier": _words, "other": _words}),
                "annotations": st.fixed_dictionaries({}, optional={"example.com/x": _words, "example.com/y": _words}),
                "links": st.just([{"url": "https://example.com/shop"}]),
            },
        )
    )
    fields: dict[str, st.SearchStrategy[Any]] = {"type": _words, "lifecycle": _words}
    for field, (target, many) in _FIELDS.get(kind, {}).items():
        texts = _texts_of(target)
        fields[field] = st.lists(texts, max_size=3) if many else texts
    if kind == "API":
        fields["definition"] = _words
    if kind in {"User", "Group"}:
        fields["profile"] = st.fixed_dictionaries({}, optional={"displayName": _words, "email": _words})
    spec = draw(st.fixed_dictionaries({}, optional=fields))
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


_leaves: st.SearchStrategy[Condition] = (
    st.lists(st.sampled_from([*NAMES]), min_size=1, max_size=3).map(lambda kinds: fact_in("kind", kinds))
    | st.sampled_from(["metadata.annotations.example.com/x", "metadata.labels.tier", "spec.type", "spec.lifecycle"]).map(FactExists)
    | st.builds(fact_in, st.sampled_from(["metadata.annotations.example.com/x", "metadata.labels.tier", "spec.type"]), st.tuples(_words))
    | _words.map(lambda word: fact_in("metadata.tags", (word,)))
    | st.lists(st.sampled_from(EXISTING[:4]), min_size=1, max_size=2).map(lambda of: Related("ownedBy", Direction.OUT, tuple(of)))
    | st.sampled_from(EXISTING[5:7]).map(lambda of: Related("partOf", Direction.OUT, (of,), transitive=True))
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    _leaves,
    lambda of: (
        st.builds(All, st.lists(of, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(of, min_size=1, max_size=3).map(tuple))
        | st.builds(Not, of)
    ),
    max_leaves=4,
)
"""What permission policies come to: the leaves of their conditions under and, or and not."""

_redactions = st.builds(
    Redaction, st.lists(st.sampled_from(PATHS), min_size=1, max_size=2, unique=True).map(tuple), conditions | st.just(EVERYTHING)
)

_FILLERS = fact_in("kind", ("Filler",))


@dataclass(frozen=True)
class Case:
    """A history, step by step: documents by ref, None where one is removed; and what a principal may see in the end."""

    steps: Sequence[Mapping[Ref, Document | None]]
    access: Access
    concerned: Sequence[Ref]

    @property
    def paths(self) -> frozenset[str]:
        """Everything that is redacted, of whatever entity."""
        return frozenset(path for redaction in self.access.redactions for path in redaction.paths)


def seeing(
    visible: Condition, redactions: Sequence[Redaction] = (), *, hides_references: bool = False, reads_locations: bool = True
) -> Access:
    """What a guest may do who sees some entities, and not all of those; the fillers of reduced catalogs are not seen."""
    shown = All((visible, Not(_FILLERS)))
    conditions = {**UNRESTRICTED_GUEST.conditions, Action.ENTITY_READ: shown}
    if not reads_locations:
        del conditions[Action.LOCATION_READ]
    return Access(GUEST_PRINCIPAL, conditions, tuple(redactions), hides_references)


def seeing_all(access: Access) -> Access:
    """The same principal, who sees all of a reduced catalog."""
    return seeing(EVERYTHING, reads_locations=access.may(Action.LOCATION_READ))


_policies = st.builds(Not, _leaves) | st.builds(Not, conditions) | conditions

of_one_form: st.SearchStrategy[Condition] = st.builds(
    lambda kinds, owner: AnyOf((Not(fact_in("kind", kinds)), Related("ownedBy", Direction.OUT, (owner,)))),
    st.lists(st.sampled_from(["Component", "Group", "System"]), min_size=1, max_size=2),
    st.sampled_from(EXISTING[:3]),
)
"""Policies that differ in values alone, and so not in the texts of queries, each of which Neo4j plans for long."""


@st.composite
def cases(draw: st.DrawFn, policies: st.SearchStrategy[Condition] = _policies, *, hides_references: bool | None = None) -> Case:
    """Random histories of up to three steps, with a random policy. Most entities are created in the first."""
    chosen = draw(st.lists(st.sampled_from([(k, n) for k, names in NAMES.items() for n in names]), unique=True, min_size=4, max_size=13))
    first = {ref_of(kind, name): draw(_documents(kind, name)) for kind, name in chosen}
    steps: list[Mapping[Ref, Document | None]] = [first]
    for _ in range(draw(st.integers(0, 2))):
        changed = draw(st.lists(st.sampled_from(chosen), unique=True, max_size=3))
        steps.append({ref_of(*one): draw(_documents(*one) | st.none()) for one in changed})
    redactions = draw(st.lists(_redactions, max_size=2)) if policies is _policies else [Redaction(PATHS[1:3], draw(policies))]
    hides = draw(st.booleans()) if hides_references is None else hides_references
    access = seeing(draw(policies), redactions, hides_references=hides, reads_locations=draw(st.booleans()))
    return Case(steps, access, draw(st.lists(st.sampled_from(REFS), max_size=4)))


# What is stored


def _entity(ref: Ref, document: Document, seen: AbstractSet[Ref] | None = None) -> Entity:
    """Every other one was led to by the Location, which is not told of where it is hidden as a reference."""
    line, location = 1 + EXISTING.index(ref), EXISTING[-1]
    leads = line % 2 and ref != location and (seen is None or location in seen)
    return Entity(ref, document, Origin("loc-1", _FILE, 0, line, location if leads else None))


class _Lines:
    def spec_line(self, steps: object) -> int:
        return 7


def _write(ref: Ref, document: Document, previous: Document | None, seen: AbstractSet[Ref] | None = None) -> EntityWrite:
    declares = relations_of(document, ref, _FILE, REGISTRY, _Lines()).edges
    entity = _entity(ref, document, seen)
    if previous is None:
        return EntityWrite(entity, declares, None)
    return EntityWrite(entity, declares, _hash(previous), patch_between(previous, document))


def _removal(ref: Ref, previous: Document) -> Removal:
    return Removal(ref, _hash(previous), patch_of_removal(previous))


def _hash(document: Document) -> str:
    return content_hash(canonical_json(document))


def batches(case: Case) -> Sequence[Batch]:
    """The history as batches, the last with errors and claims."""
    present: dict[Ref, Document] = {}
    found: list[Batch] = []
    for step in case.steps:
        for entries in _entries(step, present):
            writes = [_write(ref, new, old) for ref, old, new in entries if new is not None]
            removals = [_removal(ref, old) for ref, old, new in entries if new is None and old is not None]
            found.append(Batch(CAUSE, writes, removals))
    return [*found, _beside(case.concerned)]


_Entry = tuple[Ref, Document | None, Document | None]
"""What a log entry is about: the ref, its document before and after."""


def _entries(step: Mapping[Ref, Document | None], present: dict[Ref, Document]) -> Sequence[Sequence[_Entry]]:
    """What a step changes, batch by batch: all that is written, then each removal by itself."""
    changed = [(ref, present.get(ref), document) for ref, document in step.items() if present.get(ref) != document]
    for ref, _, document in changed:
        present.pop(ref, None)
        if document is not None:
            present[ref] = document
    written = [entry for entry in changed if entry[2] is not None]
    return [*([written] if written else []), *([entry] for entry in changed if entry[2] is None)]


def _beside(concerned: Iterable[Ref]) -> Batch:
    """What is known beside the graph of the refs concerned: an error, and two documents that declare each."""
    refs = sorted(set(concerned))
    errors = [CatalogError("loc-1", _FILE, "code", f"about {ref}", "remedy", 0, 1 + i, 1, ref) for i, ref in enumerate(REFS) if ref in refs]
    claims = [Claim(ref, "loc-1", path, 0, 3, reading) for ref in refs for path, reading in ((_FILE, None), ("/other.yaml", b"waits"))]
    files = [SourceFile("loc-1", path, "digest") for path in (_FILE, "/other.yaml")]
    return Batch(CAUSE, files=files, claims=claims, errors=errors, locations=[_LOCATION])


# The catalog that holds only what is seen


@dataclass(frozen=True)
class Reduced:
    """The history of the catalog that holds only what is seen, and the refs of that.

    Where the whole catalog has an entry in its log that must not be told of, this one has one of a filler, so that numbers are the same.
    """

    batches: Sequence[Batch]
    seen: frozenset[Ref]


def reduced(case: Case) -> Reduced:
    """What the principal of a case ought to see: nothing but visible entities, without what is redacted."""
    model = Model(REGISTRY)
    for batch in batches(case):
        model.apply(batch)
    seen = model.seen(case.access.visible)
    hidden: dict[Ref, set[str]] = {ref: set() for ref in seen}
    for redaction in case.access.redactions:
        for ref in seen & model.seen(redaction.of):
            hidden[ref].update(redaction.paths)
    reducing = _Reducing(seen, hidden, seen if case.access.hides_references else None)
    present: dict[Ref, Document] = {}
    found = [reducing.batch(entries) for step in case.steps for entries in _entries(step, present)]
    # What concerns a missing ref may be about anything, and so about what is redacted.
    untold = {ref for ref in REFS if hidden.get(ref) or (ref not in model.entities and case.access.redactions)}
    beside = _beside(ref for ref in case.concerned if ref in seen or ref not in model.entities)
    errors = [_untold(error) if error.ref in untold else error for error in beside.errors]
    return Reduced([*found, Batch(CAUSE, files=beside.files, claims=beside.claims, errors=errors, locations=beside.locations)], seen)


def _untold(error: CatalogError) -> CatalogError:
    told = "What is wrong is not told, because fields of the entity are redacted."
    remedy = "Ask somebody who sees all of the entity, or look into the file."
    return CatalogError(error.location_id, error.path, error.code, told, remedy, error.document, error.line, error.column, error.ref)


class _Reducing:
    """Takes out of one batch after the other what is not seen. `targets` are the refs that references may name; None for all."""

    def __init__(self, seen: AbstractSet[Ref], hidden: Mapping[Ref, AbstractSet[str]], targets: AbstractSet[Ref] | None) -> None:
        self._seen, self._hidden, self._targets = seen, hidden, targets
        self._fillers: dict[Ref, Document] = {}

    def batch(self, entries: Sequence[_Entry]) -> Batch:
        writes: list[EntityWrite] = []
        removals: list[Removal] = []
        for position, (ref, old, new) in enumerate(entries):
            before, after = self._shown(ref, old), self._shown(ref, new)
            if before == after:
                writes.append(self._filler(position))
            elif after is not None:
                writes.append(_write(ref, after, before, self._targets))
            elif before is not None:
                removals.append(_removal(ref, before))
        return Batch(CAUSE, writes, removals)

    def _shown(self, ref: Ref, document: Document | None) -> Document | None:
        if document is None or ref not in self._seen:
            return None
        return _stripped(document, self._hidden[ref], self._targets)

    def _filler(self, position: int) -> EntityWrite:
        ref = Ref(f"filler:default/f{position}")
        previous = self._fillers.get(ref)
        turn = 0 if previous is None else previous["spec"]["turn"] + 1
        metadata = {"name": f"f{position}"}
        document: Document = {"apiVersion": "backstage.io/v1alpha1", "kind": "Filler", "metadata": metadata, "spec": {"turn": turn}}
        self._fillers[ref] = document
        entity = Entity(ref, document, Origin("loc-1", _FILE, 0, 99))
        if previous is None:
            return EntityWrite(entity, (), None)
        return EntityWrite(entity, (), _hash(previous), patch_between(previous, document))


def _stripped(document: Document, paths: AbstractSet[str], seen: AbstractSet[Ref] | None) -> Document:
    kept = deepcopy(document)
    for path in paths:
        _remove(kept, path)
    if seen is not None:
        for field, (kind, many) in _FIELDS.get(document["kind"], {}).items():
            if field not in kept["spec"]:
                continue
            texts = kept["spec"][field] if many else [kept["spec"][field]]
            left = [text for text in texts if _target(text, kind, document) in seen]
            if many:
                kept["spec"][field] = left
            elif not left:
                del kept["spec"][field]
    return kept


def _target(text: str, kind: str, document: Document) -> Ref | None:
    try:
        return parse_ref(text, default_kind=kind, default_namespace=document["metadata"].get("namespace", "default")).ref
    except InvalidRefError:
        return None


def _remove(document: Document, path: str) -> None:
    first, _, rest = path.partition(".")
    below = document.get(first)
    if not rest:
        document.pop(first, None)
    elif first in {"annotations", "labels"}:
        (below or {}).pop(rest, None)
    elif isinstance(below, dict):
        _remove(below, rest)


async def fill(store: Store, history: Sequence[Batch]) -> Sequence[Change]:
    """Write a history into an empty store."""
    written: list[Change] = []
    for batch in history:
        written += await store.apply(batch)
    return written
