"""The committed schema: that it is the code's, that everything in it is described, and what its check refuses."""

from pathlib import Path

from graphql import get_introspection_query

from api.graphql.schema import build_schema
from graph.relations import Relation, RelationRegistry, Travel
from scripts.schema import BREAKS, PRINTED, RELEASED, ROOT, findings, main, printed, release


def test_the_committed_schema_is_the_schema_of_the_code() -> None:
    assert (ROOT / PRINTED).read_text("utf-8") == printed()


def test_the_committed_schema_breaks_nothing_that_was_released_undeclared() -> None:
    assert list(findings(ROOT, printed())) == []


def _undescribed() -> list[str]:
    found: list[str] = []
    answer = build_schema(RelationRegistry()).execute_sync(get_introspection_query())
    assert answer.data is not None
    schema = answer.data["__schema"]
    for type_ in schema["types"]:
        parts = [(type_["name"], type_)]
        for field in type_["fields"] or ():
            parts.append((f"{type_['name']}.{field['name']}", field))
            parts.extend((f"{type_['name']}.{field['name']}({argument['name']})", argument) for argument in field["args"])
        parts.extend((f"{type_['name']}.{value['name']}", value) for value in type_["inputFields"] or ())
        parts.extend((f"{type_['name']}.{value['name']}", value) for value in type_["enumValues"] or ())
        found.extend(name for name, part in parts if not part["description"])
    for directive in schema["directives"]:
        parts = [(f"@{directive['name']}", directive), *((f"@{directive['name']}({a['name']})", a) for a in directive["args"])]
        found.extend(name for name, part in parts if not part["description"])
    return [name for name in found if not name.startswith("__")]


def test_every_type_field_argument_and_value_is_described() -> None:
    assert _undescribed() == []


def test_every_description_is_a_sentence() -> None:
    answer = build_schema(RelationRegistry()).execute_sync("{ __schema { types { name fields { name description } } } }")
    assert answer.data is not None
    ours = [type_ for type_ in answer.data["__schema"]["types"] if not type_["name"].startswith("__")]
    descriptions = {f"{type_['name']}.{f['name']}": f["description"] for type_ in ours for f in type_["fields"] or ()}
    assert [name for name, text in descriptions.items() if not text.endswith((".", ")"))] == []


def test_a_configured_relation_is_a_value_of_relation_type() -> None:
    owns_data = Relation("ownsData", "ownsData", "dataOwnedBy", Travel.NOWHERE, travels_on_request=False, declarations=())
    schema = build_schema(RelationRegistry([owns_data]))
    answer = schema.execute_sync('{ __type(name: "RelationType") { enumValues { name } } }')
    assert answer.data is not None
    names = [value["name"] for value in answer.data["__type"]["enumValues"]]
    assert names == ["DEPENDS_ON", "PROVIDES_APIS", "CONSUMES_APIS", "PART_OF", "OWNED_BY", "CHILD_OF", "MEMBER_OF", "OWNS_DATA"]
    assert "OWNS_DATA" not in build_schema(RelationRegistry()).as_str()


RELEASED_SCHEMA = """
type Query {
  "One."
  one(of: Int): Int
  "Two."
  two: Int
}
"""

CHANGED_SCHEMA = """
type Query {
  "One."
  one(of: Int, more: Int): Int
  "Three."
  three: Int
}
"""


def _catalog(root: Path, schema: str) -> Path:
    (root / RELEASED).parent.mkdir(parents=True)
    (root / PRINTED).write_text(schema)
    return root


def test_additions_to_the_released_schema_pass(tmp_path: Path) -> None:
    root = _catalog(tmp_path, RELEASED_SCHEMA)
    (root / RELEASED).write_text("type Query { one: Int }")
    assert list(findings(root, RELEASED_SCHEMA)) == []


def test_a_break_of_the_released_schema_is_refused_until_it_is_declared(tmp_path: Path) -> None:
    root = _catalog(tmp_path, CHANGED_SCHEMA)
    (root / RELEASED).write_text(RELEASED_SCHEMA)
    assert list(findings(root, CHANGED_SCHEMA)) == [
        f"breaks clients of the last release: Field Query.two was removed. Take it back, or add this sentence to {BREAKS}"
    ]
    (root / BREAKS).write_text("# nobody used it\nField Query.two was removed.\n")
    assert list(findings(root, CHANGED_SCHEMA)) == []


def test_a_declared_break_that_does_not_happen_is_refused(tmp_path: Path) -> None:
    root = _catalog(tmp_path, RELEASED_SCHEMA)
    (root / RELEASED).write_text(RELEASED_SCHEMA)
    (root / BREAKS).write_text("Field Query.two was removed.\n")
    assert list(findings(root, RELEASED_SCHEMA)) == [
        f"{BREAKS} declares what does not happen: Field Query.two was removed. Remove the line"
    ]


def test_a_stale_committed_schema_is_refused(tmp_path: Path) -> None:
    root = _catalog(tmp_path, RELEASED_SCHEMA)
    assert list(findings(root, CHANGED_SCHEMA)) == [f"{PRINTED} is not the schema of the code; run python -m scripts.schema --write"]


def test_a_release_keeps_the_schema_and_forgets_the_declarations(tmp_path: Path) -> None:
    root = _catalog(tmp_path, CHANGED_SCHEMA)
    (root / RELEASED).write_text(RELEASED_SCHEMA)
    (root / BREAKS).write_text("Field Query.two was removed.\n")
    release(root, CHANGED_SCHEMA)
    assert (root / RELEASED).read_text() == CHANGED_SCHEMA
    assert not (root / BREAKS).exists()


def test_the_command_writes_and_then_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / RELEASED).parent.mkdir(parents=True)
    assert main([], tmp_path) == 1
    assert main(["--write"], tmp_path) == 0
    assert main(["--release"], tmp_path) == 0
    assert main([], tmp_path) == 0
    assert main(["--nonsense"], tmp_path) == 2
