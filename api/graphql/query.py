"""The root of all queries."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from api.graphql.arguments import argument, ref_given, refs_given
from api.graphql.context import Info
from api.graphql.cursors import ref_of_id
from api.graphql.types.connections import Connection
from api.graphql.types.entity import Entity, Node
from api.graphql.types.fields import paged, resolved
from api.graphql.types.kinds import API, Component, Domain, Group, Resource, System, User
from api.graphql.types.lists import entities, entities_of_kind
from graph.entities import Entity as StoredEntity


async def _node(info: Info, id: Annotated[strawberry.ID, argument("An id that this catalog has handed out.")]) -> StoredEntity | None:
    return await info.context.loaders.entity_by_ref.load(ref_of_id(id))


async def _entity(info: Info, ref: Annotated[str, argument("A ref, `kind:[namespace/]name`.")]) -> StoredEntity | None:
    return await info.context.loaders.entity_by_ref.load(ref_given("ref", ref))


async def _entities_by_ref(
    info: Info, refs: Annotated[list[str], argument("Refs, `kind:[namespace/]name`.")]
) -> Sequence[StoredEntity | None]:
    return await info.context.loaders.entity_by_ref.load_many(refs_given("refs", refs))


@strawberry.type(description="What can be asked of the catalog.")
class Query:
    node: Node | None = resolved(_node, "The entity with this id; null if it is missing.")
    entity: Entity | None = resolved(_entity, "The entity with this ref; null if it is missing.")
    entities_by_ref: list[Entity | None] = resolved(
        _entities_by_ref, "The entities with these refs, in their order, null for missing ones."
    )
    entities: Connection[Entity] = paged(entities, "Entities of all kinds, ordered by ref unless `orderBy` is given.")
    components: Connection[Component] = entities_of_kind("component", "Components")
    apis: Connection[API] = entities_of_kind("api", "APIs")
    resources: Connection[Resource] = entities_of_kind("resource", "Resources")
    systems: Connection[System] = entities_of_kind("system", "Systems")
    domains: Connection[Domain] = entities_of_kind("domain", "Domains")
    groups: Connection[Group] = entities_of_kind("group", "Groups")
    users: Connection[User] = entities_of_kind("user", "Users")
