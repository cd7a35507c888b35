"""What the emulator of GitLab lets be changed: projects, branches, commits and merge requests."""

import base64
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tests.servers.forges.forge import Forge, answer, given, token_of
from tests.servers.github.hub import Pull, Repository
from tests.servers.github.repositories import UnknownRevisionError

API = "/api/v4"
_PROJECT = f"{API}/projects/{{id}}"
Shown = Callable[..., Mapping[str, Any]]


class GitLabWriting:
    """The endpoints. `of` finds the project of a request, `shown` is a project as it is answered."""

    def __init__(self, gitlab: Any, of: Callable[[Request], Repository], shown: Shown) -> None:
        self.gitlab, self.of, self.shown = gitlab, of, shown

    def routes(self) -> Mapping[str, Any]:
        """Every route, by method and path."""
        table = {
            f"POST {API}/projects": self.create,
            f"POST {_PROJECT}/members": self.kept,
            f"POST {_PROJECT}/variables": self.kept,
            f"POST {_PROJECT}/protected_branches": self.kept,
            f"GET {_PROJECT}/repository/branches/{{branch}}": self.branch,
            f"POST {_PROJECT}/repository/branches": self.create_branch,
            f"POST {_PROJECT}/repository/commits": self.commit,
            f"GET {_PROJECT}/merge_requests": self.merge_requests,
            f"POST {_PROJECT}/merge_requests": self.propose,
            f"GET {_PROJECT}/merge_requests/{{iid}}": self.merge_request,
            f"PUT {_PROJECT}/merge_requests/{{iid}}/merge": self.merge,
        }
        return {path: self._threaded(endpoint) for path, endpoint in table.items()}

    def create(self, request: Request, body: Any) -> Response:
        group = next(group for group in self.gitlab.accounts.groups.values() if group.id == body["namespace_id"])
        name = f"{group.full_path}/{body['path']}"
        if name.lower() in self.gitlab.repositories:
            return answer({"message": {"name": ["has already been taken"], "path": ["has already been taken"]}}, 400)
        made = self.gitlab.repository(name, private=body["visibility"] == "private", created_at=time.time(), topics=body.get("topics", ()))
        made.settings["create"] = body
        return answer(self.shown(made, simple=False), 201)

    def kept(self, request: Request, body: Any) -> Response:
        self.of(request).settings.setdefault(request.url.path.rpartition("/")[2], []).append(body)
        return answer(body, 201)

    def branch(self, request: Request, body: Any) -> Response:
        return answer(_branch(self.of(request), given(request, "branch")))

    def create_branch(self, request: Request, body: Any) -> Response:
        repository, asked = self.of(request), request.query_params
        repository.git.write("branch", asked["branch"], asked["ref"])
        return answer(_branch(repository, asked["branch"]), 201)

    def commit(self, request: Request, body: Any) -> Response:
        repository, branch = self.of(request), body["branch"]
        start = repository.git.head(body["start_branch"])
        if repository.git.write("for-each-ref", f"refs/heads/{branch}") and not body.get("force"):
            raise HTTPException(400, "A branch called that already exists. Switch to that branch in order to make changes")
        known = {entry.path for entry in repository.git.tree(start)}
        who = "A Bot <bot@example.com> 1760000000 +0000"
        message = body["commit_message"].encode()
        lines = [f"commit refs/heads/{branch}\ncommitter {who}\ndata {len(message)}\n".encode(), message, f"\nfrom {start}\n".encode()]
        for change in body["actions"]:
            if (change["action"] == "create") == (change["file_path"] in known):
                raise HTTPException(400, "A file with this name already exists")
            if change["action"] == "delete":
                lines.append(f"D {change['file_path']}\n".encode())
                continue
            content = base64.b64decode(change["content"])
            mode = "100755" if change["execute_filemode"] else "100644"
            lines.append(f"M {mode} inline {change['file_path']}\ndata {len(content)}\n".encode() + content + b"\n")
        repository.git.write("fast-import", "--quiet", "--force", stdin=b"".join(lines))
        sha = repository.git.head(branch)
        return answer({"id": sha, "message": body["commit_message"]}, 201)

    def merge_requests(self, request: Request, body: Any) -> Response:
        repository, asked = self.of(request), request.query_params
        wanted = (asked["source_branch"], asked["target_branch"], asked["state"])
        shown = [self._pull(repository, pull) for pull in repository.pulls]
        return answer([one for one in shown if (one["source_branch"], one["target_branch"], one["state"]) == wanted])

    def merge_request(self, request: Request, body: Any) -> Response:
        repository, number = self.of(request), int(given(request, "iid"))
        if number > len(repository.pulls):
            raise HTTPException(404)
        return answer(self._pull(repository, repository.pulls[number - 1]))

    def propose(self, request: Request, body: Any) -> Response:
        repository = self.of(request)
        if any((pull.head, pull.state) == (body["source_branch"], "open") for pull in repository.pulls):
            return answer({"message": ["Another open merge request already exists for this source branch: !1"]}, 409)
        number = len(repository.pulls) + 1
        pull = Pull(number, body["title"], body.get("description", ""), body["source_branch"], body["target_branch"], people=body)
        repository.pulls.append(pull)
        return answer(self._pull(repository, pull), 201)

    def merge(self, request: Request, body: Any) -> Response:
        repository = self.of(request)
        pull = repository.pulls[int(given(request, "iid")) - 1]
        pull.people |= body
        return answer(self._pull(repository, pull))

    def _pull(self, repository: Repository, pull: Pull) -> Mapping[str, Any]:
        at = f"{self.gitlab.url}/{repository.full_name}/-/merge_requests/{pull.number}"
        known = {"id": 1000 + pull.number, "iid": pull.number, "web_url": at, "title": pull.title, "merged_at": pull.merged_at}
        state = "merged" if pull.merged_at else "opened" if pull.state == "open" else pull.state
        return {**known, "state": state, "source_branch": pull.head, "target_branch": pull.base}

    def _threaded(self, endpoint: Callable[[Request, Any], Response]) -> Callable[[Request], Any]:
        forge: Forge = self.gitlab

        async def answered(request: Request) -> Response:
            body = await request.body()
            if request.method != "GET" and token_of(request) not in forge.tokens:
                raise HTTPException(401)
            return await run_in_threadpool(endpoint, request, orjson.loads(body) if body else {})

        return answered


def _branch(repository: Repository, name: str) -> Mapping[str, Any]:
    if not repository.git.commits:
        raise HTTPException(404)
    try:
        sha = repository.git.head(f"refs/heads/{name}")
    except (UnknownRevisionError, subprocess.CalledProcessError) as error:
        raise HTTPException(404, '{"message": "404 Branch Not Found"}') from error
    return {"name": name, "commit": {"id": sha, "message": repository.git.write("show", "--no-patch", "--format=%B", sha)}}
