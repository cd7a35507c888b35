"""What a descriptor alone tells about a condition: yes, no, or that it depends on others."""

import pytest

from graph.conditions import (
    EVERYTHING,
    NOTHING,
    All,
    AnyOf,
    Condition,
    FactContains,
    FactExists,
    FactHasPrefix,
    HasErrors,
    IsOrphan,
    Not,
    RefIn,
    Related,
    TextContains,
    fact_in,
)
from graph.matching import passes
from graph.refs import Ref
from graph.relations import Direction

SHOP = Ref("component:default/shop")
TEAM = Ref("group:default/team")
DOCUMENT = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "shop", "title": "The Shop", "tags": ["java"]},
    "spec": {"type": "service", "owner": "team"},
}
DECLARED = frozenset({(SHOP, "ownedBy", TEAM), (Ref("component:default/web"), "dependsOn", SHOP)})
OWNED = Related("ownedBy", Direction.OUT, (TEAM,))
ELSEWHERE = Related("ownedBy", Direction.OUT, (Ref("group:default/other"),))


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        (EVERYTHING, True),
        (NOTHING, False),
        (fact_in("spec.type", ["Service", "library"]), True),
        (fact_in("spec.type", ["library"]), False),
        (fact_in("metadata.tags.java", ["true"]), True),
        (FactExists("metadata.title"), True),
        (FactExists("metadata.description"), False),
        (FactHasPrefix("metadata.name", "sh"), True),
        (FactContains("metadata.name", "ho"), True),
        (FactContains("metadata.name", "sh%"), False),
        (RefIn((SHOP,)), True),
        (RefIn((TEAM,)), False),
        (TextContains(("shop", "jav")), True),
        (TextContains(("shop", "python")), False),
        (OWNED, True),
        (Related("ownedBy", Direction.OUT, None), True),
        (Related("dependsOn", Direction.IN, None), True),
        (ELSEWHERE, None),
        (Related("dependsOn", Direction.OUT, None), None),
        (HasErrors(), None),
        (IsOrphan(), None),
        (Not(OWNED), False),
        (Not(HasErrors()), None),
        (All((OWNED, HasErrors())), None),
        (All((NOTHING, HasErrors())), False),
        (AnyOf((OWNED, HasErrors())), True),
        (AnyOf((NOTHING, HasErrors())), None),
    ],
)
def test_a_descriptor_passes_or_does_not_or_it_depends(condition: Condition, held: bool | None):
    assert passes(condition, SHOP, DOCUMENT, DECLARED) is held
