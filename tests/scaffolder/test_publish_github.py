"""Repositories that templates make on GitHub: pushed with git, set up as asked, made once, and never taken from somebody else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph.refs import Ref
from tests.scaffolder.publishing import TOKEN, files, history, on_github, write
from tests.scaffolder.templates import Folder, running, template
from tests.servers.github.hub import Failure, Hub, secondary_limit
from tests.servers.github.serving import serving_github


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "github").mkdir()
    with serving_github(tmp_path / "github") as hub:
        hub.organisation("acme", ["ada", "bob"])
        hub.team("acme", "shop", ["ada"])
        yield hub


def publish(hub: Hub, name: str = "new", **given: Any) -> dict[str, Any]:
    return {"id": "publish", "action": "publish:github", "input": {"repoUrl": f"{hub.host}?owner=acme&repo={name}", **given}}


OUTPUT = {name: f"${{{{ steps.publish.output.{name} }}}}" for name in ("remoteUrl", "repoContentsUrl", "commitHash")}


async def test_the_workspace_becomes_a_repository_with_one_commit(folder: Folder, hub: Hub):
    steps = [
        write("catalog-info.yaml", "kind: Component\n"),
        write("run.sh", "#!/bin/sh\n"),
        write(".gitignore", "*.log\n"),
        write("noise.log", "left out"),
        write(".gitattributes", "* text eol=crlf filter=evil ident\n"),
        publish(hub),
    ]
    folder.add(template("publishing", steps, output=OUTPUT))
    author = {"defaultAuthor": {"name": "Plat <Form>", "email": "platform@acme.example"}, "defaultCommitMessage": "Begin"}
    async with running(folder, on_github(folder, hub, scaffolder=author)) as tasks:
        seen = await tasks.run("publishing")
        assert seen.task.error is None
        made = hub.repositories["acme/new"]
        assert files(made) == {
            ".gitattributes": "100644 * text eol=crlf filter=evil ident\n",
            ".gitignore": "100644 *.log\n",
            "catalog-info.yaml": "100644 kind: Component\n",
            "run.sh": "100644 #!/bin/sh\n",
        }
        assert history(made) == ["Plat Form <platform@acme.example> Begin"]
        assert seen.task.output == {
            "remoteUrl": hub.clone_url("acme/new"),
            "repoContentsUrl": f"{hub.url}/acme/new/blob/main",
            "commitHash": made.git.head("main"),
        }
        assert (made.private, made.settings["create"]["visibility"]) == (True, "private")
        assert made.settings["protection"]["required_pull_request_reviews"]["required_approving_review_count"] == 1
        effects = await tasks.scaffolder.effects(seen.task.id)
        assert [(effect.kind, effect.url) for effect in effects] == [("repository", f"{hub.url}/acme/new")]
        assert not any(TOKEN in message for message in await tasks.messages(seen.task.id))


async def test_links_and_the_workspaces_own_git_folder_are_not_published(folder: Folder, hub: Hub):
    folder.add(template("publishing", [write("kept.txt", "kept"), publish(hub)]))
    async with running(folder, on_github(folder, hub)) as tasks:
        action = tasks.scaffolder.actions.action("fs:write")
        original = action.run

        async def planting(given: Any, context: Any) -> Any:
            done = await original(given, context)
            (context.workspace.path / "link").symlink_to("/etc/passwd")
            (context.workspace.path / ".git" / "hooks").mkdir(parents=True)
            (context.workspace.path / ".git" / "hooks" / "pre-push").write_text("#!/bin/sh\ntouch /tmp/pwned\n")
            return done

        object.__setattr__(action, "run", planting)
        try:
            seen = await tasks.run("publishing")
        finally:
            object.__setattr__(action, "run", original)
        assert seen.task.error is None
        assert files(hub.repositories["acme/new"]) == {"kept.txt": "100644 kept"}


async def test_a_repository_is_set_up_as_the_step_says(folder: Folder, hub: Hub):
    more = {
        "description": "A shop",
        "repoVisibility": "public",
        "topics": ["Java"],
        "access": "acme/shop",
        "collaborators": [{"user": "user:default/bob", "access": "push"}],
        "repoVariables": {"STAGE": "test"},
        "secrets": {"KEY": "${{ secrets.key }}"},
        "defaultBranch": "trunk",
        "sourcePath": "inner",
        "gitCommitMessage": "First",
        "gitAuthorName": "Ada",
        "gitAuthorEmail": "ada@acme.example",
        "requiredApprovingReviewCount": 2,
        "requiredStatusCheckContexts": ["build"],
    }
    folder.add(template("publishing", [write("inner/a.txt", "a"), write("outer.txt", "o"), publish(hub, **more)]))
    async with running(folder, on_github(folder, hub)) as tasks:
        seen = await tasks.run("publishing", secrets={"key": "of-the-house"})
        assert seen.task.error is None
        made = hub.repositories["acme/new"]
        assert (made.private, made.topics, made.git.default_branch) == (False, ["java"], "trunk")
        assert files(made, "trunk") == {"a.txt": "100644 a"}
        assert history(made, "trunk") == ["Ada <ada@acme.example> First"]
        assert (made.settings["secrets"], made.settings["variables"]) == ({"KEY": "of-the-house"}, {"STAGE": "test"})
        assert (made.settings["new"], made.settings["bob"]) == ({"permission": "admin"}, {"permission": "push"})
        assert made.settings["protection"]["required_status_checks"] == {"strict": True, "contexts": ["build"]}


async def test_what_is_somebody_elses_is_never_adopted(folder: Folder, hub: Hub):
    before = hub.repository("acme/new", {"theirs.txt": "theirs"}).git.head("main")
    hub.repository("acme/empty")
    folder.add(template("taken", [write("a", "a"), publish(hub)]))
    folder.add(template("empty", [write("a", "a"), publish(hub, "empty")]))
    async with running(folder, on_github(folder, hub)) as tasks:
        for name, repository in (("taken", "acme/new"), ("empty", "acme/empty")):
            seen = await tasks.run(name)
            assert seen.task.error == f"{repository} exists already, and is left as it is: choose another name"
            await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
            assert (await tasks.ended(seen.task.id)).task.error == seen.task.error
            assert await tasks.scaffolder.effects(seen.task.id) == []
        assert hub.repositories["acme/new"].git.head("main") == before
        assert hub.count("POST") == 0


async def test_a_name_that_is_taken_between_the_look_and_the_making_stays_somebody_elses(folder: Folder, hub: Hub):
    folder.add(template("publishing", [write("a", "a"), publish(hub)]))
    taken = b'{"message": "Repository creation failed.", "errors": [{"message": "name already exists on this account"}]}'
    hub.fail("POST .*/orgs/acme/repos", Failure(422, taken), times=1)
    async with running(folder, on_github(folder, hub)) as tasks:
        seen = await tasks.run("publishing")
        assert seen.task.error is not None
        assert seen.task.error.endswith(
            "answered 422: it does not take what it was sent (Repository creation failed.; name already exists on this account)"
        )
        hub.repository("acme/new")
        await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
        again = await tasks.ended(seen.task.id)
        assert again.task.error == "acme/new exists already, and is left as it is: choose another name"
        assert hub.repositories["acme/new"].git.commits == 0


@pytest.mark.parametrize("broken", ["POST .*/orgs/acme/repos", "PUT .*/topics", "POST /acme/new.git/git-receive-pack", "PUT .*/protection"])
async def test_a_step_that_broke_off_goes_on_with_the_repository_that_it_made(folder: Folder, hub: Hub, broken: str):
    folder.add(template("publishing", [write("a", "a"), publish(hub, topics=["x"], repoVariables={"A": "1"})], output=OUTPUT))
    # The request arrives, and what is answered does not.
    hub.fail(broken, Failure(keep=1), times=1)
    async with running(folder, on_github(folder, hub)) as tasks:
        seen = await tasks.run("publishing")
        if seen.task.error is not None:
            await tasks.scaffolder.retry(seen.task.id, {}, tasks.access)
            seen = await tasks.ended(seen.task.id)
        assert seen.task.error is None
        assert seen.task.output["commitHash"] == hub.repositories["acme/new"].git.head("main")
        assert len(history(hub.repositories["acme/new"])) == 1
        assert [seen.status for seen in hub.seen if seen.method == "POST" and seen.path.endswith("/orgs/acme/repos")] == [201]
        assert len(await tasks.scaffolder.effects(seen.task.id)) == 1


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Failure(401, b'{"message": "Bad credentials"}'), "answered 401: the credentials are missing, expired or wrong (Bad credentials)"),
        (
            Failure(403, b'{"message": "Resource not accessible by integration"}'),
            "answered 403: the credentials may not do that (Resource not accessible by integration)",
        ),
        (secondary_limit(7), "asks to be left alone for a while, since its rate limit is used up: retry the task later"),
    ],
)
async def test_a_refusal_says_why(folder: Folder, hub: Hub, failure: Failure, told: str):
    folder.add(template("publishing", [write("a", "a"), publish(hub)]))
    hub.fail("POST .*/orgs/acme/repos", failure)
    async with running(folder, on_github(folder, hub)) as tasks:
        seen = await tasks.run("publishing")
        assert seen.task.error is not None
        assert seen.task.error.endswith(told)


async def test_only_hosts_with_an_integration_are_published_to_and_a_token_may_be_required(folder: Folder, hub: Hub):
    elsewhere = {"id": "p", "action": "publish:github", "input": {"repoUrl": "github.com?owner=acme&repo=new"}}
    odd = {"id": "p", "action": "publish:github", "input": {"repoUrl": f"{hub.host}?owner=acme&repo=../../user"}}
    for name, step in {"elsewhere": elsewhere, "odd": odd, "own": publish(hub), "given": publish(hub, token="${{ secrets.mine }}")}.items():
        folder.add(template(name, [write("a", "a"), step]))
    hub.token("token-of-ada")
    async with running(folder, on_github(folder, hub, scaffolder={"requireScmUserCredentials": True})) as tasks:
        errors = [(await tasks.run(name)).task.error for name in ("elsewhere", "odd", "own")]
        assert errors == [
            "nothing is published to github.com: no integration under integrations.github has that host",
            "repoUrl has a repo that is no name: ../../user",
            f"no `token` is given for {hub.host}, and scaffolder.requireScmUserCredentials requires one",
        ]
        assert (await tasks.run("given", secrets={"mine": "token-of-ada"})).task.error is None
        assert {seen.token for seen in hub.seen if seen.path.startswith("/api/")} == {"token-of-ada"}


async def test_a_repository_is_made_and_pushed_to_by_two_steps(folder: Folder, hub: Hub):
    at = f"{hub.host}?owner=acme&repo=new"
    create = {"id": "create", "action": "github:repo:create", "input": {"repoUrl": at, "workflowAccess": "organization"}}
    push = {"id": "push", "action": "github:repo:push", "input": {"repoUrl": at, "protectDefaultBranch": False}}
    hook = {
        "id": "hook",
        "action": "github:webhook",
        "input": {"repoUrl": at, "webhookUrl": "https://ci.example/", "webhookSecret": "shh!"},
    }
    inputs = {"repoUrl": at, "workflowId": "ci.yaml", "branchOrTagName": "main", "workflowInputs": {"a": "b"}}
    dispatch = {"id": "go", "action": "github:actions:dispatch", "input": inputs}
    steps = [create, write("a", "a"), push, hook, dispatch]
    folder.add(template("publishing", steps, output={"url": "${{ steps.create.output.remoteUrl }}"}))
    async with running(folder, on_github(folder, hub)) as tasks:
        seen = await tasks.run("publishing")
        assert (seen.task.error, seen.task.output) == (None, {"url": hub.clone_url("acme/new")})
        made = hub.repositories["acme/new"]
        assert files(made) == {"a": "100644 a"}
        assert made.settings["dispatches"] == [{"workflow": "ci.yaml", "ref": "main", "inputs": {"a": "b"}}]
        assert [hook["config"]["url"] for hook in made.settings["hooks"]] == ["https://ci.example/"]
        assert [effect.kind for effect in await tasks.scaffolder.effects(seen.task.id)] == ["repository", "webhook"]


async def test_a_dry_run_makes_nothing(folder: Folder, hub: Hub):
    folder.add(template("publishing", [write("a", "a"), publish(hub)], output=OUTPUT))
    async with running(folder, on_github(folder, hub)) as tasks:
        tried = await tasks.scaffolder.rehearse(Ref("template:default/publishing"), {}, {}, tasks.access)
        assert tried.error is None
        assert hub.seen == []
