"""Tasks from their start to their end: what they do, what is told of it, and what becomes of failures."""

import asyncio
from datetime import timedelta

import pytest

from graph.errors import ConflictError, NotFoundError
from graph.refs import Ref
from tests.scaffolder.templates import Folder, log, running, template
from workers.scaffolder.parameters import RefusedValuesError
from workers.scaffolder.task_store import CHECKPOINTS, EVENTS, SECRETS, SPECS, STEPS, TASKS, WORKSPACES
from workers.scaffolder.tasks import TaskStatus

FETCH = {
    "id": "fetch",
    "name": "Fill in",
    "action": "fetch:template",
    "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}},
}
SKELETON = {"skeleton/${{ values.name }}.txt": "Hello ${{ values.name | upper }}\n"}


def read(id: str, path: str) -> dict[str, object]:
    """A step that fails where there is no such file."""
    return {"id": id, "name": id, "action": "fs:read", "input": {"path": path}}


async def test_a_skeleton_is_filled_in_and_the_log_tells_of_each_step(folder: Folder):
    steps = [FETCH, {**log("look", "done"), "input": {"listWorkspace": "with-contents"}}]
    output = {"text": [{"title": "Hi", "content": "made ${{ parameters.name }}"}, {"if": False, "title": "no", "content": "no"}]}
    folder.add(template("hello", steps, output=output), SKELETON)
    async with running(folder) as tasks:
        seen = await tasks.run("hello", {"name": "world"})
        messages = await tasks.messages(seen.task.id)
        assert (seen.task.status, seen.task.error) == (TaskStatus.COMPLETED, None)
        assert seen.task.output == {"text": [{"title": "Hi", "content": "made world"}]}
        assert "Workspace:\n - world.txt:\n\n  Hello WORLD\n" in messages
        assert messages[0] == "Starting up task with 2 steps"
        assert messages[-1] == "Run completed with status: completed"
        assert await tasks.statuses(seen.task.id) == {"fetch": "completed", "look": "completed"}


async def test_steps_read_the_outputs_of_those_before_and_run_by_their_conditions(folder: Folder):
    steps = [
        {"id": "write", "action": "fs:write", "input": {"path": "a.json", "content": '{"n": 2, "of": ["x", "y"]}'}},
        {"id": "read", "action": "fs:read", "input": {"path": "a.json", "parser": "json"}},
        {**log("said", "n is ${{ steps.read.output.content.n }}"), "if": "${{ steps.read.output.content.n === 2 }}"},
        {**log("unsaid", "never"), "if": "${{ steps.read.output.content.n > 2 }}"},
        {**log("off", "never"), "if": False},
        {**log("each", "item ${{ each.key }} is ${{ each.value }}"), "each": "${{ steps.read.output.content.of }}"},
        {**log("some", "some ${{ each.value }}"), "each": "${{ steps.read.output.content.of }}", "if": "${{ each.value == 'y' }}"},
    ]
    folder.add(template("conditions", steps))
    async with running(folder) as tasks:
        seen = await tasks.run("conditions")
        messages = await tasks.messages(seen.task.id)
        assert seen.task.status is TaskStatus.COMPLETED
        said = [message for message in messages if message in {"n is 2", "never", "item 0 is x", "item 1 is y", "some x", "some y"}]
        assert said == ["n is 2", "item 0 is x", "item 1 is y", "some y"]
        assert await tasks.statuses(seen.task.id) == {
            **dict.fromkeys(["write", "read", "said", "each", "some"], "completed"),
            "unsaid": "skipped",
            "off": "skipped",
        }


