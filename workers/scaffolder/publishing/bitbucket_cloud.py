"""The action publish:bitbucketCloud, by https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/."""

from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from plugins.actions import Action, ActionContext, action
from plugins.bitbucket_cloud.host import ACCESS_USERNAME, API_URL, WEB_URL, bitbucket_sign, git_username
from plugins.rest import understood
from workers.scaffolder.publishing.contents import Pushed
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.destinations import integration_of
from workers.scaffolder.publishing.one_push import OnePush, PublishedRepository, PublishInput
from workers.scaffolder.publishing.repositories import Repository
from workers.scaffolder.publishing.requests import WriteApi


class Publish(PublishInput):
    """The input of publish:bitbucketCloud."""

    description: str | None = Field(default=None, description="Repository Description")
    default_branch: str = Field(default="master", description="Sets the default branch on the repository.")
    repo_visibility: Literal["private", "public"] = Field(default="private", description="Repository Visibility")
    token: str | None = Field(default=None, description="The token to use for authorization to BitBucket Cloud")


def bitbucket_cloud_action(desk: Desk, web_url: str = WEB_URL, api_url: str = API_URL) -> Action:
    """The one of this module. There is one Bitbucket Cloud; the addresses are for tests."""

    @action("publish:bitbucketCloud", "Initializes a git repository of the content in the workspace, and publishes it to Bitbucket Cloud.")
    async def publish(given: Publish, context: ActionContext) -> PublishedRepository:
        at = desk.destination(given.repo_url, "workspace", "project", "repo")
        integration = integration_of(at, desk.config.integrations.bitbucket_cloud, "bitbucketCloud")
        key = desk.signing_key(given.sign_commit, integration)
        api = WriteApi(desk.outbound, api_url, desk.signed(given.token, bitbucket_sign(integration, desk.outbound, web_url), at.host), {})
        name = f"{at.workspace}/{at.repo}"
        path, page = f"/repositories/{quote(name)}", f"{web_url}/{quote(name)}"

        def told(found: Any) -> Repository:
            with understood(api.url):
                is_empty = found.get("mainbranch") is None or found.get("size", 0) == 0
                return Repository(str(found["full_name"]), str(found["uuid"]), page, f"{page}.git", found["created_on"], is_empty)

        async def look() -> Repository | None:
            found = await api.get(path)
            return None if found is None else told(found)

        async def create() -> Repository:
            body: dict[str, Any] = {"scm": "git", "is_private": given.repo_visibility == "private", "project": {"key": at.project}}
            said = await api.ask("POST", path, body | ({"description": given.description} if given.description else {}))
            return told(said.value)

        async def target(made: Repository) -> Pushed:
            username = ACCESS_USERNAME if given.token else git_username(integration)
            return Pushed(made.remote_url, at.host, username, await api.password(), given.default_branch, key)

        made, commit = await OnePush(desk, context, name, look, create).made(given, target)
        contents = f"{page}/src/{quote(given.default_branch, safe='')}"
        return PublishedRepository(remote_url=made.remote_url, repo_contents_url=contents, commit_hash=commit)

    return publish
