"""Tells search which entities to look at anew although the log has no change of theirs, such as when documentation was built of them."""

from collections.abc import Sequence

from graph.refs import Ref
from graph.store import StateWrite, Store

TOUCHED = "search-touched"
"""The collection in which search finds them, by their refs."""


async def touch(store: Store, refs: Sequence[Ref]) -> None:
    """Have search look at these entities anew, as it does after a change. StoreUnavailableError."""
    await store.write_states([StateWrite(TOUCHED, ref, {}) for ref in refs])
