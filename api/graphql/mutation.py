"""The root of all mutations: what may be done to the catalog."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import argument
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.types.changes import ChangeOperation
from api.graphql.types.docs import BuildDocsPayload, build_docs
from api.graphql.types.errors import CatalogError
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from api.graphql.types.locations import Location
from api.graphql.types.search import RebuildSearchIndexPayload, rebuild_search_index
from api.graphql.types.task_runs import (
    CancelTaskPayload,
    RetryTaskPayload,
    RunTemplatePayload,
    cancel_task,
    retry_task,
    run_template,
)
from api.graphql.types.upgrades import UpgradeFromTemplatePayload, upgrade_from_template
from api.graphql.types.viewer import (
    CreatePersonalTokenPayload,
    EndSessionsPayload,
    RevokePersonalTokenPayload,
    create_personal_token,
    end_sessions,
    revoke_personal_token,
)
from api.graphql.types.webhooks import RedeliverWebhookPayload, redeliver_webhook
from graph.access import Action
from graph.entities import Entity
from graph.errors import InputError, LimitExceededError
from ingest.lifecycle import PlannedEntity, Refreshing, Registered, Unregistered, ValidatedDocuments

_MOST_REFRESHED = 1_000


async def _planned_entity(root: strawberry.Parent[PlannedEntity], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref)


@strawberry.type(name="RegisteredEntity", description="An entity that a location declares.")
class EntityOfLocation:
    ref: str = attribute("The full ref.")
    operation: ChangeOperation | None = attribute(
        "What becomes of the entity of that ref by reading the location; null if nothing does, because another document holds the ref."
    )
    path: str = attribute("The file, by its full path or URL.")
    line: int = attribute("The line in which the document begins, counted from 1.")
    entity: LazyEntity | None = resolved(_planned_entity, "The entity as it is now; null if there is none.")


@strawberry.type(description="What registering a location did, or in a dry run would do.")
class RegisterLocationPayload:
    location: Location | None = attribute(
        "The location; null in a dry run of a new one, and if it was not registered: it can't be read, or declares no entity in order."
    )
    existed: bool = attribute("Whether the location was there already; then nothing was done.")
    entities: list[EntityOfLocation] = attribute("The entities that it declares; none for one that was there already.")
    problems: list[CatalogError] = attribute("What is wrong in its files, or with reading them.")


@strawberry.type(description="What unregistering a location did.")
class UnregisterLocationPayload:
    location: Location = attribute("The location that is gone.")
    removed_refs: list[str] = reading(lambda gone: gone.removed, "The entities that went with it.")
    orphaned_refs: list[str] = reading(
        lambda gone: gone.orphaned, "The entities that nothing leads to any more, and that `catalog.orphanStrategy` keeps."
    )


@strawberry.type(description="What is read again.")
class RefreshPayload:
    locations: list[Location] = attribute("The locations that are read again within seconds.")
    unknown: list[str] = attribute("What was named and is neither a location nor an entity.")


@strawberry.type(description="Whether a text is in order as a catalog file.")
class ValidateEntityPayload:
    valid: bool = reading(lambda found: not found.problems and bool(found.refs), "Whether it declares entities, and all of it is in order.")
    refs: list[str] = attribute("The refs of the entities that are in order.")
    problems: list[CatalogError] = attribute("What is wrong, with line, column and what to do.")


async def _register(
    info: Info,
    target: Annotated[str, argument("The file or folder (absolute, on the server) or the URL where reading begins; globs are allowed.")],
    type: Annotated[str, argument("How it is read: `url` or `file`.")] = "url",
    dry_run: Annotated[bool, argument("Whether nothing is to be done and only told what would be.")] = False,
) -> Registered:
    context = info.context
    with _audited(info, Action.LOCATION_CREATE, f"{type}:{target}", changes=not dry_run):
        return await context.acting.register(type, target, context.access, dry_run=dry_run)


async def _unregister(info: Info, id: Annotated[strawberry.ID, argument("The id of the location.")]) -> Unregistered:
    context = info.context
    with _audited(info, Action.LOCATION_DELETE, id):
        return await context.acting.unregister(id, context.access)


async def _refresh(
    info: Info, of: Annotated[list[str], argument("Refs of entities, whose locations are meant, and ids of locations; 1,000 at most.")]
) -> Refreshing:
    if not of:
        raise InputError("`of` is empty; name entities by ref or locations by id")
    if len(of) > _MOST_REFRESHED:
        raise LimitExceededError(f"`of` names {len(of):,}, and {_MOST_REFRESHED:,} at most are read again by one request")
    with _audited(info, Action.ENTITY_REFRESH, of):
        return await info.context.acting.refresh(of, info.context.access)


async def _validate(
    info: Info,
    document: Annotated[str, argument("The text of a catalog file: YAML, or JSON.")],
    location: Annotated[
        str | None, argument("`type:target` of the location that it would be read from, by whose rules it is checked too.")
    ] = UNSET,
) -> ValidatedDocuments:
    with _audited(info, Action.ENTITY_VALIDATE, given(location) or "document", changes=False):
        return await info.context.acting.validate(document, given(location), info.context.access)


def _audited(info: Info, action: Action, subject: str | Sequence[str], *, changes: bool = True) -> AbstractContextManager[None]:
    return info.context.audit.doing(info.context.access, action, subject, cause=f"GraphQL {info.field_name}", changes=changes)


@strawberry.type(description="What can be done to the catalog.")
class Mutation:
    register_location: RegisterLocationPayload = resolved(
        _register, "Add a location: it is read at once, and kept in step from then on. A dry run tells what it would bring."
    )
    unregister_location: UnregisterLocationPayload = resolved(
        _unregister, "Remove a location that was registered, and what only it led to. One of the configuration is removed there."
    )
    refresh: RefreshPayload = resolved(_refresh, "Read some locations again now rather than when they are due.")
    validate_entity: ValidateEntityPayload = resolved(_validate, "Check a document without storing it.")
    build_docs: BuildDocsPayload = resolved(build_docs, "Have the documentation of an entity built anew, changed or not.")
    redeliver_webhook: RedeliverWebhookPayload = redeliver_webhook
    rebuild_search_index: RebuildSearchIndexPayload = rebuild_search_index
    run_template: RunTemplatePayload = run_template
    cancel_task: CancelTaskPayload = cancel_task
    retry_task: RetryTaskPayload = retry_task
    upgrade_from_template: UpgradeFromTemplatePayload = upgrade_from_template
    create_personal_token: CreatePersonalTokenPayload = create_personal_token
    revoke_personal_token: RevokePersonalTokenPayload = revoke_personal_token
    end_sessions: EndSessionsPayload = end_sessions
