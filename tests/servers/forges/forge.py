"""What emulators of hosts have in common: repositories in git, tokens, faults, and the log of requests."""

import asyncio
import base64
import binascii
import hashlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.servers.git_hosting import git_answer
from tests.servers.github.hub import Failure, Grant, Hub, Pull, Repository, Seen
from tests.servers.github.repositories import GitRepository, TreeEntry, UnknownRevisionError

Endpoint = Callable[[Request], Response]

ANYONE = Grant(frozenset())


class Forge(Hub):
    """An instance of one of the hosts. Names of repositories are as long as the host's are; the last part is the repository's own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.conditional = True
        self.refusal = 401

    def repository(self, full_name: str, files: Mapping[str, str | bytes] | None = None, **more: Any) -> Repository:
        """Create a repository, with a first commit of the files. `more` are fields of Repository."""
        owner, _, name = full_name.rpartition("/")
        branch = more.pop("default_branch", "main")
        number = next(self._ids)
        repository = Repository(number, owner, name, GitRepository(self.folder / f"{number}.git", branch), **more)
        repository.git.create()
        if files:
            repository.git.commit(files)
        self.repositories[full_name.lower()] = repository
        return repository

    def rename(self, full_name: str, new: str) -> None:
        """Give the repository another full name; requests for the old one are redirected."""
        repository = self.repositories.pop(full_name.lower())
        repository.owner, _, repository.name = new.rpartition("/")
        self.repositories[new.lower()] = repository
        self.moved[full_name.lower()] = repository.id

    def found(self, request: Request, full_name: str, **missing: Any) -> Repository:
        """The repository, if whoever asks may see it. Raises 404 with a body of `missing` otherwise."""
        grant = self.grant(request)
        repository = self.repositories.get(full_name.lower())
        if repository is None or not may_read(grant, repository):
            raise HTTPException(404, detail=orjson.dumps(missing).decode())
        return repository

    def visible(self, request: Request, owner: str = "") -> Sequence[Repository]:
        """The repositories below the owner that whoever asks may see, oldest first."""
        grant = self.grant(request)
        prefix = f"{owner.lower()}/" if owner else ""
        return [each for name, each in self.repositories.items() if name.startswith(prefix) and may_read(grant, each)]

    def grant(self, request: Request) -> Grant:
        """What the request's credentials may read: public repositories without any. Raises the host's refusal of wrong ones."""
        token = token_of(request)
        if token is None:
            return ANYONE
        grant = self.tokens.get(token)
        if grant is None or (grant.expires is not None and grant.expires <= time.time()):
            raise HTTPException(self.refusal)
        return grant


class MovedError(HTTPException):
    """The repository has another name now; the host redirects there."""

    def __init__(self, location: str, status: int) -> None:
        super().__init__(status)
        self.location = location


def may_read(grant: Grant, repository: Repository) -> bool:
    """Whether the grant covers the repository."""
    return not repository.private or grant.repositories is None or repository.full_name.lower() in grant.repositories


def token_of(request: Request) -> str | None:
    """The token of the request, or the password of its basic authentication."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None


def given(request: Request, name: str) -> str:
    """A parameter of the path, decoded."""
    return unquote(request.path_params[name])


def blob(repository: Repository, revision: str, path: str) -> TreeEntry | None:
    """The entry at the path, which is a file, a link or a folder; None if there is none."""
    return next((entry for entry in repository.git.tree(repository.git.head(revision)) if entry.path == path), None)


def is_open(repository: Repository, head: str, base: str) -> Pull | None:
    """The pull request of these branches of the repository itself that is open."""
    wanted = (head, base, "open", "")
    return next((pull for pull in repository.pulls if (pull.head, pull.base, pull.state, pull.owner) == wanted), None)


def opened(repository: Repository, head: str, base: str, title: str, body: str) -> Pull:
    """A new pull request of these branches. Raises 404 if one of them is not there, or does not differ."""
    if repository.git.head(f"refs/heads/{head}") == repository.git.head(f"refs/heads/{base}"):
        raise HTTPException(404)
    pull = Pull(len(repository.pulls) + 1, title, body, head, base)
    repository.pulls.append(pull)
    return pull


def pull_of(repository: Repository, number: str) -> Pull:
    """The pull request of that number. Raises 404 without."""
    if int(number) > len(repository.pulls):
        raise HTTPException(404)
    return repository.pulls[int(number) - 1]


