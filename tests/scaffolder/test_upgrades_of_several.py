"""Upgrades of tasks that made several repositories, on GitHub and on GitLab: each gets a proposal of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from config import Config
from tests.scaffolder.publishing import TOKEN, files, github_integration, settings
from tests.scaffolder.templates import Folder, asked, served, template
from tests.scaffolder.test_ledger import component, ended, made
from tests.scaffolder.test_upgrades import NAME, upgraded
from tests.servers.forges.gitlab import GitLab, serving_gitlab
from tests.servers.github.hub import Hub, Repository
from tests.servers.github.serving import serving_github

OUTDATED = '{ template(ref: "template:making") { uses(outdated: true) { totalCount } } }'
SKELETONS = {
    "service/catalog-info.yaml": component("shop"),
    "service/code.txt": "one\ntwo\n",
    "infra/main.tf": "one\ntwo\nthree\nfour\n",
    "infra/old.tf": "old\n",
    "docs/index.md": "# Docs\n",
}


@dataclass(frozen=True)
class Hosts:
    """A GitHub and a GitLab."""

    hub: Hub
    gitlab: GitLab

    def config(self, folder: Folder, **sections: Any) -> Config:
        gitlab = {"host": self.gitlab.host, "baseUrl": self.gitlab.url, "token": TOKEN}
        given = settings(folder, {**github_integration(self.hub), "gitlab": [gitlab]}, **sections)
        given["backend"]["reading"]["allow"] = [{"host": self.hub.codeload_host}]
        return Config.model_validate(given)

    @property
    def repositories(self) -> tuple[Repository, Repository, Repository]:
        return self.hub.repositories["acme/shop"], self.gitlab.repositories["acme/ops/shop"], self.hub.repositories["acme/shop-docs"]


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    (tmp_path / "gitlab").mkdir()
    with serving_github(tmp_path / "github") as hub, serving_gitlab(tmp_path / "gitlab") as gitlab:
        hub.organisation("acme", [])
        gitlab.token(TOKEN)
        gitlab.group("acme")
        gitlab.group("acme/ops")
        yield Hosts(hub, gitlab)


def add_making(folder: Folder, hosts: Hosts, skeletons: Mapping[str, str], version: str) -> None:
    """A template whose workspace holds the files of one repository after the other, in the same folder."""
    github = f"{hosts.hub.host}?owner=acme&repo=${{{{ parameters.name }}}}"
    gitlab = f"{hosts.gitlab.host}?owner=acme/ops&repo=${{{{ parameters.name }}}}"

    def fetch(kind: str) -> list[dict[str, Any]]:
        clear = {"id": f"clear-{kind}", "action": "fs:delete", "input": {"files": ["out"]}}
        return [clear, {"id": f"fetch-{kind}", "action": "fetch:template", "input": {"url": f"./skeleton/{kind}", "targetPath": "out"}}]

    steps = [
        *fetch("service"),
        {"id": "service", "action": "publish:github", "input": {"repoUrl": github, "sourcePath": "out"}},
        *fetch("infra"),
        {"id": "infra", "action": "publish:gitlab", "input": {"repoUrl": gitlab, "sourcePath": "out", "defaultBranch": "main"}},
        *fetch("docs"),
        {"id": "create", "action": "github:repo:create", "input": {"repoUrl": f"{github}-docs"}},
        {"id": "push", "action": "github:repo:push", "input": {"repoUrl": f"{github}-docs", "sourcePath": "out"}},
        {"id": "register", "action": "catalog:register", "input": {"repoContentsUrl": "${{ steps.service.output.repoContentsUrl }}"}},
    ]
    document = template("making", steps, parameters=NAME)
    document["metadata"]["annotations"] = {"example.org/version": version}
    folder.add(document, {f"skeleton/{path}": content for path, content in skeletons.items()})


async def proposed(client: httpx.AsyncClient) -> list[str]:
    upgrades = await upgraded(client, dry_run=False)
    assert [upgrade["problem"] for upgrade in upgrades] == [None] * len(upgrades)
    for upgrade in upgrades:
        await ended(client, upgrade["task"]["id"])
    return [upgrade["repository"] for upgrade in upgrades]


async def test_every_repository_of_a_task_gets_a_proposal_until_all_have_the_version(folder: Folder, hosts: Hosts):
    add_making(folder, hosts, SKELETONS, "1")
    async with served(folder, hosts.config(folder)) as client:
        await made(client, "shop")
    service, infra, docs = hosts.repositories
    hosts.gitlab.commit("acme/ops/shop", {"main.tf": "one\nours\nthree\nfour\n", "own.tf": "own\n"})
    (folder.path / "templates" / "making" / "skeleton" / "infra" / "old.tf").unlink()
    second = {**SKELETONS, "service/code.txt": "one\nnew\n", "infra/main.tf": "one\ntwo\nthree\nnew\n", "infra/new.tf": "new\n"}
    second |= {"docs/index.md": "# All docs\n"}
    del second["infra/old.tf"]
    add_making(folder, hosts, second, "2")
    urls = [f"{hosts.hub.url}/acme/shop", f"{hosts.gitlab.url}/acme/ops/shop", f"{hosts.hub.url}/acme/shop-docs"]
    async with served(folder, hosts.config(folder)) as client:
        assert [(one["repository"], one["problem"], len(one["files"])) for one in await upgraded(client)] == [
            (urls[0], None, 1),
            (urls[1], None, 3),
            (urls[2], None, 1),
        ]
        assert await proposed(client) == urls
        assert [len(one.pulls) for one in hosts.repositories] == [1, 1, 1]
        branch = infra.pulls[0].head
        merged = {"main.tf": "100644 one\nours\nthree\nnew\n", "new.tf": "100644 new\n", "own.tf": "100644 own\n"}
        assert files(infra, branch) == merged
        assert files(service, service.pulls[0].head)["code.txt"] == "100644 one\nnew\n"
        assert files(docs, docs.pulls[0].head) == {"index.md": "100644 # All docs\n"}
        expected = [f"{urls[0]}/pull/1", f"{urls[1]}/-/merge_requests/1", f"{urls[2]}/pull/1"]
        assert [one["pullRequest"] for one in await upgraded(client)] == expected
        tasks = (await asked(client, "{ scaffolderTasks(first: 3) { nodes { output } } }"))["scaffolderTasks"]["nodes"]
        links = [task["output"]["links"] for task in tasks]
        assert sorted(links, key=str) == sorted([[{"title": "Proposal", "url": url}] for url in expected], key=str)
        # One that was closed is proposed again, on the branch as it is written anew.
        infra.pulls[0].state = "closed"
        await proposed(client)
        assert [(pull.head, pull.state) for pull in infra.pulls] == [(branch, "closed"), (branch, "open")]
        for one in hosts.repositories[:2]:
            merge(one)
        await proposed(client)
        assert (await asked(client, OUTDATED))["template"]["uses"]["totalCount"] == 1
        merge(docs)
        await proposed(client)
        (task,) = (await asked(client, "{ scaffolderTasks(first: 1) { nodes { output } } }"))["scaffolderTasks"]["nodes"]
        assert task["output"] == {"links": []}
        assert (await asked(client, OUTDATED))["template"]["uses"]["totalCount"] == 0
        assert await upgraded(client) == []


def merge(repository: Repository) -> None:
    """Have the last proposal merged."""
    pull = repository.pulls[-1]
    pull.state, pull.merged_at = "closed", "2026-01-01T00:00:00Z"
    repository.git.write("update-ref", "refs/heads/main", repository.git.head(pull.head))
