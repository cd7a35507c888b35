"""From an entity to its search documents: its own, and those that collators make of it."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import orjson

from graph.entities import Document, Entity, content_hash
from graph.refs import Ref
from graph.relations import Direction
from graph.store import EdgeEnd
from plugins.contract import CollatedDocument, Collator
from workers.search.collators.entities import ENTITY, entity_document, entity_facets
from workers.search.collators.texts import cleaned
from workers.search.index import SearchDocument
from workers.search.leaves import leaves_of

DEPENDING = ("dependsOn", "consumesApis", "providesApis", "partOf")
"""The relations whose edges into an entity count as its centrality."""

_SCHEMA = "1"
"""Another one makes every entity be collated again."""

_NAMING = ("apiVersion", "kind")
_NAMING_METADATA = ("name", "namespace", "title")

_log = logging.getLogger("callboard.search")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the graph knows of an entity: all its edges as they leave it and those of DEPENDING that come in, and whose part it is."""

    ends: Sequence[EdgeEnd] = ()
    ancestors: frozenset[Ref] = frozenset()

    @property
    def centrality(self) -> int:
        """How many others depend on it."""
        return sum(direction is Direction.IN for _, direction, _ in self.ends)


class Collation:
    """The documents of entities, by the collators that are on."""

    def __init__(self, collators: Iterable[Collator], without: Sequence[str]) -> None:
        self._collators = [collator for collator in collators if collator.type not in without]
        self._entities = ENTITY not in without

    @property
    def types(self) -> Mapping[str, Sequence[str]]:
        """The types of documents, with the paths of the descriptor that all of their texts tell of."""
        own: dict[str, Sequence[str]] = {ENTITY: ()} if self._entities else {}
        return own | {collator.type: collator.paths for collator in self._collators}

    @property
    def digest(self) -> str:
        """Stands for what documents are made by."""
        made_by = [_SCHEMA, self._entities, *([each.type, each.version, list(each.paths)] for each in self._collators)]
        return content_hash(orjson.dumps(made_by))

    async def documents(self, entity: Entity, around: Surroundings) -> Sequence[SearchDocument]:
        """All documents of the entity. A collator that fails has none, which the log tells."""
        found = [(ENTITY, entity_document(entity.ref, entity.document))] if self._entities else []
        for collator in self._collators:
            found += [(collator.type, document) for document in await _collated(collator, entity)]
        leaves = leaves_of(entity, around.ends, around.ancestors)
        facets = entity_facets(entity.ref, entity.document)
        return [
            SearchDocument(
                id=f"{type_}:{entity.ref}#{document.key}",
                source=entity.ref,
                type=type_,
                ref=entity.ref,
                location=document.location,
                texts=document.texts,
                facets=facets,
                leaves=leaves,
                centrality=around.centrality,
            )
            for type_, document in found
        ]


async def _collated(collator: Collator, entity: Entity) -> Sequence[CollatedDocument]:
    try:
        return [cleaned(document) for document in await collator.documents(entity.ref, told(entity, collator.paths))]
    except Exception:
        # One entity that a collator stumbles over must not keep all others from being found.
        _log.exception("%s: the collator of %s failed, and nothing of that type is found of it", entity.ref, collator.type)
        return ()


def told(entity: Entity, paths: Sequence[str]) -> Document:
    """What names the entity, and what is at the paths (lower case) and below."""
    document = entity.document
    metadata = {key: document["metadata"][key] for key in _NAMING_METADATA if key in document["metadata"]}
    naming = {key: document[key] for key in _NAMING if key in document}
    picked = _picked(document, "", frozenset(paths), _above(tuple(paths)))
    return {**naming, **picked, "metadata": {**picked.get("metadata", {}), **metadata}, "spec": picked.get("spec", {})}


@cache
def _above(paths: tuple[str, ...]) -> frozenset[str]:
    """What lies on the way to the paths."""
    steps = [path.split(".") for path in paths]
    return frozenset(".".join(each[:end]) for each in steps for end in range(1, len(each)))


def _picked(document: Mapping[str, Any], at: str, paths: frozenset[str], above: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        path = f"{at}{key.lower()}"
        # A key may have dots of its own.
        if path in paths or ("." in key and any(path.startswith(f"{wanted}.") for wanted in paths)):
            found[key] = value
        elif path in above and isinstance(value, Mapping):
            found[key] = _picked(cast("Mapping[str, Any]", value), f"{path}.", paths, above)
    return found
