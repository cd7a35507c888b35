"""Pull requests of repositories on Gitea, Bitbucket Cloud and Azure DevOps, by their APIs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from plugins.azure.host import VERSION, AzureHost
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.contract import Place, RepositoryHost
from plugins.gitea.host import GiteaHost
from plugins.pages import BRANCHES, query, quoted
from plugins.rest import understood
from workers.scaffolder.publishing.requests import WriteApi

_LONGEST_ON_AZURE = 4000
_BITBUCKET_STATES = {"OPEN": "open", "MERGED": "merged", "DECLINED": "closed", "SUPERSEDED": "closed"}
_AZURE_STATES = {"active": "open", "completed": "merged", "abandoned": "closed"}

Kind = TypeVar("Kind", GiteaHost, BitbucketCloudHost, AzureHost)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pull request that is to be there: of `branch` into `base`, both of the repository itself."""

    branch: str
    base: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One that is there, by its number in the repository, and the address at which people find it."""

    number: int
    url: str


class PullRequests(Protocol):
    """Those of one repository, whose address in the API is `url`. Every method raises SourceError for what can't be had, or is refused."""

    @property
    def host(self) -> GiteaHost | BitbucketCloudHost | AzureHost: ...

    @property
    def repository(self) -> str: ...

    @property
    def url(self) -> str: ...

    async def default_branch(self) -> str | None:
        """The branch that is proposed to; None if the repository is not there, or empty."""
        ...

    async def state(self, number: int) -> str | None:
        """`open`, `merged` or `closed`; None if there is no such pull request."""
        ...

    async def opened(self, wanted: Wanted) -> PullRequest | None:
        """The one of these branches that is open; None if none is."""
        ...

    async def create(self, api: WriteApi, wanted: Wanted) -> PullRequest:
        """Make it, by the API below `url`."""
        ...


def pull_requests_of(host: RepositoryHost, place: Place) -> PullRequests | None:
    """Those of the place's repository; None on a host of another kind."""
    match host:
        case GiteaHost():
            return GiteaPullRequests(host, place.repository)
        case BitbucketCloudHost():
            return BitbucketCloudPullRequests(host, place.repository)
        case AzureHost():
            return AzurePullRequests(host, place.repository)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _OfOne(Generic[Kind]):
    """What all have, whatever the host."""

    host: Kind
    repository: str

    @property
    def url(self) -> str:
        return self.host.repository_url(self.repository)


class GiteaPullRequests(_OfOne[GiteaHost]):
    """As https://docs.gitea.com/api/ describes them."""

    async def default_branch(self) -> str | None:
        found = await self.host.api.found(self.url)
        with understood(self.url):
            return None if found is None or found["empty"] else str(found["default_branch"])

    async def state(self, number: int) -> str | None:
        found = await self.host.api.found(f"{self.url}/pulls/{number}")
        with understood(self.url):
            return None if found is None else "merged" if found["merged"] else str(found["state"])

    async def opened(self, wanted: Wanted) -> PullRequest | None:
        # Asked for by its branches, Gitea gives whichever it finds, open or not.
        url = f"{self.url}/pulls" + query({"state": "open", "limit": "50"})
        with understood(url):
            found = [one async for one in self.host.api.pages(url)]
            return next((self._told(one) for one in found if _is_of(one, wanted)), None)

    async def create(self, api: WriteApi, wanted: Wanted) -> PullRequest:
        body = {"head": wanted.branch, "base": wanted.base, "title": wanted.title, "body": wanted.description}
        said = await api.ask("POST", "/pulls", body)
        with understood(self.url):
            return self._told(said.value)

    def _told(self, found: Any) -> PullRequest:
        return PullRequest(int(found["number"]), str(found["html_url"]))


