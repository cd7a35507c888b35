"""Fields that follow relations: one builder for a single entity at the other end, and some for lists of them."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from api.graphql.arguments import Filter, PageArguments, argument
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.inputs.filter import condition_of
from api.graphql.listing import Listing
from api.graphql.past import context_of
from api.graphql.types.fields import paged, resolved
from api.graphql.types.relation_type import RelationType, travelled_names
from api.graphql.walks import Walk, first_of, walk_from
from graph.entities import Entity
from graph.relations import Direction, Step

Source = strawberry.Parent[Entity]

Travelled = Annotated[
    list[RelationType] | None,
    argument("Along these relations, all of which must carry changes; the dependency relations if not given. An empty list means none."),
]


def out(relation: str) -> Step:
    return Step(relation, Direction.OUT)


def into(relation: str) -> Step:
    return Step(relation, Direction.IN)


def end(step: Step, kind: str, description: str) -> Any:
    """The first entity of the kind (lower case) along the step; null if there is none."""

    async def resolve(root: Source, info: Info) -> Entity | None:
        return await first_of(context_of(root, info.context), root.ref, step, kind)

    return resolved(resolve, description)


def ends(walk: Walk, description: str) -> Any:
    """The list of entities along the walk."""

    def resolve(root: Source, info: Info, page: PageArguments, filter: Filter = UNSET) -> Listing[Entity]:
        return _listing(root, info, walk, filter, page)

    return paged(resolve, description)


def ends_near_or_far(near: Walk, far: Walk, description: str, *, transitive: str, default: bool = False) -> Any:
    """The list along one walk or, where the argument `transitive`, described by that text, is true, along another."""

    def resolve(
        root: Source,
        info: Info,
        page: PageArguments,
        filter: Filter = UNSET,
        transitive: Annotated[bool, argument(transitive)] = default,
    ) -> Listing[Entity]:
        return _listing(root, info, far if transitive else near, filter, page)

    return paged(resolve, description)


_OWNED = Walk((into("ownedBy"),))
_OWNED_THROUGH_GROUPS = Walk((into("ownedBy"),), through=(out("memberOf"),))


def user_owns(
    root: Source,
    info: Info,
    page: PageArguments,
    filter: Filter = UNSET,
    through_groups: Annotated[bool, argument("Whether what the user's own groups own counts as well.")] = True,
) -> Listing[Entity]:
    walk = _OWNED_THROUGH_GROUPS if through_groups else _OWNED
    return _listing(root, info, walk, filter, page)


def dependents(
    root: Source,
    info: Info,
    page: PageArguments,
    relations: Travelled = UNSET,
    filter: Filter = UNSET,
) -> Listing[Entity]:
    registry = info.context.registry
    walk = Walk(registry.dependent_steps(travelled_names(relations, registry)))
    return _listing(root, info, walk, filter, page)


def dependencies(
    root: Source,
    info: Info,
    page: PageArguments,
    relations: Travelled = UNSET,
    filter: Filter = UNSET,
) -> Listing[Entity]:
    registry = info.context.registry
    walk = Walk(registry.dependency_steps(travelled_names(relations, registry)))
    return _listing(root, info, walk, filter, page)


def _listing(root: Entity, info: Info, walk: Walk, filter: Filter, arguments: PageArguments) -> Listing[Entity]:
    return walk_from(context_of(root, info.context), root.ref, walk, arguments, condition_of(given(filter), info.context.registry))
