"""Templates and tasks over GraphQL: what they are, running them, following them, and the past of them."""

import asyncio
from typing import Any

import httpx

from tests.scaffolder.templates import Folder, asked, log, served, template

PAGE = {"title": "Name", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 5, "default": "shop"}}}
STEPS = [
    {"id": "fetch", "action": "fetch:template", "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}}},
    {"id": "fs", "action": "fs:readdir", "input": {"paths": ["."]}, "if": "${{ parameters.name }}"},
    log("each", "${{ each.value.path }}", each="${{ steps.fs.output.files }}"),
]
RUN = """mutation ($values: JSON!, $dryRun: Boolean!) {
  runTemplate(template: "template:default/service", values: $values, dryRun: $dryRun) {
  task { id status createdBy templateRef template { ref } parameters attempt steps { id status } }
  dryRun { succeeds error output steps { id action status input } files { path text executable } }
  problems { path message } } }"""
TASK = """query ($id: ID!) { scaffolderTask(id: $id) { status error output steps { id action status output }
  events(first: 2) { id type message stepId status } effects { kind } templateDigest } }"""


def add_service(folder: Folder) -> None:
    skeleton = {"skeleton/${{ values.name }}.txt": "${{ values.name }}"}
    folder.add(
        template("service", STEPS, parameters=[PAGE], output={"text": [{"title": "t", "content": "${{ parameters.name }}"}]}), skeleton
    )


async def shown(client: httpx.AsyncClient, id: str) -> Any:
    return (await asked(client, TASK, id=id))["scaffolderTask"]


async def ended(client: httpx.AsyncClient, id: str) -> Any:
    async with asyncio.timeout(20):
        while (task := await shown(client, id))["status"] in ("open", "processing"):  # noqa: ASYNC110 - it happens in a store
            await asyncio.sleep(0.05)
    return task


async def test_a_template_tells_its_form_its_steps_and_what_is_wrong_with_it(folder: Folder):
    add_service(folder)
    wrong = {"properties": {"n": {"type": "strng"}}}
    folder.add(template("broken", [log("a", "x"), {"id": "a", "action": "acme:none"}], parameters=wrong))
    query = """{ templates { totalCount nodes { name parameters { title schema when } steps { id action condition each }
      problems { path message isFatal } } }
      template(ref: "template:service") { type } none: template(ref: "component:default/service") { ref } }"""
    async with served(folder) as client:
        data = await asked(client, query)
        broken, service = data["templates"]["nodes"]
        assert (data["templates"]["totalCount"], data["template"], data["none"]) == (2, {"type": "service"}, None)
        assert service["parameters"] == [{"title": "Name", "schema": PAGE, "when": None}]
        assert service["problems"] == []
        assert service["steps"][1] == {"id": "fs", "action": "fs:readdir", "condition": "${{ parameters.name }}", "each": None}
        assert [(problem["path"], problem["isFatal"]) for problem in broken["problems"]] == [
            ("spec.parameters.properties.n.type", False),
            ("spec.steps[0].id", False),
            ("spec.steps[1].id", False),
            ("spec.steps[1].action", False),
        ]


async def test_a_template_is_tried_and_run_and_its_task_looked_at(folder: Folder):
    add_service(folder)
    async with served(folder) as client:
        tried = (await asked(client, RUN, values={"name": "shop"}, dryRun=True))["runTemplate"]
        assert (tried["task"], tried["problems"]) == (None, [])
        assert tried["dryRun"]["files"] == [{"path": "shop.txt", "text": "shop", "executable": False}]
        assert tried["dryRun"]["succeeds"] is True
        assert [step["status"] for step in tried["dryRun"]["steps"]] == ["completed"] * 3
        assert tried["dryRun"]["steps"][0]["input"] == {"url": "./skeleton", "values": {"name": "shop"}}
        refused = (await asked(client, RUN, values={"name": "too long"}, dryRun=False))["runTemplate"]
        assert refused == {"task": None, "dryRun": None, "problems": [{"path": "instance.name", "message": "does not meet maxLength"}]}
        assert (await asked(client, "{ scaffolderTasks { totalCount } }"))["scaffolderTasks"]["totalCount"] == 0
        begun = (await asked(client, RUN, values={"name": "shop"}, dryRun=False))["runTemplate"]["task"]
        assert {key: value for key, value in begun.items() if key not in ("id", "steps")} == {
            "status": "open",
            "createdBy": "user:default/guest",
            "templateRef": "template:default/service",
            "template": {"ref": "template:default/service"},
            "parameters": {"name": "shop"},
            "attempt": 1,
        }
        assert [step["id"] for step in begun["steps"]] == ["fetch", "fs", "each"]
        task = await ended(client, begun["id"])
        assert (task["status"], task["error"]) == ("completed", None)
        assert task["output"] == {"text": [{"title": "t", "content": "shop"}]}
        assert task["steps"][1]["output"]["files"][0]["path"] == "shop.txt"
        assert [event["id"] for event in task["events"]] == [1, 2]
        assert await asked(client, 'query { scaffolderTask(id: "none") { id } }') == {"scaffolderTask": None}


async def test_tasks_are_listed_newest_first_page_by_page(folder: Folder):
    add_service(folder)
    page = (
        "query ($after: String) { scaffolderTasks(first: 2, after: $after) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }"
    )
    async with served(folder) as client:
        ids = [(await asked(client, RUN, values={"name": f"s{n}"}, dryRun=False))["runTemplate"]["task"]["id"] for n in range(3)]
        first = (await asked(client, page, after=None))["scaffolderTasks"]
        rest = (await asked(client, page, after=first["pageInfo"]["endCursor"]))["scaffolderTasks"]
        assert [[node["id"] for node in one["nodes"]] for one in (first, rest)] == [[ids[2], ids[1]], [ids[0]]]
        assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"], first["totalCount"]) == (True, False, 3)
        for task_id in ids:
            await ended(client, task_id)
        counted = "query ($of: [String!], $by: [String!]) { scaffolderTasks(status: $of, createdBy: $by) { totalCount } }"
        assert (await asked(client, counted, of=["failed"]))["scaffolderTasks"]["totalCount"] == 0
        assert (await asked(client, counted, by=["user:default/guest"]))["scaffolderTasks"]["totalCount"] == 3
        assert (await asked(client, counted, by=["user:default/ann"]))["scaffolderTasks"]["totalCount"] == 0
        wrong = (await client.post("/graphql", json={"query": '{ scaffolderTasks(status: ["gone"]) { totalCount } }'})).json()
        assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_events_of_a_task_are_told_as_they_happen_up_to_its_completion(folder: Folder):
    add_service(folder)
    query = "subscription ($id: ID!, $after: Int) { taskEvents(id: $id, after: $after) { id type message } }"
    async with served(folder) as client:
        task_id = (await asked(client, RUN, values={"name": "shop"}, dryRun=False))["runTemplate"]["task"]["id"]
        headers = {"accept": "text/event-stream"}
        answer = await client.post("/graphql", json={"query": query, "variables": {"id": task_id}}, headers=headers)
        told = [line for line in answer.text.splitlines() if line.startswith("data: {")]
        assert '"message":"Starting up task with 3 steps"' in told[0]
        assert '"type":"completion"' in told[-1]
        rest = await client.post("/graphql", json={"query": query, "variables": {"id": task_id, "after": len(told) - 1}}, headers=headers)
        assert [line for line in rest.text.splitlines() if line.startswith("data: {")] == told[-1:]


async def test_tasks_are_cancelled_and_retried(folder: Folder):
    folder.add(template("waiting", [{"id": "wait", "action": "debug:wait", "input": {"seconds": "${{ 30 if secrets.wait else 0 }}"}}]))
    run = 'mutation ($secrets: JSON) { runTemplate(template: "template:waiting", values: {}, secrets: $secrets) { task { id } } }'
    async with served(folder) as client:
        task_id = (await asked(client, run, secrets={"wait": "yes, long"}))["runTemplate"]["task"]["id"]
        await asked(client, "mutation ($id: ID!) { cancelTask(id: $id) { task { id } } }", id=task_id)
        assert (await ended(client, task_id))["status"] == "cancelled"
        retried = await asked(client, "mutation ($id: ID!) { retryTask(id: $id) { task { attempt } problems { path } } }", id=task_id)
        assert retried == {"retryTask": {"task": {"attempt": 2}, "problems": []}}
        assert (await ended(client, task_id))["status"] == "completed"


async def test_actions_are_listed_with_schemas_and_examples(folder: Folder):
    add_service(folder)
    query = "{ scaffolderActions { id aliases supportsDryRun input output examples { description example } } }"
    async with served(folder) as client:
        actions = {action["id"]: action for action in (await asked(client, query))["scaffolderActions"]}
        assert actions["fs:write"]["aliases"] == ["roadiehq:utils:fs:write"]
        assert actions["fetch:template"]["input"]["required"] == ["url"]
        assert actions["debug:wait"]["supportsDryRun"] is False
        assert "fetch:template" in actions["fetch:template"]["examples"][0]["example"]
