"""Search without an index: the store's own filter by text, which is always right, and knows neither typos nor ranking."""

from collections.abc import Mapping, Sequence
from functools import partial

from graph.conditions import NOTHING, Condition, Not, TextContains, all_of
from graph.entities import Entity
from graph.errors import InvalidCursorError
from graph.store import FacetCount, Store, Window
from plugins.contract import TextField
from workers.search.collators.entities import ENTITY, entity_document
from workers.search.finding import Found, Place, Request, Results
from workers.search.index import Terms
from workers.search.passages import snippets_of
from workers.search.snippets import Highlighter
from workers.search.sources import FACET_PATHS

_OWNER = "owner"
_OWNED_BY = "relations.ownedby"
_OF_STORE = -1
"""The offset of places that the store knows by their refs."""


class StoreSearch:
    """Searches of one principal, whose `store` shows what they see. `filter` NOTHING: they asked for what the store can't find."""

    def __init__(self, store: Store, visible: Condition, filter: Condition, terms: Terms) -> None:
        self._store = store
        self._visible = visible
        self._highlighter = Highlighter(terms)
        self._filter = NOTHING if filter == NOTHING else all_of((filter, *_texts(terms)))

    async def results(self, request: Request) -> Results:
        """A page, by ref. InvalidCursorError for a place of the index's."""
        if request.after is not None and request.after.offset != _OF_STORE:
            raise InvalidCursorError("the search index does not answer at the moment, and the cursor is of it; leave it out to start over")
        window = Window(request.limit, after=(request.after.id,) if request.after else None)
        page = await self._store.page(self._filter, (), window, visible=self._visible)
        total = await self._store.count(self._filter, visible=self._visible)
        return Results(total, [self._found(entity) for entity in page.rows], page.has_previous, page.has_next, degraded=True)

    async def facets(self, names: Sequence[str]) -> Mapping[str, Sequence[FacetCount]]:
        """The values of entities by these names, as far as the store can count them."""
        paths = {name: _OWNED_BY if name == _OWNER else FACET_PATHS[name] for name in names if name in FACET_PATHS}
        found = await self._store.facets([*paths.values()], self._filter, visible=self._visible)
        return {name: found.get(path, ()) for name, path in paths.items()}

    def _found(self, entity: Entity) -> Found:
        texts = entity_document(entity.ref, entity.document).texts
        title = texts.get(TextField.TITLE) or texts[TextField.NAME]
        highlight = partial(snippets_of, texts, self._highlighter)
        place = Place(_OF_STORE, entity.ref)
        return Found(entity.ref, ENTITY, entity.ref, entity, title, texts.get(TextField.DESCRIPTION, ""), "", place, highlight)


def _texts(terms: Terms) -> Sequence[Condition]:
    wanted = tuple(word.text for word in terms.words if not word.optional)
    phrases = tuple(" ".join(phrase) for phrase in terms.phrases)
    excluded = [*terms.excluded_words, *(" ".join(phrase) for phrase in terms.excluded_phrases)]
    found: list[Condition] = [TextContains((*wanted, *phrases))] if wanted or phrases else []
    return [*found, *(Not(TextContains((text,))) for text in excluded)]
