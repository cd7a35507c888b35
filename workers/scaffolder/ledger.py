"""The ledger of effects: what tasks made, by which version of which template; it outlives the tasks, and is found by what was made too."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from graph.entities import Entity, canonical_json
from graph.errors import StaleWriteError
from graph.refs import Ref
from graph.state_rows import rows_below
from graph.store import StateRow, StateWrite, Store
from plugins.actions import Effect
from plugins.hosts import Hosts
from workers.scaffolder.effects import LOCATION, PROPOSAL, REPOSITORY, SOURCE, KeptEffect, Skeleton, Use, repository_of, use_of

EFFECTS = "scaffolder-effects"
USES = "scaffolder-uses"
MAKERS = "scaffolder-makers"
"""The collections: effects by task, uses by template and task, and by what was made the use that made it."""

_PAGE = 1000
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reads and writes what tasks made. Every method raises StoreUnavailableError while the store can't be reached."""

    store: Store
    hosts: Hosts

    async def add(self, use: Use, step_id: str, effect: Effect) -> None:
        """Keep an effect, and with it that it was made by the use. One that is there already stays as it is."""
        row_id = f"{use.task_id}:{_key(effect.kind, effect.url)}"
        for _ in range(_TRIES):
            if await self.store.states(EFFECTS, ids=[row_id]):
                return
            use_id = _use_id(use.template, use.task_id)
            known = await self.store.states(USES, ids=[use_id])
            writes = [StateWrite(EFFECTS, row_id, _encoded(step_id, effect), expected=0)]
            writes += [] if known else [StateWrite(USES, use_id, use.encoded(), expected=0)]
            try:
                await self.store.write_states([*writes, *await self._makers(use, use_id, effect)])
            except StaleWriteError:
                continue
            return
        raise StaleWriteError(f"others write the effects of the task {use.task_id} all the time")

    async def effects(self, task_id: str) -> Sequence[KeptEffect]:
        """What the task made outside of its workspace, in the order in which it did."""
        found = [_kept(row) async for row in rows_below(self.store, EFFECTS, f"{task_id}:")]
        return sorted(found, key=lambda effect: effect.created_at)

    async def brought(self, use: Use) -> Sequence[KeptEffect]:
        """Those effects of a use that brought files to a repository: one that it made, or that it proposed them to."""
        return [effect for effect in await self.effects(use.task_id) if repository_of(effect)]

    async def made(self, use: Use) -> Sequence[KeptEffect]:
        """Those effects of a use that things of the catalog are known by, unless another use made them since."""
        effects = [effect for effect in await self.effects(use.task_id) if self._key_of(effect)]
        makers = await self._by_id(MAKERS, {key for effect in effects if (key := self._key_of(effect))})
        made_here = {key for key, value in makers.items() if value["use"] == _use_id(use.template, use.task_id)}
        return [effect for effect in effects if self._key_of(effect) in made_here]

    async def uses(self, template: Ref, after: str = "") -> AsyncIterator[Use]:
        """The uses of a template, newest first, after the one of the task of that id."""
        async for row in rows_below(self.store, USES, _use_id(template, ""), after=after):
            yield use_of(row.value)

    async def use(self, template: Ref, task_id: str) -> Use | None:
        """The use of the template by a task; None if it made nothing."""
        rows = await self.store.states(USES, ids=[_use_id(template, task_id)])
        return use_of(rows[0].value) if rows else None

    async def upgrade(self, use: Use, url: str) -> tuple[Use, KeptEffect] | None:
        """The last upgrade that was proposed of what the use made or proposed at that address, and its pull request; None if none was."""
        found = await self._by_id(MAKERS, {_key("upgrade", use.task_id, url)})
        uses = await self._by_id(USES, {value["use"] for value in found.values()})
        for value in uses.values():
            upgrade = use_of(value)
            return next(((upgrade, effect) for effect in await self.effects(upgrade.task_id) if effect.kind == PROPOSAL), None)
        return None

    async def keep_version(self, use: Use, digest: str, skeletons: Sequence[Skeleton]) -> None:
        """Keep of which version what the use made is."""
        use_id = _use_id(use.template, use.task_id)
        await self.store.write_states([StateWrite(USES, use_id, replace(use, digest=digest, skeletons=skeletons).encoded())])

    async def makers(self, entities: Sequence[Entity]) -> Mapping[Ref, Use]:
        """By which use each entity was made, as far as what is given of it tells; one that none made is absent."""
        keys = {entity.ref: self._keys_of(entity) for entity in entities}
        makers = await self._by_id(MAKERS, {key for those in keys.values() for key in those})
        named = {ref: use for ref, those in keys.items() if (use := next((makers[key]["use"] for key in those if key in makers), None))}
        uses = await self._by_id(USES, set(named.values()))
        return {ref: use_of(uses[use]) for ref, use in named.items() if use in uses}

    async def _makers(self, use: Use, use_id: str, effect: Effect) -> Sequence[StateWrite]:
        """Rows by which what was made leads to the use; none for what was there already and is known as made by another."""
        if use.upgrade_of and use.upgraded:
            key = _key("upgrade", use.upgrade_of, use.upgraded)
            return [StateWrite(MAKERS, key, {"use": use_id})] if effect.kind == PROPOSAL else []
        key = self._key_of(effect)
        if key is None or (effect.details.get("existed") and await self.store.states(MAKERS, ids=[key])):
            return []
        return [StateWrite(MAKERS, key, {"use": use_id})]

    def _key_of(self, effect: Effect | KeptEffect) -> str | None:
        if effect.ref is not None:
            return _key("entity", effect.ref)
        if effect.kind == "location":
            return _key("location", effect.url)
        return self._repository_key(effect.url) if effect.kind == REPOSITORY else None

    def _keys_of(self, entity: Entity) -> Sequence[str]:
        annotations: Mapping[str, Any] = entity.metadata.get("annotations") or {}
        location, source = (str(annotations.get(path.removeprefix("metadata.annotations.")) or "") for path in (LOCATION, SOURCE))
        repository = self._repository_key(source.removeprefix("url:")) if source.startswith("url:") else None
        registered = [_key("location", location.removeprefix("url:"))] if location.startswith("url:") else []
        return [_key("entity", entity.ref), *registered, *([repository] if repository else [])]

    def _repository_key(self, url: str) -> str | None:
        found = self.hosts.of(url)
        return _key("repository", f"{found[1].host}/{found[1].repository}".lower()) if found else None

    async def _by_id(self, collection: str, ids: set[str]) -> Mapping[str, Mapping[str, Any]]:
        ordered = sorted(ids)
        pages = [ordered[start : start + _PAGE] for start in range(0, len(ordered), _PAGE)]
        return {row.id: row.value for page in pages for row in await self.store.states(collection, ids=page)}


def _use_id(template: Ref, task_id: str) -> str:
    return f"{_key(template)}:{task_id}"


def _key(*parts: str) -> str:
    return blake2b(canonical_json(list(parts)), digest_size=16).hexdigest()


def _encoded(step_id: str, effect: Effect) -> dict[str, Any]:
    return {
        "kind": effect.kind,
        "url": effect.url,
        "ref": effect.ref,
        "details": dict(effect.details),
        "step": step_id,
        "at": datetime.now(UTC).isoformat(),
    }


def _kept(row: StateRow) -> KeptEffect:
    value, ref = row.value, row.value["ref"]
    at = datetime.fromisoformat(value["at"])
    return KeptEffect(value["kind"], value["url"], None if ref is None else Ref(ref), value["step"], at, value["details"])
