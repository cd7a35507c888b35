"""Loaders of what came from templates: what the resolvers of one request ask for at the same time is read at once."""

from collections.abc import Sequence

from strawberry.dataloader import DataLoader

from graph.access import Access, Action
from graph.entities import Entity
from graph.refs import Ref
from workers.scaffolder.effects import TemplateVersion, Use
from workers.scaffolder.port import Scaffolder, SeenTask


class TemplateLoaders:
    """The loaders of one request; a second question for the same key is answered from memory."""

    def __init__(self, scaffolder: Scaffolder, access: Access) -> None:
        self._scaffolder, self._access = scaffolder, access
        self.task_by_id: DataLoader[str, SeenTask | None] = DataLoader(self._tasks_by_id, max_batch_size=1000)
        self.version_by_template: DataLoader[Ref, TemplateVersion | None] = DataLoader(self._versions_by_template)
        self.use_by_entity: DataLoader[Entity, Use | None] = DataLoader(self._uses_by_entity, cache_key_fn=lambda entity: entity.ref)

    async def _tasks_by_id(self, ids: list[str]) -> Sequence[SeenTask | None]:
        if not self._access.may(Action.TASK_READ):
            return [None] * len(ids)
        found = await self._scaffolder.tasks_by_id(ids, self._access)
        return [found.get(task_id) for task_id in ids]

    async def _versions_by_template(self, refs: list[Ref]) -> Sequence[TemplateVersion | None]:
        found = await self._scaffolder.provenance.versions(refs, self._access)
        return [found.get(ref) for ref in refs]

    async def _uses_by_entity(self, entities: list[Entity]) -> Sequence[Use | None]:
        found = await self._scaffolder.provenance.makers(entities, self._access)
        return [found.get(entity.ref) for entity in entities]
