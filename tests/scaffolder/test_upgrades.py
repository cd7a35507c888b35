"""Upgrades: what came from an older version of a template, with what changed since merged into what the repository holds."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plugins.loading import forget_plugins
from tests.scaffolder.forge import install
from tests.scaffolder.publishing import files
from tests.scaffolder.templates import Folder, asked, served, template
from tests.scaffolder.test_ledger import component, ended, made, settings
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github

UPGRADE = """mutation ($entities: [String!], $dryRun: Boolean!) {
  upgradeFromTemplate(template: "template:making", entities: $entities, dryRun: $dryRun) { upgrades {
    use { taskId outdated } repository problem current pullRequest task { id } files { path change diff conflict } } } }"""
MADE_BY = "{ components { nodes { scaffoldedBy { taskId outdated } } } }"
LINES = ["one", "two", "three", "four", "five", "six", "seven"]
NAME = {"properties": {"name": {"type": "string"}}}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    install(tmp_path / "site", monkeypatch)
    with serving_github(tmp_path / "repositories") as hub:
        hub.token("writer")
        yield hub
    sys.modules.pop("callboard_forge", None)
    forget_plugins()


def text(**changed: str) -> str:
    """The seven lines, with some of them changed."""
    return "".join(f"{changed.get(line, line)}\n" for line in LINES)


def add_making(folder: Folder, hub: Hub, skeleton: dict[str, str], **spec: Any) -> None:
    repository = f"{hub.url}/acme/${{{{ parameters.name }}}}"
    steps = [
        {
            "id": "fetch",
            "action": "fetch:template",
            "input": {"url": "./skeleton", "targetPath": "out", "values": {"p": "${{ parameters }}"}},
        },
        {"id": "publish", "action": "forge:publish", "input": {"url": repository, "sourcePath": "out"}},
        {"id": "register", "action": "catalog:register", "input": {"catalogInfoUrl": f"{repository}/blob/main/catalog-info.yaml"}},
    ]
    version = {"metadata": {"name": "making", "annotations": {"example.org/files": str(sorted(skeleton.items()))}}}
    document = {**template("making", steps, **{"parameters": NAME, **spec}), **version}
    folder.add(document, {f"skeleton/{path}": content for path, content in skeleton.items()})


async def upgraded(client: httpx.AsyncClient, entities: list[str] | None = None, *, dry_run: bool = True) -> Any:
    return (await asked(client, UPGRADE, entities=entities, dryRun=dry_run))["upgradeFromTemplate"]["upgrades"]


async def test_a_dry_run_tells_what_would_be_proposed_and_does_nothing(folder: Folder, hub: Hub):
    first = {
        "catalog-info.yaml": component("shop"),
        "code.txt": text(),
        "both.txt": text(),
        "old.txt": "old\n",
        "${{ values.p.name }}.md": "hi\n",
    }
    hub.repository(
        "acme/shop", {**{path: content for path, content in first.items() if "{" not in path}, "shop.md": "hi\n", "own.txt": "own\n"}
    )
    add_making(folder, hub, first)
    async with served(folder, settings(folder, hub)) as client:
        task = await made(client, "shop")
        assert await upgraded(client) == []
    hub.commit("acme/shop", {"code.txt": text(two="mine"), "both.txt": text(four="mine"), "own.txt": "still own\n"})
    second = {**first, "code.txt": text(six="new"), "both.txt": text(four="theirs"), "${{ values.p.name }}.md": "hi ${{ values.p.team }}\n"}
    (folder.path / "templates" / "making" / "skeleton" / "old.txt").unlink()
    del second["old.txt"]
    team = {"properties": {**NAME["properties"], "team": {"type": "string", "default": "blue"}}}
    add_making(folder, hub, second, parameters=team)
    head = hub.repositories["acme/shop"].git.head("main")
    async with served(folder, settings(folder, hub)) as client:
        (upgrade,) = await upgraded(client)
        assert (upgrade["use"], upgrade["problem"], upgrade["task"]) == ({"taskId": task, "outdated": True}, None, None)
        assert (upgrade["repository"], upgrade["current"], upgrade["pullRequest"]) == (f"{hub.url}/acme/shop", False, None)
        assert [(file["path"], file["change"], bool(file["conflict"])) for file in upgrade["files"]] == [
            ("both.txt", "modified", True),
            ("code.txt", "modified", False),
            ("old.txt", "removed", False),
            ("shop.md", "modified", False),
        ]
        diffs = {file["path"]: file["diff"] for file in upgrade["files"]}
        assert diffs["code.txt"] == "--- a/code.txt\n+++ b/code.txt\n@@ -3,5 +3,5 @@\n three\n four\n five\n-six\n+new\n seven\n"
        assert "+<<<<<<< the repository\n mine\n" in diffs["both.txt"]
        assert diffs["shop.md"] == "--- a/shop.md\n+++ b/shop.md\n@@ -1 +1 @@\n-hi\n+hi blue\n"
        assert await upgraded(client, ["component:shop"]) == [upgrade]
        assert (await asked(client, "{ scaffolderTasks { totalCount } }"))["scaffolderTasks"]["totalCount"] == 1
        assert hub.repositories["acme/shop"].git.head("main") == head


async def test_what_stands_in_the_way_of_an_upgrade_is_told(folder: Folder, hub: Hub):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop"), "other.yaml": component("other")})
    hub.repository("acme/elsewhere", {"catalog-info.yaml": component("elsewhere")})
    only = {"catalog-info.yaml": component("shop")}
    add_making(folder, hub, only)
    async with served(folder, settings(folder, hub)) as client:
        await made(client, "shop")
        target = f"{hub.url}/acme/elsewhere/blob/main/catalog-info.yaml"
        await asked(client, f'mutation {{ registerLocation(target: "{target}") {{ problems {{ message }} }} }}')
        (current,) = await upgraded(client, ["component:shop"])
        assert (current["current"], current["files"]) == (True, [])
        for entities, code in ((["component:elsewhere"], "BAD_USER_INPUT"), (["component:none"], "NOT_FOUND")):
            body = {"query": UPGRADE, "variables": {"entities": entities, "dryRun": True}}
            answer = (await client.post("/graphql", json=body)).json()
            assert answer["errors"][0]["extensions"]["code"] == code
    add_making(folder, hub, {**only, "new.txt": "n"}, parameters={**NAME, "required": ["name", "team"]})
    async with served(folder, settings(folder, hub)) as client:
        (upgrade,) = await upgraded(client)
        assert upgrade["problem"] == 'instance requires property "team"'


def add_publishing(folder: Folder, hub: Hub, skeleton: dict[str, str], **values: str) -> None:
    into = {"repoUrl": f"{hub.host}?owner=acme&repo=${{{{ parameters.name }}}}", "sourcePath": "out"}
    steps = [
        {
            "id": "fetch",
            "action": "fetch:template",
            "input": {"url": "./skeleton", "targetPath": "out", "values": {"p": "${{ parameters }}", **values}},
        },
        {"id": "publish", "action": "publish:github", "input": into},
        {"id": "register", "action": "catalog:register", "input": {"repoContentsUrl": "${{ steps.publish.output.repoContentsUrl }}"}},
    ]
    document = template("making", steps, parameters=NAME)
    document["metadata"] |= {"title": "Making", "annotations": {"example.org/files": str(sorted(skeleton.items()))}}
    folder.add(document, {f"skeleton/{path}": content for path, content in skeleton.items()})


async def proposed(client: httpx.AsyncClient) -> list[str]:
    """The log of the task that an upgrade of everything is."""
    (upgrade,) = await upgraded(client, dry_run=False)
    assert upgrade["problem"] is None
    await ended(client, upgrade["task"]["id"])
    query = "query ($id: ID!) { scaffolderTask(id: $id) { events(first: 200) { message } } }"
    return [event["message"] for event in (await asked(client, query, id=upgrade["task"]["id"]))["scaffolderTask"]["events"]]


async def test_a_pull_request_with_just_the_difference_is_proposed_once_and_taken_over_when_it_is_merged(folder: Folder, hub: Hub):
    hub.organisation("acme", [])
    first = {"catalog-info.yaml": component("shop"), "code.txt": text(), "both.txt": text(), "old.txt": "old\n", "run.sh": "#!/bin/sh\n"}
    add_publishing(folder, hub, first)
    async with served(folder, settings(folder, hub)) as client:
        origin = await made(client, "shop")
    shop = hub.repositories["acme/shop"]
    hub.commit("acme/shop", {"code.txt": text(two="mine"), "both.txt": text(four="mine"), "own.txt": "own\n"})
    before = files(shop)
    (folder.path / "templates" / "making" / "skeleton" / "old.txt").unlink()
    second = {"catalog-info.yaml": component("shop"), "code.txt": text(six="new"), "both.txt": text(four="theirs"), "new.txt": "new\n"}
    add_publishing(folder, hub, {**second, "run.sh": "#!/bin/sh\n"})
    async with served(folder, settings(folder, hub)) as client:
        told = await proposed(client)
        assert [line for line in told if line.startswith(("modified", "added", "removed", "kept"))] == [
            "modified: both.txt",
            "modified: code.txt",
            "added: new.txt",
            "removed: old.txt",
        ]
        (pull,) = shop.pulls
        assert (pull.title, pull.base) == ("Upgrade to the present version of Making", "main")
        assert pull.head.startswith("template-upgrade/making-")
        assert "- `both.txt`: It changed in the template and in the repository at the same places, 1 of them" in pull.body
        after = files(shop, pull.head)
        marked = "<<<<<<< the repository\nmine\n||||||| the template before\nfour\n=======\ntheirs\n>>>>>>> the template now"
        assert {path: content for path, content in after.items() if content != before.get(path)} == {
            "both.txt": f"100644 {text(four=marked)}",
            "code.txt": f"100644 {text(two='mine', six='new')}",
            "new.txt": "100644 new\n",
        }
        assert (before.keys() - after.keys(), files(shop)) == ({"old.txt"}, before)
        proposal = f"{hub.url}/acme/shop/pull/1"
        uses = '{ template(ref: "template:making") { uses { nodes { taskId upgradeOf outdated effects { kind url } } } } }'
        newest = (await asked(client, uses))["template"]["uses"]["nodes"][0]
        assert (newest["upgradeOf"], newest["outdated"]) == (origin, False)
        assert newest["effects"] == [{"kind": "pull-request", "url": proposal}]
        head = shop.git.head(pull.head)
        assert f"It is proposed already, as {proposal}; that stays as it is" in await proposed(client)
        assert (len(shop.pulls), shop.git.head(pull.head)) == (1, head)
        (again,) = await upgraded(client)
        assert again["pullRequest"] == proposal

        merged = {**second, "both.txt": text(four="ours"), "code.txt": text(two="mine", six="new")}
        shop.git.commit(merged, removed=["old.txt"])
        pull.state, pull.merged_at = "closed", "2026-01-01T00:00:00Z"
        assert f"{hub.url}/acme/shop has all of the new version: there is nothing to propose" in await proposed(client)
        assert await upgraded(client) == []
        (shown,) = (await asked(client, MADE_BY))["components"]["nodes"]
        assert shown["scaffoldedBy"] == {"taskId": origin, "outdated": False}

        (folder.path / "templates" / "making" / "skeleton" / "new.txt").write_text("newer\n")
        (skeleton,) = await upgraded(client)
        assert [(file["path"], file["change"], file["conflict"]) for file in skeleton["files"]] == [("new.txt", "modified", None)]


async def test_who_may_not_run_the_template_or_see_what_came_of_it_upgrades_nothing(
    folder: Folder, hub: Hub, caplog: pytest.LogCaptureFixture
):
    hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
    only = {"catalog-info.yaml": component("shop")}
    add_making(folder, hub, only)
    async with served(folder, settings(folder, hub)) as client:
        task = await made(client, "shop")
    add_making(folder, hub, {**only, "new.txt": "new\n"})
    everything = {"allow": ["catalog.*", "scaffolder.*"], "to": "everyone"}
    for action in ("task.create", "task.read", "template.parameter.read", "template.step.read"):
        policy = {"rules": [everything, {"deny": [f"scaffolder.{action}"], "to": "everyone"}]}
        async with served(folder, settings(folder, hub, permission=policy)) as client:
            caplog.clear()
            with caplog.at_level("INFO", "callboard.audit"):
                answer = (await client.post("/graphql", json={"query": UPGRADE, "variables": {"dryRun": False}})).json()
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
            assert len([record for record in caplog.records if '"outcome": "denied"' in record.message]) == 1
    hidden = {"deny": ["catalog.entity.read"], "to": "everyone", "if": {"isEntityKind": ["component"]}}
    async with served(folder, settings(folder, hub, permission={"rules": [everything, hidden]})) as client:
        assert await upgraded(client, dry_run=False) == []
        variables = {"entities": ["component:shop"], "dryRun": False}
        answer = (await client.post("/graphql", json={"query": UPGRADE, "variables": variables})).json()
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        listed = await asked(client, "{ scaffolderTasks { nodes { id } } }")
        assert listed["scaffolderTasks"]["nodes"] == [{"id": task}]
