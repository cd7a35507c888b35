"""Why a ref is not in the catalog, and who points to what is missing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any

import strawberry

from api.graphql.arguments import PageArguments, argument, ref_given
from api.graphql.context import Context, Info
from api.graphql.listing import ListedRow, Listing, Slice, slice_of
from api.graphql.loaders import AFTER_THE_LOG, BEYOND_ANY, UNLIMITED
from api.graphql.presences import Leaving, Pointing, Presence, ProviderState, RefReport
from api.graphql.types.changes import Change
from api.graphql.types.connections import PageInfo, RowEdge, count_of, nodes_of, page_of, rows_of
from api.graphql.types.errors import CatalogError
from api.graphql.types.evidence import Evidence
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.locations import Location, RefClaim, provider_of
from api.graphql.types.relation_type import RelationDirection, RelationType
from graph.access import Action
from graph.conditions import EVERYTHING, AnyOf, FactHasPrefix, Related, fact_in
from graph.entities import Edge, Entity
from graph.refs import Ref, split_ref
from graph.relations import Direction, Step
from graph.store import Cause, Claim, Window
from ingest.lifecycle import RELEASES

_SCOPE = "dangling"
_SHOWN = 50
_COMPARED = 300
_NEAREST = 5
_LEAST_ALIKE = 0.7
_PROVIDERS = "providers"


async def _source(root: strawberry.Parent[Edge], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.source)


async def _target(root: strawberry.Parent[Edge], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.target)


@strawberry.type(description="An edge of which an end is missing.")
class DanglingRelation:
    source_ref: str = reading(lambda edge: edge.source, "The ref of the entity at the edge's source.")
    source: LazyEntity | None = resolved(_source, "The entity at the edge's source; null if it is missing.")
    relation: RelationType = attribute("The relation.")
    target_ref: str = reading(lambda edge: edge.target, "The ref of the entity at the edge's target.")
    target: LazyEntity | None = resolved(_target, "The entity at the edge's target; null if it is missing.")
    evidence: list[Evidence] = attribute("The statements by which the edge exists.")


@strawberry.type(description="A page of edges of which an end is missing, ordered by the ref at the target.")
class DanglingRelationConnection:
    edges: list[RowEdge[DanglingRelation]] = resolved(rows_of, "The rows of this page.")
    nodes: list[DanglingRelation] = resolved(nodes_of, "The dangling edges of this page.")
    page_info: PageInfo = resolved(page_of, "Where this page lies in the list.")
    total_count: int = resolved(count_of, "How many such edges there are. Counted only if asked for.")


def dangling_relations(info: Info, page: PageArguments) -> Listing[Edge]:
    store, visible, window = info.context.store, info.context.visible, page.window(_SCOPE)

    async def load() -> Slice[Edge]:
        found = await store.dangling(window, visible=visible)
        return slice_of(found, lambda keyset, edge: ListedRow(_SCOPE, keyset, edge.target, edge))

    async def count() -> int:
        return await store.dangling_count(visible=visible)

    return Listing(load, count)


@strawberry.type(description="An entity that points to a missing ref.")
class Reference:
    entity: LazyEntity = attribute("The entity.")
    relation: RelationType = reading(lambda pointing: pointing.row.edge.relation, "The relation.")
    direction: RelationDirection = reading(lambda pointing: pointing.row.direction, "Which way the edge leads from the entity to the ref.")
    evidence: list[Evidence] = reading(lambda pointing: pointing.row.edge.evidence, "The statements by which the edge exists.")


async def _same_name(root: strawberry.Parent[RefReport], info: Info) -> Sequence[Entity]:
    name = split_ref(root.ref)[2]
    page = await info.context.store.page(fact_in("metadata.name", (name,)), (), Window(_SHOWN), visible=info.context.visible)
    return [entity for entity in page.rows if entity.ref != root.ref]


async def _nearest(root: strawberry.Parent[RefReport], info: Info) -> Sequence[Entity]:
    """By the beginning of the name, since a catalog is too large to compare with all of it."""
    name = split_ref(root.ref)[2]
    if root.entity or not name:
        return ()
    alike: dict[str, list[Entity]] = {}
    for length in (3, 1):
        window, begin = Window(_COMPARED), FactHasPrefix("metadata.name", name[:length])
        for entity in (await info.context.store.page(begin, (), window, visible=info.context.visible)).rows:
            if entity not in alike.setdefault(entity.name.lower(), []):
                alike[entity.name.lower()].append(entity)
    alike.pop(name, None)
    near = get_close_matches(name, alike, _NEAREST, _LEAST_ALIKE)
    return [entity for found in near for entity in alike[found]][:_NEAREST]


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
    leaves_at: datetime | None = reading(
        lambda report: report.leaving.until if report.leaving else None,
        "When the entity is removed because no document declares it any more, unless one does by then; null if it stays.",
    )
    nearest: list[LazyEntity] = resolved(_nearest, "If it is missing: the entities whose names are most alike, the first 5.")
    same_name: list[LazyEntity] = resolved(_same_name, "Entities of the same name in other kinds and namespaces, the first 50.")


async def why_missing(info: Info, ref: Annotated[str, argument("The ref in question.")]) -> RefReport:
    context, asked = info.context, ref_given("ref", ref)
    entity = await context.loaders.entity_by_ref.load(asked)
    may_read = context.access.may(Action.LOCATION_READ)
    locations = {location.id: location for location in await context.store.locations() if may_read}
    location = locations.get(entity.origin.location_id) if entity else None
    provider = provider_of(location) if location else None
    errors = await context.loaders.errors_by_ref.load(asked)
    return RefReport(
        asked,
        entity,
        errors=errors if entity or may_read else (),
        claims=await _claims(context, asked, entity, may_read),
        last_change=next(iter(await context.loaders.history_by_ref(AFTER_THE_LOG, 1, backward=True).load(asked)), None),
        references=() if entity else await _references(context, asked),
        failed_locations=() if entity else [location for location in locations.values() if location.error],
        location=location,
        leaving=await _leaving(context, entity),
        provider=await _provider_state(context, provider) if provider else None,
    )


async def _leaving(context: Context, entity: Entity | None) -> Leaving | None:
    if entity is None:
        return None
    rows = await context.store.states(RELEASES, ids=[entity.ref])
    # What something declares again by now keeps its row until that is due.
    if not rows or rows[0].due is None or (await context.store.claims([entity.ref])).get(entity.ref):
        return None
    value = rows[0].value
    return Leaving(datetime.fromisoformat(value["since"]), rows[0].due, Cause(value["causeKind"], value["causeDetail"]))


async def _provider_state(context: Context, name: str) -> ProviderState:
    rows = await context.store.states(_PROVIDERS, ids=[name])
    value: Mapping[str, Any] = rows[0].value if rows else {}
    missing = value.get("missingSince")
    return ProviderState(name, value.get("lastError"), datetime.fromisoformat(missing) if missing else None, rows[0].due if rows else None)


async def _claims(context: Context, ref: Ref, entity: Entity | None, may_read: bool) -> Sequence[Claim]:
    """Those that hold the ref or wait for it; for whoever may not read locations only the one by which a visible entity is there."""
    claims = (await context.store.claims([ref])).get(ref, ())
    # Claims know no visibility: those of an entity that exists but is hidden must not show.
    if entity is None and context.visible != EVERYTHING:
        there = await context.store.related_counts([ref], (), visible=EVERYTHING)
        return claims if may_read and not there else ()
    return claims if may_read else [claim for claim in claims if entity and claim.reading is None]


async def _references(context: Context, ref: Ref) -> Sequence[Pointing]:
    relations = context.registry.names
    leading = AnyOf(tuple(Related(name, direction, (ref,)) for name in relations for direction in Direction))
    entities = (await context.store.page(leading, (), Window(_SHOWN), visible=context.visible)).rows
    steps = tuple(Step(name, direction) for name in relations for direction in Direction)
    to_ref = Window(UNLIMITED, after=(ref, "", ""), before=(ref, BEYOND_ANY, ""))
    loader = context.loaders.related_by_ref(steps, to_ref, with_nodes=False)
    pages = await loader.load_many([entity.ref for entity in entities])
    return [Pointing(entity, row) for entity, page in zip(entities, pages, strict=True) for row in page.rows]
