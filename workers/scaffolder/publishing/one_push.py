"""What the actions publish:gitea, publish:bitbucketCloud and publish:azure have in common: a repository, one push, and its outputs."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import Field

from plugins.actions import ActionContext, ActionModel
from workers.scaffolder.publishing.contents import Pushed, commit_text, push
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.repositories import Create, Look, Repository, created_once


class PublishInput(ActionModel):
    """What they all take."""

    repo_url: str = Field(description="Repository Location")
    source_path: str | None = Field(default=None, description="Path within the workspace that will be used as the repository root.")
    git_commit_message: str | None = Field(default=None, description="Sets the commit message; `initial commit` without it.")
    sign_commit: bool | None = Field(default=None, description="Sign the commit with the configured OpenPGP private key.")


class PublishedRepository(ActionModel):
    """What they all give."""

    remote_url: str = Field(description="A URL to the repository with the provider")
    repo_contents_url: str = Field(description="A URL to the root of the repository")
    commit_hash: str = Field(description="The git commit hash of the initial commit")


@dataclass(frozen=True, slots=True)
class OnePush:
    """One repository that is made, and pushed to once."""

    desk: Desk
    context: ActionContext
    name: str
    look: Look
    create: Create

    async def made(
        self,
        given: PublishInput,
        target: Callable[[Repository], Awaitable[Pushed]],
        author_name: str | None = None,
        author_email: str | None = None,
    ) -> tuple[Repository, str]:
        """The repository, and the hash of its first commit. Errors as of `created_once` and `push`."""
        repository = await created_once(self.context, self.name, self.look, self.create)
        settings = self.desk.config.scaffolder
        text = await commit_text(self.context, settings, given.git_commit_message, author_name, author_email)
        commit = await push(self.context, self.desk.outbound, await target(repository), given.source_path, text)
        return repository, commit
