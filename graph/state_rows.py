"""Reading the rows of a collection of state, or those whose ids begin alike, however many there are."""

from collections.abc import AsyncIterator

from graph.sources import StateRow
from graph.store import Store

_AT_ONCE = 1000


async def rows_below(
    store: Store, collection: str, beginning: str = "", *, after: str = "", limit: int = _AT_ONCE
) -> AsyncIterator[StateRow]:
    """The rows of the collection whose ids begin so, ordered by id, from behind `beginning` and `after` on; `limit` are read at once.

    StoreUnavailableError.
    """
    last = f"{beginning}{after}"
    while True:
        rows = await store.states(collection, after=last, limit=limit)
        for row in rows:
            if not row.id.startswith(beginning):
                return
            yield row
        if len(rows) < limit:
            return
        last = rows[-1].id


async def rows_of(store: Store, collection: str) -> dict[str, StateRow]:
    """Every row of the collection, by id. StoreUnavailableError."""
    return {row.id: row async for row in rows_below(store, collection)}
