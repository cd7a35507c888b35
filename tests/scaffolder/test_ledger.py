"""The ledger of effects: what came from which version of which template, as far as whoever asks may see it."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from config import Config
from plugins.loading import forget_plugins
from tests.scaffolder.forge import install
from tests.scaffolder.templates import Folder, asked, log, running, served, template
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github
from workers.scaffolder.service import TaskScaffolder

USES = """query ($digest: String, $outdated: Boolean, $first: Int, $after: String) { template(ref: "template:making") { digest
  uses(digest: $digest, outdated: $outdated, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    nodes { taskId task { status } templateRef template { ref } templateDigest outdated createdBy
      effects { kind url ref entity { ref } stepId createdAt } entities { totalCount nodes { ref } } } } } }"""
MADE = "{ components { nodes { name scaffoldedBy { taskId templateRef template { ref } outdated task { status } } } } }"
TASK = "query ($id: ID!) { scaffolderTask(id: $id) { status error effects { kind entity { ref } stepId createdAt } } }"
_UNDER_WAY = ("open", "processing")
RUN = 'mutation ($values: JSON!) { runTemplate(template: "template:making", values: $values) { task { id } } }'
REGISTER = "mutation ($target: String!) { registerLocation(target: $target) { problems { message } } }"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    install(tmp_path / "site", monkeypatch)
    with serving_github(tmp_path / "repositories") as hub:
        hub.token("writer")
        yield hub
    sys.modules.pop("callboard_forge", None)
    forget_plugins()


def component(name: str) -> str:
    spec = {"type": "service", "lifecycle": "production", "owner": "ann"}
    return yaml.safe_dump({"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": name}, "spec": spec})


def written(folder: Folder, hub: Hub, **sections: Any) -> dict[str, Any]:
    """A configuration, as written, that reaches this GitHub."""
    found = folder.settings(integrations={"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "writer"}]}, **sections)
    found["backend"]["reading"] = {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]}
    return found


def settings(folder: Folder, hub: Hub, **sections: Any) -> Config:
    """The configuration, with the plugin that publishes."""
    return Config.model_validate(written(folder, hub, plugins={"forge": {}}, **sections))


def add_making(folder: Folder, hub: Hub, *more: dict[str, Any]) -> None:
    repository = f"{hub.url}/acme/${{{{ parameters.name }}}}"
    steps = [
        *more,
        {"id": "publish", "action": "forge:publish", "input": {"url": repository}},
        {"id": "register", "action": "catalog:register", "input": {"catalogInfoUrl": f"{repository}/blob/main/catalog-info.yaml"}},
    ]
    folder.add(template("making", steps))


async def ended(client: httpx.AsyncClient, task_id: str) -> None:
    """Return once the task is completed."""
    async with asyncio.timeout(20):
        while (task := (await asked(client, TASK, id=task_id))["scaffolderTask"])["status"] in _UNDER_WAY:  # noqa: ASYNC110 - it runs beside
            await asyncio.sleep(0.05)
    assert task["error"] is None


async def made(client: httpx.AsyncClient, name: str) -> str:
    task_id = (await asked(client, RUN, values={"name": name}))["runTemplate"]["task"]["id"]
    await ended(client, task_id)
    return task_id


async def test_what_came_from_which_version_of_a_template_is_a_query(folder: Folder, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
    hub.repository("acme/till", {"catalog-info.yaml": component("till")})
    add_making(folder, hub)
    async with served(folder, settings(folder, hub)) as client:
        shop = await made(client, "shop")
        effects = (await asked(client, TASK, id=shop))["scaffolderTask"]["effects"]
        assert [(effect["kind"], effect["stepId"]) for effect in effects] == [
            ("repository", "publish"),
            ("location", "register"),
            ("entity", "register"),
        ]
        assert effects[2]["entity"] == {"ref": "component:default/shop"}
        assert datetime.fromisoformat(effects[0]["createdAt"]) <= datetime.fromisoformat(effects[2]["createdAt"])
        first = (await asked(client, USES))["template"]
        assert first["digest"] == first["uses"]["nodes"][0]["templateDigest"]
        assert first["uses"]["nodes"][0]["outdated"] is False
    add_making(folder, hub, log("new", "and more"))
    async with served(folder, settings(folder, hub)) as client:
        till = await made(client, "till")
        found = (await asked(client, USES))["template"]
        assert found["digest"] != first["digest"]
        assert [(use["taskId"], use["outdated"], use["entities"]["nodes"]) for use in found["uses"]["nodes"]] == [
            (till, False, [{"ref": "component:default/till"}]),
            (shop, True, [{"ref": "component:default/shop"}]),
        ]
        outdated, present = [(await asked(client, USES, outdated=value))["template"]["uses"] for value in (True, False)]
        assert [[use["taskId"] for use in uses["nodes"]] for uses in (outdated, present)] == [[shop], [till]]
        of_first = (await asked(client, USES, digest=first["digest"]))["template"]["uses"]
        assert ([use["taskId"] for use in of_first["nodes"]], of_first["totalCount"]) == ([shop], 1)
        page = (await asked(client, USES, first=1))["template"]["uses"]
        rest = (await asked(client, USES, first=1, after=page["pageInfo"]["endCursor"]))["template"]["uses"]
        assert [use["taskId"] for use in (*page["nodes"], *rest["nodes"])] == [till, shop]
        assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"], page["totalCount"]) == (True, False, 2)
        nodes = (await asked(client, MADE))["components"]["nodes"]
        by = {"templateRef": "template:default/making", "template": {"ref": "template:default/making"}, "task": {"status": "completed"}}
        assert nodes == [
            {"name": "shop", "scaffoldedBy": {"taskId": shop, "outdated": True, **by}},
            {"name": "till", "scaffoldedBy": {"taskId": till, "outdated": False, **by}},
        ]


async def test_what_is_read_from_a_repository_that_a_task_made_came_from_the_template_too(folder: Folder, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop"), "more.yaml": component("more")})
    hub.repository("acme/other", {"catalog-info.yaml": component("other")})
    add_making(folder, hub)
    async with served(folder, settings(folder, hub)) as client:
        shop = await made(client, "shop")
        for target in (f"{hub.url}/acme/shop/blob/main/more.yaml", f"{hub.url}/acme/other/blob/main/catalog-info.yaml"):
            assert (await asked(client, REGISTER, target=target))["registerLocation"]["problems"] == []
        nodes = (await asked(client, MADE))["components"]["nodes"]
        assert [(node["name"], (node["scaffoldedBy"] or {}).get("taskId")) for node in nodes] == [
            ("more", shop),
            ("other", None),
            ("shop", shop),
        ]
        entities = (await asked(client, USES))["template"]["uses"]["nodes"][0]["entities"]
        assert entities == {"totalCount": 2, "nodes": [{"ref": "component:default/more"}, {"ref": "component:default/shop"}]}


async def test_hidden_entities_hidden_templates_and_tasks_that_may_not_be_read_do_not_show(folder: Folder, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
    add_making(folder, hub)
    everything = ["catalog.*", "scaffolder.*"]
    async with served(folder, settings(folder, hub)) as client:
        shop = await made(client, "shop")
    hidden_component = {"deny": ["catalog.entity.read"], "to": "everyone", "if": {"isEntityKind": ["component"]}}
    async with served(
        folder, settings(folder, hub, permission={"rules": [{"allow": everything, "to": "everyone"}, hidden_component]})
    ) as client:
        use = (await asked(client, USES))["template"]["uses"]["nodes"][0]
        assert (use["taskId"], use["entities"]) == (shop, {"totalCount": 0, "nodes": []})
        assert [effect["entity"] for effect in use["effects"]] == [None, None, None]
    hidden_template = {"deny": ["catalog.entity.read"], "to": "everyone", "if": {"isEntityKind": ["template"]}}
    stranger = {"deny": ["scaffolder.task.read"], "to": "everyone"}
    for denial in (hidden_template, stranger):
        policy = {"rules": [{"allow": everything, "to": "everyone"}, denial]}
        async with served(folder, settings(folder, hub, permission=policy)) as client:
            query = (
                '{ template(ref: "template:making") { uses { totalCount } } components { nodes { name scaffoldedBy { task { id } } } } }'
            )
            data = await asked(client, query)
            own = {"task": {"id": shop}} if denial is hidden_template else None
            assert data["components"]["nodes"] == [{"name": "shop", "scaffoldedBy": own}]
            assert data["template"] == (None if denial is hidden_template else {"uses": None})


async def test_what_a_task_made_is_remembered_longer_than_the_task(folder: Folder, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
    add_making(folder, hub)
    async with running(folder, settings(folder, hub)) as tasks:
        shop = (await tasks.run("making", {"name": "shop"})).task.id
        assert isinstance(tasks.scaffolder, TaskScaffolder)
        await tasks.scaffolder.scaffolding.tasks.remove(shop)
    async with served(folder, settings(folder, hub)) as client:
        (use,) = (await asked(client, USES))["template"]["uses"]["nodes"]
        assert (use["taskId"], use["task"], len(use["effects"]), use["entities"]["totalCount"]) == (shop, None, 3, 1)
        (shown,) = (await asked(client, MADE))["components"]["nodes"]
        assert (shown["scaffoldedBy"]["taskId"], shown["scaffoldedBy"]["task"]) == (shop, None)


async def test_a_version_is_no_way_to_guess_what_is_redacted_and_is_told_apart_nevertheless(folder: Folder, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
    add_making(folder, hub)
    rules = [{"allow": ["catalog.*", "scaffolder.*"], "to": "everyone"}]
    redact = [{"fields": ["spec.type"], "from": "everyone", "if": {"isEntityKind": ["template"]}}]
    async with served(folder, settings(folder, hub)) as client:
        digest = (await asked(client, USES))["template"]["digest"]
    policy = {"rules": rules, "redact": redact}
    async with served(folder, settings(folder, hub, permission=policy)) as client:
        await made(client, "shop")
        found = (await asked(client, USES))["template"]
        (use,) = found["uses"]["nodes"]
        assert (found["digest"], use["templateDigest"], use["outdated"]) == (None, None, False)
        answer = (await client.post("/graphql", json={"query": USES, "variables": {"digest": digest}})).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    async with served(folder, settings(folder, hub)) as client:
        (use,) = (await asked(client, USES))["template"]["uses"]["nodes"]
        assert use["templateDigest"] == digest
