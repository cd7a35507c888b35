"""Backstage's backend and Callboard's REST API describe the same operations, and read filters, fields and what can be filtered by alike."""

import json
import random
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, cast

from api.rest.catalog.fields import fields_of
from api.rest.catalog.predicates import predicate_of_filters
from graph.entities import facts_of
from graph.errors import InputError
from tests.api.catalog import ORGANISATION
from tests.api.described import DESCRIPTION
from tests.differential.backstage import FOLDER
from tests.npm import NODE, install


def _asked(*arguments: str, lines: Sequence[object] = ()) -> str:
    install(FOLDER, "Backstage's packages")
    given = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    done = subprocess.run(
        [NODE, "--no-warnings", "requests.cjs", *arguments], cwd=FOLDER, input=given, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def _read_by_backstage(requests: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _asked(lines=requests).splitlines()]


def _operations(description: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method): operation
        for path, methods in description["paths"].items()
        for method, operation in cast("dict[str, dict[str, Any]]", methods).items()
    }


def _resolved(description: Mapping[str, Any], value: Any) -> Any:
    """The value with what it refers to in its place."""
    if isinstance(value, list):
        return [_resolved(description, item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        found: Any = description
        for key in value["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        return _resolved(description, found)
    return {key: _resolved(description, below) for key, below in cast("dict[str, Any]", value).items()}


def _parameters(operation: Mapping[str, Any]) -> set[tuple[str, str, str, bool]]:
    found = operation.get("parameters", [])
    return {(p["name"], p["in"], p["schema"]["type"], p.get("required", False)) for p in found}


def _members(schema: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(below.get("type")) for name, below in schema.get("properties", {}).items()}


def _json_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return content.get("content", {}).get("application/json", {}).get("schema", {})


def test_the_operations_of_backstage_are_described_as_backstage_describes_them() -> None:
    theirs = json.loads(_asked("description"))
    backstage = _operations(_resolved(theirs, theirs))
    callboard = _operations(_resolved(DESCRIPTION, DESCRIPTION))
    assert set(backstage) - set(callboard) == set()
    for key, their in backstage.items():
        our = callboard[key]
        assert our["operationId"] == their["operationId"]
        assert _parameters(our) == _parameters(their), key
        assert {status for status in our["responses"] if status < "4"} == {status for status in their["responses"] if status < "4"}, key
        for asked in (_json_of(one.get("requestBody", {})) for one in (our, their)):
            assert _members(asked) == _members(_json_of(their.get("requestBody", {}))), key
        for status, answer in their["responses"].items():
            if status < "4":
                _assert_alike(_json_of(our["responses"][status]), _json_of(answer))


def _assert_alike(our: Mapping[str, Any], their: Mapping[str, Any]) -> None:
    """Every member that Backstage describes is described here with its type, and required where it is."""
    if their.get("type") == "array" and "items" in their:
        _assert_alike(our["items"], their["items"])
        return
    for name, below in their.get("properties", {}).items():
        mine = our.get("properties", {}).get(name)
        if mine is None:
            # Parts of an entity that may be written as anything.
            assert our.get("additionalProperties") is True, (name, our)
            continue
        assert mine.get("type") == below.get("type") or {mine.get("type"), below.get("type")} == {"integer", "number"}, name
        _assert_alike(mine, below)


SEED = 7
FILTERS = [
    ["kind=component"],
    ["kind = Component , spec.type=service", "kind=api"],
    ["a,b=", "=", " , "],
    [""],
    ["a=b=c"],
    ["a=1,a=2,a", "b"],
    ["a,a=1"],
    ["=x"],
    ["a,=,b"],
]


def _drawn(alphabet: str, longest: int) -> Sequence[Sequence[str]]:
    """Some lists of texts, always the same ones."""
    chance = random.Random(SEED)
    return [["".join(chance.choices(alphabet, k=chance.randint(0, longest))) for _ in range(chance.randint(0, 3))] for _ in range(500)]


def test_filters_are_read_alike() -> None:
    asked = [*FILTERS, *_drawn("ab=,. ", 12)]
    for texts, verdict in zip(asked, _read_by_backstage([{"filter": texts} for texts in asked]), strict=True):
        try:
            assert predicate_of_filters(texts) == verdict["value"], texts
        except InputError as error:
            assert str(error) == verdict["error"], texts


ENTITY = {"a": {"b": [1, {"c": 2}], "c.d": {"e": 3}, "c": None, "": {"b": 4}}, "b.c": 5, "b": {"a": {"b": {}}}, "c": "text"}


def test_fields_are_selected_alike() -> None:
    asked = [["a"], ["a.b"], ["a.c.d.e", "a.c"], ["b.c", "b.a"], ["a[0]"], *_drawn("abcde.,", 8)]
    answers = _read_by_backstage([{"fields": texts, "entity": ENTITY} for texts in asked])
    for texts, answer in zip(asked, answers, strict=True):
        try:
            fields = fields_of(texts)
        except InputError as error:
            assert str(error) == answer["error"], texts
            continue
        assert (ENTITY if fields is None else fields.of(ENTITY)) == answer.get("value"), texts


def test_what_can_be_filtered_by_is_found_alike() -> None:
    entities = [{**document, "metadata": {**document["metadata"], "uid": _uid(document)}} for document in ORGANISATION]
    for entity, answer in zip(entities, _read_by_backstage([{"entity": entity} for entity in entities]), strict=True):
        theirs = {(row["key"], row["value"]): row["original_value"] for row in answer["value"] if row["value"] is not None}
        assert dict(facts_of(entity)) == theirs


def _uid(document: Mapping[str, Any]) -> str:
    return next(value for path, value in facts_of(document) if path == "metadata.uid")
