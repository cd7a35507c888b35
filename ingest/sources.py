"""Repositories as sources: a reader that asks their hosts for no more than it needs, and what is remembered of them between reads."""

import asyncio
import posixpath
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urljoin

from ingest.globs import fixed_folder, is_pattern, matches
from ingest.problems import ErrorCode
from ingest.readers import CATALOG_FILES, Found, ReadError, same_host
from ingest.targets import is_url
from plugins.archives import Limits, Unpacked, downloaded, unpacked
from plugins.contract import Head, Place, RepositoryHost, SourceError, SourceReason
from plugins.hosts import Hosts, settled

SINGLE_FILES = 3
"""A repository of which more files are needed is fetched as one archive."""

_Answer = TypeVar("_Answer")
_OF_A_FILE = frozenset({SourceReason.NOT_FOUND, SourceReason.TOO_LARGE})
_TEXTS = (
    ".yaml", ".yml", ".json", ".md", ".txt", ".graphql", ".gql", ".proto", ".xml", ".wsdl", ".raml", ".toml", ".mod", ".avsc", ".thrift",
    "CODEOWNERS", "README",
)  # fmt: skip
"""Endings of files that catalog files are, or may include; others are not kept of an archive."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """How much is taken in: bytes of a file, of an archive, and of what an archive unpacks to."""

    file_bytes: int
    archive_bytes: int
    unpacked_bytes: int


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of a location's repositories since its last read: their heads, by key, as of a read with this fingerprint.

    Only those are here that were read completely; `complete` says that this is all of them, and that nothing else failed.
    """

    fingerprint: str = ""
    complete: bool = False
    places: Mapping[str, Place] = field(default_factory=dict[str, Place])
    heads: Mapping[str, Head] = field(default_factory=dict[str, Head])

    def encoded(self) -> dict[str, Any]:
        """The JSON that the store keeps; `source_state` reads it."""
        known: list[dict[str, Any]] = []
        for key in sorted(self.heads):
            place, head = self.places[key], self.heads[key]
            known.append(
                {
                    "host": place.host,
                    "repository": place.repository,
                    "revision": place.revision,
                    "commit": head.commit,
                    "resolved": head.revision,
                    "validators": dict(head.validators),
                    "movedTo": head.moved_to,
                }
            )
        return {"fingerprint": self.fingerprint, "complete": self.complete, "repositories": known}


def source_state(value: Mapping[str, Any] | None) -> SourceState:
    """The state that was encoded; an empty one for none."""
    if value is None:
        return SourceState()
    places: dict[str, Place] = {}
    heads: dict[str, Head] = {}
    for one in value["repositories"]:
        place = Place(one["host"], one["repository"], one["revision"], "")
        places[_key(place)] = place
        heads[_key(place)] = Head(one["commit"], one["resolved"], one["validators"], one["movedTo"])
    return SourceState(value["fingerprint"], value["complete"], places, heads)


@dataclass(slots=True)
class _Repository:
    """One revision of one repository while a location is read. `wanted` are paths that are about to be read."""

    host: RepositoryHost
    place: Place
    known: Head | None
    head: Head | None = None
    failure: SourceError | None = None
    files: frozenset[str] | None = None
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    wanted: set[str] = field(default_factory=set[str])
    unpacked: Unpacked | None = None
    singly: bool = False
    used: bool = False


