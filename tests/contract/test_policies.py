"""Policies of the configuration mean the same on both stores: which entities somebody sees, and why."""

from collections.abc import Sequence
from typing import Any

from config.permission import Permission
from graph.access import Action, Principal, PrincipalKind
from graph.refs import Ref
from graph.simulation import Simulation, Verdict
from graph.store import Store
from tests.contract.shop import ALL, ANNA, CART, DB, ORDERS, SHOP, STAFF, STOCK, TEAM, WEB

READ = "catalog.entity.read"
USER = Principal(ANNA, PrincipalKind.USER, (ANNA, TEAM))


def simulation(store: Store, *rules: dict[str, Any]) -> Simulation:
    return Simulation(store, Permission.model_validate({"rules": rules}), USER)


CONDITIONS: Sequence[tuple[dict[str, Any], Sequence[Ref]]] = [
    ({"isEntityOwner": True}, [CART, WEB]),
    ({"isEntityKind": ["api", "SYSTEM"]}, [ORDERS, SHOP]),
    ({"hasAnnotation": {"annotation": "example.com/docs", "value": "YES"}}, [ORDERS]),
    ({"hasAnnotation": {"annotation": "example.com/docs", "value": "no"}}, []),
    ({"hasLabel": {"label": "tier", "value": "1"}}, [STOCK]),
    ({"hasMetadata": {"key": "title"}}, [WEB]),
    ({"hasSpec": {"key": "lifecycle", "value": "Production"}}, [ORDERS, CART, WEB]),
    ({"hasSpec": {"key": "profile.displayName"}}, [ANNA]),
    ({"hasTag": ["public", "none"]}, [WEB]),
    ({"inSystem": ["system:shop"]}, [CART, WEB]),
    ({"inSystem": ["system:shop"], "hasTag": "react"}, [WEB]),
    ({"and": [{"isEntityKind": "Component"}, {"not": {"isEntityOwner": True}}]}, [STOCK]),
    ({"or": [{"isEntityKind": "Group"}, {"isEntityKind": "User"}]}, [STAFF, TEAM, ANNA]),
    ({"not": {"or": [{"isEntityKind": "Component"}, {"isEntityKind": "API"}]}}, [STAFF, TEAM, DB, SHOP, ANNA]),
]


async def test_a_condition_lets_the_same_entities_through(stocked: Store) -> None:
    for condition, seen in CONDITIONS:
        allowed = simulation(stocked, {"allow": READ, "to": "users", "if": condition}).access.visible
        denied = simulation(stocked, {"allow": READ, "to": "users"}, {"deny": READ, "to": "users", "if": condition}).access.visible
        assert set(await stocked.entities_by_ref(ALL, visible=allowed)) == set(seen), condition
        assert set(await stocked.entities_by_ref(ALL, visible=denied)) == set(ALL) - set(seen), condition


async def test_what_decides_is_told_of_each_entity_and_counted(stocked: Store) -> None:
    simulated = simulation(
        stocked,
        {"allow": READ, "to": "users", "if": {"not": {"isEntityKind": "Resource"}}},
        {"allow": "catalog.entity.*", "to": "group:team", "if": {"isEntityOwner": True}},
        {"deny": "*", "to": "everyone", "if": {"hasTag": "public"}},
    )
    assert await simulated.verdicts(Action.ENTITY_READ, [CART, DB, WEB]) == [
        Verdict(CART, Action.ENTITY_READ, True, "permission.rules[0] allows it"),
        Verdict(DB, Action.ENTITY_READ, False, "no rule allows catalog.entity.read"),
        Verdict(WEB, Action.ENTITY_READ, False, "permission.rules[2] denies it"),
    ]
    assert [(one.allowed, one.reason) for one in await simulated.verdicts(Action.ENTITY_DELETE, [CART, STOCK, DB, WEB])] == [
        (True, "permission.rules[1] allows it"),
        (False, "no rule allows catalog.entity.delete"),
        (False, "hidden: no rule allows catalog.entity.read"),
        (False, "hidden: permission.rules[2] denies it"),
    ]
    effect = await simulated.effect(Action.ENTITY_DELETE)
    assert (effect.allowed, effect.entities) == (True, 1)
    assert [(rule.rule, rule.allows, rule.entities) for rule in effect.rules] == [
        ("permission.rules[1]", True, 2),
        ("permission.rules[2]", False, 1),
    ]
    assert await simulated.allowed_entities(Action.ENTITY_READ, 3) == [ORDERS, CART, STOCK]
    assert await simulated.total() == 9


async def test_what_is_told_of_an_entity_is_what_the_policy_does(stocked: Store) -> None:
    simulated = simulation(
        stocked,
        {"allow": [READ, "catalog.entity.refresh"], "to": "users", "if": {"hasSpec": {"key": "type"}}},
        {"deny": "catalog.entity.refresh", "to": "group:team", "if": {"inSystem": "system:shop"}},
    )
    for action in (Action.ENTITY_READ, Action.ENTITY_REFRESH, Action.ENTITY_DELETE):
        told = {verdict.ref for verdict in await simulated.verdicts(action, ALL) if verdict.allowed}
        assert told == set(await simulated.allowed_entities(action, 99))
        assert len(told) == (await simulated.effect(action)).entities
