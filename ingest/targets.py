"""Targets: what configured locations and Location entities lead to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from graph.entities import Document
from graph.refs import Ref

_URL = re.compile(r"(?:https?|ssh)://[^/\s]|[\w.-]+@[\w.-]+:\S", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """Something to read: a file, folder or pattern of a location type. `by` is the Location entity that leads to it, None for a root.

    An `optional` target may be missing.
    """

    type: str
    target: str
    by: Ref | None = None
    optional: bool = False

    def encoded(self) -> str:
        """The text that the store keeps; `decoded` reads it."""
        return orjson.dumps([self.type, self.target, self.by, self.optional]).decode()


def is_url(target: str) -> bool:
    """Whether a target is a URL, or git's short form of one (git@host:path).

    As `config.catalog` has it, which takes too long to load for the processes that read files.
    """
    return _URL.match(target) is not None


def type_of(path: str) -> str:
    """The type of location that a path belongs to: url or file."""
    return "url" if is_url(path) else "file"


def decoded(text: str) -> Target:
    """The target that was encoded."""
    return Target(*orjson.loads(text))


def targets_of(ref: Ref, document: Document, type: str) -> Iterator[Target]:
    """The targets that a Location entity declares, as written; `type` is that of the file it was read from.

    https://backstage.io/docs/features/software-catalog/descriptor-format#kind-location
    """
    spec: dict[str, Any] = document.get("spec") or {}
    optional = spec.get("presence") == "optional"
    targets: list[str | None] = [spec.get("target"), *(spec.get("targets") or ())]
    for target in filter(None, targets):
        yield Target(_type_of(target, spec.get("type") or type), target, ref, optional)


def _type_of(target: str, type: str) -> str:
    return "url" if is_url(target) else type
