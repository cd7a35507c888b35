"""The edges that a document declares, with their evidence."""

import pytest

from graph.entities import Edge, Evidence
from graph.refs import Ref
from graph.relations import Declaration, Relation, RelationRegistry, Travel
from tests.unit.readings import HEAD, PATH, problems, reading

SHOP = Ref("component:default/shop")


def edges(text: str) -> list[tuple[str, str, str]]:
    found = reading(text)
    assert found.problems == ()
    return [(edge.source, edge.relation, edge.target) for edge in found.documents[0].edges]


def document(kind: str, spec: str, namespace: str = "retail") -> str:
    version = "scaffolder.backstage.io/v1beta3" if kind == "Template" else "backstage.io/v1alpha1"
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: It, namespace: {namespace}}}\nspec: {spec}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            document(
                "Component",
                "{type: t, lifecycle: l, owner: red, system: s, subcomponentOf: c, providesApis: [p], consumesApis: [q], "
                "dependsOn: [resource:d], dependencyOf: [component:e]}",
            ),
            [
                ("component:retail/it", "dependsOn", "resource:retail/d"),
                ("component:retail/e", "dependsOn", "component:retail/it"),
                ("component:retail/it", "providesApis", "api:retail/p"),
                ("component:retail/it", "consumesApis", "api:retail/q"),
                ("component:retail/it", "partOf", "system:retail/s"),
                ("component:retail/it", "partOf", "component:retail/c"),
                ("component:retail/it", "ownedBy", "group:retail/red"),
            ],
        ),
        (
            document("API", "{type: t, lifecycle: l, owner: user:default/Ann, system: s, definition: d}"),
            [("api:retail/it", "partOf", "system:retail/s"), ("api:retail/it", "ownedBy", "user:default/ann")],
        ),
        (
            document("System", "{owner: red, domain: d}"),
            [("system:retail/it", "partOf", "domain:retail/d"), ("system:retail/it", "ownedBy", "group:retail/red")],
        ),
        (
            document("Domain", "{owner: red, subdomainOf: d}"),
            [("domain:retail/it", "partOf", "domain:retail/d"), ("domain:retail/it", "ownedBy", "group:retail/red")],
        ),
        (
            document("Group", "{type: t, parent: p, children: [c], members: [m]}"),
            [
                ("group:retail/it", "childOf", "group:retail/p"),
                ("group:retail/c", "childOf", "group:retail/it"),
                ("user:retail/m", "memberOf", "group:retail/it"),
            ],
        ),
        (document("User", "{memberOf: [g, other/h]}"), [("user:retail/it", "memberOf", f"group:{r}") for r in ("retail/g", "other/h")]),
        (document("Template", "{type: t, owner: red, steps: []}"), [("template:retail/it", "ownedBy", "group:retail/red")]),
        (
            document("AiResource", "{type: plugin, lifecycle: l, owner: red, skills: [s]}"),
            [("airesource:retail/s", "partOf", "airesource:retail/it"), ("airesource:retail/it", "ownedBy", "group:retail/red")],
        ),
        (document("Location", "{target: ./a.yaml, owner: red}"), []),
    ],
)
def test_each_kind_declares_what_the_table_says(text: str, expected: list[tuple[str, str, str]]):
    assert edges(text) == expected


def test_evidence_names_field_and_line():
    text = f"{HEAD}  dependsOn:\n    - component:a\n    # of old\n    - component:b\n  consumesApis: [p,\n    q]\n"
    found = reading(text).documents[0].edges
    assert found == (
        Edge(SHOP, "dependsOn", Ref("component:default/a"), (Evidence(SHOP, "spec.dependsOn[0]", PATH, 10),)),
        Edge(SHOP, "dependsOn", Ref("component:default/b"), (Evidence(SHOP, "spec.dependsOn[1]", PATH, 12),)),
        Edge(SHOP, "consumesApis", Ref("api:default/p"), (Evidence(SHOP, "spec.consumesApis[0]", PATH, 13),)),
        Edge(SHOP, "consumesApis", Ref("api:default/q"), (Evidence(SHOP, "spec.consumesApis[1]", PATH, 14),)),
        Edge(SHOP, "ownedBy", Ref("group:default/red"), (Evidence(SHOP, "spec.owner", PATH, 8),)),
    )


def test_an_edge_that_is_declared_twice_has_two_pieces_of_evidence():
    text = f"{HEAD}  dependsOn: [component:a, Component:Default/A]\n"
    edge = reading(text).documents[0].edges[0]
    assert [evidence.field for evidence in edge.evidence] == ["spec.dependsOn[0]", "spec.dependsOn[1]"]


def test_lines_are_found_in_flow_style():
    text = "# a\n---\n{apiVersion: backstage.io/v1alpha1, kind: User, metadata: {name: a},\n spec: {memberOf: [g,\n h]}}\n"
    assert [edge.evidence[0].line for edge in reading(text).documents[0].edges] == [4, 5]


@pytest.mark.parametrize(
    ("field", "column", "remedy"),
    [
        ("dependsOn: [shop]", 15, "Write [kind:][namespace/]name, such as component:shop."),
        ("dependsOn: ['component:']", 15, "Write [kind:][namespace/]name, such as component:default/shop."),
        ("system: ':x'", 3, "Write [kind:][namespace/]name, such as system:default/shop."),
        ("dependencyOf: [{name: x}]", 18, "Write [kind:][namespace/]name, such as component:default/shop."),
    ],
)
def test_a_ref_that_can_not_be_read_is_an_error_that_names_the_fix(field: str, column: int, remedy: str):
    assert problems(f"{HEAD}  {field}\n") == [("invalid-ref", 9, column)]
    assert reading(f"{HEAD}  {field}\n").problems[0].remedy == remedy


def test_a_ref_may_be_written_as_an_object_where_no_schema_forbids_it():
    assert edges(f"{HEAD}  dependencyOf: {{kind: Resource, name: X}}\n")[0] == ("resource:default/x", "dependsOn", SHOP)


def test_a_ref_that_is_a_template_expression_is_not_rendered():
    assert problems(f"{HEAD}  system: ${{{{ values.system }}}}\n") == [("unrendered-template", 9, 3)]


def test_configured_relations_are_declared_by_their_fields():
    owns = Relation(
        "ownsData",
        "ownsData",
        "dataOwnedBy",
        Travel.NOWHERE,
        False,
        (Declaration("data", frozenset({"component"}), "Resource", inverted=True),),
    )
    found = reading(f"{HEAD}  data: [orders]\n", registry=RelationRegistry([owns]))
    assert [(e.source, e.relation, e.target) for e in found.documents[0].edges][-1] == ("resource:default/orders", "ownsData", SHOP)
