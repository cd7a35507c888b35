"""What a policy denies of templates and tasks: nothing is done, and nothing of it shows anywhere."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from graph.access import Access, Principal, PrincipalKind
from graph.errors import CallboardError, ForbiddenError, NotFoundError
from graph.policy import policy_from
from graph.refs import Ref
from tests.scaffolder.templates import Folder, Running, log, running, served, template

V2 = "/api/scaffolder/v2"
ANN, BOB = Ref("user:default/ann"), Ref("user:default/bob")
READ = ["catalog.entity.read", "scaffolder.template.*", "scaffolder.task.*", "scaffolder.action.execute"]


def add_templates(folder: Folder) -> None:
    for name, owner in (("open", "ann"), ("hidden", "bob")):
        document = template(name, [log("say", f"{name} ${{{{ secrets.token }}}}")], owner=f"user:default/{owner}")
        folder.add(document)


def rules(*given: dict[str, Any]) -> dict[str, Any]:
    return {"permission": {"rules": list(given)}}


def access(tasks_of: Running, folder: Folder, ref: Ref, policy: dict[str, Any]) -> Access:
    return policy_from(folder.config(**policy).permission)(Principal(ref, PrincipalKind.USER, (ref,)))


OWN = {"allow": READ[:1], "to": "everyone", "if": {"isEntityOwner": True}}


async def test_templates_that_are_hidden_and_their_tasks_read_as_missing_ones(folder: Folder):
    add_templates(folder)
    policy = rules(OWN, {"allow": READ[1:], "to": "everyone"})
    async with running(folder, folder.config(**policy)) as tasks:
        ann, bob = (access(tasks, folder, ref, policy) for ref in (ANN, BOB))
        tasks.access = bob
        task_id = (await tasks.run("hidden", {}, {"token": "hidden from ann"})).task.id
        attempts = [
            lambda: tasks.scaffolder.template(Ref("template:default/hidden"), ann),
            lambda: tasks.scaffolder.start(Ref("template:default/hidden"), {}, {}, ann),
            lambda: tasks.scaffolder.rehearse(Ref("template:default/hidden"), {}, {}, ann),
            lambda: tasks.scaffolder.task(task_id, ann),
            lambda: tasks.scaffolder.cancel(task_id, ann),
            lambda: tasks.scaffolder.retry(task_id, {}, ann),
        ]
        told: list[str] = []
        for attempt in attempts:
            with pytest.raises(NotFoundError) as refused:
                await attempt()
            told.append(str(refused.value))
        assert set(told) == {"Template template:default/hidden not found", f"Task with id {task_id} does not exist"}
        assert [task.id async for task in tasks.scaffolder.tasks(ann)] == []
        assert [task.id async for task in tasks.scaffolder.tasks(bob)] == [task_id]
        assert (await tasks.scaffolder.task(task_id, bob)).task.attempt == 1


@pytest.mark.parametrize(
    ("denied", "what"),
    [
        ("scaffolder.task.create", ["start", "rehearse", "retry", "document"]),
        ("scaffolder.task.read", ["task", "cancel", "retry"]),
        ("scaffolder.task.cancel", ["cancel"]),
        ("scaffolder.template.step.read", ["start", "rehearse", "retry"]),
        ("scaffolder.template.parameter.read", ["start", "rehearse", "retry"]),
        ("scaffolder.template.management", ["document"]),
    ],
)
async def test_what_no_rule_allows_is_refused_and_not_done(folder: Folder, denied: str, what: Sequence[str]):
    add_templates(folder)
    policy = rules({"allow": READ, "to": "everyone"}, {"deny": [denied], "to": [str(ANN)]})
    async with running(folder, folder.config(**policy)) as tasks:
        ann, tasks.access = access(tasks, folder, ANN, policy), access(tasks, folder, BOB, policy)
        task_id = (await tasks.run("open")).task.id
        ref = Ref("template:default/open")
        attempts = {
            "start": lambda: tasks.scaffolder.start(ref, {}, {}, ann),
            "rehearse": lambda: tasks.scaffolder.rehearse(ref, {}, {}, ann),
            "retry": lambda: tasks.scaffolder.retry(task_id, {}, ann),
            "cancel": lambda: tasks.scaffolder.cancel(task_id, ann),
            "task": lambda: tasks.scaffolder.task(task_id, ann),
            "document": lambda: tasks.scaffolder.rehearse_document(template("x", []), {}, {}, {}, ann),
        }
        for name in what:
            with pytest.raises(ForbiddenError):
                await attempts[name]()
        assert [(task.id, task.attempt) async for task in tasks.scaffolder.tasks(tasks.access)] == [(task_id, 1)]


async def test_without_the_right_to_execute_actions_every_step_fails(folder: Folder):
    add_templates(folder)
    policy = rules({"allow": READ[:-1], "to": "everyone"})
    async with running(folder, folder.config(**policy)) as tasks:
        tasks.access = access(tasks, folder, ANN, policy)
        seen = await tasks.run("open")
        assert seen.task.error is not None
        assert "no rule of the permission policy allows scaffolder.action.execute" in seen.task.error


async def test_who_may_not_read_steps_sees_of_a_task_what_they_are_called(folder: Folder):
    add_templates(folder)
    policy = rules({"allow": READ, "to": "everyone"}, {"deny": ["scaffolder.template.step.read"], "to": [str(ANN)]})
    async with running(folder, folder.config(**policy)) as tasks:
        ann, tasks.access = access(tasks, folder, ANN, policy), access(tasks, folder, BOB, policy)
        task_id = (await tasks.run("open")).task.id
        assert (await tasks.scaffolder.task(task_id, ann)).sees_steps is False
        assert (await tasks.scaffolder.task(task_id, tasks.access)).sees_steps is True


async def _denied(client: httpx.AsyncClient) -> list[int]:
    answers = [
        await client.get(f"{V2}/tasks"),
        await client.get(f"{V2}/tasks/any"),
        await client.get(f"{V2}/tasks/any/events"),
        await client.get(f"{V2}/tasks/any/eventstream"),
        await client.post(f"{V2}/tasks", json={"templateRef": "template:open", "values": {}}),
        await client.post(f"{V2}/tasks/any/cancel", json={}),
        await client.post(f"{V2}/tasks/any/retry", json={}),
        await client.post(f"{V2}/dry-run", json={"template": template("x", []), "values": {}, "directoryContents": []}),
    ]
    return [answer.status_code for answer in answers]


async def test_denials_are_403_and_are_recorded(folder: Folder, caplog: pytest.LogCaptureFixture):
    add_templates(folder)
    policy = rules({"allow": ["catalog.entity.read"], "to": "everyone"})
    query = "{ templates { nodes { parameters { title } steps { id } problems { path } } } }"
    async with served(folder, folder.config(**policy)) as client:
        caplog.clear()
        with caplog.at_level("INFO", "callboard.audit"):
            assert await _denied(client) == [403] * 8
            assert len([record for record in caplog.records if '"outcome": "denied"' in record.message]) == 8
            for field in ("scaffolderTasks { totalCount }", 'scaffolderTask(id: "any") { id }'):
                answer = (await client.post("/graphql", json={"query": f"{{ {field} }}"})).json()
                assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
            assert len([record for record in caplog.records if '"outcome": "denied"' in record.message]) == 10
        nodes = (await client.post("/graphql", json={"query": query})).json()["data"]["templates"]["nodes"]
        assert nodes == [{"parameters": None, "steps": None, "problems": None}] * 2
        form = (await client.get(f"{V2}/templates/default/template/open/parameter-schema")).json()
        assert form == {"title": "open", "steps": []}


async def test_the_catalog_is_read_as_whoever_started_the_task_sees_it(folder: Folder):
    steps = [
        {"id": "mine", "action": "catalog:fetch", "input": {"entityRef": "template:default/open"}},
        {"id": "other", "action": "catalog:fetch", "input": {"entityRefs": ["template:default/hidden"], "optional": True}},
        {"id": "needed", "action": "catalog:fetch", "input": {"entityRef": "template:hidden"}},
    ]
    add_templates(folder)
    folder.add(template("reading", steps, owner="user:default/ann"))
    policy = rules(OWN, {"allow": READ[1:], "to": "everyone"})
    async with running(folder, folder.config(**policy)) as tasks:
        tasks.access = access(tasks, folder, ANN, policy)
        seen = await tasks.run("reading")
        assert seen.task.error == "Entity template:hidden not found"
        states = await tasks.scaffolder.steps(seen)
        assert states[0].output["entity"]["metadata"]["name"] == "open"
        assert states[0].output["entity"]["relations"] == [{"type": "ownedBy", "targetRef": "user:default/ann"}]
        assert states[1].output == {"entities": [None]}


async def test_refused_values_and_errors_tell_no_value(folder: Folder):
    folder.add(template("strict", [], parameters={"properties": {"pin": {"type": "integer"}}}))
    async with running(folder) as tasks:
        with pytest.raises(CallboardError) as refused:
            await tasks.start("strict", {"pin": "very private"})
        assert "very private" not in str(refused.value)
