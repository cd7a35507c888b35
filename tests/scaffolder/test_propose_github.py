"""Pull requests that templates make on GitHub: the files of the workspace as one commit on a branch, proposed once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph.refs import Ref
from tests.scaffolder.publishing import files, history, on_github, write
from tests.scaffolder.templates import Folder, running, template
from tests.servers.github.hub import Failure, Hub
from tests.servers.github.serving import serving_github

BEFORE = {"README.md": "# Shop\n", "docs/index.md": "old\n", "gone.txt": "gone\n"}
OUTPUT = {name: f"${{{{ steps.propose.output.{name} }}}}" for name in ("targetBranchName", "remoteUrl", "pullRequestNumber")}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "github").mkdir()
    with serving_github(tmp_path / "github") as hub:
        hub.organisation("acme", ["ada", "bob"])
        hub.repository("acme/shop", BEFORE)
        yield hub


def propose(hub: Hub, **given: Any) -> dict[str, Any]:
    inputs = {"repoUrl": f"{hub.host}?owner=acme&repo=shop", "branchName": "scaffolded", "title": "Add docs", "description": "As asked"}
    return {"id": "propose", "action": "publish:github:pull-request", "input": {**inputs, **given}}


async def test_the_workspace_becomes_a_pull_request(folder: Folder, hub: Hub):
    label = {
        "id": "label",
        "action": "github:issues:label",
        "input": {
            "repoUrl": f"{hub.host}?owner=acme&repo=shop",
            "number": "${{ steps.propose.output.pullRequestNumber }}",
            "labels": ["new"],
        },
    }
    more = {"targetPath": "docs", "filesToDelete": ["../gone.txt"]}
    folder.add(template("leading-out", [write("a", "a"), propose(hub, **more)]))
    people = {
        "reviewers": ["ada"],
        "teamReviewers": ["shop"],
        "assignees": ["bob"],
        "gitAuthorName": "Ada",
        "gitAuthorEmail": "ada@acme.example",
    }
    wanted = propose(hub, filesToDelete=["gone.txt", "never-there.txt"], **people)
    steps = [write("docs/index.md", "new\n"), write("docs/more.md", "more\n"), wanted, label]
    folder.add(template("proposing", steps, output=OUTPUT))
    async with running(folder, on_github(folder, hub)) as tasks:
        assert (await tasks.run("leading-out")).task.error == "filesToDelete entry leads out of the repository: ../gone.txt"
        seen = await tasks.run("proposing")
        assert seen.task.error is None
        url = f"{hub.url}/acme/shop/pull/1"
        assert seen.task.output == {"targetBranchName": "main", "remoteUrl": url, "pullRequestNumber": 1}
        shop = hub.repositories["acme/shop"]
        expected = {"README.md": "100644 # Shop\n", "docs/index.md": "100644 new\n", "docs/more.md": "100644 more\n"}
        assert files(shop, "scaffolded") == expected
        assert history(shop, "scaffolded") == ["Ada <ada@acme.example> Add docs", "Octo Cat <octo@example.com> Commit 1"]
        assert set(files(shop, "main")) == set(BEFORE)
        pull = shop.pulls[0]
        assert (pull.title, pull.body, pull.head, pull.base) == ("Add docs", "As asked", "scaffolded", "main")
        assert pull.people == {"reviewers": ["ada"], "team_reviewers": ["shop"], "assignees": ["bob"], "labels": ["new"]}
        effects = await tasks.scaffolder.effects(seen.task.id)
        assert [(effect.kind, effect.url) for effect in effects] == [("pull-request", url)]


async def test_a_branch_that_is_there_is_written_anew_only_where_the_step_says_so(folder: Folder, hub: Hub):
    hub.commit("acme/shop", {"theirs.txt": "theirs"}, branch="scaffolded")
    folder.add(template("refused", [write("a", "a"), propose(hub)]))
    folder.add(template("updating", [write("a", "a"), propose(hub, update=True)], output=OUTPUT))
    async with running(folder, on_github(folder, hub)) as tasks:
        told = "acme/shop has a branch scaffolded already; `update: true` writes it anew"
        assert (await tasks.run("refused")).task.error == told
        first, second = [(await tasks.run("updating")).task.output for _ in range(2)]
        assert (first, first["pullRequestNumber"]) == (second, 1)
        assert len(hub.repositories["acme/shop"].pulls) == 1
        assert files(hub.repositories["acme/shop"], "scaffolded")["a"] == "100644 a"


async def test_nothing_to_change_is_no_pull_request_where_the_step_says_so(folder: Folder, hub: Hub):
    folder.add(template("same", [write("README.md", "# Shop\n"), propose(hub, createWhenEmpty=False)]))
    async with running(folder, on_github(folder, hub)) as tasks:
        seen = await tasks.run("same")
        assert (seen.task.error, hub.repositories["acme/shop"].pulls) == (None, [])
        assert await tasks.scaffolder.effects(seen.task.id) == []


@pytest.mark.parametrize("broken", ["", "POST .*/forks", "POST .*/pulls"])
async def test_a_change_is_proposed_from_a_fork_where_the_step_says_so(folder: Folder, hub: Hub, broken: str):
    folder.add(template("proposing", [write("a", "a"), propose(hub, forceFork=True)], output=OUTPUT))
    folder.add(template("updating", [write("a", "b"), propose(hub, forceFork=True, update=True)], output=OUTPUT))
    if broken:
        hub.fail(broken, Failure(keep=1), times=1)
    async with running(folder, on_github(folder, hub)) as tasks:
        seen = await tasks.run("proposing")
        if broken:
            assert seen.task.error is not None
            await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
            seen = await tasks.ended(seen.task.id)
        assert seen.task.error is None
        shop, fork = hub.repositories["acme/shop"], hub.repositories["ada/shop"]
        assert [(pull.owner, pull.head, pull.base) for pull in shop.pulls] == [("ada", "scaffolded", "main")]
        assert (files(fork, "scaffolded")["a"], len(history(fork, "scaffolded"))) == ("100644 a", 2)
        assert shop.git.write("for-each-ref", "--format=%(refname)") == "refs/heads/main"
        made = [(effect.kind, effect.url) for effect in await tasks.scaffolder.effects(seen.task.id)]
        assert made == [("fork", f"{hub.url}/ada/shop"), ("pull-request", f"{hub.url}/acme/shop/pull/1")]
        hub.commit("acme/shop", {"later.txt": "later"})
        again = await tasks.run("updating")
        assert (again.task.error, again.task.output["pullRequestNumber"]) == (None, 1)
        assert files(fork, "scaffolded").keys() == {*BEFORE, "a", "later.txt"}
        assert [effect.kind for effect in await tasks.scaffolder.effects(again.task.id)] == ["pull-request"]


@pytest.mark.parametrize("broken", ["POST .*/git/trees", "POST .*/git/commits", "POST .*/git/refs", "POST .*/pulls"])
async def test_a_step_that_broke_off_proposes_once(folder: Folder, hub: Hub, broken: str):
    folder.add(template("proposing", [write("a", "a"), propose(hub)], output=OUTPUT))
    hub.fail(broken, Failure(keep=1), times=1)
    async with running(folder, on_github(folder, hub)) as tasks:
        seen = await tasks.run("proposing")
        assert seen.task.error is not None
        await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
        assert (await tasks.ended(seen.task.id)).task.output["pullRequestNumber"] == 1
        shop = hub.repositories["acme/shop"]
        assert (len(shop.pulls), len(history(shop, "scaffolded"))) == (1, 2)
        assert len(await tasks.scaffolder.effects(seen.task.id)) == 1


async def test_a_dry_run_reads_the_files_and_asks_nobody(folder: Folder, hub: Hub):
    folder.add(template("proposing", [write("a", "a"), propose(hub)], output=OUTPUT))
    folder.add(template("leading-out", [write("a", "a"), propose(hub, targetPath="../out")]))
    async with running(folder, on_github(folder, hub)) as tasks:
        tried = [
            await tasks.scaffolder.rehearse(Ref(f"template:default/{name}"), {}, {}, tasks.access) for name in ("proposing", "leading-out")
        ]
        assert [each.error for each in tried] == [None, "targetPath leads out of the repository: ../out"]
        assert tried[0].output["pullRequestNumber"] == 43
        assert hub.seen == []
