"""Impact: everything that feels a change, near and far, with the reasons and whom to tell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import LARGEST_IMPACT_PAGE, After, Filter, ImpactFirst, PageArguments, argument, refs_given
from api.graphql.context import Info
from api.graphql.cursors import cursor_of
from api.graphql.given import given
from api.graphql.inputs.filter import EntityFilter, condition_of
from api.graphql.past import of_now
from api.graphql.selection import selected_fields
from api.graphql.types.connections import PageInfo
from api.graphql.types.ends import Travelled
from api.graphql.types.facets import FacetValue
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.relation_type import RelationType, travelled_names
from api.graphql.types.relations import RelationStep
from graph.entities import Entity
from graph.errors import InputError
from graph.refs import Ref
from graph.relations import RelationRegistry, Step
from graph.store import Closure, ClosureQuery, FacetCount, Keyset, ReachedRow

FACETS = {"byKind": "kind", "byType": "spec.type", "byLifecycle": "spec.lifecycle", "byOwner": "relations.ownedby"}
"""Fields of Impact to the facets that they need."""

_ROWS = {"nodes", "edges", "pageInfo"}


@strawberry.enum(description="Which way an impact is followed.")
class ImpactDirection(Enum):
    DEPENDENTS = strawberry.enum_value("dependents", description="To what feels a change of the roots.")
    DEPENDENCIES = strawberry.enum_value("dependencies", description="To what the roots feel the changes of.")


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """A reached entity as a row of its page."""

    scope: str
    keyset: Keyset
    reached: ReachedRow


@dataclass(frozen=True, slots=True)
class ImpactAnswer:
    """What a closure found, and from where it started."""

    roots: Sequence[Ref]
    closure: Closure
    scope: str

    def facet(self, path: str) -> Sequence[FacetCount]:
        return self.closure.facets.get(path, ())

    def rows(self) -> Sequence[ImpactRow]:
        page = self.closure.page
        return [ImpactRow(self.scope, keyset, row) for keyset, row in zip(page.keysets, page.rows, strict=True)]

    @property
    def has_previous_page(self) -> bool:
        return self.closure.page.has_previous

    @property
    def has_next_page(self) -> bool:
        return self.closure.page.has_next

    @property
    def start_cursor(self) -> str | None:
        keysets = self.closure.page.keysets
        return cursor_of(self.scope, keysets[0]) if keysets else None

    @property
    def end_cursor(self) -> str | None:
        keysets = self.closure.page.keysets
        return cursor_of(self.scope, keysets[-1]) if keysets else None


async def _owner(root: strawberry.Parent[FacetCount], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(Ref(root.value))


async def _roots(root: strawberry.Parent[ImpactAnswer], info: Info) -> list[Entity]:
    found = await info.context.loaders.entity_by_ref.load_many(root.roots)
    return [entity for entity in found if entity]


@strawberry.type(description="An owner to tell, and how much of theirs is reached.")
class OwnerImpact:
    owner_ref: str = reading(lambda count: count.value, "The ref of the owner, whether it exists or not.")
    owner: LazyEntity | None = resolved(_owner, "The owner; null if it is missing.")
    count: int = attribute("How many of the entities reached are theirs.")


@strawberry.type(description="An entity that is reached, how far away, and why.")
class ImpactEdge:
    cursor: str = reading(lambda row: cursor_of(row.scope, row.keyset), "This row's place in the list.")
    node: LazyEntity = reading(lambda row: row.reached.entity, "The entity.")
    depth: int = reading(lambda row: row.reached.depth, "The least number of edges from a root to it.")
    path: list[RelationStep] = reading(lambda row: row.reached.path, "A shortest chain of edges from a root to it.")


@strawberry.type(
    description="What a change reaches. Neither the roots count, even where a cycle returns to one, nor missing entities. All but the page "
    "speaks of everything that is reached and that the filter lets through."
)
class Impact:
    roots: list[LazyEntity] = resolved(_roots, "The entities from which it starts, missing ones left out.")
    total_count: int = reading(lambda answer: answer.closure.total, "How many entities are reached.")
    max_depth: int = reading(lambda answer: answer.closure.deepest, "The depth of the farthest of them; 0 if there is none.")
    truncated: bool = reading(
        lambda answer: answer.closure.truncated, "Whether a limit of depth or size cut off more that would be reached."
    )
    by_kind: list[FacetValue] = reading(lambda answer: answer.facet("kind"), "How many of each kind.")
    by_type: list[FacetValue] = reading(lambda answer: answer.facet("spec.type"), "How many of each `spec.type`.")
    by_lifecycle: list[FacetValue] = reading(lambda answer: answer.facet("spec.lifecycle"), "How many of each lifecycle.")
    by_owner: list[OwnerImpact] = reading(lambda answer: answer.facet("relations.ownedby"), "Whom to tell, the most concerned first.")
    nodes: list[LazyEntity] = reading(
        lambda answer: [row.entity for row in answer.closure.page.rows], "The entities of this page, ordered by depth and ref."
    )
    edges: list[ImpactEdge] = reading(lambda answer: answer.rows(), "The same with depth and reason.")
    page_info: PageInfo = reading(lambda answer: answer, "Where this page lies in the list.")


Roots = Annotated[list[str], argument("The refs of what changes.")]
Way = Annotated[ImpactDirection, argument("Which way to follow the edges.")]
MaxDepth = Annotated[int | None, argument("How many edges to follow at most; unlimited if not given.")]


async def impact(
    info: Info,
    of: Roots,
    *,
    direction: Way = ImpactDirection.DEPENDENTS,
    relations: Travelled = UNSET,
    max_depth: MaxDepth = UNSET,
    filter: Filter = UNSET,
    first: ImpactFirst = UNSET,
    after: After = UNSET,
) -> ImpactAnswer:
    roots = tuple(dict.fromkeys(refs_given("of", of)))
    traversal = Traversal(direction, relations, max_depth, filter, PageArguments(first, after))
    return await _answered(info, roots, traversal)


async def impact_of(
    root: strawberry.Parent[Entity],
    info: Info,
    *,
    direction: Way = ImpactDirection.DEPENDENTS,
    relations: Travelled = UNSET,
    max_depth: MaxDepth = UNSET,
    filter: Filter = UNSET,
    first: ImpactFirst = UNSET,
    after: After = UNSET,
) -> ImpactAnswer:
    return await _answered(
        info, (of_now(root, "impact").ref,), Traversal(direction, relations, max_depth, filter, PageArguments(first, after))
    )


@dataclass(frozen=True, slots=True)
class Traversal:
    """The arguments of an impact, as given."""

    direction: ImpactDirection
    relations: list[RelationType] | None
    max_depth: int | None
    filter: EntityFilter | None
    page: PageArguments

    def steps(self, registry: RelationRegistry) -> tuple[Step, ...]:
        names = travelled_names(self.relations, registry)
        return registry.dependent_steps(names) if self.direction is ImpactDirection.DEPENDENTS else registry.dependency_steps(names)

    def depth(self) -> int | None:
        depth = given(self.max_depth)
        if depth is not None and depth < 1:
            raise InputError(f"`maxDepth` is {depth}; give 1 or more, or leave it out for no limit")
        return depth


async def _answered(info: Info, roots: Sequence[Ref], traversal: Traversal) -> ImpactAnswer:
    """One closure, which reports no more than the request selects."""
    context = info.context
    steps = traversal.steps(context.registry)
    scope = f"impact {roots} {steps}"
    window = traversal.page.window(scope, most=LARGEST_IMPACT_PAGE)
    selected = selected_fields(info)
    query = ClosureQuery(
        roots,
        steps,
        window if selected & _ROWS else replace(window, limit=1),
        max_depth=traversal.depth(),
        max_nodes=context.most_reached,
        filter=condition_of(given(traversal.filter), context.registry),
        facets=[path for field, path in FACETS.items() if field in selected],
    )
    return ImpactAnswer(roots, await context.store.closure(query, visible=context.visible), scope)
