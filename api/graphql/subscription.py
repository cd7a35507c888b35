"""The root type of subscriptions."""

import strawberry

from api.graphql.types.events import CatalogErrorChange, EntityChange, catalog_error_changes, entity_changes
from api.graphql.types.fields import subscribed
from api.graphql.types.task_runs import task_events
from api.graphql.types.tasks import ScaffolderTaskEvent


@strawberry.type(description="What is told as it happens.")
class Subscription:
    entity_changes: EntityChange = subscribed(
        entity_changes,
        "Entries of the log of changes, each once and in order. With a filter: entries of entities that pass it now, and entries before "
        "which they passed it, or may have.",
    )
    catalog_errors: CatalogErrorChange = subscribed(
        catalog_error_changes,
        "The errors that are there, and then each that comes or goes. Subscribing again tells again of all that are there.",
    )
    task_events: ScaffolderTaskEvent = task_events
