"""Descriptors of every kind, and what a seeded generator makes of them by changing their fields."""

import copy
import random
from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
Path = tuple[str | int, ...]


def _entity(kind: str, spec: Document, api_version: str = "backstage.io/v1alpha1", **metadata: Any) -> Document:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "shop", **metadata}, "spec": spec}


_FULL: Document = {
    "namespace": "retail",
    "uid": "u-1",
    "etag": "e-1",
    "title": "The shop",
    "description": "Sells things.",
    "labels": {"example.com/tier": "1", "plain": ""},
    "annotations": {"example.com/some-key": "any text", "plain": ""},
    "tags": ["java", "c++", "a:b"],
    "links": [{"url": "https://example.com/a", "title": "A", "icon": "web", "type": "doc"}, {"url": "https://example.com"}],
    "custom": {"nested": [1, 2]},
}
_PROFILE = {"displayName": "Ann", "email": "ann@example.com", "picture": "https://example.com/ann.png"}

BUILTIN: tuple[Document, ...] = (
    _entity("Component", {"type": "service", "lifecycle": "production", "owner": "red"}),
    _entity(
        "Component",
        {
            "type": "service",
            "lifecycle": "production",
            "owner": "user:ann",
            "system": "checkout",
            "subcomponentOf": "platform",
            "providesApis": ["orders", "api:other/prices"],
            "consumesApis": ["rates"],
            "dependsOn": ["component:cart", "Resource:Default/DB"],
            "dependencyOf": ["component:audit"],
        },
        **_FULL,
    ),
    _entity(
        "API", {"type": "openapi", "lifecycle": "production", "owner": "red", "system": "checkout", "definition": "openapi: 3.0.0"}, **_FULL
    ),
    _entity("API", {"type": "grpc", "lifecycle": "production", "owner": "red", "definition": "x"}, "backstage.io/v1beta1"),
    _entity(
        "Resource", {"type": "database", "owner": "red", "dependsOn": ["resource:disk"], "dependencyOf": ["component:shop"], "system": "s"}
    ),
    _entity("System", {"owner": "red", "domain": "payments", "type": "product"}, **_FULL),
    _entity("Domain", {"owner": "red", "subdomainOf": "commerce", "type": "area"}),
    _entity("Group", {"type": "team", "children": []}),
    _entity(
        "Group",
        {"type": "team", "profile": _PROFILE, "parent": "all", "children": ["a", "other/b"], "members": ["ann", "user:bob"]},
        **_FULL,
    ),
    _entity("User", {"memberOf": ["red", "group:other/blue"]}),
    _entity("User", {"profile": _PROFILE, "memberOf": []}, **_FULL),
    _entity("Location", {"type": "file", "target": "./a.yaml", "targets": ["./b.yaml", "./c.yaml"], "presence": "optional"}),
    _entity("Location", {}, **_FULL),
    _entity(
        "Template",
        {
            "type": "service",
            "owner": "red",
            "lifecycle": "production",
            "parameters": [{"title": "First", "backstage:permissions": {"tags": ["a"]}}],
            "secrets": {"schema": {"type": "object"}},
            "presentation": {"buttonLabels": {"backButtonText": "b", "createButtonText": "c", "reviewButtonText": "r"}},
            "formDecorators": [{"id": "d", "input": {}}],
            "steps": [{"id": "s", "name": "S", "action": "fetch:template", "input": {"url": "."}, "if": True, "each": "x"}],
            "output": {
                "links": [{"url": "u", "entityRef": "r", "title": "t", "icon": "i", "if": "x"}],
                "text": [{"title": "t", "content": "c"}],
            },
        },
        "scaffolder.backstage.io/v1beta3",
        **_FULL,
    ),
    _entity("Template", {"type": "service", "parameters": {"a": 1}, "steps": []}, "scaffolder.backstage.io/v1beta3"),
)

_AI = {"lifecycle": "production", "owner": "red", "system": "assistants"}
BY_MODEL: tuple[Document, ...] = (
    _entity("API", {"type": "mcp-server", **_AI, "remotes": [{"type": "sse", "url": "https://example.com"}]}),
    _entity("AiResource", {"type": "prompt", **_AI}),
    _entity(
        "AiResource",
        {
            "type": "skill",
            **_AI,
            "disciplines": ["web"],
            "categories": ["x"],
            "agents": ["a"],
            "dependsOn": ["other", "airesource:x/y"],
            "allowedTools": "Read",
            "license": "MIT",
            "compatibility": "any",
        },
        **_FULL,
    ),
    _entity("AiResource", {"type": "rule", **_AI, "disciplines": ["web"], "category": "c", "rationale": "r"}),
    _entity("AiResource", {"type": "plugin", **_AI, "skills": ["one", "airesource:two"], "version": "1"}),
    _entity("AiResource", {"type": "marketplace", **_AI, "plugins": ["one"], "version": "1"}),
)

