"""What was written between two entries of the log, entries counted for each entity, and entries merged."""

from collections.abc import Mapping, Sequence

from graph.conditions import Condition
from graph.refs import Ref
from graph.store import Change
from graph.stores.neo4j_composer import Composer
from graph.stores.neo4j_connections import Transaction
from graph.stores.neo4j_records import json_text


async def change_counts_by_ref(transaction: Transaction, refs: Sequence[Ref], visible: Condition) -> Mapping[Ref, int]:
    composer = Composer(visible)
    fragment = composer.visible_ref("c.ref")
    rows = await transaction.value("change_counts_by_ref", {**composer.parameters, "refs": list(refs)}, visible=fragment)
    return dict(rows)


async def changed_refs(
    transaction: Transaction, after: int, until: int, visible: Condition, refs: Sequence[Ref] | None, beyond: str, limit: int
) -> Sequence[Ref]:
    composer = Composer(visible)
    fragment = composer.visible_ref("c.ref")
    parameters = {**_span(composer, after, until, refs), "beyond": beyond, "limit": limit}
    return await transaction.value("changed_refs", parameters, visible=fragment)


async def changed_ref_count(transaction: Transaction, after: int, until: int, visible: Condition, refs: Sequence[Ref] | None) -> int:
    composer = Composer(visible)
    fragment = composer.visible_ref("c.ref")
    return await transaction.value("changed_ref_count", _span(composer, after, until, refs), visible=fragment)


async def merge_changes(transaction: Transaction, merged: Sequence[Change], dropped: Sequence[int]) -> None:
    await transaction.run("counter_lock")
    await transaction.run("changes_merge", {"changes": [stored_change(change) for change in merged]})
    await transaction.run("changes_drop", {"sequences": list(dropped)})


def stored_change(change: Change) -> dict[str, object]:
    """The properties of the node of a log entry."""
    return {
        "sequence": change.sequence,
        "at": change.at.isoformat(),
        "ref": change.ref,
        "operation": change.operation.value,
        "patch": json_text(change.patch) if change.patch else None,
        "causeKind": change.cause.kind,
        "causeDetail": change.cause.detail,
    }


def _span(composer: Composer, after: int, until: int, refs: Sequence[Ref] | None) -> dict[str, object]:
    return {**composer.parameters, "after": after, "until": until, "refs": None if refs is None else list(refs)}
