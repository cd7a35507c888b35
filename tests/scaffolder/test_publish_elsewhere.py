"""Repositories that templates make on Gitea, Bitbucket Cloud and Azure DevOps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config import Config
from plugins.actions import Action
from tests.scaffolder.publishing import TOKEN, files, history, settings, write
from tests.scaffolder.templates import Folder, Running, running, template
from tests.servers.forges.azure import serving_azure
from tests.servers.forges.bitbucket_cloud import serving_bitbucket_cloud
from tests.servers.forges.forge import Forge
from tests.servers.forges.gitea import serving_gitea
from tests.servers.github.hub import Failure
from workers.scaffolder.evaluation import filters_from
from workers.scaffolder.publishing.azure import azure_action
from workers.scaffolder.publishing.bitbucket_cloud import bitbucket_cloud_action
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.gitea import gitea_action
from workers.scaffolder.registry import ActionRegistry

Build = Callable[[Desk], Action]


@dataclass(frozen=True)
class Case:
    """One host: its emulator, its section of `integrations`, and how a step publishes there."""

    forge: Forge
    integrations: dict[str, Any]
    action: Build
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
        yield Case(gitea, {"gitea": [integration]}, gitea_action, step, "acme/new", contents, "POST .*/orgs/acme/repos")


@contextmanager
def _bitbucket(folder: Path) -> Iterator[Case]:
    with serving_bitbucket_cloud(folder) as cloud:
        given = {"repoUrl": "bitbucket.org?workspace=acme&project=SHOP&repo=new", "defaultBranch": "main"}
        step = {"id": "publish", "action": "publish:bitbucketCloud", "input": given}
        integrations = {"bitbucketCloud": [{"username": "bot@acme.example", "token": TOKEN}]}

        def build(desk: Desk) -> Action:
            return bitbucket_cloud_action(desk, cloud.url, cloud.api_url)

        yield Case(cloud, integrations, build, step, "acme/new", f"{cloud.url}/acme/new/src/main", "POST .*/repositories/acme/new")


@contextmanager
def _azure(folder: Path) -> Iterator[Case]:
    with serving_azure(folder) as azure:
        given = {"repoUrl": "dev.azure.com?organization=acme&project=shop&repo=new", "defaultBranch": "main"}
        step = {"id": "publish", "action": "publish:azure", "input": given}
        integrations = {"azure": [{"credentials": [{"personalAccessToken": TOKEN}]}]}

        def build(desk: Desk) -> Action:
            return azure_action(desk, azure.url)

        yield Case(azure, integrations, build, step, "acme/shop/new", f"{azure.url}/acme/shop/_git/new", "POST .*/git/repositories")


@pytest.fixture(params=[_gitea, _bitbucket, _azure], ids=["gitea", "bitbucket-cloud", "azure"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    (tmp_path / "host").mkdir()
    with request.param(tmp_path / "host") as case:
        case.forge.token(TOKEN)
        yield case


def configured(folder: Folder, case: Case) -> Config:
    written = settings(folder, case.integrations)
    written["backend"]["reading"]["allow"] = [{"host": case.forge.host}]
    return Config.model_validate(written)


def reach(tasks: Running, case: Case) -> None:
    """Let the action reach the emulator in place of the one host of that kind that there is."""
    workshop = tasks.scaffolder.scaffolding.workshop  # pyright: ignore[reportAttributeAccessIssue] - that of this process
    desk = Desk(workshop.config, workshop.hosts.outbound, filters_from(workshop.config.integrations))
    made = case.action(desk)
    workshop.actions = ActionRegistry([made, *(each for each in workshop.actions.all if each.id != made.id)])


async def test_the_workspace_becomes_a_repository(folder: Folder, case: Case):
    output = {name: f"${{{{ steps.publish.output.{name} }}}}" for name in ("remoteUrl", "repoContentsUrl", "commitHash")}
    folder.add(template("publishing", [write("a.txt", "a"), case.step], output=output))
    async with running(folder, configured(folder, case)) as tasks:
        reach(tasks, case)
        seen = await tasks.run("publishing")
        assert seen.task.error is None
        made = case.forge.repositories[case.name]
        assert (files(made), history(made)) == ({"a.txt": "100644 a"}, ["Scaffolder <scaffolder@backstage.io> initial commit"])
        assert (seen.task.output["repoContentsUrl"], seen.task.output["commitHash"]) == (case.contents, made.git.head("main"))
        assert [each.kind for each in await tasks.scaffolder.effects(seen.task.id)] == ["repository"]
        again = await tasks.run("publishing")
        assert again.task.error == f"{case.name} exists already, and is left as it is: choose another name"
        assert not any(TOKEN in message for message in await tasks.messages(seen.task.id))


@pytest.mark.parametrize("push", [False, True], ids=["creation", "push"])
async def test_a_step_that_broke_off_goes_on_with_the_repository_that_it_made(folder: Folder, case: Case, push: bool):
    folder.add(template("publishing", [write("a.txt", "a"), case.step]))
    case.forge.fail("POST .*git-receive-pack" if push else case.made, Failure(keep=1), times=1)
    async with running(folder, configured(folder, case)) as tasks:
        reach(tasks, case)
        seen = await tasks.run("publishing")
        if seen.task.error is not None:
            await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
            seen = await tasks.ended(seen.task.id)
        assert seen.task.error is None
        assert len(history(case.forge.repositories[case.name])) == 1
