"""The service that answers searches: from the index, and from the store while the index can't answer, or not safely."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from graph.access import Access, Action
from graph.conditions import NOTHING
from graph.entities import Entity
from graph.errors import InputError, InvalidRefError
from graph.redacting import seen_by
from graph.refs import Ref, parse_ref
from graph.relations import RelationRegistry
from graph.store import FacetCount, Store
from ingest.touching import TOUCHED
from workers.search.collators.entities import ENTITY
from workers.search.fallback import StoreSearch
from workers.search.finding import Found, Place, Request, Results
from workers.search.index import MOST_HITS, Hit, Hits, IndexUnavailableError, SearchIndex, SearchQuery, Terms, TextField
from workers.search.passages import snippets_of
from workers.search.restrictions import DOCUMENT_TYPE, OWNER, Restrictions, check_filters, owners_asked, unredacted_filter
from workers.search.snippets import Highlighter
from workers.search.terms import Synonyms, parsed

OVERLAP = 20
"""How many results before a place are read again to find it, so that what changed in between neither repeats nor skips any."""

_LOOK_SECONDS = 0.05
_MOST_LOOKS = 20
"""How often it is looked whether the index has caught up, before the store answers in its place."""

_MOST_SUGGESTED = 50
_LONGEST_TEXT = 1_000
_MEANT = (TextField.DESCRIPTION, TextField.BODY, TextField.DETAILS)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as it is for one principal."""

    request: Request
    access: Access
    restrictions: Restrictions
    terms: Terms
    owners: Sequence[Ref] | None
    store: Store

    def query(self, *, offset: int, limit: int, facets: Sequence[str] = (), fields: frozenset[TextField] | None = None) -> SearchQuery:
        allowed = self.restrictions.fields()
        return SearchQuery(
            self.terms,
            self.restrictions.visible(self.request.filters.get(DOCUMENT_TYPE)),
            allowed if fields is None else allowed & fields,
            self.restrictions.filter(self.request.filters, self.owners),
            facets,
            offset,
            limit,
        )


