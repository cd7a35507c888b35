"""An emulator of Azure DevOps: its REST API as https://learn.microsoft.com/en-us/rest/api/azure/devops/ describes it, with code search."""

import io
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tests.servers.forges.forge import Endpoint, Forge, answer, archived, blob, given, is_open, opened, pull_of, serving, token_of
from tests.servers.github.hub import Pull, Repository

_REPO = "/{organization}/{project}/_apis/git/repositories/{repo}"
_SIGN_IN_PAGE = "<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head></html>"


class Azure(Forge):
    """Azure DevOps, with its code search and the sign-in of Microsoft Entra on one host. `clients` are secrets of applications by id."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.conditional = False
        self.refusal = 203
        self.clients: dict[str, str] = {}


@contextmanager
def serving_azure(folder: Path) -> Iterator[Azure]:
    """A running instance."""
    azure = Azure(folder)
    with serving(azure, _Repositories(azure).routes(), _refused):
        yield azure


def _refused(error: HTTPException) -> Response:
    if error.status_code == 203:
        return Response(_SIGN_IN_PAGE, 203, media_type="text/html; charset=utf-8")
    return answer({"$id": "1", "message": f"TF401019: {error.detail}", "typeKey": "GitRepositoryNotFoundException"}, error.status_code)


class _Repositories:
    """Repositories, what is in them, code search, and tokens."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure

    def routes(self) -> Mapping[str, Endpoint]:
        return {
            "/{tenant}/oauth2/v2.0/token": self.token,
            "/{organization}/_apis/search/codesearchresults": self.search,
            "POST /{organization}/{project}/_apis/git/repositories": self.create,
            "GET /{organization}/{project}/_apis/git/repositories": self.repositories,
            _REPO: self.repository,
            f"{_REPO}/commits": self.commits,
            f"{_REPO}/items": self.items,
            f"GET {_REPO}/pullrequests": self.pulls,
            f"POST {_REPO}/pullrequests": self.propose,
            f"GET {_REPO}/pullrequests/{{id}}": self.pull,
        }

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if self.azure.clients.get(form.get("client_id", "")) != form.get("client_secret") or not form["scope"].endswith("/.default"):
            return answer({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}, 401)
        return answer({"access_token": self.azure.token("entra-token"), "token_type": "Bearer", "expires_in": 3599})

    async def search(self, request: Request) -> Response:
        return await run_in_threadpool(self._search, request, await request.json())

    def _search(self, request: Request, asked: Mapping[str, Any]) -> Response:
        terms = dict(re.findall(r"(path|repo|proj):(\"[^\"]*\"|\S+)", asked["searchText"]))
        wanted = {name: _pattern(text.strip('"')) for name, text in terms.items()}
        results: list[Any] = []
        for repository in self.azure.visible(request, given(request, "organization")):
            project = repository.owner.split("/")[1]
            if not repository.git.commits or not (wanted["repo"].fullmatch(repository.name) and wanted["proj"].fullmatch(project)):
                continue
            names = {"project": {"name": project}, "repository": {"name": repository.name}}
            branch = repository.git.default_branch
            for entry in repository.git.tree(repository.git.head(branch)):
                if entry.type == "blob" and wanted["path"].fullmatch(f"/{entry.path}"):
                    results.append({"fileName": entry.path.rpartition("/")[2], "path": f"/{entry.path}", **names})
        first = asked.get("$skip", 0)
        return answer({"count": len(results), "results": results[first : first + asked["$top"]]})

    async def create(self, request: Request) -> Response:
        body = await request.json()
        if token_of(request) not in self.azure.tokens:
            raise HTTPException(203)
        name = f"{given(request, 'organization')}/{given(request, 'project')}/{body['name']}"
        if name.lower() in self.azure.repositories:
            raise HTTPException(409, "A Git repository with that name already exists.")
        return answer(self._shown(self.azure.repository(name)), 201)

    def repository(self, request: Request) -> Response:
        return answer(self._shown(self._of(request)))

    def _shown(self, repository: Repository) -> Mapping[str, Any]:
        shown = {"id": str(repository.id), "name": repository.name, "isDisabled": False}
        return shown | ({"defaultBranch": f"refs/heads/{repository.git.default_branch}"} if repository.git.commits else {})

    def repositories(self, request: Request) -> Response:
        owner = f"{given(request, 'organization')}/{given(request, 'project')}"
        listed = [{"id": str(each.id), "name": each.name, "isDisabled": False} for each in self.azure.visible(request, owner)]
        return answer({"count": len(listed), "value": listed})

    def commits(self, request: Request) -> Response:
        repository = self._of(request)
        sha = repository.git.head(self._version(request, repository, "searchCriteria.itemVersion."))
        return answer({"count": 1, "value": [{"commitId": sha, "comment": "A commit"}]})

    def items(self, request: Request) -> Response:
        repository = self._of(request)
        asked = request.query_params
        revision = self._version(request, repository, "versionDescriptor.")
        if "path" in asked:
            entry = blob(repository, revision, asked["path"].strip("/"))
            if entry is None:
                raise HTTPException(404, "The item does not exist at the specified version.")
            return Response(repository.git.file(entry.sha), media_type="application/octet-stream")
        if asked.get("$format") == "zip":
            return Response(_without_modes(archived(repository, revision, "", "zip")), media_type="application/zip")
        root = {"gitObjectType": "tree", "path": "/", "isFolder": True}
        listed: list[Mapping[str, Any]] = [root]
        for entry in repository.git.tree(repository.git.head(revision)):
            item = {"gitObjectType": entry.type, "objectId": entry.sha, "path": f"/{entry.path}"}
            listed.append(
                item | ({"isFolder": True} if entry.type == "tree" else {}) | ({"isSymLink": True} if entry.mode == "120000" else {})
            )
        return answer({"count": len(listed), "value": listed})

    def pulls(self, request: Request) -> Response:
        repository, asked = self._of(request), request.query_params
        wanted = tuple(asked[f"searchCriteria.{name}"] for name in ("status", "sourceRefName", "targetRefName"))
        shown = [self._pull(repository, pull) for pull in reversed(repository.pulls)]
        found = [one for one in shown if (one["status"], one["sourceRefName"], one["targetRefName"]) == wanted]
        return answer({"count": len(found), "value": found})

    async def propose(self, request: Request) -> Response:
        repository, body = self._of(request), await request.json()
        if token_of(request) not in self.azure.tokens:
            raise HTTPException(203)
        if len(body["description"]) > 4000:
            raise HTTPException(400, "The description is too long.")
        head, base = (body[name].removeprefix("refs/heads/") for name in ("sourceRefName", "targetRefName"))
        if is_open(repository, head, base):
            raise HTTPException(409, "An active pull request for the source and target branch already exists.")
        made = opened(repository, head, base, body["title"], body["description"])
        return answer(self._pull(repository, made), 201)

    def pull(self, request: Request) -> Response:
        repository = self._of(request)
        return answer(self._pull(repository, pull_of(repository, given(request, "id"))))

    def _pull(self, repository: Repository, pull: Pull) -> Mapping[str, Any]:
        status = "completed" if pull.merged_at else "active" if pull.state == "open" else "abandoned"
        known = {"pullRequestId": pull.number, "status": status, "title": pull.title, "description": pull.body[:400]}
        fork = {"forkSource": {"name": f"refs/heads/{pull.head}"}} if pull.owner else {}
        return {**known, "sourceRefName": f"refs/heads/{pull.head}", "targetRefName": f"refs/heads/{pull.base}", **fork}

    def _version(self, request: Request, repository: Repository, prefix: str) -> str:
        version = request.query_params.get(f"{prefix}version")
        kind = request.query_params.get(f"{prefix}versionType", "branch")
        if version is None:
            return repository.git.default_branch
        return {"branch": f"refs/heads/{version}", "tag": f"refs/tags/{version}", "commit": version}[kind]

    def _of(self, request: Request) -> Repository:
        if "api-version" not in request.query_params:
            raise HTTPException(400, "No api-version was supplied for the request.")
        name = f"{given(request, 'organization')}/{given(request, 'project')}/{given(request, 'repo')}"
        return self.azure.found(request, name)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE)


def _without_modes(archive: bytes) -> bytes:
    """The archive as the host packs it, which says of no file whether it can be run."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(packed, "w") as target:
        for entry in source.infolist():
            if stat.S_ISREG(entry.external_attr >> 16):
                entry.external_attr = 0
            target.writestr(entry, source.read(entry.filename))
    return packed.getvalue()
