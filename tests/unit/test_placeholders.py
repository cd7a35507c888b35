"""Placeholders, and the bundling of API definitions."""

from typing import Any

import pytest
import yaml12

from tests.unit.readings import HEAD, problems, reading

API = "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec:\n  type: openapi\n  lifecycle: l\n  owner: red\n"


def spec(field: str, files: dict[str, str]) -> Any:
    found = reading(f"{HEAD}  {field}\n", files)
    assert found.problems == ()
    return found.documents[0].document["spec"]


def bundle(files: dict[str, str], key: str = "$openapi", root: str = "./api/openapi.yaml") -> Any:
    found = reading(f"{API}  definition: {{{key}: {root}}}\n", files)
    assert found.problems == ()
    return yaml12.parse_yaml(found.documents[0].document["spec"]["definition"])


def test_text_json_and_yaml_are_replaced_anywhere():
    files = {"a.txt": "\ufeffone\n", "b.json": '{"c": [1]}', "d.yaml": "# c\n---\non: yes\n"}
    found = spec("x: [{$text: a.txt}, {y: {$json: b.json}}]\n  z: {$yaml: d.yaml}", files)
    assert found["x"] == ["one\n", {"y": {"c": [1]}}]
    assert found["z"] == {"on": "yes"}


def test_what_a_file_holds_is_not_searched_again():
    assert spec("x: {$yaml: a.yaml}", {"a.yaml": "$text: b.txt\n"})["x"] == {"$text": "b.txt"}


@pytest.mark.parametrize("value", ["{$text: a, b: c}", "{$other: a}", "{$ref: a}", "{$other: a, b: {$text: c}}"])
def test_objects_that_are_no_placeholder_alone_stay(value: str):
    assert spec(f"x: {value}", {})["x"] == yaml12.parse_yaml(value)


def test_the_targets_are_told_once_read_or_not():
    text = f"{HEAD}  x: [{{$text: a}}, {{$text: a}}, {{$text: b}}]\n"
    assert reading(text, {"a": ""}).includes == ("a", "b")


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("x: {$text: gone.txt}", ("placeholder-unreadable", 9, 7)),
        ("x: {$text: 7}", ("placeholder-invalid", 9, 7)),
        ("x: {$json: bad.json}", ("placeholder-invalid", 9, 7)),
        ("x: {$yaml: bad.yaml}", ("placeholder-invalid", 9, 7)),
        ("x: {$yaml: two.yaml}", ("placeholder-invalid", 9, 7)),
        ("x: {$openapi: list.yaml}", ("placeholder-invalid", 9, 7)),
        ("x: {$openapi: lost.yaml}", ("placeholder-unreadable", 9, 7)),
        ("x: {$openapi: hollow.yaml}", ("placeholder-invalid", 9, 7)),
    ],
)
def test_a_placeholder_that_fails_is_a_problem_at_its_place(field: str, problem: tuple[str, int, int]):
    files = {"bad.json": "{", "bad.yaml": "a: [\n", "two.yaml": "a: 1\n---\nb: 2\n", "list.yaml": "- a\n"}
    files |= {"lost.yaml": "a: {$ref: nowhere.yaml}\n", "hollow.yaml": "a: {$ref: 'two.json#/x/y'}\n", "two.json": '{"x": {}}'}
    assert problems(f"{HEAD}  {field}\n", files) == [problem]


def test_a_problem_in_an_included_file_names_its_place_there():
    problem = reading(f"{HEAD}  x: {{$yaml: a.yaml}}\n", {"a.yaml": "a: 1\nb: [\n"}).problems[0]
    assert problem.message.startswith("spec.x.$yaml names 'a.yaml', which can't be read: line 3, column 1: ")
    assert problem.remedy == "Mend the YAML of that file."


def test_references_to_other_files_are_inlined_once():
    files = {
        "./api/openapi.yaml": "openapi: 3.0.0\npaths:\n  /a: {$ref: ./paths/a.yaml}\n  /b: {$ref: 'schemas.json#/Pet'}\n",
        "api/paths/a.yaml": "get: {schema: {$ref: '../schemas.json#/Pet'}, local: {$ref: '#/own'}}\nown: {type: string}\n",
        "api/schemas.json": '{\n\t"Pet": {"type": "object", "owner": {"$ref": "#/Person"}}, "Person": {"name": "text"}}',
    }
    assert bundle(files) == {
        "openapi": "3.0.0",
        "paths": {
            "/a": {
                "get": {"schema": {"type": "object", "owner": {"name": "text"}}, "local": {"type": "string"}},
                "own": {"type": "string"},
            },
            "/b": {"$ref": "#/paths/~1a/get/schema"},
        },
    }


def test_references_inside_of_the_definition_and_to_urls_stay():
    text = "asyncapi: 3.0.0\na: {$ref: '#/b'}\nb: {$ref: 'https://example.com/x.yaml#/y'}\nc: {$ref: './root.yaml#/b'}\n"
    assert bundle({"root.yaml": text}, "$asyncapi", "root.yaml") == {
        "asyncapi": "3.0.0",
        "a": {"$ref": "#/b"},
        "b": {"$ref": "https://example.com/x.yaml#/y"},
        "c": {"$ref": "#/b"},
    }


def test_files_that_refer_to_each_other_in_a_circle_are_bundled():
    files = {
        "root.yaml": "a: {$ref: b.yaml}\n",
        "b.yaml": "next: {$ref: c.yaml}\n",
        "c.yaml": "back: {$ref: b.yaml}\nself: {$ref: '#'}\nroot: {$ref: root.yaml}\n",
    }
    assert bundle(files, root="root.yaml") == {
        "a": {"next": {"back": {"$ref": "#/a"}, "self": {"$ref": "#/a/next"}, "root": {"$ref": "#"}}}
    }


def test_what_stands_beside_a_reference_is_kept():
    assert bundle({"root.yaml": "a: {$ref: b.yaml, title: mine}\n", "b.yaml": "{title: theirs, x: 1}\n"}, root="root.yaml") == {
        "a": {"title": "mine", "x": 1}
    }


def test_references_that_multiply_are_stopped():
    rungs = ", ".join(f"{{$ref: 'b.yaml#/x{'/0' * depth}'}}" for depth in range(150))
    files = {"root.yaml": f"a: [{rungs}]\n", "b.yaml": f"x: {'[' * 150}{'0, ' * 60_000}0{']' * 150}\n"}
    assert problems(f"{HEAD}  x: {{$openapi: root.yaml}}\n", files) == [("placeholder-invalid", 9, 7)]
