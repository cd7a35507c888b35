"""Upgrades of what templates published to Gitea, Bitbucket Cloud and Azure DevOps."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.errors import InputError
from graph.refs import Ref
from plugins.hosts import hosts_from
from plugins.outbound.client import outbound_from
from tests.scaffolder.elsewhere import Case, configured, reach
from tests.scaffolder.publishing import TOKEN, files, history
from tests.scaffolder.templates import Folder, Running, running, template
from tests.servers.forges.azure import Azure
from tests.servers.github.hub import Failure, Pull, Repository
from workers.scaffolder.port import SeenTask, Upgrade
from workers.scaffolder.proposals import proposing
from workers.scaffolder.publishing.pull_requests import Wanted, pull_requests_of
from workers.scaffolder.publishing.requests import WriteApi

MAKING = Ref("template:default/making")
PROPOSING = "POST .*/(pulls|pullrequests)$"
FIRST = {"code.txt": "one\ntwo\nthree\n", "run.sh": "run\n", "tool.sh": "tool\n", "old.txt": "old\n", "same.txt": "same\n"}
SECOND = {"code.txt": "one\ntwo\nnew\n", "run.sh": "run more\n", "tool.sh": "tool\n", "in/new.txt": "new\n", "same.txt": "same\n"}


def add_making(folder: Folder, case: Case, skeleton: Mapping[str, str], *executable: str) -> None:
    """A template that publishes the skeleton, the files of which are these alone."""
    fetch = {"id": "fetch", "action": "fetch:template", "input": {"url": "./skeleton", "targetPath": "out"}}
    publish = {**case.step, "input": {**case.step["input"], "sourcePath": "out"}}
    document = template("making", [fetch, publish])
    document["metadata"] |= {"title": "Making", "annotations": {"example.org/files": str(sorted(skeleton.items()))}}
    folder.add(document, {f"skeleton/{path}": content for path, content in skeleton.items()})
    below = folder.path / "templates" / "making" / "skeleton"
    for path in [path for path in below.rglob("*") if path.is_file()]:
        if (name := path.relative_to(below).as_posix()) not in skeleton:
            path.unlink()
        else:
            path.chmod(0o755 if name in executable else 0o644)


@asynccontextmanager
async def reaching(folder: Folder, case: Case, **sections: Any) -> AsyncIterator[Running]:
    async with running(folder, configured(folder, case, **sections)) as tasks:
        reach(tasks, case)
        yield tasks


async def published(folder: Folder, case: Case) -> Repository:
    """The repository as the first version of the template made it, and people changed it; the template is of the second."""
    add_making(folder, case, FIRST, "run.sh")
    async with reaching(folder, case) as tasks:
        assert (await tasks.run("making")).task.error is None
    repository = case.forge.repositories[case.name]
    repository.git.commit({"code.txt": "mine\ntwo\nthree\n", "own.txt": "own\n"})
    add_making(folder, case, SECOND, "run.sh", "tool.sh")
    return repository


async def tried(tasks: Running) -> list[Upgrade]:
    return list(await tasks.scaffolder.upgrade(MAKING, None, {}, tasks.access, dry_run=True))


async def proposed(tasks: Running) -> SeenTask:
    """The task that the upgrade of everything is, once it is over."""
    (upgrade,) = await tasks.scaffolder.upgrade(MAKING, None, {}, tasks.access, dry_run=False)
    assert upgrade.task is not None, upgrade.problem
    return await tasks.ended(upgrade.task.task.id)


async def test_a_pull_request_with_just_the_difference_is_proposed_once_and_taken_over_when_it_is_merged(folder: Folder, case: Case):
    shop = await published(folder, case)
    before = files(shop)
    assert before["run.sh"] == "100755 run\n"
    async with reaching(folder, case) as tasks:
        (upgrade,) = await tried(tasks)
        assert (upgrade.problem, upgrade.proposal, upgrade.is_current) == (None, None, False)
        assert [(change.path, change.kind.value, change.conflict) for change in upgrade.changes] == [
            ("code.txt", "modified", None),
            ("in/new.txt", "added", None),
            ("old.txt", "removed", None),
            ("run.sh", "modified", None),
            ("tool.sh", "modified", None),
        ]
        seen = await proposed(tasks)
        assert seen.task.error is None
        (pull,) = shop.pulls
        assert (pull.title, pull.base, pull.state) == ("Upgrade to the present version of Making", "main", "open")
        assert (pull.head.startswith("template-upgrade/making-"), pull.body.startswith("This was made from")) == (True, True)
        after = files(shop, pull.head)
        assert {path: content for path, content in after.items() if content != before.get(path)} == {
            "code.txt": "100644 mine\ntwo\nnew\n",
            "in/new.txt": "100644 new\n",
            "run.sh": "100755 run more\n",
            "tool.sh": "100755 tool\n",
        }
        assert (before.keys() - after.keys(), files(shop)) == ({"old.txt"}, before)
        assert history(shop, pull.head)[0] == "Scaffolder <scaffolder@backstage.io> Upgrade to the present version of Making"
        assert history(shop, pull.head)[1:] == history(shop)
        (effect,) = await tasks.scaffolder.effects(seen.task.id)
        assert (effect.kind, effect.details["number"], effect.url.startswith(f"{case.forge.url}/{case.name.split('/')[0]}/")) == (
            "pull-request",
            1,
            True,
        )
        assert seen.task.output == {"links": [{"title": "Proposal", "url": effect.url}]}
        assert not any(TOKEN in message for message in await tasks.messages(seen.task.id))

        head = shop.git.head(pull.head)
        left = await proposed(tasks)
        assert f"It is proposed already, as {effect.url}; that stays as it is" in await tasks.messages(left.task.id)
        assert (len(shop.pulls), shop.git.head(pull.head), (await tried(tasks))[0].proposal) == (1, head, effect.url)

        pull.state = "closed"
        assert (await proposed(tasks)).task.error is None
        assert [(one.head, one.state) for one in shop.pulls] == [(pull.head, "closed"), (pull.head, "open")]

        shop.pulls[1].state, shop.pulls[1].merged_at = "closed", "2026-01-01T00:00:00Z"
        shop.git.write("update-ref", "refs/heads/main", shop.git.head(pull.head))
        done = await proposed(tasks)
        told = await tasks.messages(done.task.id)
        assert any(message.endswith("has all of the new version: there is nothing to propose") for message in told)
        assert await tried(tasks) == []


@pytest.mark.parametrize("where", ["POST .*git-receive-pack", PROPOSING], ids=["push", "proposal"])
async def test_a_task_that_broke_off_goes_on_and_makes_one_pull_request(folder: Folder, case: Case, where: str):
    shop = await published(folder, case)
    async with reaching(folder, case) as tasks:
        case.forge.fail(where, Failure(keep=1), times=1)
        seen = await proposed(tasks)
        if seen.task.error is not None:
            await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
            seen = await tasks.ended(seen.task.id)
        assert seen.task.error is None
        (pull,) = shop.pulls
        assert (case.forge.count(PROPOSING), len(history(shop, pull.head))) == (1, len(history(shop)) + 1)
        assert [effect.details["number"] for effect in await tasks.scaffolder.effects(seen.task.id)] == [1]


async def test_a_pull_request_of_a_fork_is_not_taken_for_the_own(folder: Folder, case: Case):
    shop = await published(folder, case)
    async with reaching(folder, case) as tasks:
        case.forge.fail(PROPOSING, Failure(503, b""), times=1)
        seen = await proposed(tasks)
        assert (seen.task.status, shop.pulls) == ("failed", [])
        (branch,) = (folder.name for folder in (shop.git.folder / "refs/heads/template-upgrade").iterdir())
        shop.pulls.append(Pull(1, "Theirs", "", f"template-upgrade/{branch}", "main", owner="stranger"))
        await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
        assert (await tasks.ended(seen.task.id)).task.error is None
        assert [(pull.head, pull.owner) for pull in shop.pulls] == [(shop.pulls[0].head, "stranger"), (shop.pulls[0].head, "")]


async def test_nothing_is_proposed_with_credentials_that_may_not_be_used(folder: Folder, case: Case):
    shop = await published(folder, case)
    async with reaching(folder, case, scaffolder={"requireScmUserCredentials": True}) as tasks:
        seen = await proposed(tasks)
        assert seen.task.error is not None
        assert seen.task.error.endswith("and scaffolder.requireScmUserCredentials requires one")
        assert (shop.pulls, shop.git.write("for-each-ref", "--format=%(refname)")) == ([], "refs/heads/main")


async def test_pull_requests_are_made_found_among_others_and_told_how_they_are(folder: Folder, case: Case):
    config, base = configured(folder, case), 'main"x'
    repository = case.forge.repository(case.name, {"a.txt": "a"}, default_branch=base)
    repository.git.commit({"a.txt": "b"}, branch="proposed")
    outbound = outbound_from(config)
    try:
        host = case.host(config, outbound)
        place = host.place(case.contents.partition("/src/")[0])
        pulls = pull_requests_of(host, place) if place else None
        assert pulls is not None
        wanted = Wanted("proposed", base, "Title", "x" * 5000)
        assert (await pulls.default_branch(), await pulls.state(1), await pulls.opened(wanted)) == (base, None, None)
        made = await pulls.create(WriteApi(outbound, pulls.url, pulls.host.sign, {}), wanted)
        repository.pulls += [Pull(number, "Another", "", "another", base) for number in range(2, 60)]
        assert (made.number, await pulls.opened(wanted), await pulls.state(1)) == (1, made, "open")
        # Azure DevOps takes no longer ones.
        assert len(repository.pulls[0].body) == (4000 if isinstance(case.forge, Azure) else 5000)
        repository.pulls[0].state = "closed"
        assert (await pulls.opened(wanted), await pulls.state(1)) == (None, "closed")
        repository.pulls[0].merged_at = "2026-01-01T00:00:00Z"
        assert await pulls.state(1) == "merged"
    finally:
        await outbound.close()


def test_where_nothing_can_be_proposed_it_is_said_on_which_hosts_it_can(tmp_path: Path):
    integrations = {
        "bitbucketServer": [{"host": "bitbucket.example.com", "token": TOKEN}],
        "git": [{"host": "git.example.com"}],
        "gitea": [{"host": "gitea.example.com", "token": TOKEN}],
    }
    config = Config.model_validate(Folder(tmp_path).settings(integrations=integrations))
    hosts = hosts_from(config, outbound_from(config))
    for url in (
        "https://bitbucket.example.com/projects/ACME/repos/shop",
        "https://git.example.com/acme/shop.git",
        "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop",
    ):
        told = f"{url} is on none of the hosts that upgrades are proposed on: GitHub, GitLab, Gitea, Bitbucket Cloud and Azure DevOps"
        with pytest.raises(InputError) as error:
            proposing(hosts, url)
        assert str(error.value) == f"{told}, as integrations name them"
    assert proposing(hosts, "https://gitea.example.com/acme/shop").url_output == "remoteUrl"
