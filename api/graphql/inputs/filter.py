"""EntityFilter: what a caller may ask of entities, and the Condition of the graph that it means."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import strawberry

from api.graphql.given import given
from api.graphql.types.relation_type import RelationDirection, RelationType
from graph.conditions import (
    All,
    AnyOf,
    Condition,
    FactExists,
    FactHasPrefix,
    HasErrors,
    IsOrphan,
    Not,
    Related,
    TextContains,
    all_of,
    fact_in,
)
from graph.errors import InputError, InvalidRefError, LimitExceededError
from graph.refs import Ref, parse_ref
from graph.relations import Direction, RelationRegistry

MOST_PARTS = 400
"""Stores take no more in one condition than a thousand, what is visible included."""

_RELATIONS = "relations."
_LONGEST_TEXT = 1_000


def _field(description: str, **options: Any) -> Any:
    return strawberry.field(description=description, default=strawberry.UNSET, **options)


@strawberry.input(description="A label or an annotation that an entity has, or has not.")
class KeyFilter:
    key: str = strawberry.field(description="The key, without regard to case.")
    value: list[str] | None = _field("Only with one of these values, without regard to case. An empty list lets nothing through.")
    exists: bool | None = _field("Whether there is such a key at all. With neither this nor `value`, true.")


@strawberry.input(
    description="A condition on any field of a descriptor, in the manner of Backstage's filters. All that is given must hold; a path alone "
    "means that there is a value. An array is matched by each of its elements. Values longer than 200 characters are not seen."
)
class PathFilter:
    path: str = strawberry.field(description="Dotted path such as `spec.type`, or `relations.ownedBy` for the refs at the other end.")
    equals: str | None = _field("The value, without regard to case.")
    in_: list[str] | None = _field("One of these values, without regard to case. An empty list lets nothing through.", name="in")
    exists: bool | None = _field("Whether there is any value.")
    has_prefix: str | None = _field("How a value begins, without regard to case.")
    contains: str | None = _field("An element of the array under the path, without regard to case.")


@strawberry.input(description="An edge that an entity has.")
class RelatedFilter:
    relation: RelationType = strawberry.field(description="The relation.")
    direction: RelationDirection = strawberry.field(description="Which way it is followed from the entity.", default=RelationDirection.OUT)
    target: list[str] | None = _field(
        "Refs of which one is at the other end, whether they exist or not. Without them any will do; an empty list lets nothing through."
    )
    transitive: bool = strawberry.field(description="Whether a chain of such edges will do as well.", default=False)


@strawberry.input(
    description="Which entities are meant. All that is given must hold. A list means one of its values, and an empty list lets nothing "
    "through; what is null or left out does not restrict. Values compare without regard to case."
)
class EntityFilter:
    kind: list[str] | None = _field("Kinds, such as `Component`.")
    namespace: list[str] | None = _field("Namespaces.")
    name: list[str] | None = _field("Names.")
    type: list[str] | None = _field("Values of `spec.type`.")
    lifecycle: list[str] | None = _field("Values of `spec.lifecycle`.")
    owner: list[str] | None = _field("Refs of owners; a bare name is a group. Owners of owners do not count: `related` does that.")
    system: list[str] | None = _field("Refs or names of systems that the entity is part of, directly or through another part.")
    domain: list[str] | None = _field("Refs or names of domains that the entity is part of, directly or through another part.")
    tag: list[str] | None = _field("Tags.")
    label: list[KeyFilter] | None = _field("Labels, each of which must match.")
    annotation: list[KeyFilter] | None = _field("Annotations, each of which must match.")
    where: list[PathFilter] | None = _field("Conditions on any field of the descriptor, each of which must hold.")
    related: list[RelatedFilter] | None = _field("Edges, each of which must be there.")
    text: str | None = _field("Words that must all be part of the ref, the title, the description or a tag.")
    orphan: bool | None = _field("Whether no location leads to the entity any more.")
    has_errors: bool | None = _field("Whether a catalog error names the entity.")
    and_: list["EntityFilter"] | None = _field("All of these hold. An empty list always does.", name="and")
    or_: list["EntityFilter"] | None = _field("One of these holds. An empty list never does.", name="or")
    not_: "EntityFilter | None" = _field("This does not hold.", name="not")


def condition_of(filter: EntityFilter | None, registry: RelationRegistry) -> Condition | None:
    """The condition that the filter means, None for none. InputError, naming the field, for refs and paths that can't be;
    LimitExceededError for more than a store can be asked at once.
    """
    if not filter:
        return None
    condition = all_of(_conditions(filter, registry))
    if (parts := _parts(condition)) > MOST_PARTS:
        raise LimitExceededError(f"`filter` comes to {parts:,} parts; the limit is {MOST_PARTS:,}. Ask for less, or in parts.")
    return condition


def _parts(condition: Condition) -> int:
    """How much there is to look for: each leaf once, and what follows chains of relations ten times."""
    if isinstance(condition, All | AnyOf):
        return 1 + sum(map(_parts, condition.of))
    if isinstance(condition, Not):
        return 1 + _parts(condition.of)
    return 10 if isinstance(condition, Related) and condition.transitive else 1


_FACTS: Sequence[tuple[str, Callable[[EntityFilter], list[str] | None]]] = (
    ("kind", lambda f: f.kind),
    ("metadata.namespace", lambda f: f.namespace),
    ("metadata.name", lambda f: f.name),
    ("spec.type", lambda f: f.type),
    ("spec.lifecycle", lambda f: f.lifecycle),
    ("metadata.tags", lambda f: f.tag),
)

_ENDS: Sequence[tuple[str, str, str, bool, Callable[[EntityFilter], list[str] | None]]] = (
    ("owner", "ownedBy", "group", False, lambda f: f.owner),
    ("system", "partOf", "system", True, lambda f: f.system),
    ("domain", "partOf", "domain", True, lambda f: f.domain),
)


def _conditions(filter: EntityFilter, registry: RelationRegistry) -> Iterator[Condition]:
    for path, values_of in _FACTS:
        if (values := given(values_of(filter))) is not None:
            yield fact_in(path, values)
    for field, relation, default_kind, transitive, texts_of in _ENDS:
        if (texts := given(texts_of(filter))) is not None:
            yield Related(relation, Direction.OUT, _targets(field, texts, default_kind), transitive)
    for key_filter in given(filter.label) or ():
        yield from _of_key("metadata.labels", key_filter)
    for key_filter in given(filter.annotation) or ():
        yield from _of_key("metadata.annotations", key_filter)
    for path_filter in given(filter.where) or ():
        yield _of_path(path_filter, registry)
    for related in given(filter.related) or ():
        texts = given(related.target)
        targets = None if texts is None else _targets("related.target", texts, None)
        yield Related(str(related.relation.value), Direction(related.direction.value), targets, related.transitive)
    yield from _of_text(given(filter.text) or "")
    yield from _whether(filter.orphan, IsOrphan())
    yield from _whether(filter.has_errors, HasErrors())
    yield from _combined(filter, registry)


def _of_text(text: str) -> Iterator[Condition]:
    if len(text) > _LONGEST_TEXT:
        raise LimitExceededError(f"`text` has {len(text):,} characters; the limit is {_LONGEST_TEXT:,}.")
    if words := text.lower().split():
        yield TextContains(tuple(words))


def _combined(filter: EntityFilter, registry: RelationRegistry) -> Iterator[Condition]:
    for part in given(filter.and_) or ():
        yield all_of(_conditions(part, registry))
    if (parts := given(filter.or_)) is not None:
        yield AnyOf(tuple(all_of(_conditions(part, registry)) for part in parts))
    if (part := given(filter.not_)) is not None:
        yield Not(all_of(_conditions(part, registry)))


def _of_key(path: str, filter: KeyFilter) -> Iterator[Condition]:
    full = f"{path}.{filter.key}".lower()
    values, exists = given(filter.value), given(filter.exists)
    if values is not None:
        yield fact_in(full, values)
    if values is None or exists is not None:
        yield from _whether(exists is not False, FactExists(full))


def _of_path(filter: PathFilter, registry: RelationRegistry) -> Condition:
    path = filter.path.lower()
    if path.startswith(_RELATIONS):
        return _of_relation(filter, registry)
    held: list[Condition] = []
    for values in _values(filter):
        held.append(fact_in(path, values))
    if (prefix := given(filter.has_prefix)) is not None:
        held.append(FactHasPrefix(path, prefix.lower()))
    if (element := given(filter.contains)) is not None:
        held.append(fact_in(f"{path}.{element}", ("true",)))
    if (exists := given(filter.exists)) is not None or not held:
        held.extend(_whether(exists is not False, FactExists(path)))
    return all_of(held)


def _of_relation(filter: PathFilter, registry: RelationRegistry) -> Condition:
    if given(filter.has_prefix) is not None or given(filter.contains) is not None:
        raise InputError(f"`where`: {filter.path} takes `equals`, `in` or `exists` alone; a relation has refs at its other end")
    found = registry.by_either_name.get(filter.path.lower().removeprefix(_RELATIONS))
    if found is None:
        names = ", ".join(sorted({name for relation in registry for name in (relation.forward, relation.backward)}))
        raise InputError(f"`where`: {filter.path} is no relation of this catalog; there are {names}")
    relation, direction = found
    held: list[Condition] = []
    for values in _values(filter):
        held.append(Related(relation.name, direction, _targets("where", values, None)))
    if (exists := given(filter.exists)) is not None or not held:
        held.extend(_whether(exists is not False, Related(relation.name, direction, None)))
    return all_of(held)


def _values(filter: PathFilter) -> Iterator[Sequence[str]]:
    if (value := given(filter.equals)) is not None:
        yield (value,)
    if (values := given(filter.in_)) is not None:
        yield values


def _targets(field: str, texts: Iterable[str], default_kind: str | None) -> tuple[Ref, ...]:
    try:
        return tuple(sorted({parse_ref(text, default_kind=default_kind).ref for text in texts}))
    except InvalidRefError as error:
        raise InvalidRefError(f"`{field}`: {error}") from error


def _whether(wanted: bool | None, condition: Condition) -> Iterator[Condition]:
    if (value := given(wanted)) is not None:
        yield condition if value else Not(condition)
