"""What tasks made outside of their workspaces."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from api.graphql.context import Info
from api.graphql.types.fields import attribute, reading, resolved
from api.graphql.types.lazy import LazyEntity
from graph.entities import Entity
from workers.scaffolder.effects import KeptEffect


async def _entity(root: strawberry.Parent[KeptEffect], info: Info) -> Entity | None:
    return await info.context.loaders.entity_by_ref.load(root.ref) if root.ref else None


@strawberry.type(description="Something that a task made outside of its workspace.")
class ScaffolderTaskEffect:
    kind: str = attribute("What it is, such as `repository`, `pull-request`, `location` or `entity`.")
    url: str = attribute("Where it is found.")
    ref: str | None = attribute("The entity that it is; null if it is none.")
    entity: LazyEntity | None = resolved(_entity, "The entity as it is now; null if it is none, or missing.")
    step_id: str = attribute("The step that made it.")
    created_at: datetime = attribute("When it was made.")
    details: JSON = reading(lambda effect: dict(effect.details), "What else is known of it.")


def shown_digest(info: Info, digest: str) -> str | None:
    """The digest of a template; None where parts of it may be hidden, which could be guessed by it."""
    return None if info.context.access.redactions or info.context.access.hides_references else digest
