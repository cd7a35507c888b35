"""Gitea, Bitbucket Cloud and Azure DevOps as tests of templates have them: each publishes, and is read, in the same ways."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import Config
from plugins.actions import Action
from plugins.azure.host import AzureHost
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.contract import RepositoryHost
from plugins.gitea.host import GiteaHost
from plugins.outbound.client import Outbound
from tests.scaffolder.publishing import TOKEN, settings
from tests.scaffolder.templates import Folder, Running
from tests.servers.forges.azure import serving_azure
from tests.servers.forges.bitbucket_cloud import serving_bitbucket_cloud
from tests.servers.forges.forge import Forge
from tests.servers.forges.gitea import serving_gitea
from workers.scaffolder.evaluation import filters_from
from workers.scaffolder.publishing.azure import azure_action
from workers.scaffolder.publishing.bitbucket_cloud import bitbucket_cloud_action
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.gitea import gitea_action
from workers.scaffolder.registry import ActionRegistry

Build = Callable[[Desk], Action]


@dataclass(frozen=True)
class Case:
    """One host: its emulator, its section of `integrations`, how a step publishes there, and how repositories there are read."""

    forge: Forge
    integrations: dict[str, Any]
    action: Build
    host: Callable[[Config, Outbound], RepositoryHost]
    step: dict[str, Any]
    name: str
    contents: str
    made: str


@contextmanager
def _gitea(folder: Path) -> Iterator[Case]:
    with serving_gitea(folder) as gitea:
        gitea.organisation("acme")
        integration = {"host": gitea.host, "baseUrl": gitea.url, "username": "bot", "password": TOKEN}
        given = {"repoUrl": f"{gitea.host}?owner=acme&repo=new", "description": "New", "repoVisibility": "private"}
        step = {"id": "publish", "action": "publish:gitea", "input": given}
        contents = f"{gitea.url}/acme/new/src/branch/main/"

        def host(config: Config, outbound: Outbound) -> RepositoryHost:
            return GiteaHost(config.integrations.gitea[0], outbound)

        yield Case(gitea, {"gitea": [integration]}, gitea_action, host, step, "acme/new", contents, "POST .*/orgs/acme/repos")


@contextmanager
def _bitbucket(folder: Path) -> Iterator[Case]:
    with serving_bitbucket_cloud(folder) as cloud:
        given = {"repoUrl": "bitbucket.org?workspace=acme&project=SHOP&repo=new", "defaultBranch": "main"}
        step = {"id": "publish", "action": "publish:bitbucketCloud", "input": given}
        integrations = {"bitbucketCloud": [{"username": "bot@acme.example", "token": TOKEN}]}

        def build(desk: Desk) -> Action:
            return bitbucket_cloud_action(desk, cloud.url, cloud.api_url)

        def host(config: Config, outbound: Outbound) -> RepositoryHost:
            return BitbucketCloudHost(config.integrations.bitbucket_cloud[0], outbound, web_url=cloud.url, api_url=cloud.api_url)

        contents = f"{cloud.url}/acme/new/src/main"
        yield Case(cloud, integrations, build, host, step, "acme/new", contents, "POST .*/repositories/acme/new")


@contextmanager
def _azure(folder: Path) -> Iterator[Case]:
    with serving_azure(folder) as azure:
        given = {"repoUrl": "dev.azure.com?organization=acme&project=shop&repo=new", "defaultBranch": "main"}
        step = {"id": "publish", "action": "publish:azure", "input": given}
        integrations = {"azure": [{"credentials": [{"personalAccessToken": TOKEN}]}]}

        def build(desk: Desk) -> Action:
            return azure_action(desk, azure.url)

        def host(config: Config, outbound: Outbound) -> RepositoryHost:
            return AzureHost(config.integrations.azure[0], outbound, web_url=azure.url)

        contents = f"{azure.url}/acme/shop/_git/new"
        yield Case(azure, integrations, build, host, step, "acme/shop/new", contents, "POST .*/git/repositories")


CASES = {"gitea": _gitea, "bitbucket-cloud": _bitbucket, "azure": _azure}


def configured(folder: Folder, case: Case, **sections: Any) -> Config:
    """A configuration that publishes there."""
    written = settings(folder, case.integrations, **sections)
    written["backend"]["reading"]["allow"] = [{"host": case.forge.host}]
    return Config.model_validate(written)


def reach(tasks: Running, case: Case) -> None:
    """Let the action, and what reads, reach the emulator in place of the one host of that kind that there is."""
    workshop = tasks.scaffolder.scaffolding.workshop  # pyright: ignore[reportAttributeAccessIssue] - that of this process
    workshop.hosts.all = [case.host(workshop.config, workshop.hosts.outbound), *workshop.hosts.all]
    desk = Desk(workshop.config, workshop.hosts.outbound, filters_from(workshop.config.integrations))
    made = case.action(desk)
    workshop.actions = ActionRegistry([made, *(each for each in workshop.actions.all if each.id != made.id)])
