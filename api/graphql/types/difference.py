"""The difference of the catalog between two moments, entity by entity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from api.graphql.arguments import After, Filter, PageArguments, argument, refs_given
from api.graphql.context import Context, Info
from api.graphql.given import given
from api.graphql.inputs.filter import condition_of
from api.graphql.listing import ListedRow, Listing, Slice
from api.graphql.moments import MOMENT, sequence_of
from api.graphql.past import Key, PastEntity, context_at, edges_declared, passes_then
from api.graphql.types.changes import ChangeOperation
from api.graphql.types.connections import PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.relation_type import RelationType
from graph.conditions import Condition
from graph.entities import Document, Entity, Origin
from graph.errors import InputError
from graph.history import past_documents
from graph.patches import patch_of_difference
from graph.refs import Ref
from graph.store import Operation, Patch

_SCOPE = "diff"
_NOWHERE = Origin("", "", 0, 0)
_AT_ONCE = 500
_MOST_LOOKED_AT = 5_000

Documents = Mapping[Ref, Sequence[Document | None]]
"""The document of each ref at the earlier and at the later moment."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How an entity, and what it says of edges, differs between two moments."""

    ref: Ref
    before: PastEntity | None
    after: PastEntity | None
    patch: Patch
    added: Sequence[Key]
    removed: Sequence[Key]

    @property
    def operation(self) -> Operation:
        if self.before is None:
            return Operation.CREATED
        return Operation.REMOVED if self.after is None else Operation.UPDATED


@dataclass(frozen=True, slots=True)
class ScannedSlice(Slice[Difference]):
    """A page that ends where the search for rows ended, which may lie behind its last row."""

    reached: str | None = None

    @property
    def end_cursor(self) -> str | None:
        return None if self.reached is None else ListedRow(_SCOPE, (self.reached,), self.reached, None).cursor


class Differences(Listing[Difference]):
    """The source of a difference's connection, between two sequence numbers."""

    earlier: int
    later: int


async def _entity(root: strawberry.Parent[Difference], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref)


@strawberry.type(description="An edge that was added to the graph or removed from it.")
class ChangedRelation:
    source_ref: str = reading(lambda key: key[0], "The ref of the entity at the edge's source.")
    relation: RelationType = reading(lambda key: key[1], "The relation.")
    target_ref: str = reading(lambda key: key[2], "The ref of the entity at the edge's target, whether it exists or not.")


@strawberry.type(
    description="How one entity differs between two moments. An edge is told of with the entity whose descriptor declares it, "
    "with its source if both do."
)
class EntityDifference:
    ref: str = attribute("The ref of the entity.")
    operation: ChangeOperation = attribute("What happened to the entity, all in all.")
    patch: JSON = reading(
        lambda difference: list(difference.patch),
        "The net change of the descriptor: a JSON Patch (RFC 6902) that leads from the earlier to the later; an entity that came or went "
        "is added or removed as a whole.",
    )
    before: LazyEntity | None = attribute("The entity as it was at the earlier moment; null if it was not there.")
    after: LazyEntity | None = attribute("The entity as it was at the later moment; null if it was not there.")
    entity: LazyEntity | None = resolved(_entity, "The entity as it is now; null if it is missing.")
    added_relations: list[ChangedRelation] = reading(
        lambda d: d.added, "The edges that it declares and that the graph did not have before."
    )
    removed_relations: list[ChangedRelation] = reading(
        lambda d: d.removed, "The edges that it declared and that the graph does not have after."
    )


@strawberry.type(
    description="A page of what differs between two moments, ordered by ref. Visibility is that of now: hidden entities are left out, and "
    "entities that are gone are told to whoever may see everything. The last page is the one without a next page: with a filter a page may "
    "hold less than was asked for."
)
class DifferenceConnection:
    edges: list[RowEdge[EntityDifference]] = resolved(rows_of, "The rows of this page.")
    nodes: list[EntityDifference] = resolved(nodes_of, "The differences of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(
        count_of,
        "How many entities were written in between, those included that are as they were, or that the filter does not let through. "
        "Counted only if asked for.",
    )
    from_sequence: str = reading(lambda d: str(d.earlier), "The sequence number of the last change before the earlier moment.")
    to_sequence: str = reading(
        lambda d: str(d.later), "The sequence number of the last change before the later moment. As `to`, it keeps further pages steady."
    )


