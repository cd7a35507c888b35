"""REST APIs of repository hosts: signed requests, conditional ones, and answers of an unexpected form as errors."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from plugins.contract import Head, SourceError, SourceReason
from plugins.outbound.answers import Answer
from plugins.outbound.client import Outbound
from plugins.outbound.guard import http_url
from plugins.pages import leads_down

Sign = Callable[[str], Awaitable[Mapping[str, str]]]
"""The headers that sign a request to a URL. SourceError if they can't be had."""

LISTED_BYTES = 128 * 1024 * 1024
"""The most that a listing of a repository may take."""

_ARCHIVE_SECONDS = 600.0


def signed_by(headers: Mapping[str, str]) -> Sign:
    """Signs every request by the same headers."""

    async def sign(_: str) -> Mapping[str, str]:
        return headers

    return sign


def bearer(token: SecretStr | None, scheme: str = "Bearer") -> Mapping[str, str]:
    """The header of a token; none without one."""
    return {"authorization": f"{scheme} {token.get_secret_value().strip()}"} if token else {}


def basic(username: str, password: SecretStr) -> Mapping[str, str]:
    """The header of a user name and a password or token."""
    pair = f"{username}:{password.get_secret_value().strip()}".encode()
    return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


class RestApi:
    """One host's API. Every method raises SourceError, and no header that signs leaves the hosts named here."""

    def __init__(self, outbound: Outbound, sign: Sign, *urls: str, refusals: Collection[int] = (), too_much: Collection[int] = ()) -> None:
        """`urls` are addresses whose origins may see the credentials. `refusals` are statuses below 400 by which the host refuses them,
        `too_much` those that say that it would take too long.
        """
        self._outbound, self._sign, self._refusals, self._too_much = outbound, sign, refusals, too_much
        self._expected = {*refusals, *too_much}
        self._origins = {_origin(url) for url in urls}
        self._archive_bytes = outbound.guard.reading.max_archive_bytes

    async def json(self, url: str, *, content: bytes | None = None) -> tuple[Any, Answer]:
        """What a GET answers as JSON, or a POST of `content`."""
        headers = {"accept": "application/json"} | ({"content-type": "application/json"} if content is not None else {})
        signed = await self._signed(url, headers)
        method = "GET" if content is None else "POST"
        async with self._outbound.request(
            method, url, headers=signed, content=content, max_bytes=LISTED_BYTES, expected=self._expected
        ) as answer:
            self._check(answer)
            return await answer.json(), answer

    async def head(
        self, url: str, known: Head | None, read: Callable[[Any], tuple[str, str]], name: Callable[[], Awaitable[str]] | None = None
    ) -> Head:
        """The head whose commit and revision `read` finds in what a GET answers; `known` itself if that is the same.

        An IndexError of `read` says that there is no commit yet.
        `name` asks for the repository's full name, where the host redirects from that of a renamed one.
        """
        etag = known.validators.get("etag") if known else None
        signed = await self._signed(url, {"accept": "application/json"} | ({"if-none-match": etag} if etag else {}))
        expected = {409, *self._expected, *([304] if etag else [])}
        async with self._outbound.request("GET", url, headers=signed, max_bytes=LISTED_BYTES, expected=expected) as answer:
            self._check(answer)
            if known and answer.status == 304:
                return known
            if answer.status == 409:
                # Gitea says so of an empty repository.
                raise missing(url)
            found = await answer.json()
        with understood(url):
            try:
                commit, revision = read(found)
            except IndexError as error:
                raise missing(url) from error
        moved_to = None
        if name and answer.at.path != http_url(url).path:
            moved_to = (known.moved_to if known else None) or await name()
        if known and (known.commit, known.revision, known.moved_to) == (commit, revision, moved_to):
            return known
        etag = answer.headers.get("etag")
        return Head(commit, revision, {"etag": etag} if etag else {}, moved_to)

    async def text(self, url: str, key: str) -> str:
        """The text under the key of what a GET answers as JSON."""
        found, _ = await self.json(url)
        with understood(url):
            return str(found[key])

    async def content(self, url: str, max_bytes: int, *, refused: Callable[[Answer], bool] = lambda _: False) -> bytes:
        """What a GET answers, as it is. Answers that are `refused` are none: NOT_FOUND."""
        signed = await self._signed(url, {})
        async with self._outbound.request("GET", url, headers=signed, max_bytes=max_bytes, expected=self._expected) as answer:
            self._check(answer)
            if refused(answer):
                raise missing(url)
            return await answer.body()

    async def exists(self, url: str, method: str = "GET") -> bool:
        """Whether there is something, by a GET or a HEAD."""
        signed = await self._signed(url, {})
        async with self._outbound.request(method, url, headers=signed, expected={404, *self._expected}) as answer:
            self._check(answer)
            return answer.status != 404

    async def found(self, url: str) -> Any:
        """What a GET answers as JSON; None if there is nothing."""
        signed = await self._signed(url, {"accept": "application/json"})
        async with self._outbound.request("GET", url, headers=signed, max_bytes=LISTED_BYTES, expected={404, *self._expected}) as answer:
            self._check(answer)
            return None if answer.status == 404 else await answer.json()

    async def chunks(self, url: str) -> AsyncIterator[bytes]:
        """What a GET answers, in parts: an archive of at most the configured size."""
        signed = await self._signed(url, {})
        async with self._outbound.request(
            "GET", url, headers=signed, max_bytes=self._archive_bytes, timeout_seconds=_ARCHIVE_SECONDS, expected=self._expected
        ) as answer:
            self._check(answer)
            async for chunk in answer.chunks():
                yield chunk

    async def pages(self, url: str) -> AsyncIterator[Any]:
        """The elements of a list, page after page as the Link header leads."""
        next_url: str | None = url
        while next_url:
            listed, answer = await self.json(next_url)
            with understood(url):
                for element in cast("list[Any]", listed or []):
                    yield element
            next_url = self.following(answer, next_link(answer))

    def following(self, answer: Answer, url: str | None) -> str | None:
        """The URL of the next page. MALFORMED if it leads to another host, which must not see the credentials."""
        if url is not None and _origin(url) not in self._origins:
            raise _malformed(answer.url, "names a next page on another host")
        return url

    async def _signed(self, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        return {**headers, **(await self._sign(url) if _origin(url) in self._origins else {})}

    def _check(self, answer: Answer) -> None:
        if answer.status in self._refusals:
            host = urlsplit(answer.url).netloc
            message = f"{answer.url} answered {answer.status}, a sign-in page: the credentials are missing, expired or wrong"
            remedy = f"Renew the credentials of {host} under integrations."
            raise SourceError(SourceReason.UNAUTHORIZED, answer.url, message, remedy)
        if answer.status in self._too_much:
            message = f"{answer.url} answered {answer.status}: it holds more than the host lists in time"
            raise SourceError(SourceReason.TOO_LARGE, answer.url, message, "Name its catalog files singly rather than by a pattern.")


@contextmanager
def understood(url: str) -> Generator[None]:
    """Turns what fails within, because an answer has another form than documented, into MALFORMED."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise _malformed(url, "answered JSON of another form than its documentation says") from error


@contextmanager
def looked_for(url: str) -> Generator[None]:
    """Says of what is not found within the address at which people look for it, rather than that of the API."""
    try:
        yield
    except SourceError as error:
        raise (missing(url) if error.reason is SourceReason.NOT_FOUND else error) from error


@contextmanager
def file_looked_for(url: str, path: str) -> Generator[None]:
    """As `looked_for`, for the file at a path that people see at the address; a path that leads out of its repository is not found."""
    if not leads_down(path):
        raise missing(url)
    with looked_for(url):
        yield


def missing(url: str) -> SourceError:
    """The error of a thing that the host does not have, or does not show."""
    remedy = "Check repository, revision and path, and their case, and that the credentials under integrations may see them."
    return SourceError(SourceReason.NOT_FOUND, url, f"There is nothing at {url}, or the credentials may not see it", remedy)


def next_link(answer: Answer) -> str | None:
    """Where the Link header says that the next page is. https://www.rfc-editor.org/rfc/rfc8288"""
    for link in answer.headers.get("link", "").split(","):
        target, _, parameters = link.partition(";")
        if 'rel="next"' in parameters:
            return target.strip().removeprefix("<").removesuffix(">")
    return None


def _origin(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.lower()}"


def _malformed(url: str, what: str) -> SourceError:
    remedy = "Check that the host is what integrations say it is, and of a version that is supported."
    return SourceError(SourceReason.MALFORMED, url, f"{url} {what}", remedy)
