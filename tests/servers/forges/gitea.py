"""An emulator of Gitea: its REST API as each instance describes it at /api/swagger."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tests.servers.forges.forge import (
    Endpoint,
    Forge,
    MovedError,
    answer,
    archived,
    blob,
    given,
    is_open,
    opened,
    pull_of,
    serving,
    slice_of,
    token_of,
)
from tests.servers.github.hub import Pull, Repository

API = "/api/v1"
_REPO = f"{API}/repos/{{owner}}/{{repo}}"


class Gitea(Forge):
    """A Gitea instance. Of what is used here it answers no ETag. No page of a tree is longer than `most`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.conditional = False
        self.most = 1000


@contextmanager
def serving_gitea(folder: Path) -> Iterator[Gitea]:
    """A running instance."""
    gitea = Gitea(folder)
    with serving(gitea, _Repositories(gitea).routes(), _refused):
        yield gitea


def _refused(error: HTTPException) -> Response:
    texts = {401: "invalid username, password or token", 404: "The target couldn't be found."}
    return answer({"message": texts.get(error.status_code, error.detail), "url": "/api/swagger"}, error.status_code)


class _Repositories:
    """Repositories, and what is in them."""

    def __init__(self, gitea: Gitea) -> None:
        self.gitea = gitea

    def routes(self) -> Mapping[str, Endpoint]:
        return {
            f"POST {API}/orgs/{{owner}}/repos": self.create,
            f"GET {API}/orgs/{{owner}}/repos": self.repositories,
            f"{API}/orgs/{{owner}}": self.organisation,
            _REPO: self.repository,
            f"{_REPO}/commits": self.commits,
            f"{_REPO}/git/commits/{{sha}}": self.commit,
            f"{_REPO}/git/trees/{{sha}}": self.tree,
            f"{_REPO}/raw/{{path:path}}": self.raw,
            f"{_REPO}/contents/{{path:path}}": self.contents,
            f"{_REPO}/archive/{{name:path}}": self.archive,
            f"GET {_REPO}/pulls": self.pulls,
            f"POST {_REPO}/pulls": self.propose,
            f"GET {_REPO}/pulls/{{index}}": self.pull,
        }

    def organisation(self, request: Request) -> Response:
        self.gitea.grant(request)
        if given(request, "owner") not in self.gitea.organisations:
            raise HTTPException(404)
        return answer({"username": given(request, "owner")})

    async def create(self, request: Request) -> Response:
        body = await request.json()
        if token_of(request) not in self.gitea.tokens:
            raise HTTPException(401)
        name = f"{given(request, 'owner')}/{body['name']}"
        if name.lower() in self.gitea.repositories:
            raise HTTPException(409, "The repository with the same name already exists.")
        made = self.gitea.repository(name, private=body["private"], created_at=time.time())
        return answer(self._shown(made), 201)

    def repositories(self, request: Request) -> Response:
        return self._listed(request, [self._shown(each) for each in self.gitea.visible(request, given(request, "owner"))])

    def repository(self, request: Request) -> Response:
        return answer(self._shown(self._of(request)))

    def commits(self, request: Request) -> Response:
        repository = self._of(request)
        if not repository.git.commits:
            raise HTTPException(409, "Git Repository is empty.")
        sha = repository.git.head(request.query_params.get("sha", repository.git.default_branch))
        return answer([_commit(sha)], x_hasmore="false")

    def commit(self, request: Request) -> Response:
        repository = self._of(request)
        return answer(_commit(repository.git.head(given(request, "sha"))))

    def tree(self, request: Request) -> Response:
        repository = self._of(request)
        sha = repository.git.head(given(request, "sha"))
        entries = repository.git.tree(sha)
        rows, page, more = slice_of(request, entries, 1000, self.gitea.most, number="page", length="per_page")
        listed = [{"path": each.path, "mode": each.mode, "type": each.type, "size": each.size or 0, "sha": each.sha} for each in rows]
        return answer({"sha": sha, "tree": listed, "truncated": more, "page": page, "total_count": len(entries)})

    def raw(self, request: Request) -> Response:
        repository = self._of(request)
        entry = blob(repository, request.query_params.get("ref", repository.git.default_branch), given(request, "path"))
        if entry is None or entry.type != "blob":
            raise HTTPException(404)
        return Response(repository.git.file(entry.sha), media_type="text/plain; charset=utf-8")

    def contents(self, request: Request) -> Response:
        repository = self._of(request)
        entry = blob(repository, request.query_params.get("ref", repository.git.default_branch), given(request, "path"))
        if entry is None:
            raise HTTPException(404)
        return answer({"path": entry.path, "sha": entry.sha, "type": "file" if entry.type == "blob" else "dir", "size": entry.size or 0})

    def archive(self, request: Request) -> Response:
        repository = self._of(request)
        revision = given(request, "name").removesuffix(".tar.gz")
        return Response(archived(repository, revision, f"{repository.name}/"), media_type="application/gzip")

    def pulls(self, request: Request) -> Response:
        repository, state = self._of(request), request.query_params["state"]
        return self._listed(request, [self._pull(repository, pull) for pull in reversed(repository.pulls) if pull.state == state])

    async def propose(self, request: Request) -> Response:
        repository, body = self._of(request), await request.json()
        if token_of(request) not in self.gitea.tokens:
            raise HTTPException(401)
        if is_open(repository, body["head"], body["base"]):
            raise HTTPException(409, "pull request already exists for these targets")
        made = opened(repository, body["head"], body["base"], body["title"], body["body"])
        return answer(self._pull(repository, made), 201)

    def pull(self, request: Request) -> Response:
        repository = self._of(request)
        return answer(self._pull(repository, pull_of(repository, given(request, "index"))))

    def _pull(self, repository: Repository, pull: Pull) -> Mapping[str, Any]:
        ends = {name: {"label": ref, "ref": ref, "repo_id": repository.id} for name, ref in (("head", pull.head), ("base", pull.base))}
        if pull.owner:
            ends["head"] |= {"label": f"{pull.owner}:{pull.head}", "repo_id": 0}
        at = f"{self.gitea.url}/{repository.full_name}/pulls/{pull.number}"
        merged = {"merged": pull.merged_at is not None, "merged_at": pull.merged_at}
        return {"id": 1000 + pull.number, "number": pull.number, "html_url": at, "state": pull.state, "title": pull.title, **merged, **ends}

    def _listed(self, request: Request, found: Sequence[Any]) -> Response:
        rows, page, more = slice_of(request, found, 30, 50, number="page", length="limit")
        following = request.url.include_query_params(page=page + 1)
        link = {"link": f'<{self.gitea.url}{following.path}?{following.query}>; rel="next"'} if more else {}
        return answer(rows, **link, x_total_count=str(len(found)))

    def _of(self, request: Request) -> Repository:
        name = f"{given(request, 'owner')}/{given(request, 'repo')}"
        if name.lower() in self.gitea.moved and name.lower() not in self.gitea.repositories:
            number = self.gitea.moved[name.lower()]
            new = next((each.full_name for each in self.gitea.repositories.values() if each.id == number), "gone/gone")
            path = request.url.path.replace(f"/{name}", f"/{new}", 1)
            raise MovedError(f"{path}?{request.url.query}", 307)
        return self.gitea.found(request, name)

    def _shown(self, repository: Repository) -> Mapping[str, Any]:
        return {
            "id": repository.id,
            "name": repository.name,
            "full_name": repository.full_name,
            "html_url": f"{self.gitea.url}/{repository.full_name}",
            "default_branch": repository.git.default_branch,
            "empty": not repository.git.commits,
            "archived": repository.archived,
            "fork": repository.fork,
            "private": repository.private,
            "created_at": datetime.fromtimestamp(repository.created_at, UTC).isoformat().replace("+00:00", "Z"),
        }


def _commit(sha: str) -> Mapping[str, Any]:
    return {"sha": sha, "created": "2024-01-01T00:00:00Z", "commit": {"message": "A commit"}}
