"""Reads of edges: around entities, between all of them, into nothing, and by who declares them."""

from collections.abc import Iterable, Mapping, Sequence

from graph.conditions import EVERYTHING, Condition
from graph.entities import Edge, Entity
from graph.refs import Ref
from graph.relations import Direction, Step
from graph.store import EdgeEnd, Page, RelatedRow, Window
from graph.stores.neo4j_composer import Composer, joined, types
from graph.stores.neo4j_connections import Transaction
from graph.stores.neo4j_pages import chosen, entities_by_ref, visible_refs
from graph.stores.neo4j_records import EdgeKey, StoredEdge, declared_from, declarer_of, edge_from
from graph.stores.windows import fitting, span_of

_KEYS = 3


async def related(
    transaction: Transaction,
    refs: Sequence[Ref],
    steps: Sequence[Step],
    window: Window,
    *,
    visible: Condition,
    filter: Condition | None,
    with_nodes: bool,
) -> Mapping[Ref, Page[RelatedRow]]:
    """A window of each visible entity's edges. InvalidCursorError if one of its keysets is none of this list."""
    bounds = window_parameters(window)
    if not steps:
        return {ref: Page([], [], False, False) for ref in await visible_refs(transaction, refs, visible)}
    composer = Composer(visible)
    fragments = {"visible": composer.visible("e"), "branches": composer.branches(steps, _let_through(composer, filter))}
    parameters = {**composer.parameters, **bounds, "refs": list(dict.fromkeys(refs))}
    found = await transaction.value("related", parameters, **fragments)
    rows = [row for _, _, _, rows in found for row in rows]
    others = dict.fromkeys(key[0] for key, _ in rows) if with_nodes else ()
    nodes = await entities_by_ref(transaction, list(others), visible) if others else dict[Ref, Entity]()
    declarers = await declarers_seen(transaction, (evidence for _, evidence in rows), visible)
    pages: dict[Ref, Page[RelatedRow]] = {}
    for ref, has_previous, has_next, rows in found:
        seen: list[RelatedRow] = []
        for (other, relation, way), evidence in rows:
            direction = Direction(way)
            source, target = (ref, other) if direction is Direction.OUT else (other, ref)
            seen.append(RelatedRow(edge_from(source, relation, target, evidence, declarers), other, direction, nodes.get(other)))
        pages[ref] = Page(seen, [tuple(key) for key, _ in rows], has_previous, has_next)
    return pages


async def related_counts(
    transaction: Transaction, refs: Sequence[Ref], steps: Sequence[Step], visible: Condition, filter: Condition | None
) -> Mapping[Ref, int]:
    """How many edges each visible entity has."""
    if not steps:
        return dict.fromkeys(await visible_refs(transaction, refs, visible), 0)
    composer = Composer(visible)
    fragments = {"visible": composer.visible("e"), "branches": composer.branches(steps, _let_through(composer, filter))}
    counted: list[tuple[Ref, int]] = await transaction.value(
        "related_counts", {**composer.parameters, "refs": list(dict.fromkeys(refs))}, **fragments
    )
    return dict(counted)


async def edges_of(
    transaction: Transaction, refs: Sequence[Ref], steps: Sequence[Step], visible: Condition
) -> Mapping[Ref, Sequence[EdgeEnd]]:
    """All edges of each visible entity along the steps."""
    if not steps:
        return {ref: [] for ref in await visible_refs(transaction, refs, visible)}
    composer = Composer(visible)
    fragments = {"visible": composer.visible("e"), "branches": composer.branches(steps)}
    found = await transaction.value("edges_of", {**composer.parameters, "refs": list(dict.fromkeys(refs))}, **fragments)
    return {ref: sorted((relation, Direction(direction), other) for relation, direction, other in ends) for ref, ends in found}


