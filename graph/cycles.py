"""Cycles: the sets of entities of which each depends, in the end, on itself."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from graph.refs import Ref
from graph.relations import Direction, Step

StoredEdge = tuple[Ref, str, Ref]
"""(source, relation, target)"""


@dataclass(frozen=True, slots=True)
class CycleStep:
    """One edge of a cycle, followed in `direction` from one ref to the next."""

    start: Ref
    relation: str
    direction: Direction
    end: Ref

    @property
    def edge(self) -> StoredEdge:
        ends = (self.start, self.end) if self.direction is Direction.OUT else (self.end, self.start)
        return ends[0], self.relation, ends[1]


@dataclass(frozen=True, slots=True)
class Cycle:
    """Entities that all lead to one another, in order, and a shortest way from the first of them back to itself."""

    members: tuple[Ref, ...]
    steps: tuple[CycleStep, ...]


def cycles_of(edges: Iterable[StoredEdge], steps: Sequence[Step]) -> Sequence[Cycle]:
    """The strongly connected components of the edges followed along the steps, the largest first, then by least member.

    An entity alone is one if an edge leads it to itself.
    """
    nexts = _followed(edges, steps)
    found: list[Cycle] = []
    for members in _components(nexts):
        chain = _way_back(members, nexts)
        if chain:
            found.append(Cycle(members, chain))
    return sorted(found, key=lambda cycle: (-len(cycle.members), cycle.members))


def _components(nexts: Mapping[Ref, Sequence[CycleStep]]) -> list[tuple[Ref, ...]]:
    """The strongly connected components, members sorted: Kosaraju's two passes, without recursion."""
    backward: dict[Ref, list[Ref]] = {}
    for leaving in nexts.values():
        for step in leaving:
            backward.setdefault(step.end, []).append(step.start)
    placed: set[Ref] = set()
    components: list[tuple[Ref, ...]] = []
    for root in reversed(_finished(nexts)):
        if root in placed:
            continue
        placed.add(root)
        members = [root]
        for member in members:
            fresh = set(backward.get(member, ())) - placed
            placed |= fresh
            members.extend(fresh)
        components.append(tuple(sorted(members)))
    return components


def _finished(nexts: Mapping[Ref, Sequence[CycleStep]]) -> list[Ref]:
    """Every ref that an edge leaves, in the order in which a depth-first walk is done with it."""
    seen: set[Ref] = set()
    finished: list[Ref] = []
    for root in nexts:
        waiting = [(root, False)]
        while waiting:
            ref, done = waiting.pop()
            if done:
                finished.append(ref)
            elif ref not in seen and ref in nexts:
                seen.add(ref)
                waiting.append((ref, True))
                waiting.extend((step.end, False) for step in nexts[ref])
    return finished


def _followed(edges: Iterable[StoredEdge], steps: Sequence[Step]) -> Mapping[Ref, Sequence[CycleStep]]:
    nexts: dict[Ref, list[CycleStep]] = {}
    directions: dict[str, list[Direction]] = {}
    for step in steps:
        directions.setdefault(step.relation, []).append(step.direction)
    for source, relation, target in edges:
        for direction in directions.get(relation, ()):
            start, end = (source, target) if direction is Direction.OUT else (target, source)
            nexts.setdefault(start, []).append(CycleStep(start, relation, direction, end))
    for leaving in nexts.values():
        leaving.sort(key=lambda step: (step.end, step.relation, step.direction))
    return nexts


def _way_back(members: Sequence[Ref], nexts: Mapping[Ref, Sequence[CycleStep]]) -> tuple[CycleStep, ...]:
    first, inside = members[0], set(members)
    arrived: dict[Ref, CycleStep] = {}
    waiting = deque([first])
    while waiting and first not in arrived:
        for step in nexts.get(waiting.popleft(), ()):
            if step.end in inside and step.end not in arrived:
                arrived[step.end] = step
                waiting.append(step.end)
    chain: list[CycleStep] = []
    end = first
    while end in arrived and (not chain or end != first):
        chain.append(arrived[end])
        end = arrived[end].start
    return tuple(reversed(chain))
