"""An emulator of GitLab: its REST API as https://docs.gitlab.com/api/rest/ describes it, and of its GraphQL API the members of a group."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tests.servers.forges.forge import Endpoint, Forge, MovedError, answer, archived, blob, given, serving, slice_of
from tests.servers.forges.gitlab_writing import GitLabWriting
from tests.servers.github.hub import Repository

API = "/api/v4"
_PROJECT = f"{API}/projects/{{id}}"
_GROUP = f"{API}/groups/{{id}}"


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `members` are logins of its direct members."""

    id: int
    full_path: str
    name: str
    description: str = ""
    visibility: str = "private"
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    """A user of the instance."""

    id: int
    username: str
    name: str
    email: str | None = None
    state: str = "active"
    using_seat: bool = True


@dataclass(slots=True)
class Accounts:
    """Groups by full path, and users by login."""

    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    users: dict[str, User] = field(default_factory=dict[str, User])


class GitLab(Forge):
    """A GitLab instance."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.accounts = Accounts()

    def group(self, full_path: str, name: str = "", **more: Any) -> Group:
        """Create a group. Those above it have to be created themselves."""
        group = Group(next(self._ids), full_path, name or full_path.rpartition("/")[2].title(), **more)
        self.accounts.groups[full_path] = group
        return group

    def user(self, username: str, name: str = "", **more: Any) -> User:
        """Create a user."""
        user = User(next(self._ids), username, name or username.title(), **more)
        self.accounts.users[username] = user
        return user

    def above(self, group: Group) -> Group | None:
        """The group that the group is in."""
        return self.accounts.groups.get(group.full_path.rpartition("/")[0])

    def members(self, group: Group, *, inherited: bool) -> list[User]:
        """The users of the group, with those of the groups above it if asked for."""
        names = list(group.members)
        over = self.above(group)
        while inherited and over is not None:
            names += over.members
            over = self.above(over)
        return [self.accounts.users[name] for name in dict.fromkeys(names)]


@contextmanager
def serving_gitlab(folder: Path) -> Iterator[GitLab]:
    """A running instance."""
    gitlab = GitLab(folder)
    projects = _Projects(gitlab)
    routes = {**GitLabWriting(gitlab, projects.of, projects.shown).routes(), **projects.routes(), **_People(gitlab).routes()}
    with serving(gitlab, routes, _refused):
        yield gitlab


def _refused(error: HTTPException) -> Response:
    texts = {401: "401 Unauthorized", 404: "404 Project Not Found"}
    return answer(
        orjson.loads(error.detail) if error.detail.startswith("{") else {"message": texts.get(error.status_code, error.detail)},
        error.status_code,
    )


class _Projects:
    """Projects and their repositories."""

    def __init__(self, gitlab: GitLab) -> None:
        self.gitlab = gitlab

    def routes(self) -> Mapping[str, Endpoint]:
        return {
            f"{API}/projects": self.projects,
            _PROJECT: self.project,
            f"{_PROJECT}/repository/commits/{{sha}}": self.commit,
            f"{_PROJECT}/repository/tree": self.tree,
            f"{_PROJECT}/repository/files/{{path}}/raw": self.raw,
            f"{_PROJECT}/repository/files/{{path}}": self.raw,
            f"{_PROJECT}/repository/archive.tar.gz": self.archive,
            f"{_GROUP}/projects": self.projects_of_group,
        }

    def projects(self, request: Request) -> Response:
        return self._listed(request, "")

    def projects_of_group(self, request: Request) -> Response:
        group = given(request, "id")
        if group not in self.gitlab.accounts.groups:
            raise HTTPException(404, '{"message": "404 Group Not Found"}')
        return self._listed(request, group)

    def project(self, request: Request) -> Response:
        return answer(self.shown(self.of(request), simple=False))

    def commit(self, request: Request) -> Response:
        repository = self.of(request)
        revision = given(request, "sha")
        sha = repository.git.head(repository.git.default_branch if revision == "HEAD" else revision)
        return answer({"id": sha, "short_id": sha[:8], "title": "A commit", "web_url": f"{self._web(repository)}/-/commit/{sha}"})

    def tree(self, request: Request) -> Response:
        repository = self.of(request)
        entries = repository.git.tree(repository.git.head(request.query_params["ref"]))
        if request.query_params.get("recursive") != "true":
            entries = [entry for entry in entries if "/" not in entry.path]
        size = min(int(request.query_params.get("per_page", "20")), 100)
        first = next((i + 1 for i, entry in enumerate(entries) if entry.sha + entry.path == request.query_params.get("page_token")), 0)
        shown = entries[first : first + size]
        listed = [
            {"id": each.sha, "name": each.path.rpartition("/")[2], "type": each.type, "path": each.path, "mode": each.mode}
            for each in shown
        ]
        if len(entries) <= first + size or request.query_params.get("pagination") != "keyset":
            return answer(listed)
        following = request.url.include_query_params(page_token=shown[-1].sha + shown[-1].path)
        return answer(listed, link=f'<{self.gitlab.url}{following.path}?{following.query}>; rel="next"')

    def raw(self, request: Request) -> Response:
        repository = self.of(request)
        path = given(request, "path")
        if "ref" not in request.query_params:
            raise HTTPException(400, '{"error": "ref is missing"}')
        entry = blob(repository, request.query_params["ref"], path)
        if entry is None or entry.type != "blob":
            raise HTTPException(404, '{"message": "404 File Not Found"}')
        if not request.url.path.endswith("/raw"):
            return answer({"file_path": path, "blob_id": entry.sha, "size": entry.size}, x_gitlab_blob_id=entry.sha)
        return Response(repository.git.file(entry.sha), media_type="text/plain; charset=utf-8")

    def archive(self, request: Request) -> Response:
        repository = self.of(request)
        sha = repository.git.head(request.query_params.get("sha", repository.git.default_branch))
        return Response(archived(repository, sha, f"{repository.name}-{sha}-{sha}/"), media_type="application/octet-stream")

    def of(self, request: Request) -> Repository:
        """The project that the request is about, by its id or full path."""
        name = given(request, "id")
        by_id = {str(repository.id): repository.full_name for repository in self.gitlab.repositories.values()}
        if name.lower() in self.gitlab.moved and name.lower() not in self.gitlab.repositories:
            path = request.url.path.replace(request.path_params["id"], str(self.gitlab.moved[name.lower()]), 1)
            raise MovedError(f"{self.gitlab.url}{path}?{request.url.query}", 301)
        return self.gitlab.found(request, by_id.get(name, name), message="404 Project Not Found")

    def _listed(self, request: Request, group: str) -> Response:
        asked = request.query_params
        found = [
            each
            for each in self.gitlab.visible(request, group)
            if (asked.get("archived") != "false" or not each.archived)
            and (not group or asked.get("include_subgroups") == "true" or each.owner == group)
            and set(filter(None, asked.get("topic", "").split(","))) <= set(each.topics)
        ]
        rows, page, more = slice_of(request, found, 20, 100, number="page", length="per_page")
        listed = [self.shown(each, simple=asked.get("simple") == "true") for each in rows]
        return answer(listed, **_paging(self.gitlab, request, page, more=more))

    def shown(self, repository: Repository, *, simple: bool) -> Mapping[str, Any]:
        """A project as it is answered."""
        shown: dict[str, Any] = {
            "id": repository.id,
            "name": repository.name,
            "path_with_namespace": repository.full_name,
            "web_url": self._web(repository),
            "topics": list(repository.topics),
        }
        if repository.git.commits:
            shown["default_branch"] = repository.git.default_branch
        if not simple:
            made = datetime.fromtimestamp(repository.created_at, UTC).isoformat().replace("+00:00", "Z")
            shown |= {"http_url_to_repo": f"{self._web(repository)}.git", "created_at": made, "empty_repo": not repository.git.commits}
            shown |= {"archived": repository.archived, "visibility": "private" if repository.private else "public"}
            shown |= {"forked_from_project": {"id": 1}} if repository.fork else {}
        return shown

    def _web(self, repository: Repository) -> str:
        return f"{self.gitlab.url}/{repository.full_name}"


class _People:
    """Groups and users."""

    def __init__(self, gitlab: GitLab) -> None:
        self.gitlab = gitlab

    def routes(self) -> Mapping[str, Endpoint]:
        return {
            f"{API}/groups": self.groups,
            _GROUP: self.group,
            f"{_GROUP}/descendant_groups": self.descendants,
            f"{_GROUP}/members/all": self.members,
            f"{API}/users": self.users,
            f"{API}/namespaces/{{id}}": self.namespace,
            "/api/graphql": self.graphql,
        }

    def groups(self, request: Request) -> Response:
        self.gitlab.grant(request)
        rows, page, more = slice_of(request, list(self.gitlab.accounts.groups.values()), 20, 100, number="page", length="per_page")
        return answer([self._group(each) for each in rows], **_paging(self.gitlab, request, page, more=more))

    def group(self, request: Request) -> Response:
        self.gitlab.grant(request)
        return answer(self._group(self._of(given(request, "id"))))

    def namespace(self, request: Request) -> Response:
        self.gitlab.grant(request)
        group = self._of(given(request, "id"))
        return answer({"id": group.id, "name": group.name, "kind": "group", "full_path": group.full_path})

    def descendants(self, request: Request) -> Response:
        self.gitlab.grant(request)
        prefix = f"{self._of(given(request, 'id')).full_path}/"
        below = [group for path, group in self.gitlab.accounts.groups.items() if path.startswith(prefix)]
        rows, page, more = slice_of(request, below, 20, 100, number="page", length="per_page")
        return answer([self._group(each) for each in rows], **_paging(self.gitlab, request, page, more=more))

    def members(self, request: Request) -> Response:
        self.gitlab.grant(request)
        found = self.gitlab.members(self._of(given(request, "id")), inherited=True)
        return self._people(request, [{**_user(self.gitlab, user), "is_using_seat": user.using_seat, "access_level": 30} for user in found])

    def users(self, request: Request) -> Response:
        self.gitlab.grant(request)
        active = request.query_params.get("active") == "true"
        wanted = request.query_params.get("username")
        found = [user for user in self.gitlab.accounts.users.values() if not active or user.state == "active"]
        found = [user for user in found if wanted in (None, user.username)]
        bots = re.compile(r"^(project|group)_\d+_bot")
        kept = [user for user in found if request.query_params.get("without_project_bots") != "true" or not bots.match(user.username)]
        return self._people(request, [{**_user(self.gitlab, user), "email": user.email} for user in kept])

    async def graphql(self, request: Request) -> Response:
        asked = await request.json()
        return await run_in_threadpool(self._graphql, request, asked)

    def _graphql(self, request: Request, asked: Mapping[str, Any]) -> Response:
        self.gitlab.grant(request)
        variables = asked["variables"]
        group = self.gitlab.accounts.groups.get(variables["group"])
        if group is None:
            return answer({"data": {"group": None}})
        start = int(variables.get("after") or 0)
        users = self.gitlab.members(group, inherited="INHERITED" in variables["relations"])
        nodes = [{"user": {"id": f"gid://gitlab/User/{user.id}", "username": user.username}} for user in users]
        page = {"endCursor": str(start + 100), "hasNextPage": len(nodes) > start + 100}
        return answer({"data": {"group": {"groupMembers": {"nodes": nodes[start : start + 100], "pageInfo": page}}}})

    def _of(self, name: str) -> Group:
        found = [group for path, group in self.gitlab.accounts.groups.items() if name in {path, str(group.id)}]
        if not found:
            raise HTTPException(404, '{"message": "404 Group Not Found"}')
        return found[0]

    def _group(self, group: Group) -> Mapping[str, Any]:
        over = self.gitlab.above(group)
        return {
            "id": group.id,
            "name": group.name,
            "description": group.description,
            "full_path": group.full_path,
            "visibility": group.visibility,
            "parent_id": over.id if over else None,
            "web_url": f"{self.gitlab.url}/groups/{group.full_path}",
        }

    def _people(self, request: Request, found: list[Any]) -> Response:
        rows, page, more = slice_of(request, found, 20, 100, number="page", length="per_page")
        return answer(list(rows), **_paging(self.gitlab, request, page, more=more))


def _user(gitlab: GitLab, user: User) -> Mapping[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "state": user.state,
        "web_url": f"{gitlab.url}/{user.username}",
        "avatar_url": f"{gitlab.url}/uploads/{user.id}.png",
    }


def _paging(gitlab: GitLab, request: Request, page: int, *, more: bool) -> Mapping[str, str]:
    following = request.url.include_query_params(page=page + 1)
    link = {"link": f'<{gitlab.url}{following.path}?{following.query}>; rel="next"'} if more else {}
    return {"x_page": str(page), "x_next_page": str(page + 1) if more else "", **link}
