"""Projects and merge requests that templates make on GitLab: pushed with git, made once, and never taken from somebody else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pysequoia import Cert, Sig, Tsk, verify

from config import Config
from tests.scaffolder.publishing import TOKEN, files, history, settings, write
from tests.scaffolder.templates import Folder, running, template
from tests.servers.forges.gitlab import GitLab, serving_gitlab
from tests.servers.github.hub import Failure


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLab]:
    (tmp_path / "gitlab").mkdir()
    with serving_gitlab(tmp_path / "gitlab") as gitlab:
        gitlab.token(TOKEN)
        gitlab.group("acme")
        gitlab.group("acme/shop")
        gitlab.user("ada")
        yield gitlab


def on_gitlab(folder: Folder, gitlab: GitLab) -> Config:
    integration = {"host": gitlab.host, "baseUrl": gitlab.url, "token": TOKEN}
    return Config.model_validate(settings(folder, {"gitlab": [integration]}))


def publish(gitlab: GitLab, **given: Any) -> dict[str, Any]:
    return {"id": "publish", "action": "publish:gitlab", "input": {"repoUrl": f"{gitlab.host}?owner=acme/shop&repo=new", **given}}


def propose(gitlab: GitLab, **given: Any) -> dict[str, Any]:
    inputs = {"repoUrl": f"{gitlab.host}?owner=acme&repo=old", "branchName": "scaffolded", "title": "Add docs", **given}
    return {"id": "propose", "action": "publish:gitlab:merge-request", "input": inputs}


async def test_the_workspace_becomes_a_project(folder: Folder, gitlab: GitLab):
    more = {
        "settings": {"visibility": "public", "topics": ["java"], "merge_method": "ff"},
        "branches": [{"name": "next", "create": True, "protect": True, "ref": "master"}],
        "projectVariables": [{"key": "STAGE", "value": "test"}],
        "ownerUsername": "ada",
    }
    output = {name: f"${{{{ steps.publish.output.{name} }}}}" for name in ("remoteUrl", "repoContentsUrl", "projectId", "created")}
    folder.add(template("publishing", [write("a.txt", "a"), publish(gitlab, **more)], output=output))
    folder.add(template("again", [write("a.txt", "a"), publish(gitlab, skipExisting=True)], output=output))
    folder.add(template("taken", [write("a.txt", "a"), publish(gitlab)]))
    async with running(folder, on_gitlab(folder, gitlab)) as tasks:
        seen = await tasks.run("publishing")
        assert seen.task.error is None
        made = gitlab.repositories["acme/shop/new"]
        url = f"{gitlab.url}/acme/shop/new"
        outputs = {"remoteUrl": url, "repoContentsUrl": f"{url}/-/blob/master", "projectId": made.id, "created": True}
        assert seen.task.output == outputs
        assert (files(made, "next"), history(made)) == ({"a.txt": "100644 a"}, ["Scaffolder <scaffolder@backstage.io> initial commit"])
        assert (made.private, made.settings["create"]["merge_method"]) == (False, "ff")
        assert made.settings["protected_branches"] == [{"name": "next"}]
        assert [variable["key"] for variable in made.settings["variables"]] == ["STAGE"]
        assert made.settings["members"] == [{"user_id": gitlab.accounts.users["ada"].id, "access_level": 50}]
        assert [(each.kind, each.url) for each in await tasks.scaffolder.effects(seen.task.id)] == [("repository", url)]
        assert (await tasks.run("again")).task.output == {**outputs, "created": False}
        assert (await tasks.run("taken")).task.error == "acme/shop/new exists already, and is left as it is: choose another name"


@pytest.mark.parametrize("broken", ["POST .*/api/v4/projects$", "POST .*/git-receive-pack", "POST .*/protected_branches"])
async def test_a_step_that_broke_off_goes_on_with_the_project_that_it_made(folder: Folder, gitlab: GitLab, broken: str):
    folder.add(template("publishing", [write("a.txt", "a"), publish(gitlab, branches=[{"name": "master", "protect": True}])]))
    gitlab.fail(broken, Failure(keep=1), times=1)
    async with running(folder, on_gitlab(folder, gitlab)) as tasks:
        seen = await tasks.run("publishing")
        if seen.task.error is not None:
            await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
            seen = await tasks.ended(seen.task.id)
        assert seen.task.error is None
        assert len(history(gitlab.repositories["acme/shop/new"])) == 1
        assert [each.status for each in gitlab.seen if each.method == "POST" and each.path.endswith("/projects")] == [201]


async def test_the_workspace_becomes_a_merge_request(folder: Folder, gitlab: GitLab):
    old = gitlab.repository("acme/old", {"README.md": "# Old\n", "same.txt": "same"})
    more = {"labels": ["a", "b"], "reviewers": ["ada", "nobody"], "autoMerge": True}
    steps = [write("README.md", "# New\n"), write("same.txt", "same"), write("more.txt", "more"), propose(gitlab, **more)]
    folder.add(template("proposing", steps, output={"url": "${{ steps.propose.output.mergeRequestUrl }}"}))
    async with running(folder, on_gitlab(folder, gitlab)) as tasks:
        seen = await tasks.run("proposing")
        url = f"{gitlab.url}/acme/old/-/merge_requests/1"
        assert (seen.task.error, seen.task.output) == (None, {"url": url})
        expected = {"README.md": "100644 # New\n", "more.txt": "100644 more", "same.txt": "100644 same"}
        assert files(old, "scaffolded") == expected
        told = old.pulls[0].people
        assert (told["labels"], told["reviewer_ids"], told["auto_merge"]) == ("a,b", [gitlab.accounts.users["ada"].id], True)
        assert [(each.kind, each.url) for each in await tasks.scaffolder.effects(seen.task.id)] == [("pull-request", url)]
        again = await tasks.run("proposing")
        assert again.task.error == "The branch creation failed because the branch scaffolded already exists in acme/old."


@pytest.mark.parametrize("broken", ["POST .*/repository/commits", "POST .*/merge_requests"])
async def test_a_step_that_broke_off_proposes_once(folder: Folder, gitlab: GitLab, broken: str):
    old = gitlab.repository("acme/old", {"README.md": "# Old\n"})
    folder.add(template("proposing", [write("a.txt", "a"), propose(gitlab)]))
    gitlab.fail(broken, Failure(keep=1), times=1)
    async with running(folder, on_gitlab(folder, gitlab)) as tasks:
        seen = await tasks.run("proposing")
        assert seen.task.error is not None
        await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
        assert (await tasks.ended(seen.task.id)).task.error is None
        assert (len(old.pulls), len(history(old, "scaffolded"))) == (1, 2)


async def test_a_commit_is_signed_by_the_configured_key_and_is_the_same_one_when_the_step_is_repeated(folder: Folder, gitlab: GitLab):
    key = Tsk.generate("Bot <bot@acme.example>")
    integration = {"host": gitlab.host, "baseUrl": gitlab.url, "token": TOKEN}
    folder.add(template("publishing", [write("a.txt", "a"), publish(gitlab, signCommit=True)]))
    async with running(folder, Config.model_validate(settings(folder, {"gitlab": [integration]}))) as tasks:
        refused = (await tasks.run("publishing")).task.error or ""
        assert refused.startswith("signCommit needs a key: configure commitSigningKey of its integration")
    broken = Config.model_validate(settings(folder, {"gitlab": [{**integration, "commitSigningKey": "no key"}]}))
    async with running(folder, broken) as tasks:
        refused = (await tasks.run("publishing")).task.error or ""
        assert refused.startswith("the commit can't be signed by the configured key: ")
        assert "Stack backtrace" not in refused
    gitlab.delete("acme/shop/new")
    gitlab.fail("POST .*git-receive-pack", Failure(keep=1), times=1)
    signing = settings(folder, {"gitlab": [integration]}, scaffolder={"defaultCommitSigningKey": str(key)})
    async with running(folder, Config.model_validate(signing)) as tasks:
        seen = await tasks.run("publishing")
        assert "did not take what was pushed" in (seen.task.error or "") or "broke off" in (seen.task.error or "")
        await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
        assert (await tasks.ended(seen.task.id)).task.error is None
        git = gitlab.repositories["acme/shop/new"].git
        head, _, message = git.write("cat-file", "commit", "HEAD").partition("\n\n")
        bare, _, folded = head.partition("\ngpgsig ")
        signature = Sig.from_bytes(folded.replace("\n ", "\n").encode())
        content = f"{bare}\n\n{message}".encode()

        def known(_: list[str]) -> list[Cert]:
            return [key.extract_certificate()]

        assert len(verify(content, known, signature=signature).valid_sigs) == 1
        assert history(gitlab.repositories["acme/shop/new"]) == ["Scaffolder <scaffolder@backstage.io> initial commit"]
        assert not any("PGP PRIVATE KEY" in told for told in await tasks.messages(seen.task.id))
