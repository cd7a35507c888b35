"""Traversals: what is reached from some roots, level by level, and the shortest chains between two entities.

Each level is one query, nodes in and nodes out, within one transaction. Nodes are named by Neo4j's own numbers, which are found four times
as fast as refs and do not change while the transaction is open.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from graph.conditions import EVERYTHING, Condition
from graph.entities import Edge
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step
from graph.store import Closure, ClosureQuery, Keyset, Page, PathStep, ReachedRow
from graph.stores.neo4j_composer import Composer
from graph.stores.neo4j_connections import Transaction
from graph.stores.neo4j_edges import evidenced
from graph.stores.neo4j_pages import Facets, entities_by_ref
from graph.stores.neo4j_records import EdgeKey
from graph.stores.windows import fitting, span_of

_ENTITIES = "UNWIND $nodes AS node MATCH (e) WHERE id(e) = node"

_Chain = list[tuple[EdgeKey, Direction, Ref]]
"""Edges followed one after the other, each with its direction and the ref it leads to."""

_Way = tuple[Ref, str, str, int]
"""An edge that can be followed: the ref it leads to, its relation and direction, and the node it leads to."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    """The least edge by which an entity was reached: from which entity, along which relation, followed in which direction."""

    previous: Ref
    relation: str
    direction: Direction

    def edge(self, ref: Ref) -> EdgeKey:
        source, target = (self.previous, ref) if self.direction is Direction.OUT else (ref, self.previous)
        return source, self.relation, target


@dataclass(slots=True)
class _Reached:
    """What a traversal met: entities by node, their depths, and how each was reached."""

    refs: dict[int, Ref] = field(default_factory=dict[int, Ref])
    depths: dict[int, int] = field(default_factory=dict[int, int])
    arrivals: dict[Ref, _Arrival] = field(default_factory=dict[Ref, _Arrival])
    truncated: bool = False


async def closure(transaction: Transaction, registry: RelationRegistry, query: ClosureQuery, visible: Condition) -> Closure:
    """What is reached from the roots. InvalidCursorError if a keyset of the window is none of this list."""
    window = query.window
    for bound in (window.after, window.before):
        if bound is not None:
            fitting(bound, 2)
    reached = await _reach(transaction, query, visible)
    nodes = await _let_through(transaction, reached, query.filter, visible)
    rows = sorted((f"{reached.depths[node]:06d}", reached.refs[node]) for node in nodes)
    passed = 0 if window.after is None else bisect_right(rows, window.after)
    ahead = len(rows) if window.before is None else bisect_left(rows, window.before)
    span = span_of(window, len(rows), passed, ahead)
    inside, keysets = await _rows(transaction, rows[span.start : span.stop], reached.arrivals, visible)
    facets = await Facets(transaction, registry, Composer(visible), _ENTITIES).of(query.facets, nodes=nodes)
    deepest = int(rows[-1][0]) if rows else 0
    return Closure(len(rows), deepest, reached.truncated, facets, Page(inside, keysets, span.has_previous, span.has_next))


async def _reach(transaction: Transaction, query: ClosureQuery, visible: Condition) -> _Reached:
    """Go as far as the query allows."""
    reached = _Reached()
    composer = Composer(visible)
    roots = await _nodes(transaction, query.roots, visible)
    if not roots or not query.steps:
        return reached
    fragments = {"branches": composer.branches(query.steps), "visible": composer.visible("other")}
    frontier = list(roots.values())
    met = set(frontier)
    depth = 0
    while frontier:
        depth += 1
        parameters = {**composer.parameters, "nodes": frontier}
        columns = await transaction.record("closure_step", parameters, **fragments)
        found = sorted((row for row in zip(*columns, strict=True) if row[0] not in met), key=lambda row: row[1])
        kept = _room(query, depth, len(reached.refs), len(found))
        for node, ref, previous, relation, direction in found[:kept]:
            reached.refs[node] = ref
            reached.depths[node] = depth
            reached.arrivals[ref] = _Arrival(previous, relation, Direction(direction))
        frontier = [row[0] for row in found[:kept]]
        met.update(frontier)
        if kept < len(found):
            reached.truncated = True
            break
    return reached


def _room(query: ClosureQuery, depth: int, before: int, found: int) -> int:
    """How many of the entities found at a depth the query lets in."""
    if query.max_depth is not None and depth > query.max_depth:
        return 0
    return found if query.max_nodes is None else max(min(found, query.max_nodes - before), 0)


async def _nodes(transaction: Transaction, refs: Sequence[Ref], visible: Condition) -> Mapping[Ref, int]:
    composer = Composer(visible)
    fragment = composer.visible("e")
    parameters = {**composer.parameters, "refs": list(dict.fromkeys(refs))}
    return {ref: node for node, ref in await transaction.value("closure_roots", parameters, visible=fragment)}


async def _let_through(transaction: Transaction, reached: _Reached, filter: Condition | None, visible: Condition) -> list[int]:
    nodes = list(reached.refs)
    if filter is None or filter == EVERYTHING or not nodes:
        return nodes
    composer = Composer(visible)
    matches = composer.matches(filter, "e")
    return await transaction.value("closure_matching", {**composer.parameters, "nodes": nodes}, matches=matches)


async def _rows(
    transaction: Transaction, places: Sequence[tuple[str, Ref]], arrivals: Mapping[Ref, _Arrival], visible: Condition
) -> tuple[Sequence[ReachedRow], Sequence[Keyset]]:
    """The rows at the places with their entities and chains, and their keysets. What was removed since it was met is left out."""
    chains = {ref: _chain(ref, arrivals) for _, ref in places}
    edges = await evidenced(transaction, (key for chain in chains.values() for key, _, _ in chain), visible)
    entities = await entities_by_ref(transaction, list(chains), visible)
    rows: list[ReachedRow] = []
    keysets: list[Keyset] = []
    for depth, ref in places:
        steps = _steps(chains[ref], edges)
        if steps is not None and ref in entities:
            rows.append(ReachedRow(entities[ref], int(depth), steps))
            keysets.append((depth, ref))
    return rows, keysets


def _chain(ref: Ref, arrivals: Mapping[Ref, _Arrival]) -> _Chain:
    chain: _Chain = []
    while ref in arrivals:
        arrival = arrivals[ref]
        chain.append((arrival.edge(ref), arrival.direction, ref))
        ref = arrival.previous
    return chain[::-1]


async def shortest_paths(
    transaction: Transaction, source: Ref, target: Ref, steps: Sequence[Step], limit: int, *, visible: Condition
) -> Sequence[Sequence[PathStep]]:
    """The first `limit` of the shortest chains from source to target."""
    ends = await _nodes(transaction, (source, target), visible)
    if source == target or limit <= 0 or len(ends) < 2 or not steps:
        return []
    ways = await _ways(transaction, ends[source], ends[target], steps, visible)
    chains = list(islice(_chains(source, ends[source], ends[target], ways), limit))
    edges = await evidenced(transaction, (key for chain in chains for key, _, _ in chain), visible)
    return [steps for steps in (_steps(chain, edges) for chain in chains) if steps]


def _chains(source: Ref, start: int, target: int, ways: Mapping[int, Sequence[_Way]]) -> Iterator[_Chain]:
    """Every chain along the ways, in order."""
    chain: _Chain = []
    open_ways = [iter(ways.get(start, ()))]
    while open_ways:
        way = next(open_ways[-1], None)
        if way is None:
            open_ways.pop()
            if chain:
                chain.pop()
            continue
        ref, relation, direction, node = way
        previous = chain[-1][2] if chain else source
        chain.append((_Arrival(previous, relation, Direction(direction)).edge(ref), Direction(direction), ref))
        if node == target:
            yield list(chain)
            chain.pop()
        else:
            open_ways.append(iter(ways.get(node, ())))


def _steps(chain: _Chain, edges: Mapping[EdgeKey, Edge]) -> Sequence[PathStep] | None:
    """The chain with its edges; None if one of them was removed since it was met."""
    return [PathStep(edges[key], direction, to) for key, direction, to in chain] if all(key in edges for key, _, _ in chain) else None


async def _ways(
    transaction: Transaction, source: int, target: int, steps: Sequence[Step], visible: Condition
) -> Mapping[int, Sequence[_Way]]:
    """The edges of all shortest chains from source to target, in order, by the node they start from; none if there is no chain."""
    composer = Composer(visible)
    fragments = {"branches": composer.branches(steps), "visible": composer.visible("other")}
    levels: list[list[tuple[int, int, Ref, str, str]]] = []
    met, frontier = {source}, [source]
    while frontier and target not in met:
        found = await transaction.value("paths_step", {**composer.parameters, "nodes": frontier}, **fragments)
        levels.append([row for row in found if row[1] not in met])
        frontier = list(dict.fromkeys(row[1] for row in levels[-1]))
        met.update(frontier)
    ways: dict[int, list[_Way]] = {}
    wanted = {target} if target in met else set[int]()
    for level in reversed(levels):
        leading = [row for row in level if row[1] in wanted]
        wanted = {row[0] for row in leading}
        for start, node, ref, relation, direction in leading:
            ways.setdefault(start, []).append((ref, relation, direction, node))
    return {start: sorted(edges) for start, edges in ways.items()}
