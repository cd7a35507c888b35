"""Durable state beside the graph, and the ends of the log: moments in it, and what is cut off."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from graph.store import StateRow, StateWrite
from graph.stores.logs import Entry, moment_text, newest_written_by
from graph.stores.neo4j_connections import Transaction
from graph.stores.neo4j_records import json_text
from graph.stores.stale import refuse_moved_rows


async def states(
    transaction: Transaction, collection: str, ids: Sequence[str] | None, due_by: datetime | None, after: str, limit: int
) -> Sequence[StateRow]:
    parameters = {"collection": collection, "ids": None if ids is None else list(ids), "after": after, "limit": limit}
    if due_by is None:
        rows = await transaction.value("states", parameters)
    else:
        rows = await transaction.value("states_due", {**parameters, "due_by": moment_text(due_by)})
    return [StateRow(collection, row[0], orjson.loads(row[1]), row[2], _moment(row[3])) for row in rows]


async def write_states(transaction: Transaction, writes: Sequence[StateWrite]) -> None:
    # In one order for all writers, so that none waits for one that waits for it.
    await transaction.run("states_lock", {"collections": sorted({write.collection for write in writes})})
    expected = [[write.collection, write.id] for write in writes if write.expected is not None]
    # A query of its own, after the lock is held: only now nobody else can move the versions.
    stored: list[tuple[str, str, int]] = await transaction.value("state_versions", {"places": expected}) if expected else []
    refuse_moved_rows(writes, {(collection, row_id): version for collection, row_id, version in stored})
    rows = [
        {
            "collection": write.collection,
            "id": write.id,
            "due": None if write.due is None else moment_text(write.due),
            "value": json_text(dict(write.value)),
        }
        for write in writes
        if write.value is not None
    ]
    removed = [[write.collection, write.id] for write in writes if write.value is None]
    if rows:
        await transaction.run("states_write", {"rows": rows})
    if removed:
        await transaction.run("states_remove", {"places": removed})


async def horizon(transaction: Transaction) -> int:
    return await transaction.value("horizon")


async def sequence_at(transaction: Transaction, at: datetime) -> int | None:
    begins, cut_at, head = await transaction.record("horizon")
    if cut_at is not None and at < datetime.fromisoformat(cut_at):
        return None
    search = newest_written_by(at, begins, head)
    try:
        asked = next(search)
        while True:
            asked = search.send(await _newest_entry(transaction, asked))
    except StopIteration as ended:
        return ended.value


async def cut_log(transaction: Transaction, until: int) -> int:
    await transaction.run("counter_lock")
    begins, _, head = await transaction.record("horizon")
    until = min(until, head)
    newest = await _newest_entry(transaction, until)
    if until <= begins or newest is None:
        return 0
    await transaction.run("horizon_set", {"sequence": until, "at": moment_text(newest[1])})
    return await transaction.value("changes_remove", {"until": until})


async def _newest_entry(transaction: Transaction, until: int) -> Entry | None:
    sequence, at = await transaction.record("newest_entry", {"until": until})
    return None if at is None else (sequence, datetime.fromisoformat(at))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
