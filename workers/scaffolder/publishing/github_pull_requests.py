"""The action publish:github:pull-request: the workspace's files as one commit on a branch, made by GitHub's API, and proposed.

https://docs.github.com/en/rest/git says what blobs, trees, commits and references are; commits made so can be verified as the app's.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import Field

from graph.errors import InputError
from plugins.actions import Action, ActionContext, ActionModel, Effect, action
from plugins.contract import SourceError
from plugins.git.commits import CommittedFile
from plugins.rest import understood
from workers.scaffolder.publishing.contents import commit_text, proposed_files, within
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.github_inputs import OnGitHub
from workers.scaffolder.publishing.github_repositories import GitHubRepository, repository_of

PULL_REQUEST = "publish:github:pull-request"

_MOST_ASSIGNEES = 10
_LARGEST_INLINE = 64 * 1024
_MOST_LOOKS = 60
_LOOK_SECONDS = 1.0


class ProposedChange(OnGitHub):
    """The input of publish:github:pull-request."""

    branch_name: str = Field(description="The name for the branch")
    title: str = Field(description="The name for the pull request")
    description: str = Field(description="The description of the pull request")
    files_to_delete: list[str] | None = Field(default=None, description="List of files that will be deleted")
    target_branch_name: str | None = Field(default=None, description="The target branch name of the pull request")
    draft: bool | None = Field(default=None, description="Create a draft pull request")
    source_path: str | None = Field(default=None, description="Subdirectory of working directory to copy changes from")
    target_path: str | None = Field(default=None, description="Subdirectory of repository to apply changes to")
    reviewers: list[str] | None = Field(default=None, description="The users that will be added as reviewers to the pull request")
    assignees: list[str] | None = Field(default=None, description="The users that will be added as assignees to the pull request")
    team_reviewers: list[str] | None = Field(default=None, description="The teams that will be added as reviewers to the pull request")
    commit_message: str | None = Field(default=None, description="The commit message for the pull request commit")
    update: bool | None = Field(default=None, description="Update pull request if already exists")
    force_fork: bool | None = Field(default=None, description="Create pull request from a fork of whoever the credentials are.")
    git_author_name: str | None = Field(default=None, description="Sets the author name for the commit.")
    git_author_email: str | None = Field(default=None, description="Sets the author email for the commit.")
    force_empty_git_author: bool | None = Field(
        default=None, description="Leave the author to GitHub, so that the commit of an app is shown as verified."
    )
    create_when_empty: bool | None = Field(
        default=None, description="Whether to create the pull request when there are no changes to commit. The default value is true."
    )


class Proposed(ActionModel):
    """The output of publish:github:pull-request."""

    target_branch_name: str = Field(description="Target branch name of the pull request")
    remote_url: str = Field(description="Link to the pull request in Github")
    pull_request_number: int = Field(description="The pull request number")


def pull_request_actions(desk: Desk) -> Sequence[Action]:
    """The one of this module."""
    found = repository_of(desk)

    @action(PULL_REQUEST, "Proposes the files of the workspace as a pull request on GitHub.", supports_dry_run=True)
    async def propose(given: ProposedChange, context: ActionContext) -> Proposed | None:
        if context.is_dry_run:
            desk.destination(given.repo_url, "owner", "repo")
            await _files(given, context)
            context.log.info("Performing dry run of creating pull request")
            return Proposed(target_branch_name=given.branch_name, remote_url=given.repo_url, pull_request_number=43)
        repository = found(given, context)
        return await _Proposal(repository, await repository.forked() if given.force_fork else repository, given).made()

    return [propose]


@dataclass(frozen=True, slots=True)
class _Proposal:
    """One pull request that is to be made. `head` is the repository that has its branch: the one that it is for, or a fork of that."""

    repository: GitHubRepository
    head: GitHubRepository
    given: ProposedChange

    async def made(self) -> Proposed | None:
        """The pull request; None if there is nothing to propose and that is to be left so."""
        given, context = self.given, self.repository.context
        files = await _files(given, context)
        base = given.target_branch_name or await self._default_branch()
        commit = await context.checkpoint(f"commit:{given.branch_name}", lambda: self._commit(base, files))
        if commit["isEmpty"] and given.create_when_empty is False:
            context.log.info("No changes to commit, pull request was not created")
            return None
        await context.checkpoint(f"branch:{given.branch_name}", lambda: self._branch(commit["sha"]), lambda: self._branched(commit["sha"]))
        pull = await context.checkpoint(
            f"pull-request:{given.branch_name}", lambda: self._propose(base), lambda: self._open(base, commit["sha"])
        )
        at = self.repository.at
        details = {"name": at.full_name, "number": pull["number"], "branch": given.branch_name, "base": base}
        if any(file is not None for file in files.values()):
            details["proposedTo"] = self.repository.desk.github_page(at)
        if self.head is not self.repository:
            details["fork"] = self.head.at.full_name
        await context.created(Effect("pull-request", pull["url"], details=details))
        await self._ask_people(pull["number"])
        return Proposed(target_branch_name=base, remote_url=pull["url"], pull_request_number=pull["number"])

    async def _default_branch(self) -> str:
        found = await self._get("")
        if found is None:
            at = self.repository.at
            raise InputError(f"there is no repository {at.full_name} on {at.host}, or the credentials may not see it")
        return str(found["default_branch"])

    async def _commit(self, base: str, files: Mapping[str, CommittedFile | None]) -> Mapping[str, Any]:
        """A commit on top of the base, which no branch holds yet. Without its own time it would be another one when it is made again."""
        given, context = self.given, self.repository.context
        reference = await self._get(f"/git/ref/heads/{quote(base)}")
        if reference is None:
            raise InputError(f"{self.repository.at.full_name} has no branch {base}")
        with understood(self.repository.api.url):
            parent = str(reference["object"]["sha"])
        await self._until_head_has(parent)
        with understood(self.repository.api.url):
            before = str((await self._get(f"/git/commits/{parent}"))["tree"]["sha"])
        known = await self._known(parent)
        entries = [entry for path, file in files.items() if (entry := await self._entry(path, file, known)) is not None]
        tree = before if not entries else (await self._write("/git/trees", {"base_tree": before, "tree": entries}))["sha"]
        settings = self.repository.desk.config.scaffolder
        message = given.commit_message or settings.default_commit_message or given.title
        text = await commit_text(context, settings, message, given.git_author_name, given.git_author_email)
        body: dict[str, Any] = {"message": text.message, "tree": tree, "parents": [parent]}
        if not given.force_empty_git_author:
            body["author"] = {"name": text.author_name, "email": text.author_email, "date": text.at.isoformat().replace("+00:00", "Z")}
        made = await self._write("/git/commits", body)
        return {"sha": str(made["sha"]), "isEmpty": tree == before}

    async def _until_head_has(self, commit: str) -> None:
        """Wait for the objects of a fork. https://docs.github.com/en/rest/repos/forks#create-a-fork: they come a while after it."""
        for _ in range(_MOST_LOOKS):
            if self.head is self.repository or await self.head.api.get(f"{self.head.path}/git/commits/{commit}") is not None:
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise InputError(f"{self.head.at.full_name} is still being made by GitHub: retry the task in some minutes")

    async def _known(self, commit: str) -> Mapping[str, Any]:
        listed = await self._get(f"/git/trees/{commit}?recursive=1")
        with understood(self.repository.api.url):
            return {str(each["path"]): each for each in listed["tree"]}

    async def _entry(self, path: str, file: CommittedFile | None, known: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if file is None:
            # GitHub refuses to remove what is not there.
            return {"path": path, "mode": "100644", "type": "blob", "sha": None} if path in known else None
        content = await asyncio.to_thread(file.read)
        entry = {"path": path, "mode": "100755" if file.executable else "100644", "type": "blob"}
        if len(content) <= _LARGEST_INLINE and b"\0" not in content:
            try:
                return {**entry, "content": content.decode()}
            except UnicodeDecodeError:
                pass
        blob = await self._write("/git/blobs", {"content": base64.b64encode(content).decode(), "encoding": "base64"})
        return {**entry, "sha": blob["sha"]}

    async def _branch(self, sha: str) -> Mapping[str, Any]:
        name = self.given.branch_name
        if await self._head_branch() is None:
            await self._write("/git/refs", {"ref": f"refs/heads/{name}", "sha": sha})
        elif self.given.update:
            path = f"{self.head.path}/git/refs/heads/{quote(name)}"
            await self.repository.api.ask("PATCH", path, {"sha": sha, "force": True})
        else:
            raise InputError(f"{self.head.at.full_name} has a branch {name} already; `update: true` writes it anew")
        return {"sha": sha}

    async def _branched(self, sha: str) -> Mapping[str, Any] | None:
        found = await self._head_branch()
        return {"sha": sha} if found is not None and found["object"]["sha"] == sha else None

    async def _head_branch(self) -> Any:
        return await self.head.api.get(f"{self.head.path}/git/ref/heads/{quote(self.given.branch_name)}")

    async def _propose(self, base: str) -> Mapping[str, Any]:
        given = self.given
        known = await self._open(base) if given.update else None
        body: dict[str, Any] = {"title": given.title, "body": given.description}
        if known is not None:
            await self.repository.api.ask("PATCH", f"{self.repository.path}/pulls/{known['number']}", body)
            return known
        body |= {"head": self._label, "base": base, **({} if given.draft is None else {"draft": given.draft})}
        return _told(await self._post("/pulls", body))

    async def _open(self, base: str, sha: str | None = None) -> Mapping[str, Any] | None:
        """The pull request of the branch that is open, with that commit at its head."""
        query = urlencode({"head": self._label, "base": base, "state": "open"})
        listed: list[Any] = await self._get(f"/pulls?{query}") or []
        with understood(self.repository.api.url):
            return next((_told(one) for one in listed if sha is None or one["head"]["sha"] == sha), None)

    @property
    def _label(self) -> str:
        return f"{self.head.at.owner}:{self.given.branch_name}"

    async def _ask_people(self, number: int) -> None:
        given = self.given
        people = {"reviewers": given.reviewers, "team_reviewers": list(dict.fromkeys(given.team_reviewers or ()))}
        asked = {name: names for name, names in people.items() if names}
        if asked:
            await self._tolerated("adding reviewers", f"/pulls/{number}/requested_reviewers", asked)
        if given.assignees:
            if len(given.assignees) > _MOST_ASSIGNEES:
                self.repository.context.log.warning("Assignees list is too long, only the first 10 will be used.")
            await self._tolerated("adding assignees", f"/issues/{number}/assignees", {"assignees": given.assignees[:_MOST_ASSIGNEES]})

    async def _tolerated(self, what: str, path: str, body: Mapping[str, Any]) -> None:
        try:
            await self._post(path, body)
        except SourceError as error:
            self.repository.context.log.error(f"Failure when {what}: {error}")

    async def _get(self, below: str) -> Any:
        return await self.repository.api.get(f"{self.repository.path}{below}")

    async def _write(self, below: str, body: Any) -> Any:
        return (await self.head.api.ask("POST", f"{self.head.path}{below}", body)).value

    async def _post(self, below: str, body: Any) -> Any:
        return (await self.repository.api.ask("POST", f"{self.repository.path}{below}", body)).value


async def _files(given: ProposedChange, context: ActionContext) -> Mapping[str, CommittedFile | None]:
    """What is written in the repository, by path there; None for what is removed."""
    target = within(given.target_path or "", "targetPath")
    listed = await proposed_files(context, given.source_path)
    written: dict[str, CommittedFile | None] = {_joined(target, file.path): file for file in listed}
    for path in given.files_to_delete or ():
        written[_joined(target, within(path, "filesToDelete entry"))] = None
    return written


def _told(pull: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"number": pull["number"], "url": pull["html_url"]}


def _joined(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder else path
