"""What a policy comes to for one principal on one catalog, with the rule that decides: for whoever writes policies."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.permission import Permission
from graph.access import ON_ENTITIES, Action, Principal
from graph.conditions import EVERYTHING, Condition
from graph.policy import Ruling, policy_from, rulings, seen_and_allowed
from graph.refs import Ref
from graph.store import Store, Window

NO_POLICY = "permission.enabled is false"


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """What one rule says of an action: of how many entities it does, None where the action is not done to any."""

    rule: str
    allows: bool
    entities: int | None


@dataclass(frozen=True, slots=True)
class ActionEffect:
    """What may be done: to how many entities, None where the action is not done to any; `rules` are all that speak of it."""

    action: Action
    allowed: bool
    entities: int | None
    rules: Sequence[RuleEffect]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the action may be done to the entity, and what decides on it in words."""

    ref: Ref
    action: Action
    allowed: bool
    reason: str


class Simulation:
    """One principal under one policy. Nothing is redacted or hidden from whoever simulates."""

    def __init__(self, store: Store, permission: Permission, principal: Principal) -> None:
        self._store = store
        self._permission = permission
        self._principal = principal
        self.access = policy_from(permission)(principal)

    async def total(self) -> int:
        """How many entities there are."""
        return await self._store.count(EVERYTHING, visible=EVERYTHING)

    async def effect(self, action: Action) -> ActionEffect:
        """What the policy says of the action."""
        entities = await self._count(seen_and_allowed(self.access, action)) if action in ON_ENTITIES else None
        allowed = self.access.may(action) if entities is None else entities > 0
        counted = [(ruling, await self._count(ruling.on) if action in ON_ENTITIES else None) for ruling in self._rulings(action)]
        return ActionEffect(action, allowed, entities, [RuleEffect(_key(ruling), ruling.allows, count) for ruling, count in counted])

    async def allowed_entities(self, action: Action, limit: int) -> Sequence[Ref]:
        """The first entities, by ref, to which the action may be done."""
        page = await self._store.page(seen_and_allowed(self.access, action), (), Window(limit), visible=EVERYTHING)
        return [entity.ref for entity in page.rows]

    async def verdicts(self, action: Action, refs: Sequence[Ref]) -> Sequence[Verdict]:
        """A verdict on each entity. An action that is not done to entities has the same for all."""
        hidden = {} if action in (Action.ENTITY_READ, *(set(Action) - ON_ENTITIES)) else await self._reasons(Action.ENTITY_READ, refs)
        own = await self._reasons(action, refs)
        found: list[Verdict] = []
        for ref in refs:
            seen, why_not_seen = hidden.get(ref, (True, ""))
            allowed, reason = own[ref] if seen else (False, f"hidden: {why_not_seen}")
            found.append(Verdict(ref, action, allowed, reason))
        return found

    async def _reasons(self, action: Action, refs: Sequence[Ref]) -> dict[Ref, tuple[bool, str]]:
        if not self._permission.enabled:
            return dict.fromkeys(refs, (True, NO_POLICY))
        reasons: dict[Ref, tuple[bool, str]] = dict.fromkeys(refs, (False, f"no rule allows {action}"))
        # The last to write wins: the first rule of those that allow, and over them the first of those that deny.
        decisive = sorted(self._rulings(action), key=lambda ruling: (not ruling.allows, -ruling.index))
        for ruling in decisive:
            verb = "allows" if ruling.allows else "denies"
            for ref in await self._store.entities_by_ref(refs, visible=ruling.on):
                reasons[ref] = (ruling.allows, f"{_key(ruling)} {verb} it")
        return reasons

    def _rulings(self, action: Action) -> Sequence[Ruling]:
        return rulings(self._permission, self._principal, action) if self._permission.enabled else ()

    async def _count(self, condition: Condition) -> int:
        return await self._store.count(condition, visible=EVERYTHING)


def _key(ruling: Ruling) -> str:
    return f"permission.rules[{ruling.index}]"
