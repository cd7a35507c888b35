"""What was written between two entries of the log, entries counted for each entity, and entries merged."""

from collections.abc import Mapping, Sequence

import orjson

from graph.conditions import EVERYTHING, Condition
from graph.refs import Ref
from graph.store import Change
from graph.stores.sqlite_composer import Composer
from graph.stores.sqlite_connections import Session, as_json


def change_counts_by_ref(session: Session, refs: Sequence[Ref], visible: Condition) -> Mapping[Ref, int]:
    composer = Composer(visible)
    fragments = log_fragments(composer, visible, refs)
    return dict(session.rows("change_counts_by_ref", composer.parameters, **fragments))


def changed_refs(
    session: Session, after: int, until: int, visible: Condition, refs: Sequence[Ref] | None, beyond: str, limit: int
) -> Sequence[Ref]:
    composer = Composer(visible)
    fragments = log_fragments(composer, visible, refs)
    parameters = {**composer.parameters, "after": after, "until": until, "beyond": beyond, "limit": limit}
    return session.rows("changed_refs", parameters, **fragments)


def changed_ref_count(session: Session, after: int, until: int, visible: Condition, refs: Sequence[Ref] | None) -> int:
    composer = Composer(visible)
    fragments = log_fragments(composer, visible, refs)
    return session.value("changed_ref_count", {**composer.parameters, "after": after, "until": until}, **fragments)


def merge_changes(session: Session, merged: Sequence[Change], dropped: Sequence[int]) -> None:
    for change in merged:
        session.run("merge_change", {"sequence": change.sequence, "record": change_record(change)})
    session.run("drop_changes", {"sequences": as_json(list(dropped))})


def log_fragments(composer: Composer, visible: Condition, refs: Sequence[Ref] | None) -> dict[str, str]:
    """Which entries of the log, called `change`, are of these refs and may be seen."""
    seen = "TRUE" if visible == EVERYTHING else composer.names_seen("change.ref")
    return {"wanted": composer.among("change.ref", refs), "visible": seen}


def change_record(change: Change) -> str:
    """An entry of the log as it is stored."""
    cause = change.cause
    entry = (change.sequence, change.at.isoformat(), change.ref, change.operation, change.patch, cause.kind, cause.detail)
    return orjson.dumps(entry).decode()
