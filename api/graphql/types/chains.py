"""Chains of edges: the shortest paths between two entities, and cycles."""

from asyncio import Task, create_task
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import After, First, PageArguments, argument, ref_given
from api.graphql.context import Context, Info
from api.graphql.given import given
from api.graphql.inputs.filter import EntityFilter, condition_of
from api.graphql.listing import ListedRow, Listing, Slice, page_within, slice_of
from api.graphql.loaders import UNLIMITED
from api.graphql.types.connections import Connection, PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.fields import paged, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.relation_type import RelationType, relation_names
from api.graphql.types.relations import RelationStep
from graph.conditions import Condition, RefIn, all_of
from graph.cycles import Cycle as StoredCycle
from graph.cycles import cycles_of
from graph.entities import Entity
from graph.errors import InputError, LimitExceededError
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step, Travel
from graph.store import Keyset, PathStep, Window

_DEFAULT_PATHS = 10
_MOST_PATHS = 100

Relations = Annotated[
    list[RelationType] | None, argument("Along these relations; the dependency relations if not given. An empty list means none.")
]


def chain_steps(relations: list[RelationType] | None, registry: RelationRegistry) -> tuple[Step, ...]:
    """The steps from what depends to what it depends on; a relation that carries no change is followed as it is stored."""
    names = relation_names(relations)
    still = tuple(Step(name, Direction.OUT) for name in names or () if registry[name].travel is Travel.NOWHERE)
    return registry.dependency_steps(names) + still


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """The source of a Path."""

    source: Ref
    steps: Sequence[PathStep]


async def _path_nodes(root: strawberry.Parent[PathAnswer], info: Info) -> list[Entity]:
    found = await info.context.loaders.entity_by_ref.load_many([root.source, *(step.ref for step in root.steps)])
    return [entity for entity in found if entity]


@strawberry.type(description="A shortest chain of edges between two entities.")
class Path:
    length: int = reading(lambda path: len(path.steps), "How many edges it has.")
    steps: list[RelationStep] = reading(lambda path: path.steps, "The edges, in order.")
    nodes: list[LazyEntity] = resolved(_path_nodes, "The entities on the way, both ends included.")


async def paths(
    info: Info,
    source: Annotated[str, strawberry.argument(name="from", description="The ref where the chains begin.")],
    target: Annotated[str, strawberry.argument(name="to", description="The ref where they end.")],
    relations: Relations = UNSET,
    limit: Annotated[int | None, argument("At most this many chains. 10 if not given; 100 at most.")] = UNSET,
) -> list[PathAnswer]:
    """Chains from what depends to what it depends on or, where there is none, the other way round."""
    most = _limit(given(limit))
    start, end = ref_given("from", source), ref_given("to", target)
    steps = chain_steps(relations, info.context.registry)
    backward = tuple(Step(step.relation, step.direction.opposite) for step in steps)
    for way in (steps, backward) if most and steps else ():
        found = await info.context.store.shortest_paths(start, end, way, most, visible=info.context.visible)
        if found:
            return [PathAnswer(start, chain) for chain in found]
    return []


def _limit(limit: int | None) -> int:
    if limit is None:
        return _DEFAULT_PATHS
    if limit < 0:
        raise InputError(f"`limit` is {limit}; it counts chains, so give 0 or more")
    if limit > _MOST_PATHS:
        raise LimitExceededError(f"`limit` is {limit:,}, and there are {_MOST_PATHS} chains at most in an answer")
    return limit


_CYCLES = "cycles"
_MEMBERS = "members"


def _members(root: strawberry.Parent[StoredCycle], info: Info, page: PageArguments) -> Listing[Entity]:
    window = page.window(_MEMBERS)

    async def load() -> Slice[Entity]:
        chosen = page_within([((ref,), ref) for ref in root.members], window)
        entities = await info.context.loaders.entity_by_ref.load_many(chosen.rows)
        rows = [ListedRow(_MEMBERS, (ref,), ref, entity) for ref, entity in zip(chosen.rows, entities, strict=True)]
        return Slice(rows, chosen.has_previous, chosen.has_next)

    async def count() -> int:
        return len(root.members)

    return Listing(load, count)


async def _cycle_steps(root: strawberry.Parent[StoredCycle], info: Info) -> list[PathStep]:
    """The steps with the evidence of their edges. An edge that has gone since the cycle was found is left out."""
    found: list[PathStep] = []
    for step in root.steps:
        source, relation, target = step.edge
        loader = info.context.loaders.related_by_ref((Step(relation, Direction.OUT),), Window(UNLIMITED))
        rows = (await loader.load(source)).rows
        found.extend(PathStep(row.edge, step.direction, step.end) for row in rows if row.ref == target)
    return found


@strawberry.type(description="Entities of which each leads to every other.")
class Cycle:
    size: int = reading(lambda cycle: len(cycle.members), "How many entities it has.")
    members: Connection[LazyEntity] = paged(_members, "The entities, ordered by ref.")
    steps: list[RelationStep] = resolved(_cycle_steps, "A shortest way from the first of them back to itself.")


@strawberry.type(description="A page of cycles, the largest first, then by their first members.")
class CycleConnection:
    edges: list[RowEdge[Cycle]] = resolved(rows_of, "The rows of this page.")
    nodes: list[Cycle] = resolved(nodes_of, "The cycles of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(count_of, "How many cycles there are.")


def cycles(
    info: Info,
    relations: Relations = UNSET,
    filter: Annotated[EntityFilter | None, argument("Only cycles with an entity that this filter lets through.")] = UNSET,
    first: First = UNSET,
    after: After = UNSET,
) -> Listing[StoredCycle]:
    context = info.context
    steps = chain_steps(relations, context.registry)
    scope = f"{_CYCLES} {steps}"
    window = PageArguments(first, after).window(scope)
    condition = condition_of(given(filter), context.registry)
    search: list[Task[Sequence[StoredCycle]]] = []

    async def found() -> Sequence[StoredCycle]:
        if not search:
            search.append(create_task(_found(context, steps, condition)))
        return await search[0]

    async def load() -> Slice[StoredCycle]:
        rows = page_within([(_keyset(cycle), cycle) for cycle in await found()], window)
        return slice_of(rows, lambda keyset, cycle: ListedRow(scope, keyset, cycle.members[0], cycle))

    async def count() -> int:
        return len(await found())

    return Listing(load, count)


async def _found(context: Context, steps: tuple[Step, ...], condition: Condition | None) -> Sequence[StoredCycle]:
    relations = tuple(dict.fromkeys(step.relation for step in steps))
    found = cycles_of(await context.store.edges(relations, visible=context.visible), steps)
    if condition is None or not found:
        return found
    refs = _ordered(ref for cycle in found for ref in cycle.members)
    page = await context.store.page(all_of((RefIn(refs), condition)), (), Window(len(refs)), visible=context.visible)
    wanted = {entity.ref for entity in page.rows}
    return [cycle for cycle in found if not wanted.isdisjoint(cycle.members)]


def _ordered(refs: Iterable[Ref]) -> tuple[Ref, ...]:
    return tuple(sorted(set(refs)))


def _keyset(cycle: StoredCycle) -> Keyset:
    return f"{10**9 - len(cycle.members):010}", cycle.members[0]
