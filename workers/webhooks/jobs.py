"""The jobs of webhooks: taking an event that a host told of, and telling others of changes."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from arq.worker import Function
from redis import RedisError

from config import Config
from config.webhooks import OutgoingWebhook
from graph.errors import CallboardError, InputError, StaleWriteError, StoreError
from graph.store import StateWrite, Store
from plugins.contract import Provider, SourceError, Touched
from plugins.hosts import Hosts
from workers.jobs import job, spread
from workers.leases import holding
from workers.providers.jobs import Providing, ask_for_run, connection_of, lease_of
from workers.queue import Queue
from workers.schedules import ask_for_reads
from workers.webhooks.deliveries import (
    Progress,
    arrived,
    asked_again,
    begin,
    buried,
    failed,
    forget_others,
    next_delivery,
    progress_of,
)
from workers.webhooks.events import is_read, note_read, note_taken, touched_of, waiting_event, waiting_events
from workers.webhooks.matching import touched_locations
from workers.webhooks.sending import DeliveryError, send

REFRESH = "refresh_location"

_EVENT_LIMIT_SECONDS = 300
_DELIVERY_LIMIT_SECONDS = 600
_MOST_EVENTS = 100
_LOOK_SECONDS = 0.5
_FIRST_DELAY_SECONDS = 5.0
_LONGEST_DELAY_SECONDS = 3600.0

_log = logging.getLogger("callboard.webhooks")


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What the jobs work with."""

    config: Config
    store: Store
    hosts: Hosts

    def outgoing(self, name: str) -> OutgoingWebhook | None:
        """The webhook of that name, None if it is not configured any more."""
        return next((webhook for webhook in self.config.webhooks if webhook.name == name), None)


def functions() -> Sequence[Function]:
    """The jobs, by the names under which they are asked for."""
    return [
        job(take_event, time_limit_seconds=_EVENT_LIMIT_SECONDS),
        job(deliver_webhook, time_limit_seconds=_DELIVERY_LIMIT_SECONDS),
    ]


async def follow(webhooks: Webhooks, queue: Queue) -> None:
    """Ask for what is due as soon as it is, until cancelled: events that came in, and changes that have to go out."""
    names = [webhook.name for webhook in webhooks.config.webhooks]
    began = False
    while True:
        try:
            if not began:
                await forget_others(webhooks.store, names)
                began = True
            for event_id in await waiting_events(webhooks.store, _MOST_EVENTS):
                await queue.request(take_event.__name__, event_id)
            for name in await _behind(webhooks, names) if names else ():
                await queue.request(deliver_webhook.__name__, name)
        except (StoreError, StaleWriteError, RedisError, OSError) as error:
            _log.debug("what webhooks wait for is not known, or can't be asked for: %s", error)
        await asyncio.sleep(_LOOK_SECONDS)


async def _behind(webhooks: Webhooks, names: Sequence[str]) -> Sequence[str]:
    """Webhooks that have something to do now."""
    now, head = datetime.now(UTC), await webhooks.store.head()
    known = await progress_of(webhooks.store, names)
    again = {letter.webhook for letter in await asked_again(webhooks.store)}
    return [name for name in names if name in again or _is_behind(known.get(name), head, now)]


def _is_behind(progress: Progress | None, head: int, now: datetime) -> bool:
    if progress is None:
        return True
    return (progress.due is None or progress.due <= now) if progress.pending else progress.after < head


async def take_event(ctx: Mapping[str, Any], event_id: str) -> None:
    """Have everything read that the event touched, and let the providers follow it. One that was taken already needs nothing."""
    webhooks: Webhooks = ctx["webhooks"]
    store = webhooks.store
    row = await waiting_event(store, event_id)
    if row is None:
        return
    touched = touched_of(row)
    if not is_read(row):
        await _read(webhooks, ctx["queue"], event_id, touched)
        await note_read(store, row)
    providing: Providing = ctx["providing"]
    for provider in providing.providers:
        # While the provider reads by itself this waits: what it found before the event must not be written after it.
        await holding(store, lease_of(provider.name), lambda provider=provider: _follow_event(ctx, provider, touched))
    await note_taken(store, event_id)


