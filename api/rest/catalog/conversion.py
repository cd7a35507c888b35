"""Entities as Backstage's clients know them: with uid, etag, relations in both directions, and a status that tells what is wrong."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from api.rest.catalog.fields import Fields
from api.rest.catalog.reading import Reading
from graph.entities import Entity, content_hash
from graph.refs import Ref, uid_of
from graph.relations import Direction, Step
from graph.sources import CatalogError, ErrorFilter
from graph.store import EdgeEnd, Page, Window

STATUS_TYPE = "backstage.io/catalog-processing"
_MOST_ERRORS = 10_000
_NO_ETAG = "0" * 32
_BEFORE_ETAG = len(b'{"metadata":{"uid":"","etag":"') + len(uid_of(Ref("component:default/any")))
_AFTER_ETAG = _BEFORE_ETAG + len(_NO_ETAG)


class Surroundings:
    """What is shown of some entities beside their descriptors: their relations, and the errors that name them."""

    def __init__(
        self, reading: Reading, fields: Fields | None, ends: Mapping[Ref, Sequence[EdgeEnd]], errors: Iterable[CatalogError]
    ) -> None:
        self._types = {
            (relation.name, direction): relation.forward if direction is Direction.OUT else relation.backward
            for relation in reading.registry
            for direction in Direction
        }
        self._fields = fields
        self._ends = ends
        self._errors: dict[Ref, list[CatalogError]] = {}
        for error in errors:
            if error.ref is not None:
                self._errors.setdefault(error.ref, []).append(error)

    def text_of(self, entity: Entity) -> bytes:
        """The entity, or what is selected of it, as JSON."""
        if self._fields is None:
            return self._whole(entity)
        shown = orjson.loads(self._whole(entity)) if self._fields.has_etag else self._shown(entity)
        return orjson.dumps(self._fields.of(shown))

    def relations_of(self, ref: Ref) -> list[dict[str, str]]:
        """The entity's relations, by type and then by target."""
        types = self._types
        named = sorted([(types[relation, direction], target) for relation, direction, target in self._ends.get(ref, ())])
        return [{"type": type_, "targetRef": target} for type_, target in named]

    def _whole(self, entity: Entity) -> bytes:
        """With its etag: a hash of all the rest, so that it changes with whatever is shown."""
        text = orjson.dumps(self._shown(entity))
        return b"%b%b%b" % (text[:_BEFORE_ETAG], content_hash(text).encode(), text[_AFTER_ETAG:])

    def _shown(self, entity: Entity) -> dict[str, Any]:
        document = entity.document
        # What the catalog alone gives comes first, where the etag has a place of its own, and last, so that nobody can write it.
        given = {"uid": uid_of(entity.ref), "etag": _NO_ETAG}
        metadata = {**given, "namespace": entity.namespace, **document["metadata"], **given}
        metadata["namespace"] = entity.namespace
        shown = {"metadata": metadata, **document, "relations": self.relations_of(entity.ref)}
        shown["metadata"] = metadata
        if errors := self._errors.get(entity.ref):
            status = document.get("status")
            shown["status"] = {**(status if isinstance(status, dict) else {}), "items": [_status_item(error) for error in errors]}
        return shown


async def surroundings_of(reading: Reading, refs: Sequence[Ref], fields: Fields | None = None) -> Surroundings:
    """What is shown of the entities beside their descriptors, as far as it is selected."""
    steps = [Step(relation.name, direction) for relation in reading.registry for direction in Direction]
    with_relations = fields is None or fields.has_relations
    with_errors = fields is None or fields.has_errors
    ends, errors = await asyncio.gather(
        reading.store.edges_of(refs, steps, visible=reading.visible) if with_relations and refs else _no_edges(),
        reading.store.errors(ErrorFilter(refs=refs), Window(_MOST_ERRORS), visible=reading.visible)
        if with_errors and refs
        else _no_errors(),
    )
    return Surroundings(reading, fields, ends, errors.rows)


async def texts_of(reading: Reading, entities: Sequence[Entity], fields: Fields | None) -> list[bytes]:
    """Each of the entities, or what is selected of it, as JSON."""
    surroundings = await surroundings_of(reading, [entity.ref for entity in entities], fields)
    return [surroundings.text_of(entity) for entity in entities]


async def _no_edges() -> Mapping[Ref, Sequence[EdgeEnd]]:
    return {}


async def _no_errors() -> Page[CatalogError]:
    return Page([], [], False, False)


def _status_item(error: CatalogError) -> dict[str, Any]:
    message = f"{error.message} {error.remedy}".strip()
    return {
        "type": STATUS_TYPE,
        "level": "error",
        "message": f"InputError: {message}",
        "error": {"name": "InputError", "message": message, "code": error.code},
    }
