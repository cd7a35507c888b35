"""Random sequences of writes, and what every entity was after each."""

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from graph.entities import Document, Entity
from graph.patches import patch_between, patch_of_removal
from graph.refs import Ref
from graph.store import Batch, EntityWrite, Removal, Store
from tests import graphs

Snapshot = Mapping[Ref, Document]
"""The documents of all entities at one moment."""

REFS = graphs.REFS[:4]
_fields = st.dictionaries(
    st.sampled_from(["type", "a/b", "~"]), graphs.values | st.lists(graphs.values, max_size=3) | st.integers(0, 2), max_size=3
)
batches = st.lists(
    st.dictionaries(st.sampled_from(REFS), st.none() | _fields, min_size=1, max_size=3), min_size=1, max_size=6
)  # fmt: skip
"""Batches of what some entities are to be; None: not there."""


def batch_towards(wanted: Mapping[Ref, Mapping[str, object] | None], present: dict[Ref, Entity]) -> Batch:
    """The batch that makes entities so, given what is there, which is brought up to date."""
    writes: list[EntityWrite] = []
    removals: list[Removal] = []
    for ref, spec in wanted.items():
        old = present.get(ref)
        if spec is not None:
            new = present[ref] = graphs.entity(ref, spec)
            patch = () if old is None else patch_between(old.document, new.document)
            writes.append(EntityWrite(new, (), None if old is None else graphs.hash_of(old), patch))
        elif old is not None:
            del present[ref]
            removals.append(Removal(ref, graphs.hash_of(old), patch_of_removal(old.document)))
    return graphs.batch(*writes, removals=removals)


async def write_all(store: Store, steps: Sequence[Mapping[Ref, Mapping[str, object] | None]]) -> Mapping[int, Snapshot]:
    """Write the batches one after the other: what was there at each head of the log, from the first on."""
    present: dict[Ref, Entity] = {}
    found: dict[int, Snapshot] = {await store.head(): {}}
    for wanted in steps:
        await store.apply(batch_towards(wanted, present))
        found[await store.head()] = {ref: entity.document for ref, entity in present.items()}
    return found
