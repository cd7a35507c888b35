"""Repositories of any host that speaks git, over https or ssh: fetched shallowly into a folder, and read from there."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from config.integrations import GitIntegration
from plugins.contract import Head, Place, SourceError, SourceReason, TreeFile
from plugins.git.command import Git, size_of
from plugins.outbound.client import Outbound
from plugins.pages import is_commit, leads_down, quoted
from plugins.rest import missing

_SHORT = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^/].*)", re.ASCII)
_REPOSITORY = re.compile(r"(?P<repository>/.+?\.git)(?:/+(?P<path>.*))?")
_REVISION = re.compile(r"[\w+@][\w.+@/-]*", re.ASCII)
_SCHEMES = {"https": ":443", "http": ":80", "ssh": ":22"}
_REGULAR = frozenset({"100644", "100755"})
_LISTED_BYTES = 256 * 1024 * 1024
_ASK_SECONDS = 60.0
_FETCH_SECONDS = 900.0
_MOST_FOLDERS = 200


class GitHost:
    """One host. A URL is that of the repository, which ends in .git, then the path, then ?ref= and the revision.

    The repository of a place is its URL for cloning, without credentials.
    """

    def __init__(self, integration: GitIntegration, outbound: Outbound, folder: Path, max_file_bytes: int) -> None:
        self.host = integration.host
        self._git = Git(integration, outbound)
        self._folder, self._max_file_bytes = folder, max_file_bytes
        self._most = outbound.guard.reading.max_archive_bytes
        self._turns: dict[Path, asyncio.Lock] = {}

    def place(self, url: str) -> Place | None:
        short = _SHORT.fullmatch(url)
        try:
            at = urlsplit(f"ssh://{short['user']}@{short['host']}/{short['path']}" if short else url)
            user, password, name, port = at.username, at.password, at.hostname, at.port
        except ValueError:
            return None
        host = f"{name}:{port}" if port and f":{port}" != _SCHEMES.get(at.scheme) else name
        found = _REPOSITORY.fullmatch(at.path)
        if at.scheme not in _SCHEMES or host != self.host or found is None or password or (user and at.scheme != "ssh"):
            return None
        revision = dict(parse_qsl(at.query)).get("ref")
        path = unquote(found["path"] or "").rstrip("/")
        repository = unquote(found["repository"])
        if (
            not leads_down(path)
            or not leads_down(repository)
            or (revision and not _REVISION.fullmatch(revision))
            or (user or "").startswith("-")
        ):
            return None
        signed = f"{user}@{host}" if user else host
        return Place(self.host, f"{at.scheme}://{signed}{quote(repository)}", revision, path)

    def url(self, place: Place) -> str:
        path = f"/{quoted(place.path)}" if place.path else ""
        return f"{place.repository}{path}{_query(place)}"

    def folder_url(self, place: Place) -> str:
        path = f"/{quoted(place.path)}" if place.path else ""
        return f"{place.repository}{path}/{_query(place)}"

    def edit_url(self, place: Place) -> str | None:
        return None

    async def head(self, place: Place, known: Head | None = None) -> Head:
        revision = place.revision or "HEAD"
        if is_commit(revision):
            return known or Head(revision, revision)
        names = [revision] if place.revision is None else [f"refs/heads/{revision}", f"refs/tags/{revision}", f"refs/tags/{revision}^{{}}"]
        listed = await self._git.remote(
            place.repository, ["ls-remote", "--quiet", "--", place.repository, *names], timeout_seconds=_ASK_SECONDS
        )
        rows = (line.partition("\t") for line in listed.decode("ascii", "replace").splitlines())
        commits = {name: commit for commit, _, name in rows if is_commit(commit)}
        commit = next((commits[name] for name in (names[0], *reversed(names)) if name in commits), None)
        if commit is None:
            message = f"{place.repository} has no branch or tag {revision}"
            remedy = "Name a branch that exists after ?ref=; a force push or a deletion may have removed the old one."
            raise SourceError(SourceReason.NOT_FOUND, place.repository, message, remedy)
        return known if known and known.commit == commit else Head(commit, revision)

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        folder = await self._fetched(place, head)
        listed = await self._git.local([*_in(folder), "ls-tree", "-r", "-z", head.commit], place.repository, most=_LISTED_BYTES)
        return [TreeFile(path) for mode, _, path in _entries(listed) if mode in _REGULAR]

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        if not place.path or not leads_down(place.path):
            raise missing(self.url(place))
        folder = await self._fetched(place, head)
        command = [*_in(folder), "--literal-pathspecs", "ls-tree", "-z", head.commit, "--", place.path]
        entries = _entries(await self._git.local(command, place.repository, most=_LISTED_BYTES))
        blob = next((blob for mode, blob, path in entries if path == place.path and mode in _REGULAR), None)
        if blob is None:
            raise missing(self.url(place))
        try:
            return await self._git.local([*_in(folder), "cat-file", "blob", blob], place.repository, most=max_bytes)
        except SourceError as error:
            # What is larger than any file may be was left behind when the repository was fetched.
            message = f"{self.url(place)} is larger than {max_bytes:,} bytes"
            raise SourceError(
                SourceReason.TOO_LARGE, self.url(place), message, "Split the file, or raise catalog.maxFileSizeBytes."
            ) from error

    async def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        folder = await self._fetched(place, head)
        # With a folder of the archive's own, that of a repository whose files all lie in one is not taken for it.
        command = [*_in(folder), "archive", "--format=tar.gz", "--prefix=repository/", head.commit]
        try:
            async for chunk in self._git.streamed(command, place.repository, self._most):
                yield chunk
        except SourceError as error:
            # Files that were left behind are missing in it: the others are read one by one.
            message = f"{place.repository} has files that are too large for an archive"
            raise SourceError(SourceReason.TOO_LARGE, place.repository, message, error.remedy) from error

    async def _fetched(self, place: Place, head: Head) -> Path:
        """The folder of a bare repository that holds the head's commit, without its history and its largest files."""
        folder = self._folder / f"{blake2b(place.repository.encode(), digest_size=16).hexdigest()}.git"
        async with self._turns.setdefault(folder, asyncio.Lock()):
            if not await self._holds(folder, head.commit):
                await asyncio.to_thread(self._make_room, folder)
                await self._git.local(["init", "--quiet", "--bare", str(folder)], place.repository, most=_LISTED_BYTES)
                await self._fetch(folder, place, head)
            return folder

    async def _holds(self, folder: Path, commit: str) -> bool:
        if not (folder / "HEAD").is_file():
            return False
        try:
            # Only what was fetched whole has a name.
            found = await self._git.local([*_in(folder), "rev-parse", "--verify", "--quiet", "refs/callboard/kept"], str(folder), most=1000)
        except SourceError:
            return False
        return found.decode("ascii", "replace").strip() == commit

    async def _fetch(self, folder: Path, place: Place, head: Head) -> None:
        options = [f"--filter=blob:limit={self._max_file_bytes + 1}"]
        for wanted in dict.fromkeys([head.commit, head.revision]):
            refspec = f"+{wanted}:refs/callboard/fetched"
            try:
                await self._git.fetch(
                    place.repository, folder, refspec, most_bytes=self._most, timeout_seconds=_FETCH_SECONDS, options=options
                )
            except SourceError as error:
                if size_of(folder) > self._most:
                    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                # Some servers give branches alone, not commits.
                if wanted != head.commit or error.reason is not SourceReason.NOT_FOUND:
                    raise
                continue
            with suppress(SourceError):
                command = [*_in(folder), "update-ref", "refs/callboard/kept", f"{head.commit}^{{commit}}"]
                await self._git.local(command, place.repository, most=1000)
            if await self._holds(folder, head.commit):
                return
        message = f"{place.repository} has no commit {head.commit} any more"
        raise SourceError(
            SourceReason.NOT_FOUND, place.repository, message, "It is looked at again by itself: most likely of a force push."
        )

    def _make_room(self, folder: Path) -> None:
        """Begin anew where old commits pile up, and forget the repositories that were not read for longest."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if folder.is_dir() and size_of(folder) > self._most // 2:
            shutil.rmtree(folder, ignore_errors=True)
        others = sorted((one for one in self._folder.glob("*.git") if one != folder), key=lambda one: one.stat().st_mtime)
        for one in others[: max(0, len(others) - _MOST_FOLDERS)]:
            shutil.rmtree(one, ignore_errors=True)


def _in(folder: Path) -> list[str]:
    return ["--git-dir", str(folder)]


def _query(place: Place) -> str:
    return f"?ref={quote(place.revision)}" if place.revision else ""


def _entries(listed: bytes) -> list[tuple[str, str, str]]:
    """Mode, object and path of each row that ls-tree prints; a path that is no UTF-8 is left out."""
    entries: list[tuple[str, str, str]] = []
    for row in listed.split(b"\0")[:-1]:
        head, _, path = row.partition(b"\t")
        with suppress(UnicodeDecodeError):
            mode, _, blob = head.decode("ascii").split(" ")
            entries.append((mode, blob, path.decode()))
    return entries