async def test_after_a_failure_only_what_asks_for_it_runs(folder: Folder):
    steps = [
        {**read("tolerated", "none.txt"), "continueOnFailure": True},
        {**log("between", "goes on"), "if": "${{ not failure() }}"},
        read("broken", "none.txt"),
        log("skipped", "never"),
        {**log("skipped too", "never"), "if": "${{ true }}"},
        {**log("cleanup", "cleaned"), "if": "${{ always() }}"},
        {**log("alarm", "alarmed"), "if": "${{ failure() }}"},
    ]
    folder.add(template("failing", steps))
    async with running(folder) as tasks:
        seen = await tasks.run("failing")
        assert seen.task.status is TaskStatus.FAILED
        assert seen.task.error is not None
        assert "none.txt can't be read in the workspace" in seen.task.error
        assert await tasks.statuses(seen.task.id) == {
            "tolerated": "failed",
            "between": "completed",
            "broken": "failed",
            "skipped": "skipped",
            "skipped too": "skipped",
            "cleanup": "completed",
            "alarm": "completed",
        }
        (completion,) = [event for event in await tasks.scaffolder.events(seen.task.id, 0) if event.type == "completion"]
        assert completion.body["error"] == {"name": "StepFailedError", "message": seen.task.error}


async def test_a_retry_goes_on_from_the_step_that_failed_with_the_workspace_before_it(folder: Folder):
    steps = [
        {"id": "once", "action": "fs:write", "input": {"path": "once.txt", "content": "${{ context.task.id }}"}},
        {"id": "spoil", "action": "roadiehq:utils:fs:append", "input": {"path": "once.txt", "content": "!"}, "if": "${{ secrets.spoil }}"},
        {
            "id": "move",
            "action": "fs:rename",
            "input": {"files": [{"from": "once.txt", "to": "a.txt"}, {"from": "${{ secrets.name }}", "to": "c"}]},
        },
        {"id": "end", "action": "fs:readdir", "input": {"paths": ["."]}},
        {**log("always", "seen"), "if": "${{ always() }}"},
    ]
    folder.add(template("retried", steps, output={"files": "${{ steps.end.output.files[0].path }}"}))
    async with running(folder) as tasks:
        first = await tasks.run("retried", secrets={"name": "missing.txt"})
        assert first.task.status is TaskStatus.FAILED
        with pytest.raises(NotFoundError):
            await tasks.scaffolder.retry("other", {}, tasks.access)
        await tasks.scaffolder.retry(first.task.id, {"name": "a.txt"}, tasks.access)
        second = await tasks.ended(first.task.id)
        assert (second.task.status, second.task.attempt, second.task.output) == (TaskStatus.COMPLETED, 2, {"files": "c"})
        messages = await tasks.messages(first.task.id)
        assert messages.count("Beginning step fs:write") == 1
        assert messages.count("Skipping step once because it was already completed in a previous run") == 1
        assert messages.count("seen") == 2
        assert [event.type for event in await tasks.scaffolder.events(first.task.id, 0) if event.type != "log"] == [
            "recovered",
            "completion",
        ]


async def test_a_running_task_is_cancelled_and_one_that_is_over_stays(folder: Folder):
    folder.add(template("waiting", [{"id": "wait", "action": "debug:wait", "input": {"seconds": 60}}, log("after", "never")]))
    async with running(folder) as tasks:
        task_id = await tasks.start("waiting")
        async with asyncio.timeout(15):
            while "Beginning step debug:wait" not in await tasks.messages(task_id):  # noqa: ASYNC110 - it happens in a store
                await asyncio.sleep(0.02)
        with pytest.raises(ConflictError, match="cannot be retried"):
            await tasks.scaffolder.retry(task_id, {}, tasks.access)
        await tasks.scaffolder.cancel(task_id, tasks.access)
        seen = await tasks.ended(task_id)
        assert seen.task.status is TaskStatus.CANCELLED
        assert await tasks.statuses(task_id) == {"wait": "cancelled", "after": "open"}
        told = [event for event in await tasks.scaffolder.events(task_id, 0) if event.type != "log"]
        assert [(event.type, event.body["message"]) for event in told] == [
            ("cancelled", "Step wait has been cancelled."),
            ("completion", "Run completed with status: cancelled"),
        ]
        assert (await tasks.scaffolder.cancel(task_id, tasks.access)).version == seen.task.version


