"""The action publish:azure, by https://learn.microsoft.com/en-us/rest/api/azure/devops/git/repositories/."""

from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr

from config.integrations_azure import SIGN_IN
from plugins.actions import Action, ActionContext, action
from plugins.azure.host import GIT_USERNAME, AzureSign
from plugins.rest import basic, signed_by, understood
from workers.scaffolder.publishing.contents import Pushed
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.destinations import integration_of
from workers.scaffolder.publishing.one_push import OnePush, PublishedRepository, PublishInput
from workers.scaffolder.publishing.repositories import Repository
from workers.scaffolder.publishing.requests import WriteApi

_VERSION = "api-version=6.0"


class Publish(PublishInput):
    """The input of publish:azure."""

    description: str | None = Field(default=None, description="Has no effect: Azure DevOps keeps no description of a repository.")
    default_branch: str = Field(default="master", description="Sets the default branch on the repository.")
    token: str | None = Field(default=None, description="The token to use for authorization to Azure")
    git_author_name: str | None = Field(default=None, description="Sets the author name for the commit.")
    git_author_email: str | None = Field(default=None, description="Sets the author email for the commit.")


class Published(PublishedRepository):
    """The output of publish:azure."""

    repository_id: str = Field(description="The Id of the created repository")


def azure_action(desk: Desk, web_url: str | None = None) -> Action:
    """The one of this module. Its address is that of the integration; another is for tests."""

    @action("publish:azure", "Initializes a git repository of the content in the workspace, and publishes it to Azure.")
    async def publish(given: Publish, context: ActionContext) -> Published:
        at = desk.destination(given.repo_url, "organization", "project", "repo")
        integration = integration_of(at, desk.config.integrations.azure, "azure")
        key = desk.signing_key(given.sign_commit, integration)
        own = AzureSign(integration, desk.outbound, f"https://{SIGN_IN}")
        sign = signed_by(basic("", SecretStr(given.token))) if given.token else desk.signed(None, own, at.host)
        project = f"{web_url or f'https://{at.host}'}/{quote(at.organization)}/{quote(at.project)}"
        api = WriteApi(desk.outbound, f"{project}/_apis/git/repositories", sign, {})
        page = f"{project}/_git/{quote(at.repo)}"

        def told(found: Any) -> Repository:
            with understood(api.url):
                # There is no time of its making; a default branch is named once there is a commit.
                return Repository(str(found["name"]), str(found["id"]), page, page, None, is_empty=not found.get("defaultBranch"))

        async def look() -> Repository | None:
            found = await api.get(f"/{quote(at.repo)}?{_VERSION}")
            return None if found is None else told(found)

        async def create() -> Repository:
            return told((await api.ask("POST", f"?{_VERSION}", {"name": at.repo})).value)

        async def target(made: Repository) -> Pushed:
            return Pushed(made.remote_url, at.host, GIT_USERNAME, await api.password(), given.default_branch, key)

        name = f"{at.organization}/{at.project}/{at.repo}"
        step = OnePush(desk, context, name, look, create)
        made, commit = await step.made(given, target, given.git_author_name, given.git_author_email)
        return Published(remote_url=made.remote_url, repo_contents_url=page, commit_hash=commit, repository_id=made.id)

    return publish