class BitbucketCloudPullRequests(_OfOne[BitbucketCloudHost]):
    """As https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/ describes them."""

    async def default_branch(self) -> str | None:
        found = await self.host.api.found(self.url)
        with understood(self.url):
            return None if found is None or found["mainbranch"] is None else str(found["mainbranch"]["name"])

    async def state(self, number: int) -> str | None:
        found = await self.host.api.found(f"{self.url}/pullrequests/{number}")
        with understood(self.url):
            return None if found is None else _BITBUCKET_STATES[found["state"]]

    async def opened(self, wanted: Wanted) -> PullRequest | None:
        of = f'source.branch.name = "{_escaped(wanted.branch)}" AND destination.branch.name = "{_escaped(wanted.base)}"'
        url = f"{self.url}/pullrequests" + query({"q": f'{of} AND state = "OPEN"', "pagelen": "50"})
        found = [one async for one in self.host.values(url)]
        with understood(url):
            return next((self._told(one) for one in found if _repository(one["source"]) == _repository(one["destination"])), None)

    async def create(self, api: WriteApi, wanted: Wanted) -> PullRequest:
        branches = {"source": {"branch": {"name": wanted.branch}}, "destination": {"branch": {"name": wanted.base}}}
        said = await api.ask("POST", "/pullrequests", {"title": wanted.title, "description": wanted.description, **branches})
        with understood(self.url):
            return self._told(said.value)

    def _told(self, found: Any) -> PullRequest:
        return PullRequest(int(found["id"]), str(found["links"]["html"]["href"]))


class AzurePullRequests(_OfOne[AzureHost]):
    """As https://learn.microsoft.com/en-us/rest/api/azure/devops/git/pull-requests/ describes them."""

    async def default_branch(self) -> str | None:
        found = await self.host.api.found(f"{self.url}" + query(VERSION))
        with understood(self.url):
            branch = None if found is None else found.get("defaultBranch")
            return None if branch is None else str(branch).removeprefix(BRANCHES)

    async def state(self, number: int) -> str | None:
        found = await self.host.api.found(f"{self.url}/pullrequests/{number}" + query(VERSION))
        with understood(self.url):
            return None if found is None else _AZURE_STATES[found["status"]]

    async def opened(self, wanted: Wanted) -> PullRequest | None:
        of = {"searchCriteria.sourceRefName": f"{BRANCHES}{wanted.branch}", "searchCriteria.targetRefName": f"{BRANCHES}{wanted.base}"}
        url = f"{self.url}/pullrequests" + query({"searchCriteria.status": "active", **of, **VERSION})
        listed, _ = await self.host.api.json(url)
        with understood(url):
            return next((self._told(one) for one in listed["value"] if not one.get("forkSource")), None)

    async def create(self, api: WriteApi, wanted: Wanted) -> PullRequest:
        branches = {"sourceRefName": f"{BRANCHES}{wanted.branch}", "targetRefName": f"{BRANCHES}{wanted.base}"}
        told = wanted.description
        # Azure DevOps refuses longer ones.
        description = told if len(told) <= _LONGEST_ON_AZURE else f"{told[: _LONGEST_ON_AZURE - 1]}…"
        said = await api.ask("POST", f"/pullrequests{query(VERSION)}", {"title": wanted.title, "description": description, **branches})
        with understood(self.url):
            return self._told(said.value)

    def _told(self, found: Any) -> PullRequest:
        number = int(found["pullRequestId"])
        return PullRequest(number, f"{self.host.web_url}/{quoted(self.repository)}/pullrequest/{number}")


def _is_of(found: Any, wanted: Wanted) -> bool:
    head, base = found["head"], found["base"]
    return (head["ref"], base["ref"], head["repo_id"]) == (wanted.branch, wanted.base, base["repo_id"])


def _escaped(branch: str) -> str:
    """A branch's name as it stands in a query of Bitbucket; names hold no backslash."""
    return branch.replace('"', '\\"')


def _repository(end: Mapping[str, Any]) -> str:
    """The id of the repository that one end of a pull request on Bitbucket is in; empty for a fork that is gone."""
    repository = end.get("repository")
    return str(repository["uuid"]) if repository else ""
