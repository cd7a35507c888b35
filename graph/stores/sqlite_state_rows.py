"""Durable state beside the graph, and the ends of the log: moments in it, and what is cut off."""

from collections.abc import Sequence
from datetime import datetime

import orjson

from graph.store import StateRow, StateWrite
from graph.stores.logs import Entry, moment_text, newest_written_by
from graph.stores.sqlite_composer import joined
from graph.stores.sqlite_connections import Session, as_json
from graph.stores.stale import refuse_moved_rows


def states(
    session: Session, collection: str, ids: Sequence[str] | None, due_by: datetime | None, after: str, limit: int
) -> Sequence[StateRow]:
    parameters: dict[str, object] = {"collection": collection, "after": after, "limit": limit}
    wanted: list[str] = []
    if ids is not None:
        wanted.append("id IN (SELECT value FROM json_each(:ids))")
        parameters["ids"] = as_json([*ids])
    if due_by is not None:
        wanted.append("due <= :due_by")
        parameters["due_by"] = moment_text(due_by)
    ordering = "id" if due_by is None else "due, id"
    rows = session.rows("states", parameters, wanted=joined("AND", wanted), ordering=ordering)
    return [StateRow(collection, row[0], orjson.loads(row[1]), row[2], _moment(row[3])) for row in rows]


def write_states(session: Session, writes: Sequence[StateWrite]) -> None:
    places = [{"collection": write.collection, "id": write.id} for write in writes]
    stored: dict[tuple[str, str], int] = {}
    for place in places:
        version: int | None = session.value("state_version", place)
        stored[place["collection"], place["id"]] = version or 0
    refuse_moved_rows(writes, stored)
    for write, place in zip(writes, places, strict=True):
        if write.value is None:
            session.run("remove_state", place)
        else:
            due = None if write.due is None else moment_text(write.due)
            session.run("write_state", {**place, "due": due, "value": as_json(dict(write.value))})


def horizon(session: Session) -> int:
    return _horizon(session)[0]


def sequence_at(session: Session, at: datetime) -> int | None:
    begins, cut_at = _horizon(session)
    if cut_at is not None and at < cut_at:
        return None
    search = newest_written_by(at, begins, session.value("head"))
    try:
        asked = next(search)
        while True:
            asked = search.send(newest_entry(session, asked))
    except StopIteration as ended:
        return ended.value


def cut_log(session: Session, until: int) -> int:
    until = min(until, session.value("head"))
    newest = newest_entry(session, until)
    if until <= _horizon(session)[0] or newest is None:
        return 0
    session.run("write_horizon", {"sequence": until, "at": moment_text(newest[1])})
    return session.run("cut_log", {"until": until})


def newest_entry(session: Session, until: int) -> Entry | None:
    """The newest log entry with that sequence number or a lower one, and when it was written."""
    found = session.rows("newest_entry", {"until": until})
    return (found[0], datetime.fromisoformat(found[1])) if found else None


def _horizon(session: Session) -> tuple[int, datetime | None]:
    sequence, at = session.rows("horizon")
    return sequence, _moment(at)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
