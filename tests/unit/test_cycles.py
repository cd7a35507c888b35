"""Cycles over random graphs, against what following every edge finds."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from graph.cycles import cycles_of
from graph.refs import Ref
from graph.relations import Direction, Step

REFS = [Ref(f"component:default/{letter}") for letter in "abcdefgh"]
STEPS = (Step("dependsOn", Direction.OUT), Step("providesApis", Direction.IN))

edges = st.lists(
    st.tuples(st.sampled_from(REFS), st.sampled_from(["dependsOn", "providesApis", "ownedBy"]), st.sampled_from(REFS)), max_size=30
)


def _reached(start: Ref, nexts: set[tuple[Ref, Ref]]) -> set[Ref]:
    seen: set[Ref] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        fresh = {end for source, end in nexts if source == here} - seen
        seen |= fresh
        waiting.extend(fresh)
    return seen


@given(edges)
def test_cycles_are_the_entities_that_reach_one_another_and_themselves(stored: list[tuple[Ref, str, Ref]]) -> None:
    nexts = {(s, t) for s, relation, t in stored if relation == "dependsOn"} | {
        (t, s) for s, relation, t in stored if relation == "providesApis"
    }
    reached = {ref: _reached(ref, nexts) for ref in REFS}
    expected = {
        tuple(sorted(other for other in REFS if other in reached[ref] and ref in reached[other])) for ref in REFS if ref in reached[ref]
    }
    found = cycles_of(stored, STEPS)
    assert sorted(cycle.members for cycle in found) == sorted(expected)
    assert found == sorted(found, key=lambda cycle: (-len(cycle.members), cycle.members))
    for cycle in found:
        assert cycle.steps[0].start == cycle.steps[-1].end == cycle.members[0]
        assert all(before.end == after.start for before, after in zip(cycle.steps, cycle.steps[1:], strict=False))
        assert {step.edge for step in cycle.steps} <= set(stored)
        assert len({step.start for step in cycle.steps}) == len(cycle.steps)


@given(edges, st.randoms())
def test_the_order_of_edges_does_not_matter(stored: list[tuple[Ref, str, Ref]], random: Random) -> None:
    shuffled = list(stored)
    random.shuffle(shuffled)
    assert cycles_of(shuffled, STEPS) == cycles_of(stored, STEPS)


def test_nothing_has_no_cycles() -> None:
    assert cycles_of([], STEPS) == []