async def test_a_task_that_takes_too_long_is_ended(folder: Folder):
    folder.add(template("waiting", [{"id": "wait", "action": "debug:wait", "input": {"seconds": 60}}]))
    async with running(folder, folder.config(scaffolder={"taskTimeout": {"seconds": 1}})) as tasks:
        seen = await tasks.run("waiting")
        assert (seen.task.status, seen.task.error) == (
            TaskStatus.FAILED,
            "The task took longer than 0:00:01 (scaffolder.taskTimeout), and was ended.",
        )
        assert await tasks.statuses(seen.task.id) == {"wait": "failed"}


async def test_more_tasks_than_a_process_runs_at_once_wait(folder: Folder):
    folder.add(template("waiting", [{"id": "wait", "action": "debug:wait", "input": {"milliseconds": 300}}]))
    async with running(folder, folder.config(scaffolder={"concurrentTasksLimit": 1})) as tasks:
        ids = [await tasks.start("waiting") for _ in range(2)]
        ended = [(await tasks.ended(task_id)).task for task_id in ids]
        assert [task.status for task in ended] == [TaskStatus.COMPLETED] * 2
        first, second = sorted(ended, key=lambda task: task.ended_at or task.created_at)
        assert first.ended_at is not None
        assert second.began_at is not None
        assert second.began_at > first.ended_at - timedelta(milliseconds=50)


async def test_values_are_held_to_the_pages_that_are_shown(folder: Folder):
    pages = [
        {"properties": {"kind": {"enum": ["api", "web"]}}, "required": ["kind"]},
        {"when": "${{ parameters.kind === 'api' }}", "properties": {"port": {"type": "integer"}}, "required": ["port"]},
    ]
    folder.add(template("paged", [log("say", "${{ parameters | dump }}")], parameters=pages))
    async with running(folder) as tasks:
        for values in ({"kind": "api"}, {"kind": "other"}, {"kind": "api", "port": "x"}):
            with pytest.raises(RefusedValuesError):
                await tasks.start("paged", values)
        seen = await tasks.run("paged", {"kind": "web", "port": "ignored"})
        assert seen.spec.parameters == {"kind": "web"}
        assert '{"kind":"web"}' in await tasks.messages(seen.task.id)
        with pytest.raises(NotFoundError):
            await tasks.scaffolder.start(Ref("template:default/none"), {}, {}, tasks.access)


async def test_unknown_actions_and_wrong_inputs_fail_the_step_that_has_them(folder: Folder):
    folder.add(template("unknown", [{"id": "a", "action": "acme:none", "input": {}}]))
    folder.add(template("wrong", [{"id": "a", "action": "fetch:plain", "input": {"ulr": "./x"}}]))
    async with running(folder) as tasks:
        unknown = await tasks.run("unknown")
        assert unknown.task.error == "Template action with ID 'acme:none' is not registered; `scaffolderActions` lists those that are."
        wrong = await tasks.run("wrong")
        assert wrong.task.error == ("Invalid input passed to action fetch:plain: url: Field required; ulr: Extra inputs are not permitted")


async def test_keys_that_an_action_does_not_know_are_left_out_and_told(folder: Folder):
    folder.add(template("more", [{"id": "a", "action": "debug:log", "input": {"message": "hello", "allowedHosts": ["x"]}}]))
    async with running(folder) as tasks:
        seen = await tasks.run("more")
        assert seen.task.status is TaskStatus.COMPLETED
        messages = await tasks.messages(seen.task.id)
        assert "hello" in messages
        assert "debug:log does not know what it was given as allowedHosts, and leaves that out." in messages


