"""What came from which template, as whoever asks may see it: the ledger, and the entities that are linked with it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from graph.access import Access, Action
from graph.conditions import EVERYTHING, AnyOf, Condition, FactHasPrefix, RefIn, fact_in
from graph.entities import Entity
from graph.errors import InputError, NotFoundError
from graph.refs import Ref
from workers.scaffolder.effects import LOCATION, PROPOSAL, REPOSITORY, SOURCE, KeptEffect, TemplateVersion, Use, repository_of
from workers.scaffolder.scaffolding import Scaffolding
from workers.scaffolder.templates import template_of

_MOST_REFS = 1000


@dataclass(frozen=True, slots=True)
class LedgerProvenance:
    """Implements workers.scaffolder.port.Provenance."""

    scaffolding: Scaffolding

    async def versions(self, templates: Sequence[Ref], access: Access) -> Mapping[Ref, TemplateVersion]:
        found = await self.scaffolding.store.entities_by_ref(templates, visible=access.visible)
        skeletons = await self.scaffolding.skeletons.known(sorted(found))
        versions: dict[Ref, TemplateVersion] = {}
        for ref, entity in found.items():
            with suppress(InputError):
                versions[ref] = TemplateVersion(template_of(entity.document).digest, skeletons.get(ref, {}))
        return versions

    async def uses(
        self,
        template: Ref,
        access: Access,
        *,
        version: str | None = None,
        skeleton: str | None = None,
        outdated: bool | None = None,
        after: str = "",
    ) -> AsyncIterator[Use]:
        access.demand(Action.TASK_READ)
        if access.visible != EVERYTHING and not await self.scaffolding.store.entities_by_ref([template], visible=access.visible):
            return
        current = (await self.versions([template], access)).get(template)
        async for use in self.scaffolding.ledger.uses(template, after):
            is_present = current is not None and current.is_that_of(use)
            told_apart = outdated is None or (use.upgrade_of is None and is_present != outdated)
            has_skeleton = skeleton is None or any(one.digest == skeleton for one in use.skeletons)
            if told_apart and has_skeleton and (version is None or use.digest == version):
                yield use

    async def makers(self, entities: Sequence[Entity], access: Access) -> Mapping[Ref, Use]:
        if not access.may(Action.TASK_READ):
            return {}
        makers = await self.scaffolding.ledger.makers(entities)
        if access.visible == EVERYTHING:
            return makers
        templates = sorted({use.template for use in makers.values()})
        seen = await self.scaffolding.store.entities_by_ref(templates, visible=access.visible)
        return {ref: use for ref, use in makers.items() if use.created_by == access.principal.ref or use.template in seen}

    async def uses_of(self, template: Ref, entities: Sequence[Ref], access: Access) -> Sequence[Use]:
        """The uses of the template that made these entities, each once. NotFoundError for one that is hidden or missing, InputError for one
        that did not come from it.
        """
        found = await self.scaffolding.store.entities_by_ref(entities, visible=access.visible)
        missing = next((ref for ref in entities if ref not in found), None)
        if missing is not None:
            raise NotFoundError(f"there is no entity {missing}")
        makers = await self.makers([found[ref] for ref in entities], access)
        other = next((ref for ref in entities if ref not in makers or makers[ref].template != template), None)
        if other is not None:
            raise InputError(f"{other} did not come from {template}, or nobody knows")
        return list({makers[ref].task_id: makers[ref] for ref in entities}.values())

    async def brought(self, use: Use, access: Access) -> Sequence[KeptEffect] | None:
        """What the use brought to repositories: all of it if an entity that came of the use is visible, else what it proposed to those that
        a visible entity is read from; None if there is neither.
        """
        effects = await self.scaffolding.ledger.brought(use)
        if access.visible == EVERYTHING or await self._is_seen(await self.made(use), access):
            return effects
        proposed = [(one, url) for one in effects if one.kind == PROPOSAL and (url := repository_of(one))]
        return [one for one, url in proposed if await self._is_seen(AnyOf(_read_from(url)), access)] or None

    async def _is_seen(self, condition: Condition, access: Access) -> bool:
        return bool(await self.scaffolding.store.count(condition, visible=access.visible))

    async def made(self, use: Use) -> Condition:
        effects = await self.scaffolding.ledger.made(use)
        refs = [effect.ref for effect in effects if effect.ref is not None][:_MOST_REFS]
        locations = [f"url:{effect.url}" for effect in effects if effect.kind == "location"]
        repositories = [effect.url for effect in effects if effect.kind == REPOSITORY]
        return AnyOf(
            (
                RefIn(tuple(refs)),
                fact_in(LOCATION, locations),
                *(one for url in repositories for one in _read_from(url)),
            )
        )


def _read_from(repository: str) -> tuple[Condition, ...]:
    """One of these lets through each entity that is read from the repository."""
    url = repository.removesuffix("/").removesuffix(".git").lower()
    return tuple(FactHasPrefix(SOURCE, f"url:{url}{beginning}") for beginning in "/?")
