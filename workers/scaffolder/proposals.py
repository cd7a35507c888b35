"""Proposals of changes to what tasks made: as pull requests, or merge requests of GitLab."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from graph.errors import InputError
from plugins.actions import Action, FetchedFile
from plugins.contract import Place
from plugins.github.host import GitHubHost
from plugins.gitlab.host import GitLabHost
from plugins.hosts import Hosts
from plugins.rest import understood
from workers.scaffolder.effects import KeptEffect
from workers.scaffolder.merging import File
from workers.scaffolder.publishing.github_pull_requests import PULL_REQUEST
from workers.scaffolder.publishing.gitlab_merge_requests import MERGE_REQUEST_ANEW, upgrade_request_actions
from workers.scaffolder.publishing.one_pull_request import PULL_REQUEST_ANEW, pull_request_anew_action
from workers.scaffolder.publishing.pull_requests import AzurePullRequests, PullRequests, pull_requests_of
from workers.scaffolder.templates import Step
from workers.scaffolder.workshop import Workshop

_KINDS = "GitHub, GitLab, Gitea, Bitbucket Cloud and Azure DevOps"


def proposing(hosts: Hosts, url: str) -> "Proposing":
    """How something is proposed to the repository. InputError if it is on no host of `integrations` that has proposals here."""
    found = hosts.of(url)
    host = None
    if found and isinstance(found[0], GitHubHost | GitLabHost):
        host = found[0]
    elif found:
        host = pull_requests_of(*found)
    if found is None or host is None:
        raise InputError(f"{url} is on none of the hosts that upgrades are proposed on: {_KINDS}, as integrations name them")
    return Proposing(url, host, found[1])


def tree_url(hosts: Hosts, url: str, branch: str | None) -> str:
    """The address of what the repository holds on the branch, None for the default one."""
    found = hosts.of(url)
    return url if found is None or branch is None else found[0].folder_url(replace(found[1], revision=branch))


def proposing_actions(workshop: Workshop) -> Sequence[Action]:
    """The actions that only propose upgrades, and that no template can use."""
    return [*upgrade_request_actions(workshop.desk), pull_request_anew_action(workshop.desk, workshop.hosts)]


class Proposing:
    """A repository that something is proposed to. `at` is its host, or on hosts that have pull requests alike, what knows those."""

    def __init__(self, url: str, at: GitHubHost | GitLabHost | PullRequests, place: Place) -> None:
        self._url, self._at, self._place = url, at, place

    def current(self, listed: Sequence[FetchedFile], published: Mapping[str, File]) -> Mapping[str, File]:
        """The files of the repository as they were listed, by path, beside what was published there.

        An archive of Azure DevOps does not say which can be run, so that there those that were published so are.
        """
        told = not isinstance(self._at, AzurePullRequests)

        def is_executable(file: FetchedFile) -> bool:
            return file.executable or (not told and file.path in published and published[file.path].executable)

        return {file.path: File(file.content, is_executable(file)) for file in listed}

    async def state(self, proposal: KeptEffect) -> str:
        """How a proposal is: `open`, `merged`, `closed`, or `missing`. SourceError if that can't be had."""
        at, repository, number = self._at, self._place.repository, int(proposal.details["number"])
        if isinstance(at, GitLabHost):
            found = await at.api.found(f"{at.project_url(repository)}/merge_requests/{number}")
        elif isinstance(at, GitHubHost):
            found = await at.api.json(f"/repos/{repository}/pulls/{number}", repository.partition("/")[0], expected={404})
        else:
            return await at.state(number) or "missing"
        if found is None:
            return "missing"
        with understood(proposal.url):
            state = "merged" if found["merged_at"] else str(found["state"])
        return "open" if state == "opened" else state

    @property
    def url_output(self) -> str:
        """The output of the step that proposes which is the address of the proposal."""
        return "mergeRequestUrl" if isinstance(self._at, GitLabHost) else "remoteUrl"

    def step(self, id: str, given: dict[str, Any], removed: str, if_: str) -> Step:
        """A step that proposes, with what all hosts take alike. `removed` is the expression of which files are to be removed."""
        given = {**given, "filesToDelete": removed}
        if not isinstance(self._at, GitHubHost | GitLabHost):
            return Step(id, "Propose a pull request", PULL_REQUEST_ANEW, {"repository": self._url, **given}, if_=if_)
        owner, _, name = self._place.repository.rpartition("/")
        into = {"repoUrl": f"{self._place.host}?{urlencode({'owner': owner, 'repo': name}, quote_via=quote)}"}
        if isinstance(self._at, GitLabHost):
            return Step(id, "Propose a merge request", MERGE_REQUEST_ANEW, {**into, **given}, if_=if_)
        more = {"commitMessage": given["title"], "update": True}
        return Step(id, "Propose a pull request", PULL_REQUEST, {**into, **given, **more}, if_=if_)
