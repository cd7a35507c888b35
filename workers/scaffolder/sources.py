"""Where skeletons come from: the template's own folder on this machine, or the hosts that the configuration lets be read."""

import asyncio
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from config import Config
from graph.entities import Entity, canonical_json, content_hash
from graph.errors import InputError
from ingest.sources import SourceLimits
from plugins.actions import FetchedFile
from plugins.archives import Limits, downloaded, unpacked
from plugins.contract import Head, Place, RepositoryHost
from plugins.hosts import Hosts, settled
from workers.scaffolder.workspace import MOST_FILES, TaskWorkspace

_SOURCE = "backstage.io/source-location"


@dataclass(frozen=True, slots=True)
class Looked:
    """What is found where a skeleton was: what stands for its content, and the commit of its repository, None if it is in none."""

    digest: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads what templates name by URLs, and by paths relative to their own file. Links are left out. A token is used in place of the
    credentials of the host's integration.

    Errors: InputError for what can't be meant, SourceError for what can't be had, LimitExceededError for what is too large.
    """

    hosts: Hosts
    limits: SourceLimits

    async def tree(self, base_url: str | None, url: str, token: str | None = None) -> list[FetchedFile]:
        """All files below the folder."""
        folder = _local_folder(base_url, url)
        if folder is not None:
            return await asyncio.to_thread(lambda: list(_local_files(folder, url, self.limits.unpacked_bytes)))
        host, place, head = await self._found(base_url, url, token)
        chunks = host.archive(replace(place, path=""), head)
        with await downloaded(chunks, self.limits.archive_bytes, url) as packed:
            limits = Limits(self.limits.unpacked_bytes, self.limits.file_bytes)
            beginning = f"{place.path}/" if place.path else ""
            with closing(await asyncio.to_thread(unpacked, packed, url, limits, lambda path: path.startswith(beginning))) as files:
                found = [
                    FetchedFile(path.removeprefix(beginning), files.read(path) or b"", path in files.executable)
                    for path in sorted(files.sizes)
                    if path.startswith(beginning)
                ]
        if not found:
            raise InputError(f"there is nothing in the folder {url}")
        return found

    async def file(self, base_url: str | None, url: str, token: str | None = None) -> FetchedFile:
        """The one file."""
        folder = _local_folder(base_url, url)
        if folder is not None:
            return await asyncio.to_thread(_local_file, folder, url, self.limits.file_bytes)
        host, place, head = await self._found(base_url, url, token)
        return FetchedFile(posixpath.basename(place.path), await host.file(place, head, self.limits.file_bytes))

    async def look(self, base_url: str | None, url: str, commit: str | None, *, is_file: bool) -> Looked | None:
        """What is there now; None if its repository is still at that commit."""
        now = None
        if _local_folder(base_url, url) is None:
            now = (await self._found(base_url, url, None))[2].commit
            if now == commit:
                return None
        files = [await self.file(base_url, url)] if is_file else await self.tree(base_url, url)
        return Looked(digest_of(files), now)

    async def _found(self, base_url: str | None, url: str, token: str | None) -> tuple[RepositoryHost, Place, Head]:
        hosts = self.hosts.with_token(SecretStr(token)) if token else self.hosts
        host, place = _place(hosts, base_url, url)
        head = await host.head(place)
        return host, settled(place, head), head


def _place(hosts: Hosts, base_url: str | None, url: str) -> tuple[RepositoryHost, Place]:
    if _is_absolute(url):
        return _of(hosts, url)
    if base_url is None:
        raise InputError(f"where the template lies is not known, and the URL {url!r} is relative")
    host, place = _of(hosts, base_url)
    folder = "" if url.startswith("/") else place.path if base_url.endswith("/") else posixpath.dirname(place.path)
    path = posixpath.normpath(posixpath.join(folder, url.lstrip("/")))
    if path == ".." or path.startswith("../"):
        raise InputError(f"{url!r} leads out of the repository of the template")
    return host, replace(place, path="" if path == "." else path)


def _of(hosts: Hosts, url: str) -> tuple[RepositoryHost, Place]:
    found = hosts.of(url)
    if found is None:
        told = "no integration knows such an address, nor, for what is read without a `token`, a host under backend.reading.allow"
        raise InputError(f"{url} is not read: {told}")
    host, place = found
    return host, replace(place, path=place.path.strip("/"))


def digest_of(files: Iterable[FetchedFile]) -> str:
    """What stands for the files: for equal ones it is the same."""
    return content_hash(canonical_json(sorted([file.path, file.executable, content_hash(file.content)] for file in files)))


def base_url_of(entity: Entity) -> str | None:
    """Where the relative paths of a template begin. An annotation may name another repository, but no folder of this machine."""
    annotations: Mapping[str, Any] = entity.metadata.get("annotations") or {}
    type_, _, target = str(annotations.get(_SOURCE) or "").partition(":")
    if type_ == "url" and "://" in target:
        return target
    path = entity.origin.path
    if "://" in path:
        return path
    return Path(path).as_uri() if Path(path).is_absolute() else None


def sources_from(config: Config, hosts: Hosts) -> Sources:
    """What templates may read by a configuration."""
    reading = config.backend.reading
    return Sources(hosts, SourceLimits(config.scaffolder.max_workspace_bytes, reading.max_archive_bytes, reading.max_unpacked_bytes))


def _is_absolute(url: str) -> bool:
    return bool(urlsplit(url).scheme) or url.startswith("//")


def _local_folder(base_url: str | None, url: str) -> Path | None:
    """The folder that relative paths of a template on this machine begin at; None for what is elsewhere."""
    if _is_absolute(url) or base_url is None or not base_url.startswith("file://"):
        return None
    return Path(unquote(urlsplit(base_url).path)).parent


def _local_files(folder: Path, path: str, max_bytes: int) -> Iterator[FetchedFile]:
    files = _opened(folder, max_bytes)
    found = files.entry(path)
    if found is None or not found.is_folder:
        raise InputError(f"there is no folder {path} beside the template")
    beginning = f"{found.path}/" if found.path else ""
    for count, entry in enumerate(files.entries(path)):
        if count > MOST_FILES:
            raise InputError(f"{path} holds more than {MOST_FILES:,} files and folders")
        if not entry.is_folder:
            yield FetchedFile(entry.path.removeprefix(beginning), files.read(entry.path), entry.executable)


def _local_file(folder: Path, path: str, max_bytes: int) -> FetchedFile:
    files = _opened(folder, max_bytes)
    entry = files.entry(path)
    if entry is None or entry.is_folder:
        raise InputError(f"there is no file {path} beside the template")
    return FetchedFile(posixpath.basename(entry.path), files.read(entry.path), entry.executable)


def _opened(folder: Path, max_bytes: int) -> TaskWorkspace:
    """What lies beside the template, read as a workspace is: nothing outside of it, and through no link."""
    if not folder.is_dir():
        raise InputError("the folder of the template is gone; have the template read again")
    return TaskWorkspace(folder, max_bytes)
