"""Why a ref is not in the catalog, and who points to what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

import strawberry

from api.graphql.arguments import PageArguments, argument, ref_given
from api.graphql.context import Context, Info
from api.graphql.listing import ListedRow, Slice, UncountedListing, slice_of
from api.graphql.loaders import AFTER_THE_LOG, BEYOND_ANY, UNLIMITED
from api.graphql.types.changes import Change
from api.graphql.types.connections import PageInfo, RowEdge, nodes_of, page_of, rows_of
from api.graphql.types.errors import CatalogError
from api.graphql.types.evidence import Evidence
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.locations import Location, RefClaim
from api.graphql.types.relation_type import RelationDirection, RelationType
from graph.conditions import EVERYTHING, AnyOf, Related, fact_in
from graph.entities import Edge, Entity
from graph.refs import Ref, split_ref
from graph.relations import Direction, Step
from graph.store import CatalogError as StoredError
from graph.store import Change as StoredChange
from graph.store import Claim, Operation, RelatedRow, Window
from graph.store import Location as StoredLocation

_SCOPE = "dangling"
_SHOWN = 50


async def _source(root: strawberry.Parent[Edge], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.source)


@strawberry.type(description="An edge to an entity that is missing.")
class DanglingRelation:
    source_ref: str = reading(lambda edge: edge.source, "The ref of the entity at the edge's source.")
    source: LazyEntity | None = resolved(_source, "The entity at the edge's source; null if it has just gone.")
    relation: RelationType = attribute("The relation.")
    target_ref: str = reading(lambda edge: edge.target, "The ref that is missing.")
    evidence: list[Evidence] = attribute("The statements by which the edge exists.")


@strawberry.type(description="A page of edges to missing entities, ordered by the missing ref.")
class DanglingRelationConnection:
    edges: list[RowEdge[DanglingRelation]] = resolved(rows_of, "The rows of this page.")
    nodes: list[DanglingRelation] = resolved(nodes_of, "The dangling edges of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")


def dangling_relations(info: Info, page: PageArguments) -> UncountedListing[Edge]:
    store, visible, window = info.context.store, info.context.visible, page.window(_SCOPE)

    async def load() -> Slice[Edge]:
        found = await store.dangling(window, visible=visible)
        return slice_of(found, lambda keyset, edge: ListedRow(_SCOPE, keyset, edge.target, edge))

    return UncountedListing(load)


@strawberry.enum(description="What is known of a ref.")
class Presence(Enum):
    PRESENT = strawberry.enum_value("present", description="The entity is there.")
    UNREADABLE = strawberry.enum_value("unreadable", description="A document declares it and can't be read; `errors` says why.")
    REMOVED = strawberry.enum_value("removed", description="It was there and was removed; `lastChange` says when and why.")
    REFERENCED = strawberry.enum_value(
        "referenced", description="Nothing declares it, but other entities point to it; `references` lists them."
    )
    UNKNOWN = strawberry.enum_value("unknown", description="Nothing declares it and nothing points to it.")


@dataclass(frozen=True, slots=True)
class Pointing:
    """An entity with an edge that leads to a missing ref, seen from that entity."""

    entity: Entity
    row: RelatedRow


@strawberry.type(description="An entity that points to a missing ref.")
class Reference:
    entity: LazyEntity = attribute("The entity.")
    relation: RelationType = reading(lambda pointing: pointing.row.edge.relation, "The relation.")
    direction: RelationDirection = reading(lambda pointing: pointing.row.direction, "Which way the edge leads from the entity to the ref.")
    evidence: list[Evidence] = reading(lambda pointing: pointing.row.edge.evidence, "The statements by which the edge exists.")


@dataclass(frozen=True, slots=True)
class RefReport:
    """What the catalog knows of a ref, whether it is there or not."""

    ref: Ref
    entity: Entity | None
    errors: Sequence[StoredError] = ()
    claims: Sequence[Claim] = ()
    last_change: StoredChange | None = None
    references: Sequence[Pointing] = ()
    failed_locations: Sequence[StoredLocation] = field(default=())

    @property
    def presence(self) -> Presence:
        if self.entity:
            return Presence.PRESENT
        if self.errors:
            return Presence.UNREADABLE
        if self.last_change and self.last_change.operation is Operation.REMOVED:
            return Presence.REMOVED
        return Presence.REFERENCED if self.references else Presence.UNKNOWN

    @property
    def explanation(self) -> str:
        match self.presence:
            case Presence.PRESENT if self.entity:
                origin = self.entity.origin
                return f"{self.ref} is read from {origin.path}, line {origin.line}."
            case Presence.UNREADABLE:
                error = self.errors[0]
                place = error.path if error.line is None else f"{error.path}, line {error.line}"
                return f"{self.ref} is declared but can't be read: {error.message} ({place}). {error.remedy}"
            case Presence.REMOVED if self.last_change:
                cause = self.last_change.cause
                return f"{self.ref} was removed at {self.last_change.at.isoformat()} ({cause.kind} {cause.detail})."
            case Presence.REFERENCED:
                return (
                    f"No file that the catalog reads declares {self.ref}, but {self.references[0].entity.ref} points to it. "
                    "Declare it, or mend the ref; and see that a location leads to its file."
                )
            case _:
                return (
                    f"No file that the catalog reads declares {self.ref}. "
                    "See that a location leads to its file, and that a rule allows its kind."
                )


async def _same_name(root: strawberry.Parent[RefReport], info: Info) -> Sequence[Entity]:
    name = split_ref(root.ref)[2]
    page = await info.context.store.page(fact_in("metadata.name", (name,)), (), Window(_SHOWN), visible=info.context.visible)
    return [entity for entity in page.rows if entity.ref != root.ref]


@strawberry.type(description="Why an entity is not there, or where it comes from if it is. A hidden entity is answered as a missing one.")
class WhyMissing:
    ref: str = attribute("The full ref that was asked for.")
    presence: Presence = attribute("What is known of it.")
    explanation: str = attribute("The same in a sentence, with what to do.")
    entity: LazyEntity | None = attribute("The entity, if it is there.")
    errors: list[CatalogError] = attribute("The catalog errors that name it.")
    claims: list[RefClaim] = attribute("The documents that declare it.")
    last_change: Change | None = attribute("The last entry of the log about it.")
    references: list[Reference] = attribute("The entities that point to it although it is missing, the first 50.")
    failed_locations: list[Location] = attribute("The roots of reading of which the last read failed, where it may have been.")
    same_name: list[LazyEntity] = resolved(_same_name, "Entities of the same name in other kinds and namespaces, the first 50.")


async def why_missing(info: Info, ref: Annotated[str, argument("The ref in question.")]) -> RefReport:
    context, asked = info.context, ref_given("ref", ref)
    entity = await context.loaders.entity_by_ref.load(asked)
    return RefReport(
        asked,
        entity,
        errors=await context.loaders.errors_by_ref.load(asked),
        claims=await _claims(context, asked, entity),
        last_change=next(iter(await context.loaders.history_by_ref(AFTER_THE_LOG, 1, backward=True).load(asked)), None),
        references=() if entity else await _references(context, asked),
        failed_locations=() if entity else [location for location in await context.store.locations() if location.error],
    )


async def _claims(context: Context, ref: Ref, entity: Entity | None) -> Sequence[Claim]:
    # Claims know no visibility: those of an entity that exists but is hidden must not show.
    if entity is None and context.visible != EVERYTHING and await context.store.entities_by_ref([ref], visible=EVERYTHING):
        return ()
    return (await context.store.claims([ref])).get(ref, ())


async def _references(context: Context, ref: Ref) -> Sequence[Pointing]:
    relations = context.registry.names
    leading = AnyOf(tuple(Related(name, direction, (ref,)) for name in relations for direction in Direction))
    entities = (await context.store.page(leading, (), Window(_SHOWN), visible=context.visible)).rows
    steps = tuple(Step(name, direction) for name in relations for direction in Direction)
    to_ref = Window(UNLIMITED, after=(ref, "", ""), before=(ref, BEYOND_ANY, ""))
    loader = context.loaders.related_by_ref(steps, to_ref, with_nodes=False)
    pages = await loader.load_many([entity.ref for entity in entities])
    return [Pointing(entity, row) for entity, page in zip(entities, pages, strict=True) for row in page.rows]
