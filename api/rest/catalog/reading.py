"""What the routes that read have in common: the catalog as whoever asks may see it, and the parameters that many of them take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from api.auth.admission import access_of
from api.rest.catalog.predicates import Translation, prefixed_relations
from graph.conditions import EVERYTHING, Condition
from graph.errors import InputError
from graph.redacting import seen_by
from graph.relations import RelationRegistry
from graph.store import Store

MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """The catalog as one principal sees it, for one request."""

    store: Store
    registry: RelationRegistry
    visible: Condition

    async def condition_of(self, *predicates: object) -> Condition:
        """What all of the predicates ask for; None asks for nothing. InputError for one that is none."""
        given = [predicate for predicate in predicates if predicate is not None]
        keys = sorted({key for predicate in given for key in prefixed_relations(predicate)})
        refs_of: Mapping[str, Sequence[str]] = {}
        if keys:
            facets = await self.store.facets(keys, EVERYTHING, visible=self.visible)
            refs_of = {key: [counted.value for counted in facets[key]] for key in keys}
        if not given:
            return EVERYTHING
        return Translation(self.registry, refs_of).condition(given[0] if len(given) == 1 else {"$all": given})


class Catalog:
    """The catalog that the routes answer from."""

    def __init__(self, store: Store, registry: RelationRegistry) -> None:
        self._store = store
        self._registry = registry

    def read_by(self, request: Request) -> Reading:
        """The catalog as whoever sent the request sees it."""
        access = access_of(request)
        return Reading(seen_by(self._store, access, self._registry), self._registry, access.visible)


def whole_number(request: Request, name: str, least: int = 0) -> int | None:
    """The parameter's number, None if it is not given. InputError for what is none, or less than the least."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise InputError(f"Invalid {name}, must be a whole number, {least} or greater")
    return int(text)
