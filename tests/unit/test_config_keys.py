"""The reference of keys, and the registry that the configuration makes."""

from typing import Any

import pytest

from config.catalog import RelationConfig
from config.errors import ConfigurationError
from config.keys import reference
from graph.configured import registry_from
from graph.relations import Declaration, Relation, Travel


def test_every_key_is_described_in_a_sentence():
    assert [known.key for known in reference() if not known.description.endswith(".")] == []


def test_every_key_stands_in_the_reference_once_for_each_client():
    keys = [(known.key, known.when) for known in reference()]
    assert len(keys) == len(set(keys))
    assert {("backend.listen.port", None), ("backend.database.connection.filename", "sqlite"), ("catalog.rules[].allow", None)} <= set(keys)


def test_a_required_key_has_no_default():
    assert [known.key for known in reference() if known.required and known.default is not None] == []


def relation(**keys: Any) -> RelationConfig:
    declarations = [{"field": "data", "kinds": ["System"], "defaultKind": "Resource"}]
    whole = {"name": "ownsData", "forward": "ownsData", "backward": "dataOwnedBy", "travel": "toTarget", "declarations": declarations}
    return RelationConfig.model_validate({**whole, **keys})


def test_a_configured_relation_joins_the_built_in_ones():
    registry = registry_from([relation()])
    assert registry.names[-1] == "ownsData"
    declaration = Declaration("data", frozenset({"system"}), "Resource")
    assert registry["ownsData"] == Relation("ownsData", "ownsData", "dataOwnedBy", Travel.TO_TARGET, False, (declaration,))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"name": "dependsOn"}, "catalog.relations[0]: dependson is already a name of the relation dependsOn"),
        ({"backward": "hasPart"}, "catalog.relations[0]: haspart is already a name of the relation partOf"),
        (
            {"declarations": [{"field": "owner", "kinds": ["system"]}]},
            "catalog.relations[0].declarations: spec.owner of system already declares ownedBy",
        ),
    ],
)
def test_a_relation_can_not_take_what_another_has(keys: dict[str, Any], problem: str):
    with pytest.raises(ConfigurationError) as raised:
        registry_from([relation(**keys)])
    assert str(raised.value) == problem