_REFS = (
    "red",
    "Group:Default/Red",
    "user:ann",
    "other/blue",
    "a/b/c",
    "a:b:c",
    "a:b/c:d",
    "a/b:c",
    "a:b/c/d",
    ":a",
    "a:",
    "/a",
    "a/",
    ":",
    "/",
    "a:/b",
    "a:b/",
    "x:y/z",
    "component:default/shop",
    " red ",
    " ",
    "re d",
    "ä",
    "a#b",
    "a.b-c_d",
    "https://example.com/x",
    "group:",
)
_NAMES = (
    "A",
    "a" * 63,
    "a" * 64,
    "-a",
    "a-",
    "a--b",
    "a_b",
    "a.b",
    "a b",
    "a/b",
    "1",
    "a\n",
    "\n",
    "é",
    "a+b",
    "c#",
    "a:b",
    "example.com/a",
    "example.com/",
    "/a",
    "a//b",
    "Example.com/a",
    "-x/a",
    "x..y/a",
    "d" * 63 + ".e/a",
    "d" * 64 + "/a",
    ".".join(["abcdefghi"] * 26) + "/a",
)
_URLS = (
    "example.com",
    "http://",
    "http:example.com",
    "mailto:a@b.c",
    "https://exa mple.com",
    "https://[::1]:80/",
    "https://[::1",
    "http://a:99999",
    "//example.com",
    "file:///a",
    "javascript:1",
    "https://ex%41mple.com",
    "https://a\tb.com",
    " https://a.b ",
    "http://256.256.256.256",
    "x:",
    "https://é.com",
    "http://a_b.c",
    "http://%zz",
    "",
)
_SCALARS = (None, "", " ", "\u00a0", "\ufeff", "\u200b", 0, 1, -1, 1.5, 10**20, True, False)
_COLLECTIONS = (
    [],
    {},
    ["a"],
    [""],
    [1],
    [None],
    [["a"]],
    [["component:a"]],
    ["a", "a"],
    {"a": 1},
    {"a": "b"},
    {"": "x"},
    [{}],
    [{"url": "x"}],
)
_OBJECT_REFS = (
    {"kind": "component", "name": "x"},
    [{"kind": "component", "namespace": "n", "name": "x"}],
    [{"name": "x"}],
    [{"kind": "a"}],
)
_VERSIONS = (
    "backstage.io/v1alpha1",
    "backstage.io/v1beta1",
    "backstage.io/v1beta2",
    "backstage.io/v1beta3",
    "scaffolder.backstage.io/v1beta3",
    "v1",
    "x/y/z",
)
_KINDS = ("Component", "component", "API", "Api", "Group", "Location", "Template", "Environment", "9a", "a-b")
_VALUES: tuple[Any, ...] = (*_REFS, *_NAMES, *_SCALARS, *_COLLECTIONS, *_OBJECT_REFS)

_EXTRA_FIELDS: tuple[Path, ...] = (
    *((("metadata", name)) for name in ("namespace", "title", "description", "labels", "annotations", "tags", "links", "uid", "etag")),
    *(("metadata", "labels", name) for name in _NAMES),
    *(("metadata", "annotations", name) for name in _NAMES),
    *(
        (("spec", name))
        for name in ("owner", "system", "domain", "dependsOn", "dependencyOf", "providesApis", "parent", "members", "target")
    ),
    ("relations",),
    ("status",),
    ("extra",),
    ("spec",),
)


def mutated(bases: tuple[Document, ...], count: int, seed: int) -> Iterator[Document]:
    """`count` documents, always the same for a seed: each a base with one to three of its fields changed, removed or added."""
    chance = random.Random(seed)
    for number in range(count):
        document = copy.deepcopy(bases[number % len(bases)])
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            _mutate(document, chance)
        yield document


def _mutate(document: Document, chance: random.Random) -> None:
    paths = [*_paths(document, ()), *chance.sample(_EXTRA_FIELDS, 6)]
    path = chance.choice(paths)
    parent: Any = document
    for step in path[:-1]:
        below = parent.get(step) if isinstance(parent, dict) else parent[step] if isinstance(step, int) else None
        if not isinstance(below, dict | list):
            return
        parent = below
    last = path[-1]
    if isinstance(parent, list) != isinstance(last, int):
        return
    if chance.random() < 0.15:
        if isinstance(parent, dict):
            parent.pop(last, None)
        else:
            del parent[last]
    else:
        parent[last] = copy.deepcopy(chance.choice(_candidates(path)))


def _paths(value: Any, path: Path) -> Iterator[Path]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in steps:
        yield (*path, step)
        yield from _paths(below, (*path, step))


def _candidates(path: Path) -> tuple[Any, ...]:
    match path:
        case ("apiVersion",):
            return (*_VERSIONS, *_SCALARS)
        case ("kind",):
            return (*_KINDS, *_SCALARS)
        case ("metadata", "links", *_, "url"):
            return (*_URLS, *_SCALARS)
        case ("metadata", "labels" | "annotations", _):
            return (*_NAMES, *_NAMES, *_SCALARS, {}, [])
        case _:
            return _VALUES
