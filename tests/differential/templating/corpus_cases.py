"""The templates of real repositories: what their Templates say, with values that fit their parameters, and files with expressions."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml12

from tests.corpus import corpus_files
from tests.differential.templating.generating import CONTEXT, Case

EXPRESSION = re.compile(r"\$\{\{|\{%|\{\{")
SAMPLES = {"string": "A Sample-1", "integer": 3, "number": 2.5, "boolean": True, "array": ["one", "two"], "object": {"name": "x", "id": 1}}
PICKED = {
    "RepoUrlPicker": "github.com?owner=acme&repo=shop",
    "OwnerPicker": "group:default/team-a",
    "EntityPicker": "component:default/shop",
}
OUTPUT = {
    "remoteUrl": "https://github.com/acme/shop",
    "repoContentsUrl": "https://github.com/acme/shop/tree/main",
    "entityRef": "component:default/shop",
}


def corpus_cases() -> Iterator[tuple[Case, Mapping[str, Any]]]:
    """Every string of every Template that has an expression, with values and without; every file that has one, as a template."""
    for file in corpus_files("catalog", "template", "placeholder", "transcribed", "mkdocs", "docs"):
        text = file.content.decode("utf-8", "replace").replace("\ufffd", "?")
        if not EXPRESSION.search(text):
            continue
        yield Case(text, "text"), CONTEXT
        yield Case(text, "text", (("cookiecutterCompat", True),)), CONTEXT
        for template in _templates(text):
            strings = [*_strings(template)]
            for context in (_context(template), {"parameters": {}, "steps": {}, "user": {}}):
                yield from ((Case(string), context) for string in strings)


def _templates(text: str) -> Iterator[Mapping[str, Any]]:
    try:
        documents = yaml12.parse_yaml(text, multi=True)
    except ValueError:
        return
    yield from (
        each for each in documents if isinstance(each, dict) and each.get("kind") == "Template" and isinstance(each.get("spec"), dict)
    )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str) and EXPRESSION.search(value):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _context(template: Mapping[str, Any]) -> Mapping[str, Any]:
    steps = template["spec"].get("steps")
    ids = [step.get("id") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    return {
        "parameters": dict(_parameters(template["spec"].get("parameters"))),
        "steps": {name: {"output": OUTPUT} for name in ids if isinstance(name, str)},
        "user": CONTEXT["user"],
        "secrets": {"USER_OAUTH_TOKEN": "token"},
        "each": {"key": "0", "value": {"name": "first"}},
    }


def _parameters(schema: Any) -> Iterator[tuple[str, Any]]:
    """A value for every property that a schema has anywhere in it."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from ((name, _sample(each)) for name, each in properties.items() if isinstance(name, str) and isinstance(each, dict))
        for each in schema.values():
            yield from _parameters(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _parameters(each)


def _sample(schema: Mapping[str, Any]) -> Any:
    if schema.get("ui:field") in PICKED:
        return PICKED[schema["ui:field"]]
    if isinstance(schema.get("default"), str | int | float | bool | list):
        return schema["default"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    return SAMPLES.get(str(schema.get("type")), "text")
