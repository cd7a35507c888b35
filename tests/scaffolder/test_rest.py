"""Backstage's scaffolder routes: shapes, statuses, streams, and what is refused."""

import base64
from typing import Any

import httpx
import orjson

from tests.scaffolder.templates import Folder, log, served, template

V2 = "/api/scaffolder/v2"
PAGE = {
    "title": "The service",
    "description": "What it is called",
    "required": ["name"],
    "properties": {"name": {"type": "string", "pattern": "^[a-z]+$", "ui:autofocus": True}},
}
STEPS = [
    {"action": "fetch:template", "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}}},
    log("say", "hello ${{ parameters.name }}"),
]
SKELETON = {"skeleton/${{ values.name }}.txt": "${{ values.name }}"}


def add_service(folder: Folder) -> None:
    document = template("service", STEPS, parameters=[PAGE], output={"links": [{"title": "x", "url": "https://x/${{ parameters.name }}"}]})
    document["metadata"]["description"] = "Makes a service"
    folder.add(document, SKELETON)


async def started(client: httpx.AsyncClient, **values: Any) -> str:
    answer = await client.post(f"{V2}/tasks", json={"templateRef": "template:default/service", "values": values, "secrets": {}})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def events_of(client: httpx.AsyncClient, task_id: str, **headers: str) -> list[dict[str, Any]]:
    """What the stream of the task tells, until it ends."""
    answer = await client.get(f"{V2}/tasks/{task_id}/eventstream", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.split("\n\n") if block.startswith("id:")]
    for number, kind, data in blocks:
        told = orjson.loads(data.removeprefix("data: "))
        assert (number, kind) == (f"id: {told['id']}", f"event: {told['type']}")
    return [orjson.loads(data.removeprefix("data: ")) for _, _, data in blocks]


async def test_the_form_of_a_template_is_told_as_backstage_tells_it(folder: Folder):
    add_service(folder)
    async with served(folder) as client:
        answer = await client.get(f"{V2}/templates/default/template/service/parameter-schema")
        assert (answer.status_code, answer.json()) == (
            200,
            {
                "title": "service",
                "description": "Makes a service",
                "steps": [{"title": "The service", "description": "What it is called", "schema": PAGE}],
            },
        )
        missing = await client.get(f"{V2}/templates/default/template/none/parameter-schema")
        other = await client.get(f"{V2}/templates/default/component/none/parameter-schema")
        assert (missing.status_code, other.status_code) == (404, 400)
        assert missing.json()["error"] == {"name": "NotFoundError", "message": "Template template:default/none not found"}


async def test_a_task_is_started_followed_listed_and_shown(folder: Folder):
    add_service(folder)
    async with served(folder) as client:
        task_id = await started(client, name="shop")
        events = await events_of(client, task_id)
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        assert {event["taskId"] for event in events} == {task_id}
        assert [
            event["body"].get("status") for event in events if event["body"].get("stepId") == "step-1" and "status" in event["body"]
        ] == [
            "processing",
            "completed",
        ]
        assert events[-1]["type"] == "completion"
        assert events[-1]["body"] == {
            "message": "Run completed with status: completed",
            "output": {"links": [{"title": "x", "url": "https://x/shop"}]},
        }
        rest = await events_of(client, task_id, **{"Last-Event-ID": str(events[-2]["id"])})
        polled = (await client.get(f"{V2}/tasks/{task_id}/events", params={"after": events[-3]["id"]})).json()
        assert (rest, polled) == (events[-1:], events[-2:])
        task = (await client.get(f"{V2}/tasks/{task_id}")).json()
        assert {key: task[key] for key in ("id", "status", "createdBy")} == {
            "id": task_id,
            "status": "completed",
            "createdBy": "user:default/guest",
        }
        assert task["spec"]["parameters"] == {"name": "shop"}
        assert [step["id"] for step in task["spec"]["steps"]] == ["step-1", "say"]
        assert task["spec"]["templateInfo"]["entityRef"] == "template:default/service"
        listed = (await client.get(f"{V2}/tasks", params={"createdBy": "user:default/guest", "limit": 1})).json()
        assert listed == {"tasks": [task], "totalTasks": 1}
        assert (await client.get(f"{V2}/tasks", params={"status": "failed"})).json() == {"tasks": [], "totalTasks": 0}
        assert (await client.get(f"{V2}/tasks", params={"order": "up:id"})).status_code == 400


async def test_values_that_the_template_refuses_are_told_and_nothing_is_run(folder: Folder):
    add_service(folder)
    async with served(folder) as client:
        answer = await client.post(f"{V2}/tasks", json={"templateRef": "template:service", "values": {"name": "Not This"}})
        assert (answer.status_code, answer.json()) == (
            400,
            {
                "errors": [
                    {
                        "path": ["name"],
                        "property": "instance.name",
                        "message": 'does not match pattern "^[a-z]+$"',
                        "name": "pattern",
                        "argument": None,
                        "stack": 'instance.name does not match pattern "^[a-z]+$"',
                    }
                ]
            },
        )
        assert "Not This" not in answer.text
        assert (await client.get(f"{V2}/tasks")).json() == {"tasks": [], "totalTasks": 0}


async def test_what_is_no_request_is_refused(folder: Folder):
    add_service(folder)
    async with served(folder) as client:
        for body in (
            {},
            {"templateRef": 1, "values": {}},
            {"templateRef": "template:service"},
            {"templateRef": "template:service", "values": []},
        ):
            assert (await client.post(f"{V2}/tasks", json=body)).status_code == 400
        secret = {"templateRef": "template:service", "values": {"name": "a"}, "secrets": {"a": 12345}}
        refused = await client.post(f"{V2}/tasks", json=secret)
        assert (refused.status_code, "12345" in refused.text) == (400, False)
        assert (await client.post(f"{V2}/tasks", json={"templateRef": "template:none", "values": {}})).status_code == 404
        for path in ("", "/eventstream", "/events"):
            assert (await client.get(f"{V2}/tasks/unknown{path}")).status_code == 404
        for path in ("/cancel", "/retry"):
            assert (await client.post(f"{V2}/tasks/unknown{path}", json={})).status_code == 404


async def test_actions_are_listed_with_the_schemas_of_input_and_output(folder: Folder):
    add_service(folder)
    async with served(folder) as client:
        actions = {action["id"]: action for action in (await client.get(f"{V2}/actions")).json()}
        assert list(actions) == sorted(actions)
        rename = actions["fs:rename"]["schema"]["input"]
        assert rename["required"] == ["files"]
        assert rename["properties"]["files"]["items"]["required"] == ["from", "to"]
        assert rename["properties"]["files"]["items"]["properties"]["overwrite"] == {
            "type": "boolean",
            "description": "Overwrite existing file or directory, default is false",
        }
        assert set(actions["fs:readdir"]["schema"]["output"]["properties"]) == {"files", "folders"}
        assert len(actions["catalog:register"]["schema"]["input"]["anyOf"]) == 2


async def test_a_dry_run_brings_its_files_along_and_leaves_nothing(folder: Folder):
    add_service(folder)
    document = template("new", [*STEPS, {"id": "register", "action": "catalog:register", "input": {"catalogInfoUrl": "https://x/y"}}])
    contents = [{"path": "skeleton/${{ values.name }}.txt", "base64Content": base64.b64encode(b"Hi ${{ values.name }}").decode()}]
    body = {"template": document, "values": {"name": "shop"}, "secrets": {}, "directoryContents": contents}
    async with served(folder) as client:
        answer = await client.post(f"{V2}/dry-run", json=body)
        assert answer.status_code == 200, answer.text
        done = answer.json()
        assert done["directoryContents"] == [
            {"path": "shop.txt", "executable": False, "base64Content": base64.b64encode(b"Hi shop").decode()}
        ]
        assert [step["id"] for step in done["steps"]] == ["step-1", "say", "register"]
        messages = [entry["body"]["message"] for entry in done["log"]]
        assert "Skipping because catalog:register does not support dry-run" in messages
        assert (await client.get(f"{V2}/tasks")).json()["totalTasks"] == 0
        assert (await client.post(f"{V2}/dry-run", json={**body, "template": {"kind": "Template"}})).status_code == 400
        old = {**document, "apiVersion": "backstage.io/v1beta2"}
        refused = await client.post(f"{V2}/dry-run", json={**body, "template": old})
        assert refused.status_code == 400
        assert "scaffolder.backstage.io/v1beta3" in refused.json()["error"]["message"]
