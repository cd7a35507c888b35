"""The catalog as tasks reach it: on behalf of whoever started them, and with the task as the cause of what changes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from graph.access import Access
from graph.conditions import EVERYTHING
from graph.entities import Entity
from graph.errors import InputError
from graph.redacting import seen_by
from graph.refs import Ref, uid_of
from graph.relations import Direction, RelationRegistry, Step
from graph.store import Cause, Location, Store
from ingest.lifecycle import Actions

_LOOK_SECONDS = 0.5
_MOST_LOOKS = 120


@dataclass(frozen=True, slots=True)
class RegisteredEntities:
    """A location that is registered, and the entities that it declares and whoever registered it sees."""

    target: str
    refs: Sequence[Ref]
    existed: bool


class TaskCatalog(Protocol):
    """What actions do with the catalog. ForbiddenError where the access does not allow it."""

    async def entities(self, refs: Sequence[Ref], access: Access) -> Mapping[Ref, Mapping[str, Any]]:
        """The entities as Backstage's clients know them; one that is missing or hidden is absent."""
        ...

    async def register(self, target: str, access: Access, task_id: str) -> RegisteredEntities:
        """Register the location and read it. InputError if it can't be read, or declares nothing in order."""
        ...


@dataclass(frozen=True, slots=True)
class StoredCatalog:
    """The catalog of this server."""

    store: Store
    registry: RelationRegistry
    actions: Actions

    async def entities(self, refs: Sequence[Ref], access: Access) -> Mapping[Ref, Mapping[str, Any]]:
        store = seen_by(self.store, access, self.registry)
        found = await store.entities_by_ref(refs, visible=access.visible)
        steps = [Step(relation.name, direction) for relation in self.registry for direction in Direction]
        ends = await store.edges_of(list(found), steps, visible=access.visible)
        return {ref: self._shown(entity, ends.get(ref, ())) for ref, entity in found.items()}

    async def register(self, target: str, access: Access, task_id: str) -> RegisteredEntities:
        done = await self.actions.register("url", target, access, dry_run=False, cause=Cause("task", task_id))
        if done.location is None:
            told = "; ".join(f"{problem.message} {problem.remedy}".strip() for problem in done.problems[:5])
            raise InputError(f"{target} can't be registered: {told or 'it declares no entity'}")
        await self._until_read(done.location)
        files = await self.store.files(done.location.id)
        declared = sorted({ref for file in files.values() for ref in file.claims})
        seen = declared if access.visible == EVERYTHING else await self.store.entities_by_ref(declared, visible=access.visible)
        return RegisteredEntities(target, [ref for ref in declared if ref in seen], done.existed)

    async def _until_read(self, location: Location) -> None:
        """Wait for the first read of a location, which a worker that was killed may have left to another."""
        for _ in range(_MOST_LOOKS):
            if location.read_at is not None or location.error is not None:
                return
            await asyncio.sleep(_LOOK_SECONDS)
            location = next((one for one in await self.store.locations() if one.id == location.id), location)

    def _shown(self, entity: Entity, ends: Sequence[tuple[str, Direction, Ref]]) -> Mapping[str, Any]:
        names = {
            (relation.name, direction): relation.forward if direction is Direction.OUT else relation.backward
            for relation in self.registry
            for direction in Direction
        }
        relations = sorted((names[relation, direction], target) for relation, direction, target in ends)
        metadata = {**entity.metadata, "namespace": entity.namespace, "uid": uid_of(entity.ref)}
        told = [{"type": type_, "targetRef": target} for type_, target in relations]
        return {**entity.document, "metadata": metadata, "relations": told}


class NoCatalog:
    """Where templates are tried without a server: nothing is there, and nothing can be registered."""

    async def entities(self, refs: Sequence[Ref], access: Access) -> Mapping[Ref, Mapping[str, Any]]:
        return {}

    async def register(self, target: str, access: Access, task_id: str) -> RegisteredEntities:
        raise InputError("there is no catalog to register in; run the template against a server")
