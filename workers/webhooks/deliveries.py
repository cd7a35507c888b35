"""Deliveries of outgoing webhooks: which changes go to whom, what is tried again, and what was given up, all kept in the store.

A webhook has one row: how far in the log it got, and the one delivery that is under way with its body, so that whoever goes on after a
kill sends the very same under the same id.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from config.webhooks import ChangeFilter, OutgoingWebhook
from graph.conditions import EVERYTHING
from graph.errors import NotFoundError
from graph.store import Change, StateRow, StateWrite, Store

WEBHOOKS = "webhooks"
DEAD_LETTERS = "webhookDeadLetters"

MOST_CHANGES = 100
"""As many changes one delivery holds at most."""

_MOST_BYTES = 512 * 1024
_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is sent at once: the body, under an id that stays the same however often it is sent. `attempts` failed so far, the last of them
    with `error`; then the log has been told until `until`.
    """

    id: str
    until: int
    body: str
    attempts: int = 0
    error: str | None = None

    @property
    def value(self) -> Mapping[str, Any]:
        """As a row of the store holds it."""
        return {"id": self.id, "until": self.until, "body": self.body, "attempts": self.attempts, "error": self.error}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a webhook got: everything up to `after` was sent, did not concern it, or lies with the dead letters."""

    name: str
    after: int
    pending: Delivery | None
    due: datetime | None
    version: int

    def write(self, after: int, pending: Delivery | None, due: datetime | None = None) -> StateWrite:
        """The write that makes this the webhook's progress, unless another worker made some meanwhile."""
        value = {"after": after, "pending": pending.value if pending else None}
        return StateWrite(WEBHOOKS, self.name, value, due=due, expected=self.version)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up, to be sent again on demand."""

    id: str
    webhook: str
    at: datetime
    delivery: Delivery


async def progress_of(store: Store, names: Sequence[str]) -> Mapping[str, Progress]:
    """How far these webhooks got; one that never began is absent."""
    return {row.id: _progress(row) for row in await store.states(WEBHOOKS, ids=names)} if names else {}


async def all_progress(store: Store) -> Sequence[Progress]:
    """How far every webhook got that ever began and is configured, ordered by name."""
    return [_progress(row) for row in await store.states(WEBHOOKS)]


async def begin(store: Store, name: str) -> None:
    """Have the webhook be told of what changes from now on. StaleWriteError if it began already."""
    await store.write_states([StateWrite(WEBHOOKS, name, {"after": await store.head(), "pending": None}, expected=0)])


async def forget_others(store: Store, names: Sequence[str]) -> None:
    """Drop the progress of webhooks that are not configured any more."""
    others = [row.id for row in await store.states(WEBHOOKS) if row.id not in names]
    if others:
        await store.write_states([StateWrite(WEBHOOKS, other, None) for other in others])


async def next_delivery(store: Store, webhook: OutgoingWebhook, after: int) -> tuple[int, Delivery | None]:
    """How far the log was looked at, and what of it has to be sent; None if nothing up to there concerns the webhook."""
    horizon = await store.horizon()
    changes = await store.changes(max(after, horizon), _LOOKED_AT, visible=EVERYTHING)
    told: list[Mapping[str, Any]] = []
    until, size = max(after, horizon), 0
    last = None
    for change in changes:
        if concerns(change, webhook.filter):
            one = _told(change)
            size += len(orjson.dumps(one))
            if told and (len(told) == MOST_CHANGES or size > _MOST_BYTES):
                break
            told.append(one)
            last = change
        until = change.sequence
    if last is None:
        return until, None
    data: dict[str, Any] = {"webhook": webhook.name, "changes": told}
    if horizon > after:
        data["missed"] = {"after": str(after), "until": str(horizon)}
    body = orjson.dumps({"type": "catalog.changed", "timestamp": last.at.isoformat(), "data": data}).decode()
    return until, Delivery(_delivery_id(webhook.name, after, until), until, body)


async def dead_letters(store: Store, *, after: str = "", limit: int = 1000) -> Sequence[DeadLetter]:
    """Deliveries that were given up, ordered by webhook and by their place in the log."""
    return [_dead_letter(row) for row in await store.states(DEAD_LETTERS, after=after, limit=limit)]


async def redeliver(store: Store, letter_id: str) -> DeadLetter:
    """Have the dead letter be sent again, soon and once; it stays until it has arrived. NotFoundError if there is none."""
    rows = await store.states(DEAD_LETTERS, ids=[letter_id])
    if not rows:
        raise NotFoundError(f"There is no dead letter {letter_id}; it may have been delivered meanwhile.")
    await store.write_states([StateWrite(DEAD_LETTERS, letter_id, rows[0].value, due=datetime.now(UTC), expected=rows[0].version)])
    return _dead_letter(rows[0])


async def asked_again(store: Store) -> Sequence[DeadLetter]:
    """Dead letters that have to be sent again now."""
    return [_dead_letter(row) for row in await store.states(DEAD_LETTERS, due_by=datetime.now(UTC), limit=MOST_CHANGES)]


def buried(webhook: OutgoingWebhook, delivery: Delivery) -> StateWrite:
    """The write that puts a delivery among the dead letters, or back there, and lets nobody send it until asked."""
    value = {"webhook": webhook.name, "at": datetime.now(UTC).isoformat(), "delivery": delivery.value}
    return StateWrite(DEAD_LETTERS, f"{webhook.name}:{delivery.until:019d}", value)


def arrived(letter: DeadLetter) -> StateWrite:
    """The write that takes a delivery from the dead letters."""
    return StateWrite(DEAD_LETTERS, letter.id, None)


def failed(delivery: Delivery, error: str) -> Delivery:
    """The delivery after one more attempt."""
    return replace(delivery, attempts=delivery.attempts + 1, error=error)


def concerns(change: Change, filter: ChangeFilter) -> bool:
    """Whether the change meets all that the filter names."""
    kind, _, rest = change.ref.partition(":")
    namespace = rest.partition("/")[0]
    return all(
        not wanted or is_ in {each.lower() for each in wanted}
        for is_, wanted in (
            (kind, filter.kinds),
            (namespace, filter.namespaces),
            (change.ref, filter.refs),
            (change.operation.value, filter.operations),
        )
    )


def _told(change: Change) -> Mapping[str, Any]:
    return {
        "sequence": str(change.sequence),
        "at": change.at.isoformat(),
        "ref": change.ref,
        "operation": change.operation.value,
        "patch": list(change.patch),
        "cause": {"kind": change.cause.kind, "detail": change.cause.detail},
    }


def _delivery_id(name: str, after: int, until: int) -> str:
    return "msg_" + hashlib.sha256(f"{name} {after} {until}".encode()).hexdigest()[:32]


def _progress(row: StateRow) -> Progress:
    pending = row.value["pending"]
    return Progress(row.id, row.value["after"], Delivery(**pending) if pending else None, row.due, row.version)


def _dead_letter(row: StateRow) -> DeadLetter:
    value = row.value
    return DeadLetter(row.id, value["webhook"], datetime.fromisoformat(value["at"]), Delivery(**value["delivery"]))
