"""The action publish:gitlab, by https://docs.gitlab.com/api/projects/."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import SecretStr

from graph.errors import InputError
from plugins.actions import Action, ActionContext, action
from plugins.rest import understood
from workers.scaffolder.publishing.contents import Pushed, commit_text, push
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.destinations import Destination, integration_of
from workers.scaffolder.publishing.gitlab_inputs import Branch, Publish, Published, creation_of
from workers.scaffolder.publishing.repositories import Repository, created_once
from workers.scaffolder.publishing.requests import WriteApi

_OWNER = 50


def gitlab_actions(desk: Desk) -> Sequence[Action]:
    """The one of this module."""

    @action("publish:gitlab", "Initializes a git repository of the content in the workspace, and publishes it to GitLab.")
    async def publish(given: Publish, context: ActionContext) -> Published:
        at = desk.destination(given.repo_url, "owner", "repo")
        key = desk.signing_key(given.sign_commit, integration_of(at, desk.config.integrations.gitlab, "gitlab"))
        return await _Project(desk, context, desk.gitlab(at, given.token), at, given, key).published()

    return [publish]


@dataclass(frozen=True, slots=True)
class _Project:
    """One project that is published."""

    desk: Desk
    context: ActionContext
    api: WriteApi
    at: Destination
    given: Publish
    signing_key: SecretStr | None

    async def published(self) -> Published:
        """What the step gives."""
        if self.given.skip_existing and (kept := await self.context.checkpoint("existing", self._existing)):
            self.context.log.info(f"{self.at.full_name} exists already")
            return Published(**kept, created=False)
        project = await created_once(self.context, self.at.full_name, self._look, self._create)
        await self._add_owners(project.id)
        remote_url = project.remote_url.removesuffix(".git")
        done = {"remote_url": remote_url, "repo_contents_url": f"{remote_url}/-/blob/{quote(self.given.default_branch)}"}
        more = {"commit_hash": await self._push()} if self.given.source_path is not False else {}
        for branch in (self.given.branches or ()) if more else ():
            await self._branch(project.id, branch)
        for variable in self.given.project_variables or ():
            path = f"/projects/{project.id}/variables"
            body = variable.model_dump(exclude_none=True)
            said = await self.api.ask("POST", path, body, expected={400})
            if said.status == 400:
                # Most often it is there already, from a run that was interrupted; if not, this says what is wrong.
                scope = urlencode({"filter[environment_scope]": variable.environment_scope})
                await self.api.ask("PUT", f"{path}/{quote(variable.key, safe='')}?{scope}", body)
        return Published(**done, **more, project_id=int(project.id), created=True)

    async def _existing(self) -> dict[str, Any]:
        found = await self.api.get(self._path())
        if found is None:
            return {}
        with understood(self.api.url):
            remote_url = str(found["http_url_to_repo"]).removesuffix(".git")
            branch = found.get("default_branch") or self.given.default_branch
            return {"remote_url": remote_url, "repo_contents_url": f"{remote_url}/-/blob/{quote(branch)}", "project_id": found["id"]}

    async def _look(self) -> Repository | None:
        found = await self.api.get(self._path())
        return None if found is None else self._told(found)

    async def _create(self) -> Repository:
        namespace = await self.api.get(f"/namespaces/{quote(self.at.owner, safe='')}")
        if namespace is None:
            raise InputError(f"The namespace {self.at.owner} is not found or the user doesn't have permissions to access it")
        said = await self.api.ask("POST", "/projects", creation_of(self.given, self.at.repo, namespace["id"]))
        return self._told(said.value)

    def _told(self, found: Any) -> Repository:
        with understood(self.api.url):
            # GitLab names a default branch once there is a commit, and `empty_repo` to those who may read it.
            is_empty = bool(found.get("empty_repo", not found.get("default_branch")))
            remote_url, page = str(found["http_url_to_repo"]), str(found["web_url"])
            return Repository(str(found["path_with_namespace"]), str(found["id"]), page, remote_url, str(found["created_at"]), is_empty)

    async def _push(self) -> str:
        given = self.given
        text = await commit_text(
            self.context, self.desk.config.scaffolder, given.git_commit_message, given.git_author_name, given.git_author_email
        )
        url = f"{self.desk.gitlab_page(self.at)}.git"
        target = Pushed(url, self.at.host, "oauth2", await self.api.password(), given.default_branch, self.signing_key)
        source = given.source_path if isinstance(given.source_path, str) else None
        return await push(self.context, self.desk.outbound, target, source, text)

    async def _add_owners(self, project: str) -> None:
        """Add those that the step names, by the integration: a step's own token may not make owners."""
        if not (self.given.set_user_as_owner or self.given.owner_username):
            return
        if self.desk.config.scaffolder.require_scm_user_credentials:
            raise InputError("setUserAsOwner and ownerUsername need the integration, which scaffolder.requireScmUserCredentials rules out")
        owning = self.desk.gitlab(self.at, None)
        users: list[Any] = [await self.api.get("/user")] if self.given.set_user_as_owner else []
        if name := self.given.owner_username:
            found: list[Any] = await owning.get(f"/users?{urlencode({'username': name})}") or []
            users += found
            if not found:
                self.context.log.warning(f"Could not find GitLab user with username '{name}'. Skipping owner assignment.")
        for user in users:
            body = {"user_id": user["id"], "access_level": _OWNER}
            # A member already is what is wanted.
            await owning.ask("POST", f"/projects/{project}/members", body, expected={409})

    async def _branch(self, project: str, branch: Branch) -> None:
        path = f"/projects/{project}"
        if branch.create and await self.api.get(f"{path}/repository/branches/{quote(branch.name, safe='')}") is None:
            await self.api.ask("POST", f"{path}/repository/branches?{urlencode({'branch': branch.name, 'ref': branch.ref})}")
        if branch.protect:
            # 409 says that it is protected already.
            await self.api.ask("POST", f"{path}/protected_branches", {"name": branch.name}, expected={409})

    def _path(self) -> str:
        return f"/projects/{quote(self.at.full_name, safe='')}"
