"""Proposals of changes to what tasks made: as pull requests of GitHub, or merge requests of GitLab."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from graph.errors import InputError
from plugins.contract import Place
from plugins.github.host import GitHubHost
from plugins.gitlab.host import GitLabHost
from plugins.hosts import Hosts
from plugins.rest import understood
from workers.scaffolder.effects import KeptEffect
from workers.scaffolder.publishing.github_pull_requests import PULL_REQUEST
from workers.scaffolder.publishing.gitlab_merge_requests import MERGE_REQUEST_ANEW
from workers.scaffolder.templates import Step


def proposing(hosts: Hosts, url: str) -> "Proposing":
    """How something is proposed to the repository. InputError if it is on no GitHub and no GitLab of `integrations`."""
    found = hosts.of(url)
    if found is None or not isinstance(found[0], GitHubHost | GitLabHost):
        raise InputError(f"{url} is on no GitHub and no GitLab that is configured; upgrades are proposed there only")
    return Proposing(found[0], found[1])


class Proposing:
    """A repository that something is proposed to."""

    def __init__(self, host: GitHubHost | GitLabHost, place: Place) -> None:
        self._host, self._place = host, place

    async def state(self, proposal: KeptEffect) -> str:
        """How a proposal is: `open`, `merged`, `closed`, or `missing`. SourceError if that can't be had."""
        host, repository, number = self._host, self._place.repository, int(proposal.details["number"])
        if isinstance(host, GitLabHost):
            found = await host.api.found(f"{host.project_url(repository)}/merge_requests/{number}")
        else:
            found = await host.api.json(f"/repos/{repository}/pulls/{number}", repository.partition("/")[0], expected={404})
        if found is None:
            return "missing"
        with understood(proposal.url):
            state = "merged" if found["merged_at"] else str(found["state"])
        return "open" if state == "opened" else state

    def tree_url(self, branch: str | None) -> str:
        """The address of what the repository holds on the branch, None for the default one."""
        return self._host.folder_url(replace(self._place, revision=branch))

    @property
    def url_output(self) -> str:
        """The output of the step that proposes which is the address of the proposal."""
        return "mergeRequestUrl" if isinstance(self._host, GitLabHost) else "remoteUrl"

    def step(self, id: str, given: dict[str, Any], removed: str, if_: str) -> Step:
        """A step that proposes, with what both hosts take alike. `removed` is the expression of which files are to be removed."""
        owner, _, name = self._place.repository.rpartition("/")
        into = {"repoUrl": f"{self._place.host}?{urlencode({'owner': owner, 'repo': name}, quote_via=quote)}", "filesToDelete": removed}
        if isinstance(self._host, GitLabHost):
            return Step(id, "Propose a merge request", MERGE_REQUEST_ANEW, {**into, **given}, if_=if_)
        more = {"commitMessage": given["title"], "update": True}
        return Step(id, "Propose a pull request", PULL_REQUEST, {**into, **given, **more}, if_=if_)
