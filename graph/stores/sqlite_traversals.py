"""Traversals: what is reached from some roots, level by level, and the shortest chains between two entities."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from graph.conditions import Condition
from graph.entities import Edge
from graph.refs import Ref
from graph.relations import Direction, RelationRegistry, Step
from graph.store import Closure, ClosureQuery, Page, PathStep, ReachedRow
from graph.stores.sqlite_composer import Composer
from graph.stores.sqlite_connections import Session, as_json, texts_as_json
from graph.stores.sqlite_pages import CHOSEN, facet, see
from graph.stores.sqlite_records import EdgeIds, check_bounds, edges_of_ids, entities_of_nodes
from graph.stores.windows import span_of

_KEYS = ("depth_key", "ref")
_UNLIMITED = 1 << 62


@dataclass(frozen=True, slots=True)
class _StepBack:
    """A row of the query `steps_back`: an edge followed from `previous` to `here`."""

    here: int
    previous: int
    source: int
    relation: int
    target: int
    term: str
    direction: str

    @property
    def edge(self) -> EdgeIds:
        return self.source, self.relation, self.target

    def followed(self, edges: Mapping[EdgeIds, Edge]) -> PathStep:
        edge, direction = edges[self.edge], Direction(self.direction)
        return PathStep(edge, direction, edge.target if direction is Direction.OUT else edge.source)


class Traversal:
    """A breadth-first walk along steps through visible entities, kept in the session's scratch table `reached`."""

    def __init__(self, session: Session, steps: Sequence[Step], visible: Condition) -> None:
        self._session = session
        self._steps = steps
        self._visible = visible
        self.composer = Composer(visible, seen_in_set=True)
        see(session, visible)
        self._mark = 0
        self.depth = 0

    def seen(self, refs: Sequence[Ref]) -> Mapping[Ref, int]:
        """Those of the refs that are visible entities."""
        composer = Composer(self._visible, seen_in_set=True)
        wanted = {"refs": texts_as_json(refs)}
        return {ref: node for node, ref in self._session.rows("seen_nodes", wanted, visible=composer.visible("+node.id"))}

    def start(self, roots: Sequence[Ref]) -> None:
        """Begin at those of the roots that are visible entities."""
        self._session.run("start", {"nodes": as_json(list(self.seen(roots).values()))})

    def spread(self) -> int:
        """Go one level further: how many entities are new there."""
        composer = Composer(self._visible, seen_in_set=True)
        neighbours = composer.neighbours(self._steps, "(SELECT node FROM temp.reached WHERE place > :mark)", "node")
        visible = composer.visible("+node.id")
        last = self._session.value("reached_last")
        parameters = {**composer.parameters, "mark": self._mark, "depth": self.depth + 1}
        found = self._session.run("spread", parameters, neighbours=neighbours, visible=visible)
        self._mark = last
        self.depth += found > 0
        return found

    def forget(self, kept: int) -> None:
        """Of the last level, keep only the first `kept` entities by ref."""
        self._session.run("forget_beyond", {"mark": self._mark, "kept": kept})

    def depth_of(self, node: int) -> int | None:
        """At which depth the node was met; None if it was not."""
        return self._session.value("reached_depth", {"node": node})

    def steps_back(self, nodes: Iterable[int], depth: int) -> Sequence[_StepBack]:
        """The edges by which the nodes were reached from entities at the depth, ordered by node and (previous ref, relation, direction)."""
        composer = Composer(self._visible, seen_in_set=True)
        links = composer.links(self._steps, f"json_each({composer.parameter(as_json(list(nodes)))})", "value", arriving=True)
        return [_StepBack(*row) for row in self._session.rows("steps_back", {**composer.parameters, "depth": depth}, links=links)]


def closure(session: Session, registry: RelationRegistry, query: ClosureQuery, visible: Condition) -> Closure:
    """What is reached from the roots. InvalidCursorError if a keyset of the window is none of this list."""
    check_bounds(query.window, len(_KEYS))
    traversal = Traversal(session, query.steps, visible)
    traversal.start(query.roots)
    truncated = _reach(traversal, query)
    composer = traversal.composer
    matches = "TRUE" if query.filter is None else composer.matches(query.filter, "+reached.node")
    session.run("choose_reached", composer.parameters, matches=matches)
    window = query.window
    bounds = {
        "through_after": composer.compared(_KEYS, "<=", window.after),
        "before": composer.compared(_KEYS, "<", window.before),
    }
    total, deepest, through_after, before = session.rows("reached_span", composer.parameters, **bounds)
    facets = {path: facet(session, registry, path, composer, among=CHOSEN) for path in query.facets}
    span = span_of(window, total, through_after, before)
    rows = session.rows("reached_page", {"start": span.start, "limit": span.stop - span.start})
    keysets = [(f"{depth:06d}", ref) for _, ref, depth in rows]
    page = Page(_reached_rows(session, traversal, rows), keysets, span.has_previous, span.has_next)
    return Closure(total, deepest, truncated, facets, page)


