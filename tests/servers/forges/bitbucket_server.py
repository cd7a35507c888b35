"""An emulator of Bitbucket Server: its REST API as https://developer.atlassian.com/server/bitbucket/rest/ describes it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tests.servers.forges.forge import Endpoint, Forge, answer, archived, blob, given, serving
from tests.servers.github.hub import Repository

API = "/rest/api/1.0"
_REPO = f"{API}/projects/{{key}}/repos/{{slug}}"


class BitbucketServer(Forge):
    """A Bitbucket Server. No page of a list is longer than `most`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.conditional = False
        self.most = 100_000

    @property
    def api_url(self) -> str:
        return f"{self.url}{API}"


@contextmanager
def serving_bitbucket_server(folder: Path) -> Iterator[BitbucketServer]:
    """A running instance."""
    server = BitbucketServer(folder)
    with serving(server, _Repositories(server).routes(), _refused):
        yield server


def _refused(error: HTTPException) -> Response:
    names = {
        401: (
            "Authentication failed. Please check your credentials and try again.",
            "com.atlassian.bitbucket.auth.IncorrectPasswordAuthenticationException",
        ),
        404: ("There is no such thing.", "com.atlassian.bitbucket.repository.NoSuchRepositoryException"),
    }
    message, name = names.get(error.status_code, (error.detail, "com.atlassian.bitbucket.ServerException"))
    return answer({"errors": [{"context": None, "message": message, "exceptionName": name}]}, error.status_code)


class _Repositories:
    """Projects, repositories, and what is in them."""

    def __init__(self, server: BitbucketServer) -> None:
        self.server = server

    def routes(self) -> Mapping[str, Endpoint]:
        return {
            f"{API}/projects": self.projects,
            f"{API}/projects/{{key}}/repos": self.repositories,
            _REPO: self.repository,
            f"{_REPO}/commits": self.commits,
            f"{_REPO}/files": self.files,
            f"{_REPO}/raw/{{path:path}}": self.raw,
            f"{_REPO}/archive": self.archive,
        }

    def projects(self, request: Request) -> Response:
        keys = dict.fromkeys(each.owner for each in self.server.visible(request))
        return self._listed(request, [{"key": key, "name": key.title(), "type": "NORMAL"} for key in keys])

    def repositories(self, request: Request) -> Response:
        return self._listed(request, [self._shown(each) for each in self.server.visible(request, given(request, "key"))])

    def repository(self, request: Request) -> Response:
        return answer(self._shown(self._of(request)))

    def commits(self, request: Request) -> Response:
        repository = self._of(request)
        if not repository.git.commits:
            return self._listed(request, [])
        sha = repository.git.head(request.query_params.get("until", repository.git.default_branch))
        return answer(
            {"values": [{"id": sha, "displayId": sha[:11]}], "size": 1, "isLastPage": False, "start": 0, "limit": 1, "nextPageStart": 1}
        )

    def files(self, request: Request) -> Response:
        repository = self._of(request)
        entries = repository.git.tree(repository.git.head(request.query_params.get("at", repository.git.default_branch)))
        return self._listed(request, [entry.path for entry in entries if entry.type == "blob"])

    def raw(self, request: Request) -> Response:
        repository = self._of(request)
        entry = blob(repository, request.query_params.get("at", repository.git.default_branch), given(request, "path"))
        if entry is None or entry.type != "blob":
            raise HTTPException(404)
        return Response(repository.git.file(entry.sha), media_type="text/plain; charset=utf-8")

    def archive(self, request: Request) -> Response:
        repository = self._of(request)
        asked = request.query_params
        if asked.get("format") != "tgz":
            raise HTTPException(400, "Only tgz is emulated")
        data = archived(repository, asked.get("at", repository.git.default_branch), asked.get("prefix", ""))
        return Response(data, media_type="application/octet-stream")

    def _of(self, request: Request) -> Repository:
        return self.server.found(request, f"{given(request, 'key')}/{given(request, 'slug')}")

    def _shown(self, repository: Repository) -> Mapping[str, Any]:
        return {
            "id": repository.id,
            "slug": repository.name,
            "archived": repository.archived,
            "public": not repository.private,
            "project": {"key": repository.owner},
            "links": {"self": [{"href": f"{self.server.url}/projects/{repository.owner}/repos/{repository.name}/browse"}]},
        }

    def _listed(self, request: Request, values: Sequence[Any]) -> Response:
        start = int(request.query_params.get("start", "0"))
        limit = min(int(request.query_params.get("limit", "25")), self.server.most)
        shown = list(values[start : start + limit])
        last = len(values) <= start + limit
        following = None if last else start + limit
        return answer({"values": shown, "size": len(shown), "limit": limit, "isLastPage": last, "start": start, "nextPageStart": following})
