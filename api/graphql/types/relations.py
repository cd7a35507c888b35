"""The edges of one entity as a list, and the steps of chains of edges."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import Filter, PageArguments, argument
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.inputs.filter import condition_of
from api.graphql.listing import ListedRow, Listing, Slice, slice_of
from api.graphql.loaders import Steps
from api.graphql.past import context_of
from api.graphql.types.connections import PageInfo, count_of, page_of, rows_of
from api.graphql.types.evidence import Evidence
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.relation_type import RelationDirection, RelationType, relation_names
from graph.entities import Entity
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step
from graph.store import PathStep, RelatedRow

Source = strawberry.Parent[Listing[RelatedRow]]


async def _nodes(root: Source) -> list[Entity]:
    edges = [row.node for row in (await root.slice()).rows]
    return [edge.node for edge in edges if edge and edge.node]


@strawberry.type(description="An edge of an entity, seen from that entity.")
class RelationEdge:
    cursor: str = attribute("This row's place in the list.")
    relation: RelationType = reading(lambda row: row.node.edge.relation, "The relation.")
    direction: RelationDirection = reading(lambda row: row.node.direction, "Which way the edge is followed from the entity.")
    target_ref: str = attribute("The ref at the other end, whether it exists or not.")
    node: LazyEntity | None = reading(lambda row: row.node.node, "The entity at the other end; null if it is missing.")
    evidence: list[Evidence] = attribute("The statements by which the edge exists.")


@strawberry.type(description="A page of an entity's edges, ordered by the ref at the other end.")
class RelationConnection:
    edges: list[RelationEdge] = resolved(rows_of, "The edges of this page, those to missing entities included.")
    nodes: list[LazyEntity] = resolved(_nodes, "The entities at the other ends, missing ones left out; one for each edge.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(
        count_of, "How many edges the whole list has, those to missing entities included. Counted only if asked for."
    )


def relations_of(
    root: strawberry.Parent[Entity],
    info: Info,
    page: PageArguments,
    *,
    types: Annotated[
        list[RelationType] | None, argument("Edges of these relations; of all if not given. An empty list means none.")
    ] = UNSET,
    direction: Annotated[RelationDirection | None, argument("Edges that lead this way; both ways if not given.")] = UNSET,
    filter: Filter = UNSET,
) -> Listing[RelatedRow]:
    """The edges of an entity. With a filter, those to missing entities are left out."""
    registry, loaders = info.context.registry, context_of(root, info.context).loaders
    steps = _steps(types, direction, registry)
    scope = f"relations {steps}"
    window = page.window(scope)
    condition = condition_of(given(filter), registry)

    async def load() -> Slice[RelatedRow]:
        page = await loaders.related_by_ref(steps, window, condition).load(root.ref)
        return slice_of(page, lambda keyset, row: ListedRow(scope, keyset, row.ref, row, row.edge.evidence))

    async def count() -> int:
        return await loaders.related_count_by_ref(steps, condition).load(root.ref)

    return Listing(load, count)


def _steps(types: list[RelationType] | None, direction: RelationDirection | None, registry: RelationRegistry) -> Steps:
    names = relation_names(types)
    chosen = given(direction)
    ways = (Direction.OUT, Direction.IN) if chosen is None else (Direction(chosen.value),)
    return tuple(Step(name, way) for name in (registry.names if names is None else names) for way in ways)


def _left(step: PathStep) -> Ref:
    return step.edge.source if step.direction is Direction.OUT else step.edge.target


async def _left_entity(root: strawberry.Parent[PathStep], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(_left(root))


async def _reached_entity(root: strawberry.Parent[PathStep], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref)


@strawberry.type(description="One edge in a chain of edges.")
class RelationStep:
    from_ref: str = reading(_left, "The ref that this step leaves.")
    from_entity: LazyEntity | None = resolved(_left_entity, "The entity that this step leaves; null if it is missing.")
    to_ref: str = reading(lambda step: step.ref, "The ref that this step reaches.")
    to_entity: LazyEntity | None = resolved(_reached_entity, "The entity that this step reaches; null if it is missing.")
    relation: RelationType = reading(lambda step: step.edge.relation, "The relation.")
    direction: RelationDirection = attribute("Which way the edge is followed: as it is stored, or against it.")
    evidence: list[Evidence] = reading(lambda step: step.edge.evidence, "The statements by which the edge exists.")
