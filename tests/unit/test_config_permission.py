"""The policy in the configuration: what it may say, and that nothing of it is guessed at."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Config, ConfigurationError, load
from config.load import redacted
from config.permission import ACTIONS, ENTITY_ACTIONS, Permission, matched_actions
from graph.access import ON_ENTITIES, Action

RULE = {"allow": ["catalog.entity.read"], "to": ["everyone"]}


def problems_of(policy: object, folder: Path) -> list[str]:
    file = folder / "c.yaml"
    file.write_text(yaml.safe_dump({"permission": policy}))
    with pytest.raises(ConfigurationError) as raised:
        load([file], {})
    return [f"{problem.key}: {problem.message}" for problem in raised.value.all]


def test_the_actions_of_the_configuration_are_those_of_the_graph():
    assert set(ACTIONS) == {action.value for action in Action}
    assert set(ENTITY_ACTIONS) == {action.value for action in ON_ENTITIES}
    assert len(set(ACTIONS)) == len(ACTIONS)


def test_without_the_section_everybody_may_do_everything_and_with_it_what_is_allowed():
    assert Config().permission.enabled is False
    assert Config.model_validate({"permission": {}}).permission == Permission(enabled=True, rules=())


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("*", len(Action)), ("catalog.*", 9), ("catalog.entity.*", 5), ("search.query", 1), ("catalog", 0), ("*.read", 0)],
)
def test_a_star_at_the_end_stands_for_anything(pattern: str, count: int):
    assert len(matched_actions(pattern)) == count


def test_a_single_text_is_the_list_of_it():
    permission = Permission.model_validate({"rules": [{"allow": "search.query", "to": "users", "if": None}]})
    assert (permission.rules[0].allow, permission.rules[0].to) == (("search.query",), ("users",))


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"allow": ["catalog.entity.raed"]}, "allow[0]: 'catalog.entity.raed' is no action; did you mean catalog.entity.read?"),
        ({"allow": ["catalog.entry.*"]}, "allow[0]: 'catalog.entry.*' is no action; did you mean catalog.entity.read?"),
        ({"allow": []}, "allow: should name at least one"),
        ({"to": ["evrybody"]}, "to[0]: 'evrybody' is nobody; did you mean everyone?"),
        (
            {"to": ["platform"]},
            "to[0]: 'platform' is nobody; write everyone, users, services, guests, or a ref such as group:default/platform",
        ),
        ({"deny": ["search.query"]}, ": should have allow or deny, one of them"),
        ({"if": {"isOwner": True}}, "if.isOwner: unknown key; did you mean isEntityOwner?"),
        ({"if": {"and": [{"hasLable": {"label": "x"}}]}}, "if.and[0].hasLable: unknown key; did you mean hasLabel?"),
        ({"if": {}}, "if: should name a condition; leave out `if` for a rule that holds on every entity"),
        ({"if": {"or": []}}, "if.or: should name at least one"),
        ({"if": {"isEntityKind": []}}, "if.isEntityKind: should name at least one"),
        (
            {"if": {"isEntityOwner": False}},
            "if.isEntityOwner: should be true; write `not: { isEntityOwner: true }` for the entities of others",
        ),
        (
            {"if": {"inSystem": ["checkout"]}},
            "if.inSystem[0]: 'checkout' is no ref; write kind:namespace/name, such as system:default/checkout",
        ),
        (
            {"allow": ["catalog.location.create"], "if": {"isEntityOwner": True}},
            ": should have no `if`: catalog.location.create is not done to an entity, so no condition can decide on it",
        ),
        ({"if": None}, "if: has no value; write one, or leave the key out"),
        ({"if": {"hasSpec": {"key": "type", "value": None}}}, "if.hasSpec.value: has no value; write one, or leave the key out"),
    ],
)
def test_what_can_not_be_meant_is_refused_at_its_key(rule: dict[str, Any], problem: str, tmp_path: Path):
    key, _, message = problem.partition(":")
    place = f"permission.rules[0].{key}" if key else "permission.rules[0]"
    assert problems_of({"rules": [{**RULE, **rule}]}, tmp_path) == [f"{place}:{message}"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("metadata.name", "metadata.name can't be redacted: entities are known by it; to hide them whole, deny catalog.entity.read"),
        ("spec", "spec can't be redacted: entities are known by it; to hide them whole, deny catalog.entity.read"),
        ("definition", "'definition' is no field of entities; write a path below metadata or spec, such as spec.definition"),
    ],
)
def test_what_entities_are_known_by_is_not_redacted(path: str, problem: str, tmp_path: Path):
    assert problems_of({"redact": [{"fields": [path], "from": ["guests"]}]}, tmp_path) == [f"permission.redact[0].fields[0]: {problem}"]


def test_an_emptied_policy_does_not_open_the_catalog(tmp_path: Path):
    assert problems_of(None, tmp_path) == ["permission: has no value; write one, or leave the key out"]


def test_a_variable_that_is_not_set_leaves_no_condition_open(tmp_path: Path):
    rule = {**RULE, "if": {"hasSpec": {"key": "type", "value": "${TYPE}"}}}
    assert problems_of({"rules": [rule]}, tmp_path) == ["permission.rules[0].if.hasSpec.value: needs $TYPE, which is not set"]


def test_the_printed_policy_reads_back_as_it_was(tmp_path: Path):
    rule = {**RULE, "if": {"and": [{"isEntityOwner": True}, {"not": {"hasAnnotation": {"annotation": "a.b/c"}}}]}}
    config = Config.model_validate({"permission": {"rules": [rule], "redact": [{"fields": ["spec.x"], "from": ["users"]}]}})
    (tmp_path / "c.yaml").write_text(yaml.safe_dump({"permission": redacted(config)["permission"]}))
    assert load([tmp_path / "c.yaml"], {}).permission == config.permission