class Searching:
    """The service on one index and one store."""

    def __init__(
        self, store: Store, index: SearchIndex, registry: RelationRegistry, types: Mapping[str, Sequence[str] | None], synonyms: Synonyms
    ) -> None:
        self._store = store
        self._index = index
        self._registry = registry
        self._types = types
        self._synonyms = synonyms
        self._degraded = False

    async def results(self, request: Request, access: Access) -> Results:
        asked = await self._asked(request, access)
        if await self._is_current(asked):
            try:
                results = await self._indexed(asked)
            except IndexUnavailableError:
                pass
            else:
                self._degraded = False
                return results
        self._degraded = True
        return await self._stored(asked).results(request)

    async def facets(self, request: Request, access: Access) -> Mapping[str, Sequence[FacetCount]]:
        asked = await self._asked(request, access)
        names = asked.restrictions.facets()
        if await self._is_current(asked):
            try:
                hits = await self._index.search(asked.query(offset=0, limit=0, facets=names))
            except IndexUnavailableError:
                pass
            else:
                return {**hits.facets, **await self._shown_owners(asked, hits)}
        return await self._stored(asked).facets(names)

    async def suggestions(self, request: Request, access: Access) -> Sequence[str]:
        asked = await self._asked(request, access)
        if not asked.terms.words:
            return []
        if await self._is_current(asked):
            try:
                query = asked.query(offset=0, limit=_MOST_SUGGESTED, fields=frozenset({TextField.NAME, TextField.TITLE}))
                found, _ = await self._checked(asked, (await self._index.search(query)).hits)
            except IndexUnavailableError:
                pass
            else:
                return _distinct([_title(hit) for hit in found], request.limit)
        results = await self._stored(asked).results(Request(request.term, request.filters, _MOST_SUGGESTED))
        return _distinct([each.title for each in results.found], request.limit)

    async def figures(self) -> Mapping[str, int]:
        state, head = await self._index.state(), await self._store.head()
        try:
            documents = (await self._index.figures()).documents
        except IndexUnavailableError:
            documents = 0
        return {"documents": documents, "lag": head - (state.position if state else 0), "degraded": int(self._degraded or state is None)}

    async def _asked(self, request: Request, access: Access) -> _Asked:
        access.demand(Action.SEARCH)
        check_filters(request.filters)
        owners = owners_asked(request.filters[OWNER]) if OWNER in request.filters else None
        if owners is not None and access.hides_references:
            owners = sorted(await self._store.entities_by_ref(owners, visible=access.visible))
        store = seen_by(self._store, access, self._registry)
        restrictions = Restrictions(access, self._registry, self._types)
        return _Asked(request, access, restrictions, parsed(request.term, self._synonyms), owners, store)

    async def _is_current(self, asked: _Asked) -> bool:
        """Whether the index may answer: for whom something is hidden, only when it holds all that is in the log now."""
        if not asked.restrictions.needs_current_index:
            return True
        head = await self._store.head()
        for _ in range(_MOST_LOOKS):
            if await self._has_reached(head):
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return await self._has_reached(head)

    async def _has_reached(self, head: int) -> bool:
        state = await self._index.state()
        return state is not None and state.position >= head and not await self._store.states(TOUCHED, limit=1)

    async def _indexed(self, asked: _Asked) -> Results:
        request = asked.request
        place = request.after
        start = max(place.offset, 0) if place else 0
        first = max(0, start - OVERLAP)
        limit = min(start - first + request.limit + (OVERLAP if place else 0) + 1, MOST_HITS - first)
        if start >= MOST_HITS:
            raise InputError(f"the first {MOST_HITS} results of a search can be read; ask for something more precise")
        hits = await self._index.search(asked.query(offset=first, limit=limit))
        rows = _after([(first + number, hit) for number, hit in enumerate(hits.hits, 1)], place)
        page, beyond = rows[: request.limit], len(rows) > request.limit
        found, entities = await self._checked(asked, [hit for _, hit in page])
        kept = {hit.id for hit in found}
        highlighter = Highlighter(asked.terms)
        shown = [_found(hit, entities, highlighter, offset) for offset, hit in page if hit.id in kept]
        return Results(hits.total - (len(page) - len(shown)), shown, has_previous=place is not None, has_next=beyond, degraded=False)

    async def _checked(self, asked: _Asked, hits: Sequence[Hit]) -> tuple[Sequence[Hit], Mapping[Ref, Entity]]:
        """Those of the hits whose entities are seen at this moment, and these. From whom nothing is hidden needs no such look."""
        if asked.access.sees_everything and not asked.request.with_entities:
            return hits, {}
        refs = sorted({hit.ref for hit in hits if hit.ref is not None})
        entities = await asked.store.entities_by_ref(refs, visible=asked.access.visible)
        return [hit for hit in hits if hit.ref is None or hit.ref in entities], entities

    async def _shown_owners(self, asked: _Asked, hits: Hits) -> Mapping[str, Sequence[FacetCount]]:
        counts = hits.facets.get(OWNER, ())
        if not counts or not asked.access.hides_references:
            return {}
        refs = {count.value: _ref(count.value) for count in counts}
        seen = await self._store.entities_by_ref(sorted({ref for ref in refs.values() if ref}), visible=asked.access.visible)
        return {OWNER: [count for count in counts if refs[count.value] in seen]}

    def _stored(self, asked: _Asked) -> StoreSearch:
        of_entities = ENTITY in asked.restrictions.visible(asked.request.filters.get(DOCUMENT_TYPE))
        condition = unredacted_filter(asked.request.filters, asked.owners) if of_entities else NOTHING
        return StoreSearch(asked.store, asked.access.visible, condition, asked.terms)


def _after(rows: Sequence[tuple[int, Hit]], place: Place | None) -> Sequence[tuple[int, Hit]]:
    """The rows after the place: after that very result, wherever it stands now, or else after as many as came before it."""
    if place is None:
        return rows
    at = next((number for number, (_, hit) in enumerate(rows) if hit.id == place.id), None)
    return [row for row in rows if row[0] > place.offset] if at is None else rows[at + 1 :]


def _found(hit: Hit, entities: Mapping[Ref, Entity], highlighter: Highlighter, offset: int) -> Found:
    entity = entities.get(hit.ref) if hit.ref is not None else None
    text = next((hit.texts[name] for name in _MEANT if hit.texts.get(name)), "")[:_LONGEST_TEXT]
    highlight = partial(snippets_of, hit.texts, highlighter)
    return Found(hit.id, hit.type, hit.ref, entity, _title(hit), text, hit.location, Place(offset, hit.id), highlight)


def _title(hit: Hit) -> str:
    return hit.texts.get(TextField.TITLE) or hit.texts.get(TextField.NAME, "")


def _distinct(texts: Sequence[str], limit: int) -> Sequence[str]:
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(text.lower(), text)
    return list(found.values())[:limit]


def _ref(text: str) -> Ref | None:
    try:
        return parse_ref(text).ref
    except InvalidRefError:
        return None
