"""Repositories that templates make on Gitea, Bitbucket Cloud and Azure DevOps."""

import pytest

from tests.scaffolder.elsewhere import Case, configured, reach
from tests.scaffolder.publishing import TOKEN, files, history, write
from tests.scaffolder.templates import Folder, running, template
from tests.servers.github.hub import Failure


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
