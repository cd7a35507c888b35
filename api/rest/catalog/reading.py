"""What the routes that read have in common: the store and the registry that they read, as whoever asks may see it."""

from dataclasses import dataclass

from starlette.requests import Request

from api.auth.admission import access_of
from graph.conditions import Condition
from graph.redacting import seen_by
from graph.relations import RelationRegistry
from graph.store import Store


@dataclass(frozen=True, slots=True)
class Reading:
    """The catalog as one principal sees it, for one request."""

    store: Store
    registry: RelationRegistry
    visible: Condition


class Catalog:
    """The catalog that the routes answer from."""

    def __init__(self, store: Store, registry: RelationRegistry) -> None:
        self._store = store
        self._registry = registry

    def read_by(self, request: Request) -> Reading:
        """The catalog as whoever sent the request sees it."""
        access = access_of(request)
        return Reading(seen_by(self._store, access, self._registry), self._registry, access.visible)
