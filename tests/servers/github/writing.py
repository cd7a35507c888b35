"""The endpoints of the emulator that change something: repositories and their settings, git objects, pull requests, webhooks."""

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from nacl.public import PrivateKey, SealedBox
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.servers.github import answers
from tests.servers.github.description import description
from tests.servers.github.hub import Hub, Pull, Repository
from tests.servers.github.repositories import UnknownRevisionError

Of = Callable[[Request], Repository]
Body = Mapping[str, Any]
Endpoint = Callable[[Request, Any], Response]

KEY = PrivateKey(bytes(range(32)))
"""What secrets are sealed for."""


class Writing:
    """The endpoints. `of` finds the repository of a request."""

    def __init__(self, hub: Hub, of: Of) -> None:
        self.hub, self.of = hub, of

    def routes(self) -> list[Route]:
        """Every route, by method and path."""
        repo = "/repos/{owner}/{repo}"
        table: list[tuple[str, str, Endpoint]] = [
            ("POST", "/orgs/{org}/repos", self.create),
            ("POST", "/user/repos", self.create),
            ("POST", f"{repo}/forks", self.fork),
            ("PUT", f"{repo}/topics", self.topics),
            ("PUT", f"{repo}/collaborators/{{name}}", self.kept(204)),
            ("PUT", f"/orgs/{{org}}/teams/{{slug}}{repo}", self.kept(204)),
            ("PUT", f"{repo}/subscription", self.kept(200, "/repos/{owner}/{repo}/subscription")),
            ("PUT", f"{repo}/branches/{{branch}}/protection", self.protect),
            ("POST", f"{repo}/actions/variables", self.variable),
            ("GET", f"{repo}/actions/variables/{{name}}", self.seen_variable),
            ("PATCH", f"{repo}/actions/variables/{{name}}", self.kept(204)),
            ("GET", f"{repo}/actions/secrets/public-key", self.public_key),
            ("PUT", f"{repo}/actions/secrets/{{name}}", self.secret),
            ("PUT", f"{repo}/actions/permissions/access", self.kept(204)),
            ("POST", f"{repo}/git/blobs", self.blob),
            ("POST", f"{repo}/git/trees", self.tree),
            ("POST", f"{repo}/git/commits", self.commit),
            ("GET", f"{repo}/git/commits/{{sha}}", self.seen_commit),
            ("GET", f"{repo}/git/matching-refs/{{ref:path}}", self.matching),
            ("POST", f"{repo}/git/refs", self.reference),
            ("PATCH", f"{repo}/git/refs/{{ref:path}}", self.move),
            ("GET", f"{repo}/pulls", self.pulls),
            ("POST", f"{repo}/pulls", self.propose),
            ("GET", f"{repo}/pulls/{{number:int}}", self.pull),
            ("PATCH", f"{repo}/pulls/{{number:int}}", self.change),
            ("POST", f"{repo}/pulls/{{number:int}}/requested_reviewers", self.reviewers),
            ("POST", f"{repo}/issues/{{number:int}}/assignees", self.assignees),
            ("POST", f"{repo}/issues/{{number:int}}/labels", self.labels),
            ("GET", f"{repo}/hooks", self.hooks),
            ("POST", f"{repo}/hooks", self.hook),
            ("POST", f"{repo}/actions/workflows/{{id}}/dispatches", self.dispatch),
        ]
        return [Route(path, _threaded(endpoint, self.may_write), methods=[method]) for method, path, endpoint in table]

    def may_write(self, request: Request) -> None:
        """Refuses whoever has no token, as GitHub does."""
        token = request.headers.get("authorization", "").partition(" ")[2]
        if request.method != "GET" and token not in self.hub.tokens:
            raise HTTPException(401, "Requires authentication")

    def create(self, request: Request, body: Body) -> Response:
        owner = request.path_params.get("org") or next(iter(self.hub.people))
        if f"{owner}/{body['name']}".lower() in self.hub.repositories:
            errors = [{"resource": "Repository", "code": "custom", "field": "name", "message": "name already exists on this account"}]
            return _json({"message": "Repository creation failed.", "errors": errors, "documentation_url": "https://docs.github.com"}, 422)
        files = {"README.md": f"# {body['name']}\n"} if body.get("auto_init") else None
        made = self.hub.repository(f"{owner}/{body['name']}", files, private=body["private"], created_at=time.time())
        made.settings["create"] = body
        return _json(answers.repository(self.hub, made, full=True), 201)

    def fork(self, request: Request, body: Body) -> Response:
        made = self.hub.fork(self.of(request).full_name, next(iter(self.hub.people)))
        return _json(answers.repository(self.hub, made, full=True), 202)

    def topics(self, request: Request, body: Body) -> Response:
        self.of(request).topics = body["names"]
        return _json({"names": body["names"]})

    def kept(self, status: int, template: str = "") -> Endpoint:
        """An endpoint that only keeps what it is sent, and answers GitHub's example."""

        def keep(request: Request, body: Any) -> Response:
            self.of(request).settings[request.url.path.rpartition("/")[2]] = body
            return Response(status_code=status) if not template else _json(description().example(template, status, "put"), status)

        return keep

    def protect(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        repository.git.head(request.path_params["branch"])
        repository.settings["protection"] = body
        return _json(description().example("/repos/{owner}/{repo}/branches/{branch}/protection", 200, "put"))

    def variable(self, request: Request, body: Body) -> Response:
        self.of(request).settings.setdefault("variables", {})[body["name"]] = body["value"]
        return _json({}, 201)

    def seen_variable(self, request: Request, body: Any) -> Response:
        name, variables = request.path_params["name"], self.of(request).settings.get("variables", {})
        if name not in variables:
            raise HTTPException(404)
        at = "2026-01-01T00:00:00Z"
        return _json({"name": name, "value": variables[name], "created_at": at, "updated_at": at})

    def public_key(self, request: Request, body: Any) -> Response:
        self.of(request)
        return _json({"key_id": "012345678912345678", "key": base64.b64encode(bytes(KEY.public_key)).decode()})

    def secret(self, request: Request, body: Body) -> Response:
        opened = SealedBox(KEY).decrypt(base64.b64decode(body["encrypted_value"])).decode()
        self.of(request).settings.setdefault("secrets", {})[request.path_params["name"]] = opened
        return _json({}, 201)

    def blob(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        content = base64.b64decode(body["content"]) if body["encoding"] == "base64" else body["content"].encode()
        sha = repository.git.write("hash-object", "-w", "--stdin", stdin=content)
        return _json({"sha": sha, "url": f"{self._at(repository)}/blobs/{sha}"}, 201)

    def tree(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        git = repository.git
        files = {entry.path: (entry.mode, entry.sha) for entry in git.tree(body["base_tree"]) if entry.type == "blob"}
        for entry in body["tree"]:
            if "content" in entry:
                files[entry["path"]] = (entry["mode"], git.write("hash-object", "-w", "--stdin", stdin=entry["content"].encode()))
            elif entry["sha"] is None:
                files.pop(entry["path"])
            else:
                files[entry["path"]] = (entry["mode"], entry["sha"])
        sha = _written(repository, files)
        return _json(answers.tree(self.hub, repository, sha, git.tree(sha), truncated=False), 201)

    def commit(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        who = body.get("author") or {"name": "Octo App", "email": "app@example.com", "date": "2026-01-01T00:00:00Z"}
        parents = "".join(f"parent {sha}\n" for sha in body["parents"])
        seconds = f"{who['name']} <{who['email']}> {int(_unix(who['date']))} +0000"
        text = f"tree {body['tree']}\n{parents}author {seconds}\ncommitter {seconds}\n\n{body['message']}"
        sha = repository.git.write("hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode())
        return _json(self._commit(repository, sha), 201)

    def seen_commit(self, request: Request, body: Any) -> Response:
        repository = self.of(request)
        return _json(self._commit(repository, repository.git.head(request.path_params["sha"])))

    def matching(self, request: Request, body: Any) -> Response:
        repository = self.of(request)
        if not repository.git.commits:
            return _json({"message": "Git Repository is empty."}, 409)
        wanted = f"refs/{request.path_params['ref']}"
        names = repository.git.write("for-each-ref", "--format=%(refname)").splitlines()
        found = [name.removeprefix("refs/") for name in names if name.startswith(wanted)]
        return _json([answers.reference(self.hub, repository, name, repository.git.head(f"refs/{name}")) for name in found])

    def reference(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        try:
            repository.git.write("update-ref", body["ref"], body["sha"], "0" * 40)
        except UnknownRevisionError:
            return _json({"message": "Reference already exists", "documentation_url": "https://docs.github.com/rest"}, 422)
        return _json(answers.reference(self.hub, repository, body["ref"].removeprefix("refs/"), body["sha"]), 201)

    def move(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        name = request.path_params["ref"]
        repository.git.write("update-ref", f"refs/{name}", body["sha"])
        return _json(answers.reference(self.hub, repository, name, body["sha"]))

    def pulls(self, request: Request, body: Any) -> Response:
        repository = self.of(request)
        asked = request.query_params
        head = asked.get("head", "")
        named = [pull for pull in repository.pulls if f"{pull.owner or repository.owner}:{pull.head}" == head]
        found = [pull for pull in named if asked.get("base", pull.base) == pull.base]
        example = description().example("/repos/{owner}/{repo}/pulls")[0]
        return _json([self._pull(repository, pull, example) for pull in found if pull.state == asked.get("state", "open")])

    def propose(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        owner, _, branch = body["head"].rpartition(":")
        owner = "" if owner == repository.owner else owner
        if any((pull.owner, pull.head, pull.state) == (owner, branch, "open") for pull in repository.pulls):
            message = f"A pull request already exists for {owner or repository.owner}:{branch}."
            errors = [{"resource": "PullRequest", "code": "custom", "message": message}]
            return _json({"message": "Validation Failed", "errors": errors, "documentation_url": "https://docs.github.com"}, 422)
        pull = Pull(len(repository.pulls) + 1, body["title"], body["body"], branch, body["base"], owner)
        repository.pulls.append(pull)
        return _json(self._pull(repository, pull, self._full_pull()), 201)

    def pull(self, request: Request, body: Any) -> Response:
        repository = self.of(request)
        if request.path_params["number"] > len(repository.pulls):
            raise HTTPException(404)
        return _json(self._pull(repository, repository.pulls[request.path_params["number"] - 1], self._full_pull()))

    def change(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        pull = repository.pulls[request.path_params["number"] - 1]
        pull.title, pull.body = body["title"], body["body"]
        return _json(self._pull(repository, pull, self._full_pull()))

    def reviewers(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        pull = repository.pulls[request.path_params["number"] - 1]
        pull.people |= body
        example = description().example("/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", 201, "post")
        return _json(self._pull(repository, pull, example), 201)

    def assignees(self, request: Request, body: Body) -> Response:
        pull = self.of(request).pulls[request.path_params["number"] - 1]
        pull.people |= body
        return _json(description().example("/repos/{owner}/{repo}/issues/{issue_number}/assignees", 201, "post"), 201)

    def labels(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        if request.path_params["number"] > len(repository.pulls):
            raise HTTPException(404)
        repository.pulls[request.path_params["number"] - 1].people |= body
        return _json(description().example("/repos/{owner}/{repo}/issues/{issue_number}/labels", 200, "post"))

    def hooks(self, request: Request, body: Any) -> Response:
        return _json(self.of(request).settings.get("hooks", []))

    def hook(self, request: Request, body: Body) -> Response:
        repository = self.of(request)
        hooks: list[Any] = repository.settings.setdefault("hooks", [])
        number = len(hooks) + 1
        shown = description().example("/repos/{owner}/{repo}/hooks", 201, "post")
        config = {**body["config"], "secret": "********"}
        known = {"id": number, "url": f"{self.hub.api_url}/repos/{repository.full_name}/hooks/{number}", "active": body["active"]}
        hooks.append(shown | known | {"events": body["events"], "config": config})
        return _json(hooks[-1], 201)

    def dispatch(self, request: Request, body: Body) -> Response:
        self.of(request).settings.setdefault("dispatches", []).append({"workflow": request.path_params["id"], **body})
        if not body.get("return_run_details"):
            return Response(status_code=204)
        runs = f"{self.hub.api_url}/repos/{self.of(request).full_name}/actions/runs/1"
        return _json({"workflow_run_id": 1, "run_url": runs, "html_url": f"{self.hub.url}/{self.of(request).full_name}/actions/runs/1"})

    def _full_pull(self) -> dict[str, Any]:
        return description().example("/repos/{owner}/{repo}/pulls", 201, "post")

    def _pull(self, repository: Repository, pull: Pull, example: dict[str, Any]) -> dict[str, Any]:
        at = f"{repository.full_name}/pull/{pull.number}"
        of_head = self.hub.repositories[f"{pull.owner}/{repository.name}".lower()] if pull.owner else repository
        ends = {
            name: example[name] | {"ref": branch, "sha": of.git.head(branch), "label": f"{of.owner}:{branch}"}
            for name, of, branch in (("head", of_head, pull.head), ("base", repository, pull.base))
        }
        known = {"number": pull.number, "html_url": f"{self.hub.url}/{at}", "title": pull.title, "body": pull.body, "state": pull.state}
        known |= {"merged_at": pull.merged_at}
        return example | ends | known | {"requested_teams": []}

    def _commit(self, repository: Repository, sha: str) -> dict[str, Any]:
        example = description().example("/repos/{owner}/{repo}/git/commits/{commit_sha}")
        tree = repository.git.write("rev-parse", f"{sha}^{{tree}}")
        shown = {"sha": sha, "tree": {"sha": tree, "url": f"{self._at(repository)}/trees/{tree}"}}
        return example | shown | {"message": repository.git.write("show", "--no-patch", "--format=%B", sha)}

    def _at(self, repository: Repository) -> str:
        return f"{self.hub.api_url}/repos/{repository.full_name}/git"


def _written(repository: Repository, files: Mapping[str, tuple[str, str]]) -> str:
    """The tree of the files, written below one folder after another."""
    folders: dict[str, dict[str, tuple[str, str]]] = {}
    lines: list[str] = []
    for path, entry in files.items():
        name, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(name, {})[rest] = entry
        else:
            lines.append(f"{entry[0]} blob {entry[1]}\t{path}")
    lines += [f"040000 tree {_written(repository, below)}\t{name}" for name, below in folders.items()]
    return repository.git.write("mktree", stdin="".join(f"{line}\n" for line in lines).encode())


def _threaded(endpoint: Endpoint, check: Callable[[Request], None]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        body = await request.body()
        check(request)
        return await run_in_threadpool(endpoint, request, orjson.loads(body) if body else {})

    return answer


def _unix(date: str) -> float:
    return time.mktime(time.strptime(date, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json; charset=utf-8")
