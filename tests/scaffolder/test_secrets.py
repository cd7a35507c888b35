"""Secrets of tasks: used where inputs are made, and nowhere to be read: in no row, log, answer or file of the store."""

import stat
from base64 import b64encode
from urllib.parse import quote

import pytest

from graph.errors import ConflictError
from graph.store import StateWrite
from tests.scaffolder.templates import Folder, asked, log, running, served, template
from workers.scaffolder.ledger import EFFECTS, MAKERS, USES
from workers.scaffolder.parameters import RefusedValuesError
from workers.scaffolder.renderings import RENDERINGS
from workers.scaffolder.sealing import Seal, UnsealableError
from workers.scaffolder.skeletons import SKELETONS
from workers.scaffolder.task_store import CHECKPOINTS, EVENTS, SECRETS, SPECS, STEPS, TASKS, WORKSPACES

SECRET = 's3cret/with+signs and "quotes"'
ENVIRONMENT = "from-the-environment-9"
STEPS_OF_SECRETS = [
    log("plain", "token ${{ secrets.token }}"),
    log("made", "${{ secrets.token | upper }} ${{ secrets.token | replace('s', 'z') }} ${{ environment.secrets.key | upper }}"),
    {"id": "write", "action": "fs:write", "input": {"path": "secret.txt", "content": "${{ secrets.token }}"}},
    {"id": "read", "action": "fs:read", "input": {"path": "secret.txt"}},
    log("dump", "${{ steps.read.output.content | dump }}"),
    {"id": "list", "action": "debug:log", "input": {"listWorkspace": "with-contents"}},
    {**log("each", "${{ each.value }}"), "each": ["${{ secrets.token }}"]},
    {"id": "fail", "action": "fs:read", "input": {"path": "${{ secrets.token }}"}, "continueOnFailure": True},
    {"id": "wait", "action": "debug:wait", "input": {"milliseconds": 700}},
    log("condition", "${{ 'hidden' if secrets.token else 'x' }}", **{"if": "${{ not secrets.token }}"}),
]
SCHEMA = {"type": "object", "required": ["token"], "properties": {"token": {"type": "string", "minLength": 5}}}
FORMS = (
    SECRET,
    SECRET.upper(),
    SECRET.replace("s", "z"),
    quote(SECRET, safe=""),
    SECRET.replace('"', '\\"'),
    ENVIRONMENT,
    ENVIRONMENT.upper(),
)


def _holds(content: bytes) -> list[str]:
    return [form for form in (*FORMS, b64encode(SECRET.encode()).decode()) if form.encode() in content]


async def _rows(tasks: object) -> str:
    collections = (TASKS, SPECS, SECRETS, STEPS, EVENTS, CHECKPOINTS, WORKSPACES, EFFECTS, USES, MAKERS, RENDERINGS, SKELETONS)
    store = tasks.store  # type: ignore[attr-defined]
    return "\n".join([str(row.value) for collection in collections for row in await store.states(collection)])


async def test_secrets_are_in_no_row_and_no_line_while_a_task_runs_and_after_it(folder: Folder):
    output = {"told": "${{ steps.read.output.content }}", "unknown": "${{ secrets.token }}"}
    folder.add(template("secretive", STEPS_OF_SECRETS, output=output, secrets={"schema": SCHEMA}))
    config = folder.config(scaffolder={"defaultEnvironment": {"secrets": {"key": ENVIRONMENT}}})
    async with running(folder, config) as tasks:
        for secrets in ({}, {"token": "x"}):
            with pytest.raises(RefusedValuesError) as refused:
                await tasks.start("secretive", {}, secrets)
            assert "secrets" in str(refused.value)
        task_id = await tasks.start("secretive", {}, {"token": SECRET})
        while (await tasks.statuses(task_id))["wait"] != "processing":
            pass
        during = await _rows(tasks)
        assert len(await tasks.store.states(SECRETS)) == 1
        assert len(await tasks.store.states(WORKSPACES)) >= 1
        seen = await tasks.ended(task_id)
        after = await _rows(tasks)
        assert (seen.task.status.value, await tasks.store.states(SECRETS), await tasks.store.states(WORKSPACES)) == ("completed", [], [])
        assert [_holds(text.encode()) for text in (during, after, str(seen), "\n".join(await tasks.messages(task_id)))] == [[]] * 4
        assert seen.task.output == {"told": "[redacted]"}
        assert (await tasks.statuses(task_id))["condition"] == "completed"
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    assert [path.name for path in files if _holds(path.read_bytes())] == []


