"""The actions github:actions:dispatch, github:webhook and github:issues:label."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from graph.errors import InputError
from plugins.actions import Action, ActionContext, ActionModel, Effect, action
from plugins.contract import SourceError
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.github_inputs import OnGitHub
from workers.scaffolder.publishing.github_repositories import repository_of


class Dispatch(OnGitHub):
    """The input of github:actions:dispatch."""

    workflow_id: str = Field(description="The GitHub Action Workflow filename")
    branch_or_tag_name: str = Field(description="The git branch or tag name used to dispatch the workflow")
    workflow_inputs: Mapping[str, str] | None = Field(default=None, description="Inputs keys and values to send, 25 at most.")
    return_workflow_run_details: bool | None = Field(default=None, description="Whether to give the workflow run ID and URLs as outputs.")


class Dispatched(ActionModel):
    """The output of github:actions:dispatch."""

    workflow_run_id: int | None = Field(default=None, description="The triggered workflow run ID")
    workflow_run_url: str | None = Field(default=None, description="API URL of the workflow run")
    workflow_run_html_url: str | None = Field(default=None, description="HTML URL of the workflow run")


class Webhook(OnGitHub):
    """The input of github:webhook."""

    webhook_url: str = Field(description="The URL to which the payloads will be delivered")
    webhook_secret: str | None = Field(default=None, description="Webhook secret value.")
    events: list[str] = Field(default=["push"], description='The events the hook is triggered for; "*" is all of them.')
    active: bool = Field(default=True, description="Whether notifications are sent when the webhook is triggered.")
    content_type: Literal["form", "json"] = Field(default="form", description="The media type used to serialize the payloads.")
    insecure_ssl: bool = Field(default=False, description="Whether the certificate of the URL's host is left unverified.")


class Label(OnGitHub):
    """The input of github:issues:label."""

    number: int = Field(description="The pull request or issue number to add labels to")
    labels: list[str] = Field(description="The labels to add to the pull request or issue")


def automation_actions(desk: Desk) -> Sequence[Action]:
    """Those of this module."""
    return [_dispatch(desk), _webhook(desk), _label(desk)]


def _dispatch(desk: Desk) -> Action:
    found = repository_of(desk)

    @action("github:actions:dispatch", "Dispatches a GitHub Action workflow for a given branch or tag")
    async def dispatch(given: Dispatch, context: ActionContext) -> Dispatched:
        repository = found(given, context)
        body: dict[str, Any] = {"ref": given.branch_or_tag_name}
        body |= {"inputs": given.workflow_inputs} if given.workflow_inputs else {}
        body |= {"return_run_details": True} if given.return_workflow_run_details else {}

        async def send() -> Any:
            path = f"{repository.path}/actions/workflows/{quote(given.workflow_id, safe='')}/dispatches"
            said = await repository.api.ask("POST", path, body)
            return said.value or {}

        async def unknown() -> Any:
            raise InputError(f"whether {given.workflow_id} was dispatched nobody knows: look, and retry the task if it was not")

        context.log.info(f"Dispatching workflow {given.workflow_id} for {repository.at.full_name} on {given.branch_or_tag_name}")
        told = await context.checkpoint(f"dispatch:{given.workflow_id}", send, unknown)
        given_back = {"workflow_run_id": "workflow_run_id", "workflow_run_url": "run_url", "workflow_run_html_url": "html_url"}
        return Dispatched(**{name: told[key] for name, key in given_back.items() if key in told})

    return dispatch


def _webhook(desk: Desk) -> Action:
    found = repository_of(desk)

    @action("github:webhook", "Creates webhook for a repository on GitHub.", supports_dry_run=True)
    async def webhook(given: Webhook, context: ActionContext) -> None:
        repository = found(given, context)
        if context.is_dry_run:
            return
        path = f"{repository.path}/hooks"
        settings = {"url": given.webhook_url, "content_type": given.content_type, "insecure_ssl": "1" if given.insecure_ssl else "0"}
        settings |= {"secret": given.webhook_secret} if given.webhook_secret else {}

        async def make() -> Any:
            body = {"config": settings, "events": given.events, "active": given.active}
            return (await repository.api.ask("POST", path, body)).value["url"]

        async def made() -> Any:
            hooks: list[Any] = await repository.api.get(f"{path}?per_page=100") or []
            return next((hook["url"] for hook in hooks if hook["config"].get("url") == given.webhook_url), None)

        try:
            url = await context.checkpoint(f"webhook:{given.webhook_url}", make, made)
        except SourceError as error:
            context.log.warning(f"Failed: create webhook on {repository.at.full_name}, {error}")
            return
        await context.created(Effect("webhook", url, details={"name": repository.at.full_name}))
        context.log.info("Webhook created successfully")

    return webhook


def _label(desk: Desk) -> Action:
    found = repository_of(desk)

    @action("github:issues:label", "Adds labels to a pull request or issue on GitHub.")
    async def label(given: Label, context: ActionContext) -> None:
        repository = found(given, context)
        context.log.info(f"Adding labels to {given.number} on {repository.at.full_name}")
        try:
            # Adding one that is there changes nothing.
            await repository.api.ask("POST", f"{repository.path}/issues/{given.number}/labels", {"labels": given.labels})
        except SourceError as error:
            context.log.warning(f"Failed: adding labels to {given.number} on {repository.at.full_name}, {error}")

    return label
