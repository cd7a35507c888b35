"""Where the documentation of an entity comes from, by its annotations and the place it was read from.

https://backstage.io/docs/features/software-catalog/well-known-annotations
"""

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from graph.entities import Entity
from graph.errors import InvalidRefError
from graph.refs import Ref, parse_ref
from graph.store import Location
from ingest.readers import file_reader
from ingest.targets import is_url
from plugins.contract import Place, RepositoryHost
from plugins.hosts import Hosts
from workers.techdocs.annotations import OTHER_ENTITY, OTHER_PATH, REFERENCE
from workers.techdocs.results import NoDocs

_SOURCE = "backstage.io/source-location"


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder of this machine; `root` is where it and everything read from it has to stay."""

    path: str
    root: str


@dataclass(frozen=True, slots=True)
class RepositoryFolder:
    """A folder of a repository at one of its revisions."""

    host: RepositoryHost
    place: Place

    @property
    def url(self) -> str:
        """The address at which people look at the folder."""
        return self.host.folder_url(self.place)


@dataclass(frozen=True, slots=True)
class OtherDocs:
    """The documentation of another entity; `path` is the page in it, empty for its first."""

    ref: Ref
    path: str = ""


DocsSource = LocalFolder | RepositoryFolder | OtherDocs


def root_of(location: Location | None) -> str | None:
    """The folder in which what a location leads to has to stay; None if that is no location of files."""
    return file_reader(location.target, 0).root if location is not None and location.type == "file" else None


def docs_source(entity: Entity, hosts: Hosts, root: str | None, revision: str | None = None) -> DocsSource | NoDocs | None:
    """Where the entity's documentation comes from; None if it says nothing of any, NoDocs if what it says leads nowhere.

    `root` is that of the location of type file that led to the entity, None for others. `revision` is the branch or tag of which the
    documentation is wanted, where it comes from a repository.
    """
    annotations: Mapping[str, Any] = entity.metadata.get("annotations") or {}
    other, reference = _text(annotations, OTHER_ENTITY), _text(annotations, REFERENCE)
    if other:
        return _other(other, _text(annotations, OTHER_PATH))
    if not reference:
        return None
    kind, colon, target = reference.partition(":")
    if not colon or kind not in {"dir", "url"} or not target.strip():
        return NoDocs(f"{REFERENCE} is {reference!r}", "Write dir:. for docs beside the catalog file, or url: and the address of a folder.")
    if kind == "url":
        return _repository(hosts, target.strip(), "", revision)
    source = _text(annotations, _SOURCE)
    base = source.removeprefix("url:").strip() if source.startswith("url:") else entity.origin.path
    if is_url(base):
        return _repository(hosts, base, target.strip(), revision)
    return _local(base, target.strip(), root, revision)


def _text(annotations: Mapping[str, Any], name: str) -> str:
    value = annotations.get(name)
    return value.strip() if isinstance(value, str) else ""


def _other(text: str, path: str) -> OtherDocs | NoDocs:
    try:
        return OtherDocs(parse_ref(text).ref, path.strip("/"))
    except InvalidRefError as error:
        return NoDocs(f"{OTHER_ENTITY}: {error}", "Name the entity as kind:namespace/name.")


def _local(file: str, target: str, root: str | None, revision: str | None) -> LocalFolder | NoDocs:
    if revision is not None:
        return NoDocs("The documentation is read from a folder, which has no branches or tags", "Read the entity from its repository.")
    path = os.path.normpath(f"{posixpath.dirname(file)}/{target}")
    if root is None or target.startswith("/") or "\0" in target or not _is_inside(path, root):
        return NoDocs(
            f"{REFERENCE} dir:{target} leads outside of {root or 'what may be read'}, the root of the entity's location",
            "Move the documentation inside, or configure a location whose folder holds both.",
        )
    return LocalFolder(path, root)


def _is_inside(path: str, root: str) -> bool:
    real, real_root = os.path.realpath(path), os.path.realpath(root)
    return real == real_root or real.startswith(f"{real_root.rstrip('/')}/")


def _repository(hosts: Hosts, base: str, target: str, revision: str | None) -> RepositoryFolder | NoDocs:
    """The folder that a URL names, or that `target` names beside the file or below the folder there."""
    found = hosts.of(base)
    if found is None:
        message = f"{base} is not read: no integration, and no host under backend.reading.allow, knows such an address"
        return NoDocs(message, "Add the host under integrations, or correct the address.")
    host, place = found
    if target:
        folder = place.path if base.endswith("/") else posixpath.dirname(place.path)
        path = posixpath.normpath(posixpath.join(folder, target))
        if target.startswith("/") or path == ".." or path.startswith("../"):
            message = f"{REFERENCE} dir:{target} leads out of the repository {place.repository}"
            return NoDocs(message, "Keep the documentation in the repository of the entity, or name another's address as url:….")
        place = replace(place, path="" if path == "." else path)
    return RepositoryFolder(host, replace(place, path=place.path.strip("/"), revision=revision or place.revision))
