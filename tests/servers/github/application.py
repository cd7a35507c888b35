"""The HTTP side of the emulator: routes, authentication, paging, conditional requests, and the watch over everything said."""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import jwt
import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.servers.git_hosting import git_answer
from tests.servers.github import answers
from tests.servers.github.description import Operation, description
from tests.servers.github.hub import API, Failure, Grant, Hub, Organisation, Repository, Seen
from tests.servers.github.repositories import UnknownRevisionError
from tests.servers.github.writing import Writing

_LARGEST_TREE = 100_000
_ANYONE = Grant(frozenset())
Endpoint = Callable[[Request], Response]


def application(hub: Hub) -> ASGIApp:
    """The emulator as an ASGI application."""
    rest = _Rest(hub)
    routes = [
        Mount(API, Starlette(routes=rest.routes(), exception_handlers={HTTPException: _error, UnknownRevisionError: _no_revision})),
        Route("/codeload/{owner}/{repo}/legacy.tar.gz/{ref:path}", rest.archive),
        Route("/raw/{owner}/{repo}/{revision}/{path:path}", rest.raw),
    ]
    return _Watched(hub, Starlette(routes=routes, exception_handlers={HTTPException: _error, UnknownRevisionError: _no_revision}))


class _Rest:
    """The endpoints. They are functions of threads, since they ask git."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def routes(self) -> list[Route]:
        repo = "/repos/{owner}/{repo}"
        team = "/orgs/{org}/teams/{slug}"
        gets: Mapping[str, Endpoint] = {
            repo: self.repository,
            f"{repo}/commits/{{ref:path}}": self.commit,
            f"{repo}/branches/{{ref:path}}": self.branch,
            f"{repo}/git/ref/{{ref:path}}": self.reference,
            f"{repo}/git/trees/{{ref:path}}": self.tree,
            f"{repo}/contents/{{path:path}}": self.contents,
            f"{repo}/tarball/{{ref:path}}": self.tarball,
            f"{repo}/installation": self.installation_of_repository,
            "/orgs/{org}": self.organisation,
            "/orgs/{org}/repos": self.repositories,
            "/orgs/{org}/members": self.members,
            "/orgs/{org}/teams": self.teams,
            team: self.team,
            f"{team}/members": self.team_members,
            f"{team}/teams": self.child_teams,
            "/orgs/{org}/installation": self.installation_of_organisation,
            "/user": self.viewer,
            "/users/{user}": self.account,
            "/users/{owner}/repos": self.repositories_of_user,
            "/app/installations": self.installations,
            "/installation/repositories": self.repositories_of_installation,
            "/rate_limit": self.limits,
        }
        tokens = Route("/app/installations/{id:int}/access_tokens", self.access_token, methods=["POST"])
        reads = [Route(path, endpoint, methods=["GET"]) for path, endpoint in gets.items()]
        return [*reads, tokens, *Writing(self.hub, self.repository_of).routes()]

    def repository(self, request: Request) -> Response:
        return _answer(request, answers.repository(self.hub, self.repository_of(request), full=True))

    def repositories(self, request: Request) -> Response:
        organisation = self._organisation(request)
        return self._listed(request, self._visible(request, organisation.login))

    def repositories_of_user(self, request: Request) -> Response:
        return self._listed(request, self._visible(request, request.path_params["owner"]))

    def repositories_of_installation(self, request: Request) -> Response:
        found = self._visible(request, None)
        rows, headers = _paged(request, found)
        listed = [answers.repository(self.hub, each) for each in rows]
        return _answer(request, {"total_count": len(found), "repositories": listed}, headers)

    def commit(self, request: Request) -> Response:
        repository = self.repository_of(request)
        sha = self._head(repository, request.path_params["ref"])
        if request.headers.get("accept", "").startswith(("application/vnd.github.sha", "application/vnd.github.v3.sha")):
            return _tagged(request, Response(sha, media_type="application/vnd.github.sha; charset=utf-8"), sha)
        return _answer(request, answers.commit(self.hub, repository, sha))

    def branch(self, request: Request) -> Response:
        repository = self.repository_of(request)
        name = request.path_params["ref"]
        return _answer(request, answers.branch(self.hub, repository, name, repository.git.head(name)))

    def reference(self, request: Request) -> Response:
        repository = self.repository_of(request)
        name = request.path_params["ref"]
        return _answer(request, answers.reference(self.hub, repository, name, repository.git.head(f"refs/{name}")))

    def tree(self, request: Request) -> Response:
        repository = self.repository_of(request)
        sha = self._head(repository, request.path_params["ref"])
        entries = repository.git.tree(sha)
        if not request.query_params.get("recursive"):
            entries = [entry for entry in entries if "/" not in entry.path]
        truncated = len(entries) > _LARGEST_TREE
        return _answer(request, answers.tree(self.hub, repository, sha, entries[:_LARGEST_TREE], truncated=truncated))

    def contents(self, request: Request) -> Response:
        repository = self.repository_of(request)
        revision = self._head(repository, request.query_params.get("ref") or repository.git.default_branch)
        path = request.path_params["path"].strip("/")
        entries = {entry.path: entry for entry in repository.git.tree(revision)}
        entry = entries.get(path)
        if entry is None or entry.type == "tree":
            inside = [each for each in entries.values() if each.path.rpartition("/")[0] == path]
            if not inside:
                raise HTTPException(404)
            return _answer(request, [answers.content(self.hub, repository, each, None) for each in inside])
        data = repository.git.file(entry.sha)
        if ".raw" in request.headers.get("accept", ""):
            return _tagged(request, Response(data, media_type="application/vnd.github.raw+json; charset=utf-8"), entry.sha)
        return _answer(request, answers.content(self.hub, repository, entry, data))

    def tarball(self, request: Request) -> Response:
        repository = self.repository_of(request)
        sha = self._head(repository, request.path_params["ref"])
        ticket = f"?token={secrets.token_hex(8)}" if repository.private else ""
        return RedirectResponse(f"http://{self.hub.codeload_host}/codeload/{repository.full_name}/legacy.tar.gz/{sha}{ticket}", 302)

    def archive(self, request: Request) -> Response:
        if request.headers.get("authorization"):
            self.hub.problems.append("credentials were sent to another host than GitHub's API")
        name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        repository = self.hub.repositories.get(name.lower())
        if repository is None or (repository.private and not request.query_params.get("token")):
            raise HTTPException(404)
        sha = repository.git.head(request.path_params["ref"])
        return Response(repository.git.archive(sha, f"{repository.owner}-{repository.name}-{sha[:7]}"), media_type="application/x-gzip")

    def raw(self, request: Request) -> Response:
        repository = self.repository_of(request)
        revision = self._head(repository, request.path_params["revision"])
        entries = {entry.path: entry for entry in repository.git.tree(revision)}
        if request.path_params["path"] not in entries:
            raise HTTPException(404)
        return Response(repository.git.file(entries[request.path_params["path"]].sha), media_type="text/plain")

    def organisation(self, request: Request) -> Response:
        return _answer(request, answers.organisation(self.hub, self._organisation(request)))

    def members(self, request: Request) -> Response:
        rows, headers = _paged(request, self._organisation(request).members)
        return _answer(request, [answers.member(self.hub, self.hub.people[login]) for login in rows], headers)

    def account(self, request: Request) -> Response:
        login = request.path_params["user"]
        if login in self.hub.organisations:
            return _answer(request, answers.account(self.hub, self.hub.organisations[login]))
        person = self.hub.people.get(login)
        if person is None:
            raise HTTPException(404)
        return _answer(request, answers.person(self.hub, person))

    def viewer(self, request: Request) -> Response:
        if _token(request.headers.get("authorization")) not in self.hub.tokens:
            raise HTTPException(401)
        return _answer(request, answers.person(self.hub, next(iter(self.hub.people.values()))))

    def teams(self, request: Request) -> Response:
        organisation = self._organisation(request)
        rows, headers = _paged(request, list(organisation.teams.values()))
        return _answer(request, [answers.team(self.hub, organisation, team) for team in rows], headers)

    def team(self, request: Request) -> Response:
        organisation = self._organisation(request)
        team = organisation.teams.get(request.path_params["slug"])
        if team is None:
            raise HTTPException(404)
        return _answer(request, answers.team_in_full(self.hub, organisation, team))

    def team_members(self, request: Request) -> Response:
        organisation = self._organisation(request)
        team = organisation.teams.get(request.path_params["slug"])
        if team is None:
            raise HTTPException(404)
        rows, headers = _paged(request, self._logins(organisation, team.slug))
        return _answer(request, [answers.member(self.hub, self.hub.people[login]) for login in rows], headers)

    def _logins(self, organisation: Organisation, slug: str) -> list[str]:
        """As on GitHub: a team's members include those of its child teams."""
        children = [team.slug for team in organisation.teams.values() if team.parent == slug]
        return sorted({*organisation.teams[slug].members, *(login for child in children for login in self._logins(organisation, child))})

    def child_teams(self, request: Request) -> Response:
        organisation = self._organisation(request)
        found = [team for team in organisation.teams.values() if team.parent == request.path_params["slug"]]
        rows, headers = _paged(request, found)
        return _answer(request, [answers.team(self.hub, organisation, team) for team in rows], headers)

    def installations(self, request: Request) -> Response:
        app = self._app(request)
        rows, headers = _paged(request, list(app.installations.items()))
        return _answer(request, [answers.installation(self.hub, app.id, account, number) for account, number in rows], headers)

    def installation_of_organisation(self, request: Request) -> Response:
        return self._installation(request, request.path_params["org"])

    def installation_of_repository(self, request: Request) -> Response:
        return self._installation(request, request.path_params["owner"])

    def _installation(self, request: Request, account: str) -> Response:
        app = self._app(request)
        if account not in app.installations:
            raise HTTPException(404)
        return _answer(request, answers.installation(self.hub, app.id, account, app.installations[account]))

    def access_token(self, request: Request) -> Response:
        app = self._app(request)
        accounts = {number: account for account, number in app.installations.items()}
        account = accounts.get(request.path_params["id"])
        if account is None:
            raise HTTPException(404)
        expires = time.time() + self.hub.token_seconds
        owned = [each.full_name for each in self.hub.repositories.values() if each.owner == account]
        token = f"ghs_{secrets.token_hex(8)}"
        self.hub.token(token, repositories=owned, expires=expires)
        until = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rights = {"contents": "read", "metadata": "read", "members": "read"}
        return _answer(request, {"token": token, "expires_at": until, "permissions": rights, "repository_selection": "all"}, status=201)

    def limits(self, request: Request) -> Response:
        return _answer(request, description().example("/rate_limit"))

    def repository_of(self, request: Request) -> Repository:
        """The repository that the request is about, if whoever asks may see it."""
        name = f"{request.path_params['owner']}/{request.path_params['repo']}".lower()
        grant = self._grant(request)
        repository = self.hub.repositories.get(name)
        if repository is None and name in self.hub.moved:
            rest = request.url.path.split(request.path_params["repo"], 1)[1]
            target = f"{self.hub.api_url}/repositories/{self.hub.moved[name]}{rest}" + (
                f"?{request.url.query}" if request.url.query else ""
            )
            raise HTTPException(301, "Moved Permanently", {"location": target})
        if repository is None or not _may_read(grant, repository):
            raise HTTPException(404)
        return repository

    def _visible(self, request: Request, owner: str | None) -> list[Repository]:
        grant = self._grant(request)
        found = [each for each in self.hub.repositories.values() if owner is None or each.owner == owner]
        return [each for each in found if _may_read(grant, each)]

    def _organisation(self, request: Request) -> Organisation:
        self._grant(request)
        organisation = self.hub.organisations.get(request.path_params["org"])
        if organisation is None:
            raise HTTPException(404)
        return organisation

    def _listed(self, request: Request, repositories: Sequence[Repository]) -> Response:
        rows, headers = _paged(request, repositories)
        return _answer(request, [answers.repository(self.hub, each) for each in rows], headers)

    def _head(self, repository: Repository, revision: str) -> str:
        if not repository.git.commits:
            raise HTTPException(409, "Git Repository is empty.")
        return repository.git.head(repository.git.default_branch if revision == "HEAD" else revision)

    def _grant(self, request: Request) -> Grant:
        token = _token(request.headers.get("authorization"))
        if token is None:
            return _ANYONE
        grant = self.hub.tokens.get(token)
        if grant is None or (grant.expires is not None and grant.expires <= time.time()):
            raise HTTPException(401, "Bad credentials")
        return grant

    def _app(self, request: Request) -> Any:
        """The app that signed the request's JWT, with the claims that GitHub asks for."""
        token = _token(request.headers.get("authorization")) or ""
        try:
            issuer = int(jwt.decode(token, options={"verify_signature": False})["iss"])
            app = self.hub.apps[issuer]
            claims = jwt.decode(token, app.public_key, algorithms=["RS256"], options={"require": ["iat", "exp"]}, leeway=5)
        except (jwt.InvalidTokenError, KeyError, ValueError) as error:
            raise HTTPException(401, "A JSON web token could not be decoded") from error
        if claims["exp"] - time.time() > 605:
            raise HTTPException(401, "'Expiration time' claim ('exp') is too far in the future")
        return app


