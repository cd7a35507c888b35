"""The action publish:gitea, by https://docs.gitea.com/api/."""

from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from graph.errors import InputError
from plugins.actions import Action, ActionContext, action
from plugins.gitea.host import git_username, gitea_credentials
from plugins.rest import signed_by, understood
from workers.scaffolder.publishing.contents import Pushed
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.destinations import integration_of
from workers.scaffolder.publishing.one_push import OnePush, PublishedRepository, PublishInput
from workers.scaffolder.publishing.repositories import Repository
from workers.scaffolder.publishing.requests import WriteApi


class Publish(PublishInput):
    """The input of publish:gitea."""

    description: str = Field(description="Repository Description")
    default_branch: str = Field(default="main", description="Sets the default branch on the repository.")
    repo_visibility: Literal["private", "public"] = Field(default="public", description="Sets the visibility of the repository.")
    git_author_name: str | None = Field(default=None, description="Sets the author name for the commit.")
    git_author_email: str | None = Field(default=None, description="Sets the author email for the commit.")


def gitea_action(desk: Desk) -> Action:
    """The one of this module."""

    @action("publish:gitea", "Initializes a git repository using the content of the workspace, and publishes it to Gitea.")
    async def publish(given: Publish, context: ActionContext) -> PublishedRepository:
        at = desk.destination(given.repo_url, "owner", "repo")
        integration = integration_of(at, desk.config.integrations.gitea, "gitea")
        key = desk.signing_key(given.sign_commit, integration)
        sign = desk.signed(None, signed_by(gitea_credentials(integration)), at.host)
        api = WriteApi(desk.outbound, f"{integration.web_url}/api/v1", sign, {})
        page = f"{integration.web_url}/{quote(at.full_name)}"

        def told(found: Any) -> Repository:
            with understood(api.url):
                name, number, made = str(found["full_name"]), str(found["id"]), found.get("created_at")
                return Repository(name, number, page, f"{page}.git", made, is_empty=bool(found["empty"]))

        async def look() -> Repository | None:
            found = await api.get(f"/repos/{quote(at.full_name)}")
            return None if found is None else told(found)

        async def create() -> Repository:
            if await api.get(f"/orgs/{quote(at.owner)}") is None:
                raise InputError(f"Organization {at.owner} do not exist. Please create it first !")
            body = {"name": at.repo, "description": given.description, "private": given.repo_visibility == "private"}
            said = await api.ask("POST", f"/orgs/{quote(at.owner)}/repos", {**body, "default_branch": given.default_branch})
            return told(said.value)

        async def target(made: Repository) -> Pushed:
            return Pushed(made.remote_url, at.host, git_username(integration), await api.password(), given.default_branch, key)

        step = OnePush(desk, context, at.full_name, look, create)
        made, commit = await step.made(given, target, given.git_author_name, given.git_author_email)
        contents = f"{page}/src/branch/{quote(given.default_branch)}/"
        return PublishedRepository(remote_url=made.remote_url, repo_contents_url=contents, commit_hash=commit)

    return publish
