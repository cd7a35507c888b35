"""Tasks from their start to their end: what they do, what is told of it, and what becomes of failures."""

from tests.scaffolder.templates import Folder, log, running, template
from workers.scaffolder.tasks import TaskStatus

FETCH = {
    "id": "fetch",
    "name": "Fill in",
    "action": "fetch:template",
    "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}},
}
SKELETON = {"skeleton/${{ values.name }}.txt": "Hello ${{ values.name | upper }}\n"}


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