class _Watched:
    """Notes every request, lets it fail where a switch says so, counts the budget, and holds requests and answers to the description."""

    def __init__(self, hub: Hub, app: ASGIApp) -> None:
        self._hub, self._app = hub, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], unquote(scope["path"])
        failure = self._hub.failure_for(method, path) or Failure()
        # What has arrived is done, also if whoever sent it is gone meanwhile.
        body = await _received(receive)
        if failure.delay_seconds:
            self._hub.held.append(path)
        await asyncio.sleep(failure.delay_seconds)
        if (moved := re.fullmatch(rf"{API}/repositories/(\d+)(.*)", path)) is not None:
            scope = self._moved(scope, int(moved[1]), moved[2])
            path = scope["path"]
        start, answer = await self._answered(scope, body, failure)
        self._note(scope, method, path, start["status"])
        if failure.status is None and failure.redirect is None and path.startswith(API):
            self._compare(scope, method, path.removeprefix(API), body, start, answer)
        await _send(send, start, answer, failure.keep)

    def _moved(self, scope: Scope, number: int, rest: str) -> Scope:
        names = [name for name, repository in self._hub.repositories.items() if repository.id == number]
        path = f"{API}/repos/{self._hub.repositories[names[0]].full_name if names else 'gone/gone'}{rest}"
        return {**scope, "path": path, "raw_path": path.encode()}

    async def _answered(self, scope: Scope, body: bytes, failure: Failure) -> tuple[Message, bytes]:
        if failure.redirect is not None:
            return _start(302, {"location": failure.redirect, "content-length": "0"}), b""
        if failure.status is not None:
            headers = {"content-type": "application/json; charset=utf-8", "content-length": str(len(failure.body)), **failure.headers}
            return _start(failure.status, headers), failure.body
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        if (answered := await git_answer(self._hub, scope, unquote(scope["path"]), receive)) is not None:
            return answered

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start = sent[0]
        if start["status"] != 304:
            self._hub.rate_used += 1
        start["headers"] = [*start["headers"], *self._budget(), *_encoded(failure.headers)]
        return start, b"".join(message.get("body", b"") for message in sent[1:])

    def _budget(self) -> list[tuple[bytes, bytes]]:
        limit, used = self._hub.rate_limit, self._hub.rate_used
        return _encoded(
            {
                "x-ratelimit-limit": str(limit),
                "x-ratelimit-remaining": str(max(0, limit - used)),
                "x-ratelimit-used": str(used),
                "x-ratelimit-reset": str(int(time.time()) + 3600),
                "x-ratelimit-resource": "core",
            }
        )

    def _note(self, scope: Scope, method: str, path: str, status: int) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        token = _token(headers.get("authorization"))
        self._hub.seen.append(Seen(method, path, scope["query_string"].decode(), status, token, headers.get("user-agent")))

    def _compare(self, scope: Scope, method: str, path: str, body: bytes, start: Message, answer: bytes) -> None:
        operation: Operation | None = description().operation(method, path)
        if operation is None:
            self._hub.problems.append(f"{method} {path} is no operation of GitHub's")
            return
        query = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        media_type = dict(start["headers"]).get(b"content-type", b"").decode().split(";")[0]
        self._hub.problems += description().request_problems(operation, path, query, body)
        self._hub.problems += description().answer_problems(operation, start["status"], media_type, answer)
        if not any(name == b"user-agent" for name, _ in scope["headers"]):
            self._hub.problems.append(f"{method} {path} names no User-Agent")


