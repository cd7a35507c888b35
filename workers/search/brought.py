"""What search sources brought last, kept in the store, so that it outlives the index and every source that fails."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from graph.state_rows import rows_below
from graph.store import StateRow, StateWrite, Store
from ingest.touching import TOUCHED
from plugins.contract import CollatedDocument, TextField
from workers.search.index import SearchDocument

MOST_DOCUMENTS = 10_000
"""Documents of one source that are kept."""

_BROUGHT = "search-brought"
_PREFIX = "source:"
_IN_ROW = 100


def source_id(name: str) -> str:
    """What the documents of that search source are replaced under. It has no slash, so that it is no entity's ref."""
    return f"{_PREFIX}{quote(name, safe=':')}"


def is_source(ident: str) -> bool:
    """Whether that is an id of a search source, and no ref."""
    return ident.startswith(_PREFIX) and "/" not in ident


def told_by(documents: Iterable[CollatedDocument]) -> Sequence[Sequence[Any]]:
    """The documents as they are kept: key, location and texts of each."""
    return [[each.key, each.location, {field.value: text for field, text in each.texts.items()}] for each in documents]


async def keep(store: Store, name: str, of_type: str, told: Sequence[Sequence[Any]], also: StateWrite) -> None:
    """Replace what is kept of the source by what `told_by` gives, and have the index replace it too. StoreUnavailableError.

    `also` is written with it: StaleWriteError, and nothing written, if its row is another by now.
    """
    ident = source_id(name)
    rows = [told[start : start + _IN_ROW] for start in range(0, len(told), _IN_ROW)]
    writes = [StateWrite(_BROUGHT, _row_id(ident, at), {"type": of_type, "documents": row}) for at, row in enumerate(rows)]
    stale = [StateWrite(_BROUGHT, row.id, None) for row in await _rows(store, ident) if row.id >= _row_id(ident, len(rows))]
    await store.write_states([*writes, *stale, StateWrite(TOUCHED, ident, {}), also])


async def kept(store: Store, ident: str) -> Sequence[SearchDocument]:
    """The documents of the source of that id; none of one that is gone. StoreUnavailableError."""
    return [document for row in await _rows(store, ident) for document in _documents(row)]


async def all_kept(store: Store) -> AsyncIterator[Sequence[SearchDocument]]:
    """The documents of all sources, some at a time. StoreUnavailableError."""
    async for row in rows_below(store, _BROUGHT, limit=5):
        yield _documents(row)


async def _rows(store: Store, ident: str) -> Sequence[StateRow]:
    return await store.states(_BROUGHT, ids=[_row_id(ident, at) for at in range(MOST_DOCUMENTS // _IN_ROW)])


def _row_id(ident: str, at: int) -> str:
    return f"{ident}/{at:03}"


def _documents(row: StateRow) -> Sequence[SearchDocument]:
    ident, of_type = row.id.rpartition("/")[0], row.value["type"]
    return [_document(ident, of_type, *each) for each in row.value["documents"]]


def _document(ident: str, of_type: str, key: str, location: str, texts: Mapping[str, Any]) -> SearchDocument:
    fields = {TextField(field): text for field, text in texts.items()}
    return SearchDocument(f"{of_type}:{ident}#{key}", ident, of_type, None, location, fields)
