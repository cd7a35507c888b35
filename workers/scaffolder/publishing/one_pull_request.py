"""The action that proposes upgrades on Gitea, Bitbucket Cloud and Azure DevOps: one commit, pushed by git, and a pull request of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field

from graph.errors import InputError
from plugins.actions import Action, ActionContext, ActionModel, Effect, action
from plugins.hosts import Hosts
from workers.scaffolder.publishing.contents import Change, Pushed, commit_text, proposed_files, push_onto, within
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.pull_requests import PullRequests, Wanted, pull_requests_of
from workers.scaffolder.publishing.requests import WriteApi

PULL_REQUEST_ANEW = "callboard:template:pull-request"


class ProposedAnew(ActionModel):
    """Its input."""

    repository: str = Field(description="The address of the repository.")
    branch_name: str = Field(description="The name of the branch, which is written anew if it is there.")
    title: str = Field(description="The title of the pull request, and what the commit says.")
    description: str = Field(description="The description of the pull request.")
    source_path: str = Field(description="The folder of the workspace that holds the files that are written.")
    files_to_delete: list[str] = Field(description="Files of the repository that are removed.")


class Proposed(ActionModel):
    """Its output."""

    target_branch_name: str = Field(description="The branch that is proposed to.")
    remote_url: str = Field(description="The address of the pull request.")
    pull_request_number: int = Field(description="Its number.")


def pull_request_anew_action(desk: Desk, hosts: Hosts) -> Action:
    """The one of this module, which no template can use."""

    @action(PULL_REQUEST_ANEW, "Proposes the files of the workspace as a pull request of a branch that is written anew.")
    async def propose(given: ProposedAnew, context: ActionContext) -> Proposed:
        found = hosts.of(given.repository)
        pulls = pull_requests_of(*found) if found else None
        if pulls is None:
            raise InputError(f"{given.repository} is not proposed to: no integration of its kind has that host any more")
        return await _Proposal(desk, context, pulls, given).made()

    return propose


@dataclass(frozen=True, slots=True)
class _Proposal:
    """One pull request that is to be made. What an interrupted run did is done again, which comes to the same: the commit is pushed
    anew, and a pull request that is open already is the one.
    """

    desk: Desk
    context: ActionContext
    pulls: PullRequests
    given: ProposedAnew

    async def made(self) -> Proposed:
        """What the step gives."""
        given, branch = self.given, self.given.branch_name
        base = (await self.context.checkpoint(f"commit:{branch}", self._push))["base"]
        wanted = Wanted(branch, base, given.title, given.description)
        made = await self.context.checkpoint(f"pull-request:{branch}", lambda: self._propose(wanted))
        details = {"name": self.pulls.repository, "number": made["number"], "branch": branch, "base": base}
        await self.context.created(Effect("pull-request", made["url"], details=details))
        return Proposed(target_branch_name=base, remote_url=made["url"], pull_request_number=made["number"])

    async def _push(self) -> Mapping[str, Any]:
        given, context, host = self.given, self.context, self.pulls.host
        base = await self.pulls.default_branch()
        if base is None:
            raise InputError(f"{given.repository} is not there, is empty, or the credentials may not see it")
        removed = [within(path, "filesToDelete entry") for path in given.files_to_delete]
        change = Change(base, await proposed_files(context, given.source_path), removed)
        text = await commit_text(context, self.desk.config.scaffolder, given.title)
        url, password = host.clone_url(self.pulls.repository), await self._api.password()
        target = Pushed(url, host.host, host.git_username, password, given.branch_name)
        return {"base": base, "commit": await push_onto(context, self.desk.outbound, target, change, text)}

    async def _propose(self, wanted: Wanted) -> Mapping[str, Any]:
        known = await self.pulls.opened(wanted)
        return asdict(known or await self.pulls.create(self._api, wanted))

    @property
    def _api(self) -> WriteApi:
        host = self.pulls.host
        sign = self.desk.signed(None, host.sign, host.host)
        return WriteApi(self.desk.outbound, self.pulls.url, sign, {})
