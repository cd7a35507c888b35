"""Reads package.json: what npm, pnpm and yarn install."""

import json
import re
from typing import cast

from ingest.infer.lines import JsonLines
from ingest.infer.packages import DEVELOPMENT, OPTIONAL, PEER, RUNTIME, Ecosystem, InferenceProblem, Manifest, Package, Required, broken
from ingest.infer.shapes import table, text_of

_FIELDS = {
    "dependencies": RUNTIME,
    "peerDependencies": PEER,
    "optionalDependencies": OPTIONAL,
    "devDependencies": DEVELOPMENT,
}
_NAME = re.compile(r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*", re.IGNORECASE)
# "alias": "npm:@acme/real@^1" installs another package under a name of one's own, and "workspace:" may do the same.
_ALIAS = re.compile(r"(?:npm|workspace):((?:@[^@/]+/)?[^@/*^~]+)@.*")


def read_package_json(text: str, path: str) -> Manifest:
    """What the file publishes and requires. A private package is published too: to its own workspace, at least."""
    try:
        document: object = json.loads(text)
        lines = JsonLines(text)
    except json.JSONDecodeError as error:
        return broken(path, error.lineno, f"is no valid JSON: {error.msg}")
    except RecursionError:
        return broken(path, 1, "is nested too deeply to be read")
    if not isinstance(document, dict):
        return broken(path, 1, "holds no JSON object")
    content = table(cast("object", document))
    required: list[Required] = []
    problems: list[InferenceProblem] = []
    for field, confidence in _FIELDS.items():
        for key, wanted in table(content, field).items():
            alias = _ALIAS.fullmatch(wanted) if isinstance(wanted, str) else None
            name, line = alias[1] if alias else key, lines.of(field, key)
            if _NAME.fullmatch(name):
                optional = table(content, "peerDependenciesMeta", key).get("optional") is True
                required.append(Required(_package(name), field, line, OPTIONAL if optional else confidence))
            else:
                problems.append(InferenceProblem(path, line, f"{field} holds {name[:80]!r}, which is no package name"))
    name = text_of(content, "name")
    published = _package(name) if name and _NAME.fullmatch(name) else None
    return Manifest(path, published, lines.of("name") if name else 1, tuple(required), tuple(problems))


def _package(name: str) -> Package:
    return Package(Ecosystem.NPM, name.lower())
