"""The filters that Backstage's scaffolder adds to nunjucks' own: parseRepoUrl, projectSlug, parseEntityRef and pick."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import ada_url

from graph.errors import RenderError
from workers.scaffolder.templating.values import RESERVED_NAMES, UNDEFINED, is_index

# What a host is, as Backstage's integrations call it: github, gitlab, bitbucketCloud, bitbucketServer, azure, gitea, gerrit.
HostType = Callable[[str], str | None]

_PARTS = ("owner", "organization", "workspace", "project", "repo")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "bitbucketCloud": ("workspace", "project", "repo"),
    "bitbucketServer": ("project", "repo"),
    "azure": ("project", "repo"),
    "gitlab": ("owner", "repo"),
    "gitea": ("repo",),
    "gerrit": ("repo",),
}
# As lodash tells the path of a property from its name, and takes it apart.
_PATH = re.compile(r"""\.|\[(?:[^\[\]]*|(["'])(?:(?!\1)[^\\]|\\.)*?\1)\]""")
_STEP = re.compile(r"""[^.\[\]]+|\[(?:(-?\d+(?:\.\d+)?)|(["'])((?:(?!\2)[^\\]|\\.)*?)\2)\]|(?=(?:\.|\[\])(?:\.|\[\]|\Z))""", re.ASCII)
_MAXIMUM_PATH = 1000


def backstage_filters(host_type: HostType) -> Mapping[str, Callable[..., Any]]:
    """The filters by name. `host_type` says what kind of host a repository URL names."""

    def parsed_url(url: Any = None, *_: Any) -> Any:
        return parse_repo_url(url, host_type)

    def project_slug(url: Any = None, *_: Any) -> str:
        parts = parse_repo_url(url, host_type)
        owner, repo = (parts[name] if parts[name] is not UNDEFINED else "undefined" for name in ("owner", "repo"))
        return f"{owner}/{repo}"

    return {"parseRepoUrl": parsed_url, "parseEntityRef": parse_entity_ref, "pick": pick, "projectSlug": project_slug}


def parse_repo_url(url: Any, host_type: HostType) -> Mapping[str, Any]:
    """The parts of `host?owner=…&repo=…`, UNDEFINED for those it does not have. RenderError if it lacks one that its host needs."""
    text = f"https://{_shown(url)}"
    try:
        parsed = ada_url.URL(text)
    except ValueError as error:
        raise RenderError(f"{_shown(url)!r} is no URL of a repository.") from error
    kind = host_type(parsed.host)
    if kind is None:
        raise RenderError(f"There is no integration for the host {parsed.host!r}.")
    given = ada_url.URLSearchParams(parsed.search)
    parts = {name: given.get(name).strip("/") if given.has(name) else UNDEFINED for name in _PARTS}
    needed = () if kind == "gitlab" and parts["project"] not in (UNDEFINED, "") else _NEEDED.get(kind, ("repo", "owner"))
    for name in needed:
        if not given.has(name) or not given.get(name):
            raise RenderError(f"{_shown(url)!r} has no {name}.")
    order = ("owner", "repo", "organization", "workspace", "project")
    return {"host": parsed.host, **{name: parts[name] for name in order}}


def parse_entity_ref(ref: Any = None, context: Any = None, *_: Any) -> Mapping[str, Any]:
    """Kind, namespace and name of a reference, as it writes them, with what the context has for those that it leaves out."""
    defaults = _record(context) or {}
    found = _ref_parts(ref) if isinstance(ref, str) and ref else _record(ref)
    if found is None:
        raise RenderError("A reference to an entity is empty.")
    parts = {
        "kind": _first(found.get("kind"), defaults.get("defaultKind")),
        "namespace": _first(found.get("namespace"), defaults.get("defaultNamespace") or "default"),
        "name": found.get("name"),
    }
    for name, part in parts.items():
        if not part:
            raise RenderError(f"The reference {_shown(ref)!r} has no {name}.")
    return parts


def _record(value: Any) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else None


def _first(part: Any, default: Any) -> Any:
    return default if part is None else part


def _ref_parts(ref: str) -> Mapping[str, Any]:
    colon, slash = ref.find(":"), ref.find("/")
    if -1 < slash < colon:
        colon = -1
    parts = {
        "kind": None if colon < 0 else ref[:colon],
        "namespace": None if slash < 0 else ref[colon + 1 : slash],
        "name": ref[max(colon, slash) + 1 :],
    }
    if "" in parts.values():
        raise RenderError(f"The reference {ref!r} is not of the form [<kind>:][<namespace>/]<name>.")
    return parts


def pick(value: Any = None, path: Any = None, default: Any = UNDEFINED, *_: Any) -> Any:
    """What the path, such as `a.b[0].c`, leads to in the value; the default, or undefined, where nothing is."""
    found = value
    steps = _steps(path, value)
    for step in steps:
        if found is None or found is UNDEFINED:
            return default
        found = _step(found, step)
    return default if found is UNDEFINED or not steps else found


def _steps(path: Any, value: Any) -> list[str]:
    if isinstance(path, list):
        return [_shown(step) for step in cast("list[Any]", path)]
    text = _shown(path)
    if len(text) > _MAXIMUM_PATH:
        raise RenderError(f"A path can't be longer than {_MAXIMUM_PATH} characters.")
    if not isinstance(path, str) or not _PATH.search(text) or (isinstance(value, dict) and text in value):
        return [text]
    steps = [""] if text.startswith(".") else []
    for found in _STEP.finditer(text):
        quoted = found[3].replace("\\", "") if found[2] else None
        steps.append(quoted if quoted is not None else found[1] or found[0])
    return steps


def _step(value: Any, step: str) -> Any:
    if step in RESERVED_NAMES:
        raise RenderError(f"The name {step} can't be used.")
    if (record := _record(value)) is not None:
        return record.get(step, UNDEFINED)
    if not isinstance(value, str | list):
        return UNDEFINED
    items = cast("Sequence[Any]", value)
    if step == "length":
        return len(items)
    return items[int(step)] if is_index(step) and int(step) < len(items) else UNDEFINED


def _shown(value: Any) -> str:
    """The value as JavaScript puts it into a text."""
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "[object Object]" if isinstance(value, dict) else str(value) if not isinstance(value, list) else json.dumps(value)