def archived(repository: Repository, revision: str, prefix: str, kind: str = "tar.gz") -> bytes:
    """The whole repository as git itself packs it, below the prefix, which ends in a slash or is empty."""
    return _git(repository, "archive", f"--format={kind}", f"--prefix={prefix}", repository.git.head(revision))


def tag(repository: Repository, name: str) -> None:
    """Tag the head of the default branch."""
    _git(repository, "tag", name, repository.git.default_branch)


def link(repository: Repository, path: str, target: str) -> None:
    """Commit a symbolic link on the default branch."""
    branch = repository.git.default_branch
    lines = f"commit refs/heads/{branch}\ncommitter A <a@example.com> 1700009999 +0000\ndata 4\nLink\nfrom refs/heads/{branch}^0\n"
    _git(repository, "fast-import", "--quiet", stdin=f"{lines}M 120000 inline {path}\ndata {len(target)}\n{target}\n".encode())


def _git(repository: Repository, *arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["git", "-C", str(repository.git.folder), *arguments], input=stdin, capture_output=True, check=True).stdout


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(orjson.dumps(value), status, named, media_type="application/json; charset=utf-8")


def slice_of(request: Request, rows: Sequence[Any], size: int, most: int, *, number: str, length: str) -> tuple[Sequence[Any], int, bool]:
    """The page asked for by a number from 1 on, that number, and whether another one follows."""
    page = int(request.query_params.get(number, "1"))
    count = min(int(request.query_params.get(length, size)), most)
    return rows[(page - 1) * count : page * count], page, len(rows) > page * count


@contextmanager
def serving(forge: Forge, routes: Mapping[str, Endpoint], refuse: Callable[[HTTPException], Response]) -> Iterator[None]:
    """The instance answers on a free port of the loopback interface. Paths are matched as they are sent, encoded.

    A route may begin with the method that it is for: `PUT /path`.
    """

    async def refused(_: Request, error: Exception) -> Response:
        if isinstance(error, MovedError):
            return RedirectResponse(error.location, error.status_code)
        return refuse(error if isinstance(error, HTTPException) else HTTPException(404))

    listed = [
        Route(path.partition(" ")[2] or path, endpoint, methods=[path.partition(" ")[0]] if " " in path else ["GET", "POST"])
        for path, endpoint in routes.items()
    ]
    application = Starlette(routes=listed, exception_handlers={HTTPException: refused, UnknownRevisionError: refused})
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    forge.host = f"127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        _Watched(forge, application), log_config=None, log_level="critical", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


class _Watched:
    """Notes every request, lets it fail where a switch says so, and answers 304 to whom has what would be answered."""

    def __init__(self, forge: Forge, app: ASGIApp) -> None:
        self._forge, self._app = forge, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"].decode()
        method = scope["method"]
        failure = self._forge.failure_for(method, unquote(path)) or Failure()
        await asyncio.sleep(failure.delay_seconds)
        start, body = await self._answered({**scope, "path": path}, receive, failure)
        start["headers"] = [*start["headers"], *_encoded(failure.headers)]
        request = Request(scope)
        query, agent = scope["query_string"].decode(), request.headers.get("user-agent")
        self._forge.seen.append(Seen(method, unquote(path), query, start["status"], token_of(request), agent))
        await send(start)
        await send({"type": "http.response.body", "body": body if failure.keep is None else body[: failure.keep], "more_body": False})

    async def _answered(self, scope: Scope, receive: Receive, failure: Failure) -> tuple[Message, bytes]:
        if failure.redirect is not None:
            return _start(302, {"location": failure.redirect, "content-length": "0"}), b""
        if failure.status is not None:
            return _start(failure.status, {"content-type": "application/json", "content-length": str(len(failure.body))}), failure.body
        if (answered := await git_answer(self._forge, scope, unquote(scope["path"]), receive)) is not None:
            return answered
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, keep)
        start, body = sent[0], b"".join(message.get("body", b"") for message in sent[1:])
        etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        if self._forge.conditional and start["status"] == 200 and scope["method"] == "GET":
            if Request(scope).headers.get("if-none-match") == etag:
                return _start(304, {"etag": etag}), b""
            start["headers"] = [*start["headers"], (b"etag", etag.encode())]
        return start, body


def _start(status: int, headers: Mapping[str, str]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": _encoded(headers)}


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
