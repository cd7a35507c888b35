"""Files at plain http and https addresses: each is a repository of its own, that has one file."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b

from plugins.contract import Head, Place, SourceError, SourceReason, TreeFile
from plugins.outbound.client import Outbound
from plugins.outbound.guard import http_url

_MOST_KEPT = 32
_VALIDATORS = {"etag": "if-none-match", "last-modified": "if-modified-since"}


class HttpsHost:
    """All addresses that may be read. The repository is the address, and the path is empty; the commit is a digest of the content."""

    host = "https"

    def __init__(self, outbound: Outbound, max_bytes: int) -> None:
        """`max_bytes` is the most that a file may have."""
        self._outbound, self._max_bytes = outbound, max_bytes
        # Asking for the digest brings the content along, which is what is asked for next.
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def place(self, url: str) -> Place | None:
        try:
            at = http_url(url)
        except SourceError:
            return None
        return Place(at.host, str(at), None, "") if self._outbound.guard.allows_files(at.host, at.path) else None

    def url(self, place: Place) -> str:
        return place.repository

    def folder_url(self, place: Place) -> str:
        return f"{place.repository.partition('?')[0].rpartition('/')[0]}/"

    def edit_url(self, place: Place) -> str | None:
        return None

    async def head(self, place: Place, known: Head | None = None) -> Head:
        headers = {_VALIDATORS[name]: value for name, value in known.validators.items() if name in _VALIDATORS} if known else {}
        url = place.repository
        expected = {304} if headers else ()
        async with self._outbound.request("GET", url, headers=headers, max_bytes=self._max_bytes, expected=expected) as answer:
            if answer.status == 304 and known:
                return known
            content = await answer.body()
            validators = {name: answer.headers[name] for name in _VALIDATORS if name in answer.headers}
        commit = blake2b(content, digest_size=20).hexdigest()
        if known and known.commit == commit:
            return known
        self._kept[url, commit] = content
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return Head(commit, "", validators)

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        return [TreeFile("")]

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        if place.path:
            raise SourceError(
                SourceReason.NOT_FOUND, place.repository, f"{place.repository} is a single file", "Name the file's own address."
            )
        content = self._kept.pop((place.repository, head.commit), None)
        if content is None:
            async with self._outbound.request("GET", place.repository, max_bytes=max_bytes) as answer:
                content = await answer.body()
        if len(content) > max_bytes:
            message = f"{place.repository} is larger than {max_bytes:,} bytes"
            raise SourceError(SourceReason.TOO_LARGE, place.repository, message, "Split the file.")
        return content

    async def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        message = f"{place.repository} is a single file, of which there is no archive"
        raise SourceError(SourceReason.NOT_FOUND, place.repository, message, "Name the file's own address.")
        yield b""
