"""From rules to conditions: what is allowed by some rule and denied by none, for each principal."""

from typing import Any

import pytest

from config.permission import WITHOUT_POLICY, Permission, PolicyCondition
from graph.access import ON_ENTITIES, Access, Action, Principal, PrincipalKind, Redaction, unrestricted
from graph.conditions import EVERYTHING, NOTHING, All, AnyOf, FactExists, Not, Related, fact_in
from graph.policy import condition_of, policy_from
from graph.refs import Ref
from graph.relations import Direction

ANN = Ref("user:default/ann")
RED = Ref("group:default/red")
USER = Principal(ANN, PrincipalKind.USER, (ANN, RED))
SERVICE = Principal(Ref("service:default/ci"), PrincipalKind.SERVICE, (Ref("service:default/ci"),))
GUEST = Principal(Ref("user:default/guest"), PrincipalKind.GUEST, (Ref("user:default/guest"),))

READ, DELETE = "catalog.entity.read", "catalog.entity.delete"
OWNED = Related("ownedBy", Direction.OUT, (ANN, RED))
APIS = fact_in("kind", ["api"])


def access(*rules: dict[str, Any], to: Principal = USER, **more: Any) -> Access:
    return policy_from(Permission.model_validate({"rules": rules, **more}))(to)


def test_what_no_rule_allows_is_denied():
    assert access().conditions == {}
    assert access({"deny": "*", "to": "everyone"}).conditions == {}


def test_without_a_policy_everything_is_allowed_as_far_as_the_token_goes():
    scoped = Principal(ANN, PrincipalKind.USER, (ANN,), frozenset({Action.SEARCH}))
    assert policy_from(WITHOUT_POLICY)(USER) == unrestricted(USER)
    assert policy_from(WITHOUT_POLICY)(scoped).conditions == {Action.SEARCH: EVERYTHING}


def test_a_condition_of_a_rule_becomes_that_of_the_action():
    found = access({"allow": [READ, DELETE], "to": "users", "if": {"isEntityOwner": True}})
    assert found.conditions == {Action.ENTITY_READ: OWNED, Action.ENTITY_DELETE: OWNED}
    assert (found.visible, found.may(Action.ENTITY_REFRESH)) == (OWNED, False)


def test_allows_add_up_and_denials_take_away():
    found = access(
        {"allow": READ, "to": "everyone", "if": {"isEntityKind": "API"}},
        {"allow": READ, "to": "users", "if": {"isEntityOwner": True}},
        {"deny": READ, "to": "everyone", "if": {"hasTag": ["secret"]}},
    )
    assert found.visible == All((AnyOf((APIS, OWNED)), Not(fact_in("metadata.tags", ["secret"]))))


@pytest.mark.parametrize("order", [1, -1])
def test_a_denial_without_condition_is_final_wherever_it_stands(order: int):
    rules = [{"allow": "*", "to": "everyone"}, {"deny": DELETE, "to": "users"}][::order]
    assert access(*rules).on(Action.ENTITY_DELETE) == NOTHING
    assert access(*rules, to=SERVICE).on(Action.ENTITY_DELETE) == EVERYTHING
    assert Action.ENTITY_DELETE not in access(*rules).conditions


def test_an_allowance_of_everything_makes_narrower_ones_pointless():
    found = access({"allow": READ, "to": "users", "if": {"isEntityKind": "API"}}, {"allow": "catalog.*", "to": "users"})
    assert found.visible == EVERYTHING


def test_a_rule_with_a_condition_says_nothing_of_actions_that_are_not_done_to_entities():
    found = access({"allow": "*", "to": "users", "if": {"isEntityOwner": True}})
    assert found.conditions == dict.fromkeys(sorted(ON_ENTITIES), OWNED)
    denied = access({"allow": "*", "to": "users"}, {"deny": "*", "to": "users", "if": {"isEntityOwner": True}})
    assert denied.on(Action.ADMIN) == EVERYTHING
    assert denied.visible == Not(OWNED)


