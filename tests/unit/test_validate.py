"""The rules of the kinds, and how a breach of them is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.catalog import KindConfig
from config.errors import ConfigurationError
from ingest.kinds import rules_of
from ingest.settings import configured_kinds
from ingest.validate import dotted, findings_of
from tests.unit.readings import HEAD, problems, reading

TABLE = KindConfig.model_validate(
    {
        "kind": "Table",
        "apiVersions": ["example.com/v1"],
        "jsonSchema": {
            "type": "object",
            "required": ["spec"],
            "properties": {"spec": {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "integer", "minimum": 1}}}},
        },
    }
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("foo: 1\n", [("not-an-entity", 1, 1)]),
        ("kind: Component\n", [("missing-field", 1, 1), ("missing-field", 1, 1)]),
        (HEAD.replace("Component", "component"), [("unknown-kind", 2, 1)]),
        (HEAD.replace("v1alpha1", "v2"), [("unknown-api-version", 1, 1)]),
        (HEAD.replace("name: shop", "name: the shop"), [("invalid-name", 4, 3)]),
        (HEAD.replace("name: shop", f"name: {'a' * 64}"), [("invalid-name", 4, 3)]),
        (HEAD.replace("name: shop", "name: 12"), [("wrong-type", 4, 3)]),
        (HEAD.replace("name: shop", "name: shop\n  namespace: a.b"), [("invalid-name", 5, 3)]),
        (HEAD.replace("name: shop", "name: shop\n  links:"), [("wrong-type", 5, 3)]),
        (HEAD.replace("name: shop", "name: shop\n  annotations:"), []),
        (HEAD.replace("name: shop", "name: shop\n  annotations: {a: }"), [("wrong-type", 5, 17)]),
        (HEAD.replace("name: shop", "name: shop\n  labels:\n    a/b/c: x"), [("invalid-name", 6, 5)]),
        (HEAD.replace("name: shop", "name: shop\n  tags: [a, B]"), [("invalid-name", 5, 13)]),
        (HEAD.replace("name: shop", "name: shop\n  links:\n  - url: example.com"), [("invalid-value", 6, 5)]),
        (HEAD.replace("name: shop", "name: ${{ values.name }}"), [("unrendered-template", 4, 3)]),
        (HEAD.replace("owner: red", "owner: 7"), [("wrong-type", 8, 3)]),
        (HEAD.replace("owner: red", "owner: ''"), [("empty-value", 8, 3)]),
        (HEAD.replace("  owner: red\n", ""), [("missing-field", 5, 1)]),
        (f"{HEAD}relations: []\n", [("unknown-field", 9, 1)]),
        (f"{HEAD}  system: ''\n  dependsOn: [component:a, b]\n", [("empty-value", 9, 3), ("invalid-ref", 10, 28)]),
    ],
)
def test_every_breach_is_told_with_its_place(text: str, found: list[tuple[str, int, int]]):
    assert problems(text) == found


def test_an_unknown_kind_is_met_with_the_nearest_one():
    problem = reading(HEAD.replace("Component", "Compnent")).problems[0]
    assert problem.message == "The catalog does not know the kind 'Compnent'; did you mean Component?"


def test_a_remedy_says_what_to_write():
    texts = [HEAD.replace("v1alpha1", "v2"), HEAD.replace("owner: red", "owner: 7"), HEAD.replace("  owner: red\n", "")]
    assert [reading(text).problems[0].remedy for text in texts] == [
        "Write apiVersion: backstage.io/v1alpha1 or backstage.io/v1beta1.",
        "Write text here, or remove the field if it is optional; quote text that reads as a number, true, false or null.",
        "Add spec.owner.",
    ]


def test_an_api_of_type_mcp_server_needs_remotes_or_a_definition():
    api = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec: {type: mcp-server, lifecycle: x, owner: o"
    assert problems(f"{api}, remotes: [{{type: sse, url: u}}]}}\n") == []
    assert problems(f"{api}, definition: d}}\n") == []
    assert problems(f"{api}}}\n") == [("missing-field", 4, 1)]


def test_a_configured_kind_is_checked_by_its_schema_and_by_the_rules_for_names():
    text = "apiVersion: example.com/v1\nkind: Table\nmetadata:\n  name: a b\nspec:\n  rows: 0\n"
    found = reading(text, kinds=[TABLE])
    assert [(problem.code.value, problem.line, problem.column) for problem in found.problems] == [
        ("invalid-name", 4, 3),
        ("invalid-value", 6, 3),
    ]
    good = reading(text.replace("a b", "a-b").replace("0", "3"), kinds=[TABLE])
    assert [document.ref for document in good.documents] == ["table:default/a-b"]
    assert [problem.code.value for problem in reading(text).problems] == ["invalid-name", "unknown-kind"]


@pytest.mark.parametrize("schema", [{"type": "wrong"}, {"$ref": "https://example.com/schema.json"}, {"properties": []}])
def test_a_configured_kind_with_an_invalid_schema_stops_the_start(schema: dict[str, object]):
    kind = KindConfig.model_validate({"kind": "Table", "apiVersions": ["example.com/v1"], "jsonSchema": schema})
    with pytest.raises(ConfigurationError) as error:
        configured_kinds([kind])
    assert error.value.key == "catalog.kinds[0].jsonSchema"


def test_paths_are_written_as_people_write_them():
    assert dotted(("spec", "dependsOn", 2)) == "spec.dependsOn[2]"
    assert dotted(()) == "the document"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
KINDS = st.sampled_from(rules_of(()).names)


@given(kind=KINDS, metadata=JSON, spec=JSON)
def test_whatever_a_document_holds_is_judged(kind: str, metadata: object, spec: object):
    document = {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    for finding in findings_of(document, rules_of(())):
        assert finding.message
