"""Outgoing webhooks: how far each got, what was given up, and sending that again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from api.graphql.arguments import argument
from api.graphql.context import Info
from api.graphql.given import given
from api.graphql.types.fields import attribute, reading, resolved
from graph.access import Action
from graph.errors import LimitExceededError
from workers.webhooks.deliveries import DeadLetter, Progress, all_progress, dead_letters, redeliver

_MOST_LETTERS = 1_000


@strawberry.type(description="A delivery to an outgoing webhook that was given up. It is kept until it arrives.")
class WebhookDeadLetter:
    id: strawberry.ID = attribute("What `redeliverWebhook` takes.")
    webhook: str = attribute("The webhook's name.")
    at: datetime = attribute("When it was given up, or failed again.")
    delivery_id: str = reading(lambda letter: letter.delivery.id, "The `webhook-id` under which it is sent, every time.")
    sequence: str = reading(lambda letter: str(letter.delivery.until), "The number of the newest log entry that it tells of.")
    attempts: int = reading(lambda letter: letter.delivery.attempts, "How often it was tried.")
    error: str | None = reading(lambda letter: letter.delivery.error, "Why the last attempt failed.")


@strawberry.type(description="An outgoing webhook that is configured.")
class Webhook:
    name: str = attribute("Its name in the configuration.")
    sequence: str = reading(lambda hook: str(hook.after), "The number of the log entry up to which everything was sent, or given up.")
    attempts: int = reading(
        lambda hook: hook.pending.attempts if hook.pending else 0, "How often the delivery under way failed; 0 if all is well."
    )
    error: str | None = reading(lambda hook: hook.pending.error if hook.pending else None, "Why it failed; null if all is well.")
    next_attempt_at: datetime | None = reading(
        lambda hook: hook.due if hook.pending else None, "When it is tried again; null if nothing is waited for."
    )


@strawberry.type(description="What is sent again.")
class RedeliverWebhookPayload:
    dead_letter: WebhookDeadLetter = reading(lambda letter: letter, "The dead letter; it goes once it has arrived.")


async def _webhooks(info: Info) -> Sequence[Progress]:
    info.context.demand(Action.ADMIN, "webhooks")
    return await all_progress(info.context.store)


async def _dead_letters(
    info: Info,
    first: Annotated[int, argument("At most this many; 1,000 at most.")] = 50,
    after: Annotated[strawberry.ID | None, argument("Only those after the one with this id.")] = UNSET,
) -> Sequence[DeadLetter]:
    info.context.demand(Action.ADMIN, "webhookDeadLetters")
    if not 0 < first <= _MOST_LETTERS:
        raise LimitExceededError(f"`first` is {first:,} and should lie between 1 and {_MOST_LETTERS:,}")
    return await dead_letters(info.context.store, after=given(after) or "", limit=first)


async def _redeliver(info: Info, id: Annotated[strawberry.ID, argument("The id of the dead letter.")]) -> DeadLetter:
    context = info.context
    with context.audit.doing(context.access, "webhook.redeliver", id, cause=f"GraphQL {info.field_name}"):
        context.access.demand(Action.ADMIN)
        return await redeliver(context.store, id)


webhooks = resolved(_webhooks, "The outgoing webhooks and how far each got, ordered by name; one appears once it has begun.")
webhook_dead_letters = resolved(_dead_letters, "Deliveries to outgoing webhooks that were given up, by webhook, oldest first.")
redeliver_webhook = resolved(_redeliver, "Send a delivery again that was given up, within seconds and once, under its old id.")
