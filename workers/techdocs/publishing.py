"""Sites in blob storage, laid out as Backstage has them: each serves what the other publishes.

@backstage/plugin-techdocs-node, stages/publish: `namespace/kind/name/…`, in lower case unless the legacy setting keeps the case.
"""

import asyncio
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson

from graph.entities import Entity
from graph.errors import InputError
from graph.refs import Ref
from workers.techdocs.blobs import Blob, BlobInfo, Blobs
from workers.techdocs.metadata import METADATA, site_files

SEARCH_INDEX = "search/search_index.json"

VERSION_RULE = "A branch or tag of documentation has 1 to 100 letters, digits and _ . + / = , % -, and begins with a letter, digit or _."

_AT_ONCE = 10
# What Git lets a branch or tag be called, but for the slash; "~" is none of it, and stands for the slash in paths.
_VERSION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.+/=,%-]{0,99}")


@dataclass(frozen=True, slots=True)
class Site:
    """Whose documentation it is, in the declared case, and of which branch or tag; None is the one that is built by itself."""

    kind: str
    namespace: str
    name: str
    version: str | None = None

    @property
    def ref(self) -> Ref:
        """The entity."""
        return Ref(f"{self.kind}:{self.namespace}/{self.name}".lower())

    @property
    def id(self) -> str:
        """What stands for the site in states and leases."""
        return self.ref if self.version is None else f"{self.ref}@{self.version}"


def is_version(text: str) -> bool:
    """Whether it can be a branch or tag, as VERSION_RULE says."""
    return _VERSION.fullmatch(text) is not None


def site_of(entity: Entity, version: str | None = None) -> Site:
    """The site of an entity. InputError for a version that can't be a branch or tag."""
    if version is not None and not is_version(version):
        raise InputError(VERSION_RULE)
    return Site(entity.kind, entity.namespace, entity.name, version)


class Publisher:
    """The sites of one storage. With `keeps_case`, folders are named in the declared case. BlobsUnavailableError from all methods."""

    def __init__(self, blobs: Blobs, *, keeps_case: bool = False) -> None:
        self._blobs = blobs
        self._keeps_case = keeps_case

    async def publish(self, site: Site, folder: Path) -> Sequence[str]:
        """Put the files of a folder in place of the site's, and return their paths.

        Readers find the old files until the new ones are all there: what pages refer to goes first, the pages next, the description last,
        and then what is not part of the site any more is removed. InputError if a file's path can't be kept.
        """
        before = {found.path async for found in self._blobs.listed(self.folder(site))}
        files = await asyncio.to_thread(site_files, folder)
        for part in _in_order(files):
            at_once = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._put(site, folder, path, at_once) for path in part))
        await self._blobs.delete(sorted(before - {self._path(site, path) for path in files}))
        return files

    async def find(self, site: Site, path: str) -> BlobInfo | None:
        """What is known of a file of the site; None if it has none of that path."""
        return await self._blobs.find(self._path(site, path))

    async def read(self, site: Site, path: str, span: tuple[int, int] | None = None) -> Blob | None:
        """A file of the site, or part of it as in `Blobs.read`; None if it has none of that path."""
        return await self._blobs.read(self._path(site, path), span)

    async def metadata(self, site: Site) -> Mapping[str, Any] | None:
        """What the site says of itself; None where there is no site, or it says nothing that can be read."""
        found = await self.read(site, METADATA)
        if found is None:
            return None
        try:
            described: object = orjson.loads(found.content)
        except orjson.JSONDecodeError:
            return None
        return cast("dict[str, Any]", described) if isinstance(described, dict) else None

    async def search_index(self, site: Site) -> bytes | None:
        """The site's list of its sections, as mkdocs writes it; None if it has none."""
        found = await self.read(site, SEARCH_INDEX)
        return found and found.content

    async def versions(self, site: Site) -> Sequence[str]:
        """The branches and tags of which there are sites, ordered."""
        above, _, name = self.folder(Site(site.kind, site.namespace, site.name)).rpartition("/")
        folders = await self._blobs.folders(above)
        return [found.removeprefix(f"{name}@").replace("~", "/") for found in folders if found.startswith(f"{name}@")]

    async def remove(self, site: Site) -> None:
        """Remove the site."""
        await self._blobs.delete([found.path async for found in self._blobs.listed(self.folder(site))])

    def folder(self, site: Site) -> str:
        """Where the site's files are. No entity's name has an @, so that versions lie beside sites and not in them, where others would
        remove them as stale.
        """
        path = f"{site.namespace}/{site.kind}/{site.name}"
        path = path if self._keeps_case else path.lower()
        return path if site.version is None else f"{path}@{site.version.replace('/', '~')}"

    def _path(self, site: Site, path: str) -> str:
        return f"{self.folder(site)}/{path}"

    async def _put(self, site: Site, folder: Path, path: str, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            content = await asyncio.to_thread((folder / path).read_bytes)
            await self._blobs.write(self._path(site, path), content, mimetypes.guess_type(path)[0] or "application/octet-stream")


def _in_order(files: Sequence[str]) -> Sequence[Sequence[str]]:
    pages = [path for path in files if path.endswith(".html")]
    rest = [path for path in files if not path.endswith(".html") and path != METADATA]
    return rest, pages, [path for path in files if path == METADATA]
