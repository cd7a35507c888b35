"""The actions publish:github, github:repo:create and github:repo:push."""

from collections.abc import Sequence
from urllib.parse import quote

from graph.errors import InputError
from plugins.actions import Action, ActionContext, Effect, action
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.github_inputs import Created, Publish, Published, RepoCreate, RepoPush
from workers.scaffolder.publishing.github_repositories import repository_of


def github_actions(desk: Desk) -> Sequence[Action]:
    """Those of this module."""
    found = repository_of(desk)

    @action("publish:github", "Initializes a git repository of contents in workspace and publishes it to GitHub.")
    async def publish(given: Publish, context: ActionContext) -> Published:
        repository = found(given, context)
        made = await repository.made(given)
        await repository.settle(given)
        commit = await repository.pushed(given)
        return Published(remote_url=made.remote_url, repo_contents_url=_contents(made.url, given.default_branch), commit_hash=commit)

    @action("github:repo:create", "Creates a GitHub repository.")
    async def create(given: RepoCreate, context: ActionContext) -> Created:
        repository = found(given, context)
        made = await repository.made(given, auto_init=given.auto_init)
        await repository.settle(given)
        if given.workflow_access:
            await repository.allow_workflows(given.workflow_access)
        return Created(remote_url=made.remote_url)

    @action("github:repo:push", "Initializes a git repository of contents in workspace and publishes it to GitHub.")
    async def push(given: RepoPush, context: ActionContext) -> Published:
        repository = found(given, context)
        known = await repository.look()
        if known is None:
            raise InputError(f"there is no repository {repository.at.full_name} on {repository.at.host}, or the credentials may not see it")
        # The files are what the repository is made of; that it is there, the ledger may know from the step that created it.
        details = {"name": known.name, "remoteUrl": known.remote_url, "existed": True}
        await context.created(Effect("repository", known.url, details=details))
        commit = await repository.pushed(given)
        return Published(remote_url=known.remote_url, repo_contents_url=_contents(known.url, given.default_branch), commit_hash=commit)

    return [publish, create, push]


def _contents(url: str, branch: str) -> str:
    return f"{url}/blob/{quote(branch)}"