@pytest.mark.parametrize(
    ("to", "who"),
    [
        ("everyone", [USER, SERVICE, GUEST]),
        ("users", [USER]),
        ("services", [SERVICE]),
        ("guests", [GUEST]),
        ("group:default/red", [USER]),
        ("Group:Red", [USER]),
        ("user:default/ann", [USER]),
        ("service:default/ci", [SERVICE]),
        ("group:default/blue", []),
        (["guests", "group:red"], [USER, GUEST]),
    ],
)
def test_a_rule_speaks_of_those_it_names(to: str | list[str], who: list[Principal]):
    asked = [principal for principal in (USER, SERVICE, GUEST) if access({"allow": READ, "to": to}, to=principal).may(Action.ENTITY_READ)]
    assert asked == who


def test_a_token_narrows_what_its_owner_may():
    scoped = Principal(ANN, PrincipalKind.USER, (ANN, RED), frozenset({Action.ENTITY_READ}))
    found = access({"allow": "*", "to": "users"}, to=scoped)
    assert found.conditions == {Action.ENTITY_READ: EVERYTHING}
    assert found.principal is scoped


def test_two_tokens_of_one_principal_have_one_policy_and_each_its_own_session():
    policy = policy_from(Permission.model_validate({"rules": [{"allow": READ, "to": "users"}]}))
    first, second = (policy(Principal(ANN, PrincipalKind.USER, (ANN,), session=name)) for name in ("a", "b"))
    assert (first.principal.session, second.principal.session) == ("a", "b")
    assert first.conditions is second.conditions


@pytest.mark.parametrize(
    ("configured", "condition"),
    [
        ({"isEntityOwner": True}, OWNED),
        ({"isEntityKind": ["API", "System"]}, fact_in("kind", ["api", "system"])),
        ({"hasAnnotation": {"annotation": "Example.com/Pager"}}, FactExists("metadata.annotations.example.com/pager")),
        ({"hasAnnotation": {"annotation": "a", "value": "B"}}, fact_in("metadata.annotations.a", ["b"])),
        ({"hasLabel": {"label": "tier", "value": "1"}}, fact_in("metadata.labels.tier", ["1"])),
        ({"hasMetadata": {"key": "namespace", "value": "data"}}, fact_in("metadata.namespace", ["data"])),
        ({"hasSpec": {"key": "lifecycle"}}, FactExists("spec.lifecycle")),
        ({"hasTag": "Java"}, fact_in("metadata.tags", ["java"])),
        ({"inSystem": ["system:Checkout"]}, Related("partOf", Direction.OUT, (Ref("system:default/checkout"),), transitive=True)),
        ({"isEntityKind": "API", "hasTag": "x"}, All((APIS, fact_in("metadata.tags", ["x"])))),
        ({"and": [{"isEntityKind": "API"}, {"isEntityOwner": True}]}, All((APIS, OWNED))),
        ({"or": [{"isEntityKind": "API"}, {"isEntityOwner": True}]}, AnyOf((APIS, OWNED))),
        ({"not": {"isEntityKind": "API"}}, Not(APIS)),
        ({"not": {"not": {"isEntityKind": "API"}}}, APIS),
    ],
)
def test_conditions_are_those_of_the_store(configured: dict[str, Any], condition: object):
    assert condition_of(PolicyCondition.model_validate(configured), (ANN, RED)) == condition


def test_whoever_claims_nothing_owns_nothing():
    assert condition_of(PolicyCondition.model_validate({"isEntityOwner": True}), ()) == NOTHING
    assert condition_of(PolicyCondition.model_validate({"not": {"isEntityOwner": True}}), ()) == EVERYTHING


def test_fields_are_redacted_for_those_named_but_not_for_those_excepted():
    redact = [{"fields": ["spec.Definition"], "from": ["everyone"], "except": ["group:red"], "if": {"isEntityKind": "API"}}]
    assert access(to=GUEST, redact=redact).redactions == (Redaction(("spec.definition",), APIS),)
    assert access(redact=redact).redactions == ()


def test_references_to_what_is_hidden_show_unless_it_is_said():
    assert access().hides_references is False
    assert access(references="hidden").hides_references is True
