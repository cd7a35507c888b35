"""The root of all queries."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import argument, ref_given, refs_given
from api.graphql.context import Info
from api.graphql.cursors import ref_of_id
from api.graphql.given import given
from api.graphql.moments import sequence_of
from api.graphql.past import context_at
from api.graphql.types.chains import CycleConnection, Path, cycles, paths
from api.graphql.types.changes import ChangeConnection, changes
from api.graphql.types.connections import Connection
from api.graphql.types.difference import DifferenceConnection, diff
from api.graphql.types.docs import Docs, DocsFlawConnection, docs, docs_problems
from api.graphql.types.entity import Entity, Node
from api.graphql.types.errors import CatalogErrorConnection, catalog_errors
from api.graphql.types.facets import Facet, facets
from api.graphql.types.federation import EntityUnion, Service, entities_by_key, service
from api.graphql.types.fields import paged, resolved
from api.graphql.types.impact import Impact, impact
from api.graphql.types.jobs import JobsReport, jobs
from api.graphql.types.kinds import API, Component, Domain, Group, Resource, System, Template, User
from api.graphql.types.lists import entities, entities_of_kind
from api.graphql.types.locations import LocationConnection, locations
from api.graphql.types.presence import DanglingRelationConnection, WhyMissing, dangling_relations, why_missing
from api.graphql.types.search import SearchConnection, search, search_suggestions
from api.graphql.types.tasks import (
    ScaffolderAction,
    ScaffolderTask,
    ScaffolderTaskConnection,
    scaffolder_actions,
    scaffolder_task,
    scaffolder_tasks,
)
from api.graphql.types.viewer import Viewer, viewer
from api.graphql.types.webhooks import Webhook, WebhookDeadLetter, webhook_dead_letters, webhooks
from graph.entities import Entity as StoredEntity


async def _node(info: Info, id: Annotated[strawberry.ID, argument("An id that this catalog has handed out.")]) -> StoredEntity | None:
    return await info.context.loaders.entity_by_ref.load(ref_of_id(id))


async def _entity(
    info: Info,
    ref: Annotated[str, argument("A ref, `kind:[namespace/]name`.")],
    at: Annotated[str | None, argument("The moment at which to show it, as `from` of `diff`; now if not given.")] = UNSET,
) -> StoredEntity | None:
    context, asked, moment = info.context, ref_given("ref", ref), given(at)
    if moment is not None:
        context = context_at(context, await sequence_of(context.store, "at", moment, visible=context.visible))
    return await context.loaders.entity_by_ref.load(asked)


async def _template(
    info: Info, ref: Annotated[str, argument("The ref of a template, `template:[namespace/]name`.")]
) -> StoredEntity | None:
    asked = ref_given("ref", ref)
    return await info.context.loaders.entity_by_ref.load(asked) if asked.startswith("template:") else None


async def _entities_by_ref(
    info: Info, refs: Annotated[list[str], argument("Refs, `kind:[namespace/]name`.")]
) -> Sequence[StoredEntity | None]:
    return await info.context.loaders.entity_by_ref.load_many(refs_given("refs", refs))


@strawberry.type(description="What can be asked of the catalog.")
class Query:
    node: Node | None = resolved(_node, "The entity with this id; null if it is missing.")
    entity: Entity | None = resolved(
        _entity,
        "The entity with this ref; null if it is missing. Of an earlier moment it has the descriptor and the edges of then, and so "
        "have the entities that these lead to; what the log does not hold is an error. Visibility is that of now.",
    )
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
    templates: Connection[Template] = entities_of_kind("template", "Templates")
    template: Template | None = resolved(_template, "The template with this ref; null if it is missing.")
    scaffolder_actions: list[ScaffolderAction] = scaffolder_actions
    scaffolder_task: ScaffolderTask | None = scaffolder_task
    scaffolder_tasks: ScaffolderTaskConnection = scaffolder_tasks
    facets: list[Facet] = resolved(facets, "The values under some paths, and how many entities have each.")
    impact: Impact = resolved(impact, "Everything that feels a change of some entities, near and far, with the reasons and whom to tell.")
    paths: list[Path] = resolved(
        paths,
        "Shortest chains from one entity to another along which the first depends on the second; if there is none, along which the second "
        "depends on the first. Relations that carry no change are followed as they are stored, then against that.",
    )
    cycles: CycleConnection = resolved(cycles, "Entities that depend, in the end, on themselves.")
    why_missing: WhyMissing = resolved(why_missing, "Why an entity is not there, or where it comes from if it is.")
    dangling_relations: DanglingRelationConnection = paged(dangling_relations, "Edges of which an end is missing.")
    catalog_errors: CatalogErrorConnection = paged(catalog_errors, "What could not be read.")
    search: SearchConnection = search
    search_suggestions: list[str] = search_suggestions
    docs: Docs | None = resolved(docs, "The documentation of an entity; null if it has none, or none that may be read.")
    docs_problems: DocsFlawConnection = paged(
        docs_problems, "What is wrong in the documentation of all entities: broken links, missing images and the like."
    )
    locations: LocationConnection = paged(locations, "The roots of reading.")
    webhooks: list[Webhook] = webhooks
    webhook_dead_letters: list[WebhookDeadLetter] = webhook_dead_letters
    changes: ChangeConnection = paged(changes, "What has happened to the entities, oldest first.")
    diff: DifferenceConnection = resolved(diff, "How the catalog differs between two moments, entity by entity.")
    jobs: JobsReport | None = resolved(jobs, "The background jobs; null for whoever may not see everything or not administer.")
    viewer: Viewer = viewer
    entities_by_key: list[EntityUnion | None] = resolved(
        entities_by_key, "The entities with these keys, in their order, null for missing ones; for gateways.", name="_entities"
    )
    service: Service = resolved(service, "This subgraph; for gateways.", name="_service")
