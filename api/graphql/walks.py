"""Walks: the lists of entities that an entity's relation fields answer, loaded for all entities of a level together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from api.graphql.arguments import PageArguments
from api.graphql.context import Context
from api.graphql.listing import ListedRow, Listing, Slice
from api.graphql.loaders import BEYOND_ANY, UNLIMITED
from graph.conditions import EVERYTHING, Condition, all_of, fact_in
from graph.entities import Entity, Evidence
from graph.refs import Ref
from graph.relations import Step
from graph.store import Keyset, Page, RelatedRow, Window


@dataclass(frozen=True, slots=True)
class Walk:
    """Along which edges a list is found: one of `steps`, after any number of `through`.

    `only` names the kind to which the ends are restricted, and so no missing ones are among them. `kind` is the kind that the field's
    type can show: an end of another kind stays in the list without its entity.
    """

    steps: tuple[Step, ...]
    through: tuple[Step, ...] = ()
    only: str | None = None
    kind: str | None = None

    @property
    def scope(self) -> str:
        return f"walk {self.steps} {self.through} {self.only} {self.kind}"

    @property
    def is_plain(self) -> bool:
        """Whether every edge leads to another entity, so that edges need no gathering by their ends."""
        return len(self.steps) == 1 and not self.through


def walk_from(context: Context, ref: Ref, walk: Walk, arguments: PageArguments, filter: Condition | None) -> Listing[Entity]:
    """The entities at the ends of a walk from `ref`, ordered by ref, each once, with the evidence of every last edge that leads there.

    Missing ends are listed unless a filter is given; the total never counts them.
    """
    window = arguments.window(walk.scope)
    narrowed = _narrowed(filter, walk.only)

    async def load() -> Slice[Entity]:
        starts = await _starts(context, ref, walk)
        each = _window_of_each(window, walk)
        pages = await context.loaders.related_by_ref(walk.steps, each, narrowed).load_many(starts)
        return _merged(pages, window, walk, left_out=ref if walk.through else None)

    async def count() -> int:
        existing = _narrowed(filter, walk.only, walk.kind) or EVERYTHING
        if walk.is_plain:
            return await context.loaders.related_count_by_ref(walk.steps, existing).load(ref)
        starts = await _starts(context, ref, walk)
        loader = context.loaders.related_by_ref(walk.steps, Window(UNLIMITED), existing, with_nodes=False)
        ends = {row.ref for page in await loader.load_many(starts) for row in page.rows}
        return len(ends - {ref} if walk.through else ends)

    return Listing(load, count)


async def first_of(context: Context, ref: Ref, step: Step, kind: str) -> Entity | None:
    """The first entity of the kind (lower case) at the end of such an edge; None if there is none."""
    return next((entity for entity in await all_of_step(context, ref, step) if entity.kind.lower() == kind), None)


async def all_of_step(context: Context, ref: Ref, step: Step) -> Sequence[Entity]:
    """Every entity at the end of such an edge, ordered by ref."""
    page = await context.loaders.related_by_ref((step,), Window(UNLIMITED)).load(ref)
    return [row.node for row in page.rows if row.node is not None]


async def _starts(context: Context, ref: Ref, walk: Walk) -> Sequence[Ref]:
    return [ref, *await context.loaders.reached_by_ref(walk.through).load(ref)] if walk.through else [ref]


def _narrowed(filter: Condition | None, *kinds: str | None) -> Condition | None:
    conditions = [*(fact_in("kind", (kind,)) for kind in kinds if kind), *((filter,) if filter else ())]
    return all_of(conditions) if conditions else None


def _window_of_each(window: Window, walk: Walk) -> Window:
    """What to ask of each start, so that the first rows of them all hold the first rows of the list, and tell whether more follow.

    An end shows up once for each of the steps, and the entity itself, which is left out, may be one of the ends.
    """
    limit = window.limit if walk.is_plain else len(walk.steps) * (window.limit + 2)
    after = (window.after[0], BEYOND_ANY, "") if window.after else None
    before = (window.before[0], "", "") if window.before else None
    return Window(limit, after, before, window.backward)


def _merged(pages: Sequence[Page[RelatedRow]], window: Window, walk: Walk, *, left_out: Ref | None) -> Slice[Entity]:
    found = sorted((row for page in pages for row in page.rows if row.ref != left_out), key=lambda row: row.ref)
    rows = [_listed(ref, list(edges), walk) for ref, edges in groupby(found, key=lambda row: row.ref)]
    has_previous, has_next = any(page.has_previous for page in pages), any(page.has_next for page in pages)
    if window.backward:
        return Slice(rows[-window.limit :] if window.limit else [], has_previous or len(rows) > window.limit, has_next)
    return Slice(rows[: window.limit], has_previous, has_next or len(rows) > window.limit)


def _listed(ref: Ref, edges: Sequence[RelatedRow], walk: Walk) -> ListedRow[Entity]:
    node = edges[0].node
    if node is not None and walk.kind and node.kind.lower() != walk.kind:
        node = None
    evidence: dict[Evidence, None] = {statement: None for row in edges for statement in row.edge.evidence}
    keyset: Keyset = (ref,)
    return ListedRow(walk.scope, keyset, ref, node, tuple(evidence))
