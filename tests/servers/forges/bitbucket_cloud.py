"""An emulator of Bitbucket Cloud: its REST API as https://developer.atlassian.com/cloud/bitbucket/rest/ describes it."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tests.servers.forges.forge import Endpoint, Forge, answer, archived, given, is_open, opened, pull_of, serving, slice_of, token_of
from tests.servers.github.hub import Pull, Repository

API = "/2.0"
_REPO = f"{API}/repositories/{{workspace}}/{{slug}}"
_OPEN = re.compile(r'source\.branch\.name = "(.*)" AND destination\.branch\.name = "(.*)" AND state = "OPEN"')


class BitbucketCloud(Forge):
    """Bitbucket Cloud, web pages and API on one host. `projects` are keys by full name, `clients` secrets of OAuth consumers by key."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.projects: dict[str, str] = {}
        self.clients: dict[str, str] = {}

    @property
    def api_url(self) -> str:
        return f"{self.url}{API}"


@contextmanager
def serving_bitbucket_cloud(folder: Path) -> Iterator[BitbucketCloud]:
    """A running instance."""
    cloud = BitbucketCloud(folder)
    with serving(cloud, _Repositories(cloud).routes(), _refused):
        yield cloud


def _refused(error: HTTPException) -> Response:
    texts = {401: "Token is invalid, expired, or not supported for this endpoint.", 404: "Resource not found"}
    return answer({"type": "error", "error": {"message": texts.get(error.status_code, error.detail)}}, error.status_code)