async def edges(transaction: Transaction, relations: Sequence[str], visible: Condition) -> Sequence[tuple[Ref, str, Ref]]:
    """All edges of the relations between visible entities."""
    if not relations:
        return []
    composer = Composer(visible)
    conditions = joined("AND", [composer.visible("source"), composer.visible("target"), composer.declared("edge")])
    found: list[EdgeKey] = await transaction.value("edges", composer.parameters, types=types(relations), conditions=conditions)
    return sorted((source, relation, target) for source, relation, target in found)


async def dangling_count(transaction: Transaction, visible: Condition) -> int:
    """How many edges visible entities declare of which an end is none."""
    composer = Composer(visible)
    fragments = _dangling(composer, visible)
    return (await transaction.record("dangling_place", {**composer.parameters, "after": None, "before": None}, **fragments))[0]


async def dangling(transaction: Transaction, window: Window, visible: Condition) -> Page[Edge]:
    """Edges that visible entities declare of which an end is none."""
    bounds = window_parameters(window)
    composer = Composer(visible)
    fragments = _dangling(composer, visible)
    total, passed, ahead = await transaction.record("dangling_place", {**composer.parameters, **bounds}, **fragments)
    span = span_of(window, total, passed, ahead)
    place = {**composer.parameters, "start": span.start, "limit": span.stop - span.start}
    rows: list[StoredEdge] = await transaction.value("dangling", place, **fragments)
    declarers = await declarers_seen(transaction, (row[3] for row in rows), visible)
    found = [edge_from(*row, declarers) for row in rows]
    return Page(found, [(e.target, e.source, e.relation) for e in found], span.has_previous, span.has_next)


async def declared_by(transaction: Transaction, refs: Sequence[Ref]) -> Mapping[Ref, Sequence[Edge]]:
    """The edges each ref declares, with its own evidence alone."""
    found = await transaction.value("declared_by", {"refs": list(dict.fromkeys(refs))})
    declared = {ref: [edge_from(*key, evidence) for key, evidence in declared_from(text).items()] for ref, text in found}
    return {ref: edges for ref, edges in declared.items() if edges}


async def evidenced(transaction: Transaction, keys: Iterable[EdgeKey], visible: Condition) -> Mapping[EdgeKey, Edge]:
    """The edges with what visible entities declare of them."""
    wanted = [list(key) for key in dict.fromkeys(keys)]
    rows: list[StoredEdge] = await transaction.value("evidence", {"edges": wanted}) if wanted else []
    declarers = await declarers_seen(transaction, (row[3] for row in rows), visible)
    return {
        (source, relation, target): edge_from(source, relation, target, evidence, declarers) for source, relation, target, evidence in rows
    }


async def declarers_seen(transaction: Transaction, evidence: Iterable[Sequence[str]], visible: Condition) -> frozenset[Ref] | None:
    """The declarers of the evidence that may be seen; None means all."""
    if visible == EVERYTHING:
        return None
    return await visible_refs(transaction, list({declarer_of(text) for texts in evidence for text in texts}), visible)


def window_parameters(window: Window, keys: int = _KEYS) -> dict[str, object]:
    """The window as parameters. InvalidCursorError if one of its keysets has another number of keys, or a null."""
    bounds = {
        name: None if bound is None else list(fitting(bound, keys)) for name, bound in (("after", window.after), ("before", window.before))
    }
    return {**bounds, "limit": window.limit, "backward": window.backward}


def _let_through(composer: Composer, filter: Condition | None) -> str:
    return "true" if filter is None else joined("AND", ["other:Entity", chosen(composer, filter, "other")])


def _dangling(composer: Composer, visible: Condition) -> dict[str, str]:
    if visible == EVERYTHING:
        return {"label": "Placeholder", "missing_target": "true", "missing_source": "true"}
    declared = composer.declared("edge")
    missing = {f"missing_{end}": joined("AND", [f"NOT ({composer.there(end)})", declared]) for end in ("target", "source")}
    return {"label": "Ref", **missing}