async def test_secrets_are_in_no_answer_of_a_run_and_of_a_dry_run(folder: Folder):
    folder.add(template("secretive", STEPS_OF_SECRETS[:2] + STEPS_OF_SECRETS[4:5]))
    run = """mutation ($dry: Boolean!, $secrets: JSON) {
      runTemplate(template: "template:secretive", values: {}, secrets: $secrets, dryRun: $dry) {
      task { id } dryRun { error steps { id input } files { path } log { message } } problems { path } } }"""
    async with served(folder) as client:
        done = await asked(client, run, dry=True, secrets={"token": SECRET})
        assert _holds(str(done).encode()) == []
        assert done["runTemplate"]["dryRun"]["steps"][0]["input"] == {"message": "token ***"}
        task = await asked(client, run, dry=False, secrets={"token": SECRET})
        answer = await client.get(f"/api/scaffolder/v2/tasks/{task['runTemplate']['task']['id']}/eventstream")
        assert _holds(answer.content) == []
        assert "token [redacted]" in answer.text


async def test_the_key_is_made_once_and_only_its_owner_reads_it(folder: Folder):
    folder.add(template("hello", [log("say", "hello")]))
    for _ in range(2):
        async with running(folder) as tasks:
            await tasks.run("hello")
        key = folder.path / "data" / "catalog.db.key"
        status = key.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_size) == (0o600, 32)


def test_what_is_sealed_opens_by_its_key_and_its_name_alone():
    seal = Seal(b"k" * 32)
    text = seal.close_json({"a": SECRET}, "secrets 1")
    assert seal.open_json(text, "secrets 1") == {"a": SECRET}
    assert text != seal.close_json({"a": SECRET}, "secrets 1")
    for other, name in ((Seal(b"x" * 32), "secrets 1"), (seal, "secrets 2")):
        with pytest.raises(UnsealableError):
            other.open_json(text, name)
    with pytest.raises(UnsealableError):
        seal.open_json(text[:-2] + ("00" if text[-2:] != "00" else "01"), "secrets 1")


async def test_a_task_whose_secrets_can_not_be_read_any_more_fails_and_says_so(folder: Folder):
    folder.add(template("hello", [{"id": "wait", "action": "debug:wait", "input": {"seconds": 30}}]))
    config = folder.config(scaffolder={"concurrentTasksLimit": 1})
    async with running(folder, config) as tasks:
        first, second = await tasks.start("hello"), await tasks.start("hello", {}, {"token": SECRET})
        await tasks.store.write_states([StateWrite(SECRETS, second, {"sealed": Seal(b"other" * 8).close_json({}, f"secrets {second}")})])
        await tasks.scaffolder.cancel(first, tasks.access)
        seen = await tasks.ended(second)
        assert seen.task.error == "it was encrypted with another key; was scaffolder.encryptionKey changed?"


async def test_without_an_embedded_store_a_key_has_to_be_configured(folder: Folder, empty_neo4j_uri: str):
    folder.add(template("hello", [log("say", "hello ${{ secrets.token }}")]))
    database = {"client": "neo4j", "connection": {"uri": empty_neo4j_uri}}
    settings = folder.settings()
    settings["backend"]["database"] = database
    async with running(folder, folder.config(**{"backend": settings["backend"]})) as tasks:
        with pytest.raises(ConflictError, match="encryptionKey"):
            await tasks.start("hello")
    keyed = folder.config(backend=settings["backend"], scaffolder={"encryptionKey": "k" * 32})
    async with running(folder, keyed) as tasks:
        seen = await tasks.run("hello", {}, {"token": SECRET})
        assert seen.task.status.value == "completed"
        assert _holds((await _rows(tasks)).encode()) == []
        assert await tasks.statuses(seen.task.id) == {"say": "completed"}
        assert "hello [redacted]" in await tasks.messages(seen.task.id)