class _Repositories:
    """Repositories, what is in them, code search, and tokens."""

    def __init__(self, cloud: BitbucketCloud) -> None:
        self.cloud = cloud

    def routes(self) -> Mapping[str, Endpoint]:
        return {
            "/site/oauth2/access_token": self.access_token,
            f"{API}/workspaces/{{workspace}}/projects": self.projects,
            f"{API}/workspaces/{{workspace}}/search/code": self.search,
            f"{API}/repositories/{{workspace}}": self.repositories,
            f"POST {_REPO}": self.create,
            f"GET {_REPO}": self.repository,
            f"{_REPO}/commits/{{revision}}": self.commits,
            f"{_REPO}/src/{{commit}}/{{path:path}}": self.source,
            f"GET {_REPO}/pullrequests": self.pulls,
            f"POST {_REPO}/pullrequests": self.propose,
            f"GET {_REPO}/pullrequests/{{id}}": self.pull,
            "/{workspace}/{slug}/get/{name}": self.archive,
        }

    def access_token(self, request: Request) -> Response:
        secret = token_of(request)
        if secret is None or secret not in self.cloud.clients.values():
            return answer({"error": "invalid_client", "error_description": "Invalid OAuth client credentials"}, 400)
        token = self.cloud.token(f"oauth-{self.cloud.count('access_token')}")
        return answer({"access_token": token, "token_type": "bearer", "expires_in": 7200, "scopes": "repository"})

    def projects(self, request: Request) -> Response:
        self.cloud.grant(request)
        keys = sorted(set(self.cloud.projects.values()))
        return self._listed(request, [{"type": "project", "key": key, "name": key.title()} for key in keys])

    def repositories(self, request: Request) -> Response:
        return self._listed(request, [self._shown(each) for each in self.cloud.visible(request, given(request, "workspace"))])

    def search(self, request: Request) -> Response:
        asked = request.query_params["search_query"]
        path = re.search(r"path:(\S+)", asked)
        project, slug = re.search(r"project:(\S+)", asked), re.search(r"repo:(\S+)", asked)
        results: list[Any] = []
        for repository in self.cloud.visible(request, given(request, "workspace")):
            key = self.cloud.projects.get(repository.full_name)
            if (project and key != project[1]) or (slug and repository.name != slug[1]) or not repository.git.commits:
                continue
            for entry in repository.git.tree(repository.git.head(repository.git.default_branch)):
                if entry.type == "blob" and path and _is_below(entry.path, path[1]):
                    file = {"path": entry.path, "type": "commit_file", "commit": {"repository": self._shown(repository)}}
                    results.append({"type": "code_search_result", "path_matches": [{"text": entry.path, "match": True}], "file": file})
        return self._listed(request, results)

    async def create(self, request: Request) -> Response:
        body = await request.json()
        if token_of(request) not in self.cloud.tokens:
            raise HTTPException(401)
        name = f"{given(request, 'workspace')}/{given(request, 'slug')}"
        if name.lower() in self.cloud.repositories:
            raise HTTPException(400, "Repository with this Slug and Owner already exists.")
        made = self.cloud.repository(name, private=body["is_private"], created_at=time.time())
        self.cloud.projects[made.full_name] = body["project"]["key"]
        return answer(self._shown(made))

    def repository(self, request: Request) -> Response:
        repository = self._of(request)
        shown = self._shown(repository)
        if request.query_params.get("fields") != "mainbranch.name,mainbranch.target.hash":
            return answer(shown)
        if not repository.git.commits:
            return answer({"mainbranch": None})
        branch = repository.git.default_branch
        return answer({"mainbranch": {"name": branch, "target": {"hash": repository.git.head(branch)}}})

    def commits(self, request: Request) -> Response:
        sha = self._of(request).git.head(given(request, "revision"))
        return answer({"values": [{"hash": sha}], "pagelen": 1})

    def source(self, request: Request) -> Response:
        repository = self._of(request)
        entries = repository.git.tree(repository.git.head(given(request, "commit")))
        path = given(request, "path")
        entry = next((each for each in entries if each.path == path), None)
        if entry is not None and entry.type == "blob":
            return Response(repository.git.file(entry.sha), media_type="text/plain")
        below = f"{path}/" if path else ""
        depth = int(request.query_params.get("max_depth", "1"))
        listed = [each for each in entries if each.path.startswith(below) and each.path.removeprefix(below).count("/") < depth]
        if path and entry is None:
            raise HTTPException(404)
        values: list[Any] = []
        for each in listed:
            kind = "commit_directory" if each.type == "tree" else "commit_file"
            attributes = ["link"] if each.mode == "120000" else []
            values.append(
                {"path": each.path, "type": kind} | ({"size": each.size, "attributes": attributes} if kind == "commit_file" else {})
            )
        return self._listed(request, values)

    def archive(self, request: Request) -> Response:
        repository = self._of(request)
        revision = given(request, "name").removesuffix(".tar.gz")
        short = repository.git.head(revision)[:12]
        prefix = f"{repository.owner}-{repository.name}-{short}/"
        return Response(archived(repository, revision, prefix), media_type="application/x-tar")

    def pulls(self, request: Request) -> Response:
        repository, asked = self._of(request), _OPEN.fullmatch(request.query_params["q"])
        if asked is None:
            raise HTTPException(400, "Invalid query")
        wanted = (*(name.replace('\\"', '"') for name in asked.groups()), "open")
        found = [pull for pull in repository.pulls if (pull.head, pull.base, pull.state) == wanted]
        return self._listed(request, [self._pull(repository, pull) for pull in found])

    async def propose(self, request: Request) -> Response:
        """As on the host, another one of the same branches changes the one that is open."""
        repository, body = self._of(request), await request.json()
        if token_of(request) not in self.cloud.tokens:
            raise HTTPException(401)
        head, base = body["source"]["branch"]["name"], body["destination"]["branch"]["name"]
        pull = is_open(repository, head, base) or opened(repository, head, base, body["title"], body["description"])
        pull.title, pull.body = body["title"], body["description"]
        return answer(self._pull(repository, pull), 201)

    def pull(self, request: Request) -> Response:
        repository = self._of(request)
        return answer(self._pull(repository, pull_of(repository, given(request, "id"))))

    def _pull(self, repository: Repository, pull: Pull) -> Mapping[str, Any]:
        own = {"full_name": repository.full_name, "uuid": f"{{{repository.id}}}"}
        source = {"branch": {"name": pull.head}, "repository": None if pull.owner else own}
        state = "MERGED" if pull.merged_at else "OPEN" if pull.state == "open" else "DECLINED"
        at = {"html": {"href": f"{self.cloud.url}/{repository.full_name}/pull-requests/{pull.number}"}}
        known = {"type": "pullrequest", "id": pull.number, "title": pull.title, "state": state, "links": at}
        return {**known, "source": source, "destination": {"branch": {"name": pull.base}, "repository": own}}

    def _of(self, request: Request) -> Repository:
        return self.cloud.found(request, f"{given(request, 'workspace')}/{given(request, 'slug')}")

    def _shown(self, repository: Repository) -> Mapping[str, Any]:
        return {
            "type": "repository",
            "full_name": repository.full_name,
            "slug": repository.name,
            "uuid": f"{{{repository.id}}}",
            "size": repository.git.commits,
            "created_on": datetime.fromtimestamp(repository.created_at, UTC).isoformat(),
            "is_private": repository.private,
            "project": {"key": self.cloud.projects.get(repository.full_name, "MAIN")},
            "mainbranch": {"name": repository.git.default_branch, "type": "branch"} if repository.git.commits else None,
            "links": {"html": {"href": f"{self.cloud.url}/{repository.full_name}"}},
        }

    def _listed(self, request: Request, values: Sequence[Any]) -> Response:
        rows, page, more = slice_of(request, values, 10, 100, number="page", length="pagelen")
        following = request.url.include_query_params(page=page + 1)
        next_page = {"next": f"{self.cloud.url}{following.path}?{following.query}"} if more else {}
        body = orjson.dumps({"values": list(rows), "page": page, "pagelen": len(rows), **next_page})
        return Response(body, media_type="application/json; charset=utf-8")


def _is_below(path: str, wanted: str) -> bool:
    """Whether the search's `path:` finds the file: it is the file's path, or that of a folder or name in it."""
    return f"/{path}/".find(f"/{wanted.strip('/')}/") >= 0
