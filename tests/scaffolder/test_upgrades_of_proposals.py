"""Upgrades of what tasks proposed to repositories that were there before, once that is merged."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.scaffolder.publishing import files
from tests.scaffolder.templates import Folder, asked, served, template
from tests.scaffolder.test_ledger import component, made
from tests.scaffolder.test_upgrades import NAME, upgraded
from tests.scaffolder.test_upgrades_of_several import OUTDATED, Hosts, hosts, proposed
from tests.servers.github.hub import Repository

__all__ = ["hosts"]

BRANCH = "release/1"
GUIDE = {"index.md": "# Guide\n", "steps.md": "one\ntwo\nthree\n", "old.md": "old\n"}


def fetch(folder: str = "out") -> dict[str, Any]:
    return {"id": "fetch", "action": "fetch:template", "input": {"url": "./skeleton", "targetPath": folder}}


def propose(hosts: Hosts, **given: Any) -> dict[str, Any]:
    into = {"repoUrl": f"{hosts.hub.host}?owner=acme&repo=shop", "branchName": "guide", "title": "Add a guide", "description": "As asked"}
    return {"id": "propose", "action": "publish:github:pull-request", "input": {**into, "sourcePath": "out", **given}}


def add_making(folder: Folder, steps: list[dict[str, Any]], skeleton: Mapping[str, str]) -> None:
    """A template of these steps, with nothing in its skeleton but that."""
    beside = folder.path / "templates" / "making" / "skeleton"
    for path in beside.glob("*"):
        path.unlink()
    document = template("making", steps, parameters=NAME)
    document["metadata"]["annotations"] = {"example.org/files": str(sorted(skeleton.items()))}
    folder.add(document, {f"skeleton/{path}": content for path, content in skeleton.items()})


def merge(repository: Repository) -> None:
    """Have the last proposal merged."""
    pull = repository.pulls[-1]
    pull.state, pull.merged_at = "closed", "2026-01-01T00:00:00Z"
    repository.git.write("update-ref", f"refs/heads/{pull.base}", repository.git.head(pull.head))


async def outdated(client: Any) -> int:
    return (await asked(client, OUTDATED))["template"]["uses"]["totalCount"]


async def test_what_was_proposed_is_upgraded_where_it_went_once_it_is_merged(folder: Folder, hosts: Hosts):
    shop = hosts.hub.repository("acme/shop", {"README.md": "# Shop\n"})
    hosts.hub.commit("acme/shop", {"docs/own.md": "own\n"}, branch=BRANCH)
    steps = [fetch(), propose(hosts, targetPath="docs/guide/", targetBranchName=BRANCH)]
    add_making(folder, steps, GUIDE)
    async with served(folder, hosts.config(folder)) as client:
        await made(client, "shop")
        assert await outdated(client) == 0
    second = {"index.md": "# Guide\n", "steps.md": "one\ntwo\nnew\n", "new.md": "new\n"}
    add_making(folder, steps, second)
    repository, first = f"{hosts.hub.url}/acme/shop", f"{hosts.hub.url}/acme/shop/pull/1"
    async with served(folder, hosts.config(folder)) as client:
        assert await outdated(client) == 1
        open_told = f"{first} is still open: merge it first, or run the template again"
        closed_told = f"{first} was closed and not merged: there is nothing to upgrade; reopen and merge it, or run the template again"
        for state, told in (("open", open_told), ("closed", closed_told)):
            shop.pulls[0].state = state
            for dry_run in (True, False):
                (upgrade,) = await upgraded(client, dry_run=dry_run)
                assert (upgrade["repository"], upgrade["problem"], upgrade["task"]) == (repository, told, None)
        merge(shop)
        hosts.hub.commit("acme/shop", {"docs/guide/steps.md": "mine\ntwo\nthree\n"}, branch=BRANCH)
        (upgrade,) = await upgraded(client)
        assert upgrade["problem"] is None
        assert [(file["path"], file["change"], file["conflict"]) for file in upgrade["files"]] == [
            ("docs/guide/new.md", "added", None),
            ("docs/guide/old.md", "removed", None),
            ("docs/guide/steps.md", "modified", None),
        ]
        main = shop.git.head("main")
        assert await proposed(client) == [repository]
        pull = shop.pulls[1]
        assert (pull.base, len(shop.pulls), shop.git.head("main")) == (BRANCH, 2, main)
        assert pull.body.startswith(f"{first} was made from template:default/making, which has changed since.")
        assert files(shop, pull.head) == {
            "docs/own.md": "100644 own\n",
            "docs/guide/index.md": "100644 # Guide\n",
            "docs/guide/new.md": "100644 new\n",
            "docs/guide/steps.md": "100644 mine\ntwo\nnew\n",
        }
        (again,) = await upgraded(client)
        assert again["pullRequest"] == f"{repository}/pull/2"
        merge(shop)
        await proposed(client)
        assert await outdated(client) == 0
        assert await upgraded(client) == []


async def test_a_repository_that_was_made_and_a_proposal_to_another_both_count(folder: Folder, hosts: Hosts):
    ops = hosts.gitlab.repository("acme/ops/all", {"README.md": "# All\n"})
    repo_url = f"{hosts.hub.host}?owner=acme&repo=${{{{ parameters.name }}}}"
    into = {"repoUrl": f"{hosts.gitlab.host}?owner=acme/ops&repo=all", "branchName": "shop", "title": "Add shop", "description": ""}
    steps = [
        fetch("deploy"),
        {"id": "publish", "action": "publish:github", "input": {"repoUrl": repo_url, "sourcePath": "deploy"}},
        # Without `sourcePath` it is that of the target.
        {"id": "propose", "action": "publish:gitlab:merge-request", "input": {**into, "targetPath": "deploy"}},
    ]
    first = {"catalog-info.yaml": component("shop"), "deploy.yaml": "replicas: 1\n"}
    add_making(folder, steps, first)
    async with served(folder, hosts.config(folder)) as client:
        await made(client, "shop")
    shop = hosts.hub.repositories["acme/shop"]
    hosts.gitlab.commit("acme/ops/all", {"README.md": "# All of it\n"}, branch="shop")
    merge(ops)
    add_making(folder, steps, {**first, "deploy.yaml": "replicas: 2\n"})
    async with served(folder, hosts.config(folder)) as client:
        found = await upgraded(client)
        assert [(one["repository"], [file["path"] for file in one["files"]]) for one in found] == [
            (f"{hosts.hub.url}/acme/shop", ["deploy.yaml"]),
            (f"{hosts.gitlab.url}/acme/ops/all", ["deploy/deploy.yaml"]),
        ]
        await proposed(client)
        assert [(pull.base, files(ops, pull.head)["deploy/deploy.yaml"]) for pull in ops.pulls[1:]] == [("main", "100644 replicas: 2\n")]
        for repository, left in ((shop, 1), (ops, 0)):
            merge(repository)
            await proposed(client)
            assert await outdated(client) == left


@pytest.mark.parametrize("case", ["fork", "gone", "without files"])
async def test_what_stands_in_the_way_is_told(folder: Folder, hosts: Hosts, case: str):
    hosts.hub.organisation("acme", ["ada"])
    shop = hosts.hub.repository("acme/shop", {"README.md": "# Shop\n"})
    empty = {"id": "fetch", "action": "fs:write", "input": {"path": "other/a.txt", "content": "a"}}
    room = {"id": "room", "action": "fs:delete", "input": {"files": ["out/*"]}}
    more: dict[str, Any] = {"fork": {"forceFork": True}, "without files": {"filesToDelete": ["README.md"]}}.get(case, {})
    steps = [fetch(), empty, *([room] if case == "without files" else []), propose(hosts, **more)]
    add_making(folder, steps, GUIDE)
    async with served(folder, hosts.config(folder)) as client:
        task = await made(client, "shop")
    add_making(folder, steps, {**GUIDE, "index.md": "# All\n"})
    first = f"{hosts.hub.url}/acme/shop/pull/1"
    if case == "gone":
        shop.pulls.clear()
    access = (
        f"{first} is not found with the credentials of `integrations`, so that it is not known whether it was merged: give these access"
    )
    told = {
        "fork": f"{first} was proposed from the fork ada/shop, as upgrades can't be: run the template again",
        "gone": f"{access}, or run the template again",
        "without files": f"the task {task} brought no files to a repository",
    }
    async with served(folder, hosts.config(folder)) as client:
        (upgrade,) = await upgraded(client, dry_run=False)
        assert (upgrade["problem"], upgrade["task"], upgrade["files"]) == (told[case], None, [])


async def test_who_sees_an_entity_of_the_repository_upgrades_what_was_proposed_to_it(folder: Folder, hosts: Hosts):
    shop = hosts.hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
    steps = [fetch(), propose(hosts)]
    add_making(folder, steps, GUIDE)
    async with served(folder, hosts.config(folder)) as client:
        await made(client, "shop")
        target = f"{hosts.hub.url}/acme/shop/blob/main/catalog-info.yaml"
        await asked(client, f'mutation {{ registerLocation(target: "{target}") {{ problems {{ message }} }} }}')
    merge(shop)
    add_making(folder, steps, {**GUIDE, "index.md": "# All\n"})
    everything = {"allow": ["catalog.*", "scaffolder.*"], "to": "everyone"}
    for kind, count in (("component", 0), ("group", 1)):
        hidden = {"deny": ["catalog.entity.read"], "to": "everyone", "if": {"isEntityKind": [kind]}}
        async with served(folder, hosts.config(folder, permission={"rules": [everything, hidden]})) as client:
            assert [len(one["files"]) for one in await upgraded(client)] == [1] * count