async def _read(webhooks: Webhooks, queue: Queue, event_id: str, touched: Sequence[Touched]) -> None:
    location_ids = await touched_locations(webhooks.store, lambda url: (found := webhooks.hosts.of(url)) and found[1], touched)
    # Written down first: whoever takes over after a kill reads them as well.
    await ask_for_reads(webhooks.store, location_ids)
    for location_id in location_ids:
        await queue.request(REFRESH, location_id)
    _log.info("%s: %d locations are read", event_id, len(location_ids))


async def _follow_event(ctx: Mapping[str, Any], provider: Provider, touched: Sequence[Touched]) -> None:
    """Let the provider follow the event; one that can't reads all anew, and whatever hinders it is shown as its error."""
    try:
        for each in touched:
            await provider.on_event(each, connection_of(ctx, provider.name))
    except (SourceError, InputError) as error:
        _log.warning("%s could not follow an event and reads all anew: %s", provider.name, error)
        await ask_for_run(ctx["webhooks"].store, provider.name)
    except CallboardError:
        raise
    except Exception:
        # A mistake of one provider must not keep the others from the event.
        _log.exception("%s failed at an event and reads all anew", provider.name)
        await ask_for_run(ctx["webhooks"].store, provider.name)


async def deliver_webhook(ctx: Mapping[str, Any], name: str) -> None:
    """Send what the webhook has not been told yet, and the dead letters that were asked for, until it is up to date or fails."""
    webhooks: Webhooks = ctx["webhooks"]
    webhook = webhooks.outgoing(name)
    if webhook:
        await holding(webhooks.store, f"webhook:{name}", lambda: _deliver(webhooks, webhook))


async def _deliver(webhooks: Webhooks, webhook: OutgoingWebhook) -> None:
    await _send_letters(webhooks, webhook)
    while await _send_next(webhooks, webhook):
        pass


async def _send_letters(webhooks: Webhooks, webhook: OutgoingWebhook) -> None:
    for letter in await asked_again(webhooks.store):
        if letter.webhook == webhook.name:
            try:
                await send(webhooks.hosts.outbound, webhook, letter.delivery)
            except DeliveryError as error:
                _log.warning("webhook %s: a dead letter failed again: %s", webhook.name, error)
                await webhooks.store.write_states([buried(webhook, failed(letter.delivery, str(error)))])
            else:
                await webhooks.store.write_states([arrived(letter)])


async def _send_next(webhooks: Webhooks, webhook: OutgoingWebhook) -> bool:
    """Whether the webhook may have more to send at once."""
    store = webhooks.store
    progress = (await progress_of(store, [webhook.name])).get(webhook.name)
    if progress is None:
        await begin(store, webhook.name)
        return True
    if progress.pending is None:
        until, delivery = await next_delivery(store, webhook, progress.after)
        if delivery is None and until == progress.after:
            return False
        # The body is kept before it is sent, so that a second sending after a kill is the same.
        await store.write_states([progress.write(until if delivery is None else progress.after, delivery)])
        return True
    if progress.due and progress.due > datetime.now(UTC):
        return False
    try:
        await send(webhooks.hosts.outbound, webhook, progress.pending)
    except DeliveryError as error:
        writes, goes_on = _after_failure(webhook, progress, error)
        await store.write_states(writes)
        return goes_on
    await store.write_states([progress.write(progress.pending.until, None)])
    return True


def _after_failure(webhook: OutgoingWebhook, progress: Progress, error: DeliveryError) -> tuple[Sequence[StateWrite], bool]:
    """What is written after a failed attempt, and whether the next delivery is due at once, since this one was given up."""
    if progress.pending is None:
        return (), False
    delivery = failed(progress.pending, str(error))
    if delivery.attempts >= webhook.attempts:
        _log.error("webhook %s: delivery %s failed %d times and is given up: %s", webhook.name, delivery.id, delivery.attempts, error)
        return [buried(webhook, delivery), progress.write(delivery.until, None)], True
    delay = min(_FIRST_DELAY_SECONDS * 2 ** (delivery.attempts - 1), _LONGEST_DELAY_SECONDS)
    seconds = spread(max(delay, error.retry_after_seconds or 0))
    _log.warning("webhook %s: attempt %d failed, again in %.0f s: %s", webhook.name, delivery.attempts, seconds, error)
    return [progress.write(progress.after, delivery, datetime.now(UTC) + timedelta(seconds=seconds))], False
