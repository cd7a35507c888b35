"""On random histories, the past over GraphQL is what was answered when it was the present, and differences lead from one to the other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.entities import canonical_json, content_hash
from graph.patches import patch_of_removal
from graph.relations import RelationRegistry
from graph.store import Batch, Removal
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CAUSE, Asking, described, ref_of, write_of

NAMES = ("a", "b", "c")
REFS = [*(f"component:default/{name}" for name in NAMES), "group:default/g"]
_others = st.lists(st.sampled_from([f"component:{name}" for name in NAMES]), max_size=2, unique=True)
_specs = st.fixed_dictionaries({}, optional={"dependsOn": _others, "dependencyOf": _others, "owner": st.just("g"), "type": st.just("x")})
_steps = st.lists(st.dictionaries(st.sampled_from([*NAMES, "g"]), st.none() | _specs, min_size=1, max_size=3), min_size=1, max_size=5)
_SELECTION = """{ spec owner { ref }
    relations { totalCount edges { relation direction targetRef node { spec } } }
    dependencies { nodes { ref spec } } dependents(filter: { type: "x" }) { totalCount nodes { ref } } }"""


def _operation(refs: Sequence[str], at: str = "") -> str:
    return "{ " + " ".join(f'{ref[-1]}: entity(ref: "{ref}"{at}) {_SELECTION}' for ref in refs) + " }"


def _edges(data: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """All edges of the graph, by the entities at their ends."""
    found: set[tuple[str, str, str]] = set()
    for ref, entity in zip(REFS, data.values(), strict=True):
        for edge in entity["relations"]["edges"] if entity else ():
            ends = (ref, edge["targetRef"]) if edge["direction"] == "OUT" else (edge["targetRef"], ref)
            found.add((ends[0], edge["relation"], ends[1]))
    return found


async def _recorded(asking: Asking, steps: Sequence[Mapping[str, Mapping[str, object] | None]]) -> Mapping[int, Mapping[str, Any]]:
    """What is answered at each head of the log while it is the head."""
    present: dict[str, dict[str, Any]] = {}
    found = {0: await asking.data(_operation(REFS))}
    for step in steps:
        writes, removals = [], []
        for name, spec in step.items():
            old = present.pop(name, None)
            if spec is not None:
                new = present[name] = described("Group" if name == "g" else "Component", name, {"children": []} if name == "g" else spec)
                writes.append(write_of(new, previous=old))
            elif old is not None:
                removals.append(Removal(ref_of(old), content_hash(canonical_json(old)), patch_of_removal(old)))
        await asking.store.apply(Batch(CAUSE, writes, removals))
        found[await asking.store.head()] = await asking.data(_operation(REFS))
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_steps)
async def test_the_past_is_what_was_answered_then(steps: Sequence[Mapping[str, Mapping[str, object] | None]]) -> None:
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "catalog.db", RelationRegistry())
        await store.open()
        try:
            asking = Asking(store)
            recorded = await _recorded(asking, steps)
            for at, answered in recorded.items():
                assert await asking.data(_operation(REFS, f', at: "{at}"')) == answered
            await _assert_differences_lead_on(asking, recorded)
        finally:
            await store.close()


async def _assert_differences_lead_on(asking: Asking, recorded: Mapping[int, Mapping[str, Any]]) -> None:
    told = "{ sourceRef relation targetRef }"
    for earlier, before in recorded.items():
        for later, after in recorded.items():
            if earlier > later:
                continue
            asked = f'{{ diff(from: "{earlier}", to: "{later}") {{ nodes {{ ref addedRelations {told} removedRelations {told} }} }} }}'
            nodes = (await asking.data(asked))["diff"]["nodes"]
            added, removed = (
                [(edge["sourceRef"], edge["relation"], edge["targetRef"]) for node in nodes for edge in node[field]]
                for field in ("addedRelations", "removedRelations")
            )
            assert (len(set(added)), len(set(removed))) == (len(added), len(removed))
            assert _edges(before) - set(removed) | set(added) == _edges(after)