async def diff(
    info: Info,
    from_: Annotated[str, strawberry.argument(name="from", description=MOMENT)],
    to: Annotated[str | None, argument("The later moment, as `from`; now if not given.")] = UNSET,
    of: Annotated[list[str] | None, argument("Only entities with these refs. An empty list means none.")] = UNSET,
    filter: Filter = UNSET,
    first: Annotated[int | None, argument("At most this many. 50 if not given; 1,000 at most.")] = UNSET,
    after: After = UNSET,
) -> Differences:
    context, store = info.context, info.context.store
    earlier = await sequence_of(store, "from", from_, visible=context.visible)
    text, texts = given(to), given(of)
    later = await store.head() if text is None else await sequence_of(store, "to", text, visible=context.visible)
    if earlier > later:
        raise InputError("`from` lies after `to`; exchange them")
    comparison = Comparison(
        context, earlier, later, None if texts is None else refs_given("of", texts), condition_of(given(filter), context.registry)
    )
    window = PageArguments(first, after).window(_SCOPE)

    async def load() -> Slice[Difference]:
        return await comparison.page(window.limit, str(window.after[0]) if window.after else None)

    async def count() -> int:
        return await store.changed_ref_count(earlier, later, visible=context.visible, refs=comparison.refs)

    listing = Differences(load, count)
    listing.earlier, listing.later = earlier, later
    return listing


class Comparison:
    """The catalog at two moments, compared a page at a time."""

    def __init__(self, context: Context, earlier: int, later: int, refs: Sequence[Ref] | None, filter: Condition | None) -> None:
        self.refs = refs
        self._context = context
        self._moments = (earlier, later)
        self._filter = filter
        self._contexts = (context_at(context, earlier), context_at(context, later))

    async def page(self, limit: int, after: str | None) -> ScannedSlice:
        """At most `limit` differences after a ref. Entities that do not differ are passed over, many at most."""
        size = limit + 1 if self._filter is None else max(limit + 1, _AT_ONCE)
        found: list[Difference] = []
        looked_at, reached, more = 0, after, True
        while more and len(found) <= limit and looked_at < _MOST_LOOKED_AT:
            refs = await self._written(size, reached or "")
            more = len(refs) == size
            found += await self._differences(refs)
            looked_at += len(refs)
            reached = refs[-1] if refs else reached
        if len(found) > limit:
            found, more = found[:limit], True
            reached = found[-1].ref if found else after
        elif not more:
            reached = found[-1].ref if found else None
        rows = [ListedRow(_SCOPE, (difference.ref,), difference.ref, difference) for difference in found]
        return ScannedSlice(rows, after is not None, more, reached)

    async def _written(self, limit: int, beyond: str) -> Sequence[Ref]:
        store, visible = self._context.store, self._context.visible
        return await store.changed_refs(*self._moments, limit, visible=visible, refs=self.refs, beyond=beyond)

    async def _differences(self, refs: Sequence[Ref]) -> Sequence[Difference]:
        documents = await self._documents(refs)
        differing = [ref for ref in refs if patch_of_difference(*documents[ref]) and self._passes(ref, documents[ref])]
        changed = {ref: self._edges(ref, documents[ref]) for ref in differing}
        ends = {end for before, after in changed.values() for key in before ^ after for end in (key[0], key[2])}
        others = {**documents, **await self._documents(sorted(ends - documents.keys()))}
        declared = {ref: changed.get(ref) or self._edges(ref, others[ref]) for ref in ends | changed.keys()}
        return [self._difference(ref, documents[ref], declared) for ref in differing]

    async def _documents(self, refs: Sequence[Ref]) -> Documents:
        return await past_documents(self._context.store, refs, self._moments, visible=self._context.visible)

    def _passes(self, ref: Ref, documents: Sequence[Document | None]) -> bool:
        """Whether the filter lets the entity through as it was at either moment."""
        if self._filter is None:
            return True
        edges = self._edges(ref, documents)
        either = [
            passes_then(self._filter, ref, document, keys) for document, keys in zip(documents, edges, strict=True) if document is not None
        ]
        return any(either)

    def _edges(self, ref: Ref, documents: Sequence[Document | None]) -> tuple[frozenset[Key], frozenset[Key]]:
        before, after = (frozenset(edges_declared(ref, document, self._context.registry)) for document in documents)
        return before, after

    def _difference(
        self, ref: Ref, documents: Sequence[Document | None], declared: Mapping[Ref, tuple[frozenset[Key], frozenset[Key]]]
    ) -> Difference:
        before, after = (
            None if document is None else PastEntity(ref, document, _NOWHERE, context=context)
            for document, context in zip(documents, self._contexts, strict=True)
        )
        earlier, later = declared[ref]
        added = sorted(key for key in later - earlier if _tells(ref, key, declared, now=1))
        removed = sorted(key for key in earlier - later if _tells(ref, key, declared, now=0))
        return Difference(ref, before, after, patch_of_difference(*documents), added, removed)


def _tells(ref: Ref, key: Key, declared: Mapping[Ref, tuple[frozenset[Key], frozenset[Key]]], *, now: int) -> bool:
    """Whether an edge that the entity declares at one of the moments alone (`now`) is in the graph then alone, and told of here."""
    other = key[2] if key[0] == ref else key[0]
    if other == ref:
        return True
    if key in declared[other][1 - now]:
        return False
    return key[0] == ref or key not in declared[other][now]