async def test_files_are_deleted_moved_listed_changed_and_filled_in(folder: Folder):
    def step(action: str, **given: object) -> dict[str, object]:
        return {"id": action.replace(":", "-"), "action": action, "input": given}

    steps = [
        step("fetch:plain", url="./skeleton", targetPath="src"),
        step("workspace:template", sourcePath="src", targetPath="out", values={"n": 1}, copyWithoutTemplating=["raw"]),
        step("roadiehq:utils:fs:append", path="out/a.txt", content="!"),
        step("roadiehq:utils:fs:replace", files=[{"file": "out/*.txt", "find": "one", "replaceWith": "two"}]),
        step("fs:rename", files=[{"from": "out/a.txt", "to": "out/deep/b.txt"}]),
        step("fs:delete", files=["src", "out/**/*.tmp", "none/*"]),
        step("workspace:template:file", sourcePath="out/raw/c.txt", targetPath="out/c.txt", values={"n": 2}),
        step("catalog:write", entity={"kind": "Component", "metadata": {"name": "x"}}),
        step("roadiehq:utils:serialize:yaml", data={"a": [1, "yes"]}),
        step("fs:readdir", paths=["."], recursive=True),
        step("fs:read", path="catalog-info.yaml", parser="yaml"),
        step("debug:log", listWorkspace="with-contents"),
    ]
    skeleton = {"a.txt": "one ${{ values.n }}", "x.tmp": "x", "raw/c.txt": "${{ values.n }}", "{% if values.no %}d{% endif %}/e.txt": "e"}
    output = {
        "files": "${{ steps['fs-readdir'].output.files }}",
        "yaml": "${{ steps['roadiehq-utils-serialize-yaml'].output.serialized }}",
        "entity": "${{ steps['fs-read'].output.content }}",
    }
    folder.add(template("files", steps, output=output), {f"skeleton/{name}": text for name, text in skeleton.items()})
    async with running(folder) as tasks:
        seen = await tasks.run("files")
        assert seen.task.error is None
        assert [entry["path"] for entry in seen.task.output["files"]] == [
            "catalog-info.yaml",
            "out/c.txt",
            "out/deep/b.txt",
            "out/raw/c.txt",
        ]
        assert seen.task.output["yaml"] == "a:\n  - 1\n  - 'yes'\n"
        assert seen.task.output["entity"]["metadata"]["annotations"] == {"backstage.io/source-template": "template:default/files"}
        (listed,) = [message for message in await tasks.messages(seen.task.id) if message.startswith("Workspace:")]
        assert " - out/deep/b.txt:\n\n  two 1!\n" in listed
        assert " - out/c.txt:\n\n  2\n" in listed
        assert " - out/raw/c.txt:\n\n  ${{ values.n }}" in listed


async def test_tasks_that_ended_long_ago_are_forgotten_and_what_they_made_is_not(folder: Folder):
    folder.add(template("hello", [log("say", "hello")]))
    async with running(folder, folder.config(scaffolder={"taskRetention": {"seconds": 1}})) as tasks:
        task_id = (await tasks.run("hello")).task.id
        async with asyncio.timeout(30):
            while await tasks.store.states(TASKS):  # noqa: ASYNC110 - it happens in a store
                await asyncio.sleep(0.1)
        for collection in (SPECS, SECRETS, STEPS, EVENTS, CHECKPOINTS, WORKSPACES):
            assert await tasks.store.states(collection) == []
        with pytest.raises(NotFoundError):
            await tasks.scaffolder.task(task_id, tasks.access)


async def test_parameters_and_steps_may_stand_in_files_of_their_own(folder: Folder):
    steps = [{"$yaml": "./say.yaml"}, log("mine", "and ${{ parameters.name }}")]
    files = {
        "parameters.yaml": "required: [name]\nproperties: { name: { type: string, enum: [a, b], enumNames: [An A, A B] } }\n",
        "say.yaml": "id: say\naction: debug:log\ninput: { message: 'Hello ${{ parameters.name }}' }\n",
    }
    folder.add(template("included", steps, parameters={"$yaml": "./parameters.yaml"}), files)
    async with running(folder) as tasks:
        with pytest.raises(RefusedValuesError):
            await tasks.run("included", {"name": "c"})
        messages = await tasks.messages((await tasks.run("included", {"name": "a"})).task.id)
        assert [one for one in messages if one in ("Hello a", "and a")] == ["Hello a", "and a"]
        found = await tasks.scaffolder.template(Ref("template:default/included"), tasks.access)
        assert found.template.problems == []