def _reach(traversal: Traversal, query: ClosureQuery) -> bool:
    """Go as far as the query allows: whether there was more."""
    room = _UNLIMITED if query.max_nodes is None else query.max_nodes
    max_depth = _UNLIMITED if query.max_depth is None else query.max_depth
    while found := traversal.spread():
        kept = 0 if traversal.depth > max_depth else min(found, room)
        if kept < found:
            traversal.forget(kept)
            return True
        room -= found
    return False


def _reached_rows(session: Session, traversal: Traversal, rows: Sequence[Sequence[Any]]) -> Sequence[ReachedRow]:
    arrivals = _arrivals(traversal, rows)
    edges = edges_of_ids(session, traversal.composer, (arrival.edge for arrival in arrivals.values()))
    entities = entities_of_nodes(session, traversal.composer, [node for node, _, _ in rows])
    reached: list[ReachedRow] = []
    for node, ref, depth in rows:
        path: list[PathStep] = []
        at = node
        while at in arrivals:
            path.append(arrivals[at].followed(edges))
            at = arrivals[at].previous
        reached.append(ReachedRow(entities[ref], depth, path[::-1]))
    return reached


def _arrivals(traversal: Traversal, rows: Sequence[Sequence[Any]]) -> Mapping[int, _StepBack]:
    """The least edge by which each of the rows' entities was reached, and each entity on the way there."""
    arrivals: dict[int, _StepBack] = {}
    at_depth: dict[int, list[int]] = {}
    for node, _, depth in rows:
        at_depth.setdefault(depth, []).append(node)
    arrived: set[int] = set()
    for depth in range(max(at_depth, default=0), 0, -1):
        level = arrived.union(at_depth.get(depth, ()))
        arrived = set()
        for step in traversal.steps_back(level, depth - 1):
            if arrivals.setdefault(step.here, step) is step:
                arrived.add(step.previous)
    return arrivals


def shortest_paths(
    session: Session, source: Ref, target: Ref, steps: Sequence[Step], limit: int, visible: Condition
) -> Sequence[Sequence[PathStep]]:
    """The first `limit` of the shortest chains from source to target."""
    if source == target or limit <= 0:
        return []
    traversal = Traversal(session, steps, visible)
    ends = traversal.seen([source, target])
    if len(ends) < 2:
        return []
    traversal.start([source])
    while (depth := traversal.depth_of(ends[target])) is None:
        if not traversal.spread():
            return []
    onward = _onward(session, traversal, ends[target], depth)
    return list(islice(_chains(onward, ends[source], ends[target]), limit))


def _onward(session: Session, traversal: Traversal, target: int, depth: int) -> Mapping[int, Sequence[tuple[int, PathStep]]]:
    """From each node of a shortest chain the steps that go on to the target, in their order, each with the node that it leads to."""
    arrivals: list[_StepBack] = []
    level = {target}
    for before in range(depth - 1, -1, -1):
        back = traversal.steps_back(level, before)
        arrivals += back
        level = {arrival.previous for arrival in back}
    edges = edges_of_ids(session, traversal.composer, (arrival.edge for arrival in arrivals))
    onward: dict[int, list[tuple[int, PathStep]]] = {}
    for arrival in arrivals:
        onward.setdefault(arrival.previous, []).append((arrival.here, arrival.followed(edges)))
    for steps in onward.values():
        steps.sort(key=lambda step: (step[1].ref, step[1].edge.relation, step[1].direction))
    return onward


def _chains(onward: Mapping[int, Sequence[tuple[int, PathStep]]], source: int, target: int) -> Iterator[Sequence[PathStep]]:
    """Every chain, depth first, so that they come in the order of their steps."""
    chain: list[PathStep] = []
    choices = [iter(onward[source])]
    while choices:
        choice = next(choices[-1], None)
        if choice is None:
            choices.pop()
            del chain[-1:]
            continue
        here, step = choice
        if here == target:
            yield [*chain, step]
        else:
            chain.append(step)
            choices.append(iter(onward[here]))