async def _received(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _send(send: Send, start: Message, body: bytes, keep: int | None) -> None:
    await send(start)
    await send({"type": "http.response.body", "body": body if keep is None else body[:keep], "more_body": False})


def _start(status: int, headers: Mapping[str, str]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": _encoded(headers)}


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _token(authorization: str | None) -> str | None:
    scheme, _, value = (authorization or "").partition(" ")
    return value.strip() if scheme.lower() in {"bearer", "token"} else None


def _may_read(grant: Grant, repository: Repository) -> bool:
    return not repository.private or grant.repositories is None or repository.full_name.lower() in grant.repositories


def _answer(request: Request, value: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    body = orjson.dumps(value)
    response = Response(body, status, headers, media_type="application/json; charset=utf-8")
    return _tagged(request, response, hashlib.sha256(body).hexdigest()) if status == 200 else response


def _tagged(request: Request, response: Response, tag: str) -> Response:
    """The answer with its ETag, or 304 to whom has it."""
    etag = f'"{tag}"'
    known = request.headers.get("if-none-match", "").replace("W/", "")
    if etag in known:
        return Response(status_code=304, headers={"etag": etag})
    response.headers["etag"] = etag
    return response


def _paged(request: Request, rows: Sequence[Any]) -> tuple[Sequence[Any], dict[str, str]]:
    size, page = (_number(request, name, otherwise) for name, otherwise in (("per_page", 30), ("page", 1)))
    size = min(size, 100)
    last = max(1, -(-len(rows) // size))
    wanted = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    leads = [name for name in wanted if (page > 1 if name in {"prev", "first"} else page < last)]
    at = str(request.url.replace(query=""))
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "page"]
    links = [f'<{at}?{urlencode([*others, ("page", wanted[name])])}>; rel="{name}"' for name in leads]
    return rows[(page - 1) * size : page * size], {"link": ", ".join(links)} if links else {}


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    return max(1, int(text)) if text.isdecimal() else otherwise


async def _error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"message": "Not Found" if error.status_code == 404 else error.detail, "documentation_url": "https://docs.github.com/rest"}
    if error.status_code == 301:
        body["url"] = (error.headers or {})["location"]
    return Response(orjson.dumps(body), error.status_code, error.headers, media_type="application/json; charset=utf-8")


async def _no_revision(request: Request, error: Exception) -> Response:
    status, message = (422, f"No commit found for SHA: {error}") if "/commits/" in request.url.path else (404, "Not Found")
    body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return Response(orjson.dumps(body), status, media_type="application/json; charset=utf-8")
