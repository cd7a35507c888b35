"""Entities as Backstage's clients know them: with uid, etag, relations in both directions, and a status that tells what is wrong."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from api.rest.catalog.reading import Reading
from graph.entities import Entity, content_hash
from graph.refs import Ref, uid_of
from graph.relations import Direction, Step
from graph.sources import CatalogError, ErrorFilter
from graph.store import EdgeEnd, Window

STATUS_TYPE = "backstage.io/catalog-processing"
_MOST_ERRORS = 10_000
_NO_ETAG = "0" * 32
_ETAG_AT = len(b'{"metadata":{"uid":"","etag":"') + len(uid_of(Ref("component:default/any")))


class Surroundings:
    """What is shown of some entities beside their descriptors: their relations, and the errors that name them."""

    def __init__(self, reading: Reading, ends: Mapping[Ref, Sequence[EdgeEnd]], errors: Mapping[Ref, Sequence[CatalogError]]) -> None:
        self._types = {
            (relation.name, direction): relation.forward if direction is Direction.OUT else relation.backward
            for relation in reading.registry
            for direction in Direction
        }
        self._ends = ends
        self._errors = errors

    def relations_of(self, ref: Ref) -> list[dict[str, str]]:
        """The entity's relations, by type and then by target."""
        types = self._types
        named = sorted((types[relation, direction], target) for relation, direction, target in self._ends.get(ref, ()))
        return [{"type": type_, "targetRef": target} for type_, target in named]

    def shown(self, entity: Entity) -> dict[str, Any]:
        """The entity as an object, without its etag."""
        document = entity.document
        metadata = {"uid": uid_of(entity.ref), "etag": _NO_ETAG, **_written(document["metadata"])}
        metadata.setdefault("namespace", entity.namespace)
        rest = {key: value for key, value in document.items() if key != "metadata"}
        shown = {"metadata": metadata, **rest, "relations": self.relations_of(entity.ref)}
        if errors := self._errors.get(entity.ref):
            status = shown.get("status")
            shown["status"] = {**(status if isinstance(status, dict) else {}), "items": [_status_item(error) for error in errors]}
        return shown

    def text_of(self, entity: Entity) -> bytes:
        """The entity as JSON, with its etag: a hash of all the rest, so that it changes with whatever is shown."""
        text = orjson.dumps(self.shown(entity))
        return b"%b%b%b" % (text[:_ETAG_AT], content_hash(text).encode(), text[_ETAG_AT + len(_NO_ETAG) :])


async def surroundings_of(reading: Reading, refs: Sequence[Ref]) -> Surroundings:
    """What is shown of the entities beside their descriptors."""
    steps = [Step(relation.name, direction) for relation in reading.registry for direction in Direction]
    ends, errors = await asyncio.gather(
        reading.store.edges_of(refs, steps, visible=reading.visible),
        reading.store.errors(ErrorFilter(refs=refs), Window(_MOST_ERRORS), visible=reading.visible),
    )
    by_ref: dict[Ref, list[CatalogError]] = {}
    for error in errors.rows:
        if error.ref is not None:
            by_ref.setdefault(error.ref, []).append(error)
    return Surroundings(reading, ends, by_ref)


def _written(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What the author wrote, but for what the catalog alone gives."""
    return {key: value for key, value in metadata.items() if key not in {"uid", "etag"}}


def _status_item(error: CatalogError) -> dict[str, Any]:
    message = f"{error.message} {error.remedy}".strip()
    return {
        "type": STATUS_TYPE,
        "level": "error",
        "message": f"InputError: {message}",
        "error": {"name": "InputError", "message": message, "code": error.code},
    }