class SourceReader:
    """Reads URLs for one read of one location. Blocking, for one thread other than that of the event loop, on which requests go out.

    A repository that fails for a reason of its own is not asked again. Paths are the addresses at which people look at the files.
    """

    def __init__(self, hosts: Hosts, limits: SourceLimits, state: SourceState, fingerprint: str, loop: asyncio.AbstractEventLoop) -> None:
        self._hosts, self._limits, self._loop = hosts, limits, loop
        self._state = state
        self._fingerprint = fingerprint
        self._repositories: dict[str, _Repository] = {}
        self._refused = False
        self._waiting: Future[Any] | None = None
        self._closed = False

    @property
    def retry_after_seconds(self) -> float | None:
        """How long the hosts ask to be left alone; None if none does."""
        asked = [one.failure.retry_after_seconds for one in self._repositories.values() if one.failure and one.failure.retry_after_seconds]
        return max(asked, default=None)

    @property
    def state(self) -> SourceState:
        """What to remember of this read for the next one."""
        used = {key: one for key, one in self._repositories.items() if one.used}
        sound = {key: one for key, one in used.items() if one.failure is None and one.head}
        places = {key: one.place for key, one in sound.items()}
        heads = {key: one.head for key, one in sound.items() if one.head}
        complete = not self._refused and len(sound) == len(used)
        return SourceState(self._fingerprint, complete, places, heads)

    def all_unchanged(self) -> bool:
        """Whether everything that the location's last read led to is known to be as it was, by one request for each repository."""
        state = self._state
        if not (state.complete and state.heads and state.fingerprint == self._fingerprint):
            return False
        unchanged = True
        for place in state.places.values():
            host = self._host_of(place)
            if host is None:
                return False
            unchanged = self._is_unchanged(self._asked(host, place)) and unchanged
        return unchanged

    def is_unchanged(self, path: str) -> bool:
        """Whether the path's repository is at the commit, and was read with the settings, of the last read."""
        one = self._opened(path)
        return one is not None and self._is_unchanged(one)

    def is_failed(self, path: str) -> bool:
        """Whether the path can't be read for a reason that lies in its repository or host, not in the file."""
        found = self._hosts.of(path)
        one = self._repositories.get(_key(found[1])) if found else None
        return found is None or (one is not None and one.failure is not None)

    def moved_to(self, path: str) -> str | None:
        """The address of the path's repository now, if it was renamed."""
        one = self._opened(path)
        if one is None or one.head is None or one.head.moved_to is None:
            return None
        return one.host.url(Place(one.place.host, one.head.moved_to, None, ""))

    def is_news_that_it_moved(self, path: str) -> bool:
        """Whether the path's repository was renamed, or is no more, since the last read."""
        one = self._opened(path)
        return one is not None and one.head is not None and one.head.moved_to != (one.known.moved_to if one.known else None)

    def announce(self, paths: Iterable[str]) -> None:
        """Say what will be read, so that many files of a repository are fetched as one archive at once."""
        for path in paths:
            found = self._hosts.of(path)
            one = self._repositories.get(_key(found[1])) if found else None
            if found and one:
                one.wanted.add(found[1].path)

    def find(self, target: str) -> Found:
        host, place = self._of(target)
        one = self._repository(host, place, target)
        place = settled(place, _head(one))
        path = place.path
        try:
            if is_pattern(path):
                paths = [file for file in self._files(one) if matches(path, file)]
            elif path == "" or target.endswith("/") or "." not in path.rpartition("/")[2]:
                paths = self._below(path.strip("/"), self._files(one))
            else:
                return Found((host.url(place),))
        except SourceError as error:
            raise self._failed(one, error, target) from error
        if not paths and not is_pattern(path) and path:
            paths = [path]
        return Found(sorted(host.url(replace(place, path=file)) for file in paths))

    def read(self, path: str) -> bytes:
        host, place = self._of(path)
        one = self._repository(host, place, path)
        place = settled(place, _head(one))
        try:
            content = self._content(one, place)
        except SourceError as error:
            raise self._failed(one, error, path) from error
        if len(content) > self._limits.file_bytes:
            raise self._too_large(path)
        return content

    def resolve(self, path: str, target: str) -> str:
        if is_url(target):
            return target
        found = self._hosts.of(path)
        if found is None or not found[1].path:
            return urljoin(path, target)
        host, place = found
        base = "/" if target.startswith("/") else f"/{posixpath.dirname(place.path)}/"
        resolved = posixpath.normpath(f"{base}{target.lstrip('/')}").lstrip("/")
        there = replace(place, path=resolved)
        return host.folder_url(there) if target.endswith("/") else host.url(there)

    def covers(self, target: str, path: str) -> bool:
        wide, narrow = self._hosts.of(target), self._hosts.of(path)
        if wide is None or narrow is None:
            return same_host(target, path)
        inside = replace(narrow[1], path="") == replace(wide[1], path="")
        folder = fixed_folder(f"/{wide[1].path}") if is_pattern(wide[1].path) else f"/{wide[1].path}"
        return inside and f"/{narrow[1].path}".startswith(f"{folder.rstrip('/')}/")

    def annotations(self, path: str) -> Mapping[str, str]:
        """Where people look at the file, edit it, and find what lies around it.

        As in Backstage, https://backstage.io/docs/features/software-catalog/well-known-annotations
        """
        found = self._hosts.of(path)
        if found is None:
            return {}
        host, place = found
        folder = host.folder_url(replace(place, path=posixpath.dirname(place.path)))
        edit = host.edit_url(place)
        annotations = {"backstage.io/view-url": path, "backstage.io/source-location": f"url:{folder}"}
        return {**annotations, "backstage.io/edit-url": edit} if edit else annotations

    def close(self) -> None:
        """Let go of archives, and end a request that is under way; what reads meanwhile fails. Safe to call twice, from any thread."""
        self._closed = True
        if self._waiting:
            self._waiting.cancel()
        for one in self._repositories.values():
            if one.unpacked:
                one.unpacked.close()

    def _of(self, url: str) -> tuple[RepositoryHost, Place]:
        found = self._hosts.of(url)
        if found is None:
            self._refused = True
            message = f"{url} is not read: no integration, and no host under backend.reading.allow, knows such an address"
            raise ReadError(ErrorCode.SOURCE_NOT_ALLOWED, url, message)
        return found

    def _host_of(self, place: Place) -> RepositoryHost | None:
        for host in self._hosts.all:
            if (found := host.place(host.url(place))) and found == place:
                return host
        return None

    def _opened(self, path: str) -> _Repository | None:
        found = self._hosts.of(path)
        if found is None:
            return None
        with suppress(ReadError):
            return self._repository(*found, path)
        return None

    def _repository(self, host: RepositoryHost, place: Place, path: str) -> _Repository:
        """The place's repository with its head. ReadError, for `path`, if it can't be had."""
        one = self._asked(host, place)
        one.used = True
        if one.failure:
            raise _read_error(one.failure, path)
        return one

    def _asked(self, host: RepositoryHost, place: Place) -> _Repository:
        key = _key(place)
        one = self._repositories.get(key)
        if one is None:
            known = self._state.heads.get(key)
            one = self._repositories[key] = _Repository(host, replace(place, path=""), known)
            try:
                # The path comes along because a branch with slashes in its name is told by it.
                one.head = self._await(host.head(place, known))
            except SourceError as error:
                one.failure = error
        return one

    def _is_unchanged(self, one: _Repository) -> bool:
        if one.failure or one.head is None or one.known is None or self._state.fingerprint != self._fingerprint:
            return False
        return (one.head.commit, one.head.moved_to) == (one.known.commit, one.known.moved_to)

    def _files(self, one: _Repository) -> frozenset[str]:
        """The paths of all files: of the tree, or where that is too large to be listed, of the archive."""
        if one.files is None:
            try:
                one.files = frozenset(file.path for file in self._await(one.host.tree(one.place, _head(one))))
            except SourceError as error:
                if error.reason is not SourceReason.TOO_LARGE:
                    one.failure = error
                    raise
                one.files = frozenset(self._archive(one).sizes)
        return one.files

    def _below(self, folder: str, files: frozenset[str]) -> list[str]:
        if folder in files:
            return [folder]
        beginning = f"{folder}/" if folder else ""
        return [file for file in files if file.startswith(beginning) and file.rpartition("/")[2] in CATALOG_FILES]

    def _content(self, one: _Repository, place: Place) -> bytes:
        known = one.contents.get(place.path)
        if known is not None:
            return known
        if one.files is not None and place.path not in one.files:
            raise SourceError(SourceReason.NOT_FOUND, one.host.url(place), f"There is nothing at {one.host.url(place)}", "")
        if not one.singly and place.path and (one.unpacked or len(one.wanted | one.contents.keys() | {place.path}) > SINGLE_FILES):
            content = self._from_archive(one, place)
            if content is not None:
                return content
        content = self._await(one.host.file(place, _head(one), self._limits.file_bytes))
        one.contents[place.path] = content
        return content

    def _from_archive(self, one: _Repository, place: Place) -> bytes | None:
        """The file's content; None where it has to be asked for by itself."""
        try:
            archive = self._archive(one)
        except SourceError as error:
            if error.reason is not SourceReason.TOO_LARGE:
                raise
            one.singly = True
            return None
        # Archives leave out what .gitattributes says, so that what is not in them may be there all the same.
        return archive.read(place.path)

    def _archive(self, one: _Repository) -> Unpacked:
        if one.unpacked is None:
            try:
                one.unpacked = self._fetched_archive(one)
                if self._closed:
                    one.unpacked.close()
            except SourceError as error:
                if error.reason is not SourceReason.TOO_LARGE:
                    one.failure = error
                raise
        return one.unpacked

    def _fetched_archive(self, one: _Repository) -> Unpacked:
        url = one.host.url(one.place)
        wanted = frozenset(one.wanted)
        limits = Limits(self._limits.unpacked_bytes, self._limits.file_bytes)
        with self._await(downloaded(one.host.archive(one.place, _head(one)), self._limits.archive_bytes, url)) as packed:
            return unpacked(packed, url, limits, lambda path: path in wanted or path.endswith(_TEXTS), one.files or wanted)

    def _failed(self, one: _Repository, error: SourceError, path: str) -> ReadError:
        if error.reason not in _OF_A_FILE:
            one.failure = error
        return _read_error(error, path)

    def _too_large(self, path: str) -> ReadError:
        return ReadError(ErrorCode.FILE_TOO_LARGE, path, f"{path} is larger than {self._limits.file_bytes:,} bytes")

    def _await(self, doing: Coroutine[Any, Any, _Answer]) -> _Answer:
        """What a coroutine on the event loop returns or raises. SourceError if the reader is closed."""
        if self._closed:
            doing.close()
            raise asyncio.CancelledError
        self._waiting = asyncio.run_coroutine_threadsafe(doing, self._loop)
        try:
            return self._waiting.result()
        finally:
            self._waiting = None


def _key(place: Place) -> str:
    return f"{place.host} {place.repository} {place.revision or ''}"


def _head(one: _Repository) -> Head:
    if one.head is None:
        raise AssertionError("a repository without a head has failed")
    return one.head


def _read_error(error: SourceError, path: str) -> ReadError:
    missing = error.reason is SourceReason.NOT_FOUND
    return ReadError(ErrorCode(error.reason.value), path, error.message, error.remedy or None, missing=missing)
