"""git's own requests to the emulators of hosts: `git http-backend` behind their names of repositories and their tokens."""

import asyncio
import base64
import binascii
import re

from starlette.types import Message, Receive, Scope

from tests.servers.git_http import git_backend
from tests.servers.github.hub import Hub, Repository

_GIT = re.compile(r"/(.+?)(?:\.git)?(/info/refs|/git-upload-pack|/git-receive-pack)")


async def git_answer(hub: Hub, scope: Scope, path: str, receive: Receive) -> tuple[Message, bytes] | None:
    """The answer to a request of git; None for any other. Pushing needs a token, as reading what is private does."""
    asked = _GIT.fullmatch(path)
    if asked is None:
        return None
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    query, writes = scope["query_string"].decode(), "git-receive-pack" in f"{path}?{scope['query_string'].decode()}"
    repository = hub.repositories.get(asked[1].replace("/_git/", "/").lower())
    grant = hub.tokens.get(_password(headers.get("authorization", "")))
    if grant is None and (writes or repository is None or repository.private):
        return _start(401, [("www-authenticate", 'Basic realm="git"'), ("content-length", "0")]), b""
    if repository is None:
        return _start(404, []), b"Repository not found."
    inside = f"/{repository.git.folder.name}{asked[2]}"
    status, fields, content = await asyncio.to_thread(git_backend, hub.folder, scope["method"], inside, query, headers, body)
    if writes and scope["method"] == "POST":
        _pushed(repository)
    return _start(status, [*fields, ("content-length", str(len(content)))]), content


def _pushed(repository: Repository) -> None:
    """As hosts do: the first branch that is pushed is the default one."""
    heads = sorted(path.relative_to(repository.git.folder / "refs/heads") for path in (repository.git.folder / "refs/heads").rglob("*"))
    if not repository.git.commits and heads:
        repository.git.default_branch = str(heads[0])
        (repository.git.folder / "HEAD").write_text(f"ref: refs/heads/{heads[0]}\n")
    repository.git.commits += bool(heads)


def _password(authorization: str) -> str:
    try:
        return base64.b64decode(authorization.partition(" ")[2]).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _start(status: int, fields: list[tuple[str, str]]) -> Message:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in fields],
    }
