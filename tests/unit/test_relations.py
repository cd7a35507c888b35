"""The relation table and the steps that a change travels."""

import pytest

from graph.relations import BUILTIN_RELATIONS, Declaration, Direction, Relation, RelationRegistry, Step, Travel

OUT, IN = Direction.OUT, Direction.IN
OWNS_DATA = Relation(
    "ownsData", "ownsData", "dataOwnedBy", Travel.TO_TARGET, True, (Declaration("ownsData", frozenset({"component"}), "Resource"),)
)


def test_the_relations_are_those_of_the_table() -> None:
    assert [(r.name, r.forward, r.backward, r.travel.value, r.travels_on_request, r.graphql_name) for r in BUILTIN_RELATIONS] == [
        ("dependsOn", "dependsOn", "dependencyOf", "to_source", False, "DEPENDS_ON"),
        ("providesApis", "providesApi", "apiProvidedBy", "to_target", False, "PROVIDES_APIS"),
        ("consumesApis", "consumesApi", "apiConsumedBy", "to_source", False, "CONSUMES_APIS"),
        ("partOf", "partOf", "hasPart", "to_source", True, "PART_OF"),
        ("ownedBy", "ownedBy", "ownerOf", "nowhere", False, "OWNED_BY"),
        ("childOf", "childOf", "parentOf", "nowhere", False, "CHILD_OF"),
        ("memberOf", "memberOf", "hasMember", "nowhere", False, "MEMBER_OF"),
    ]


def test_a_change_travels_to_dependents_to_provided_apis_and_to_consumers() -> None:
    assert RelationRegistry().dependent_steps() == (Step("dependsOn", IN), Step("providesApis", OUT), Step("consumesApis", IN))
    assert RelationRegistry().dependency_steps() == (Step("dependsOn", OUT), Step("providesApis", IN), Step("consumesApis", OUT))


def test_relations_that_travel_on_request_do_when_named_and_others_never() -> None:
    assert RelationRegistry().dependent_steps(["partOf", "ownedBy"]) == (Step("partOf", IN),)
    assert RelationRegistry([OWNS_DATA]).dependent_steps(["ownsData", "dependsOn"]) == (Step("dependsOn", IN), Step("ownsData", OUT))
    assert Step("ownsData", OUT) not in RelationRegistry([OWNS_DATA]).dependent_steps()


def test_either_name_of_backstage_finds_the_relation() -> None:
    both = RelationRegistry([OWNS_DATA]).by_either_name
    assert {name: (relation.name, direction) for name, (relation, direction) in both.items() if "own" in name or "api" in name} == {
        "providesapis": ("providesApis", OUT),
        "providesapi": ("providesApis", OUT),
        "apiprovidedby": ("providesApis", IN),
        "consumesapis": ("consumesApis", OUT),
        "consumesapi": ("consumesApis", OUT),
        "apiconsumedby": ("consumesApis", IN),
        "ownedby": ("ownedBy", OUT),
        "ownerof": ("ownedBy", IN),
        "ownsdata": ("ownsData", OUT),
        "dataownedby": ("ownsData", IN),
    }


def test_a_kind_declares_what_its_fields_say() -> None:
    declared = RelationRegistry([OWNS_DATA]).declared_by("component")
    assert [(relation.name, declaration.field, declaration.default_kind, declaration.inverted) for relation, declaration in declared] == [
        ("dependsOn", "dependsOn", None, False),
        ("dependsOn", "dependencyOf", None, True),
        ("providesApis", "providesApis", "API", False),
        ("consumesApis", "consumesApis", "API", False),
        ("partOf", "system", "System", False),
        ("partOf", "subcomponentOf", "Component", False),
        ("ownedBy", "owner", "Group", False),
        ("ownsData", "ownsData", "Resource", False),
    ]
    assert RelationRegistry().declared_by("spaceship") == ()


def test_a_registry_knows_its_relations_by_name() -> None:
    registry = RelationRegistry([OWNS_DATA])
    assert registry["ownsData"] is OWNS_DATA
    assert "ownsData" in registry
    assert "owns_data" not in registry
    assert registry.names == (*(relation.name for relation in BUILTIN_RELATIONS), "ownsData")
    assert tuple(registry) == (*BUILTIN_RELATIONS, OWNS_DATA)
    with pytest.raises(KeyError):
        registry["nothing"]


def test_opposite_directions() -> None:
    assert (OUT.opposite, IN.opposite) == (IN, OUT)
