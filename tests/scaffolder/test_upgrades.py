"""Upgrades: what came from an older version of a template, with what changed since merged into what the repository holds."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plugins.loading import forget_plugins
from tests.scaffolder.forge import install
from tests.scaffolder.templates import Folder, asked, served, template
from tests.scaffolder.test_ledger import component, made, settings
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github

UPGRADE = """mutation ($entities: [String!], $dryRun: Boolean!) {
  upgradeFromTemplate(template: "template:making", entities: $entities, dryRun: $dryRun) { upgrades {
    use { taskId outdated } repository problem current pullRequest task { id } files { path change diff conflict } } } }"""
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


def add_making(folder: Folder, hub: Hub, files: dict[str, str], **spec: Any) -> None:
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
    version = {"metadata": {"name": "making", "annotations": {"example.org/files": str(sorted(files.items()))}}}
    document = {**template("making", steps, **{"parameters": NAME, **spec}), **version}
    folder.add(document, {f"skeleton/{path}": content for path, content in files.items()})


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
    files = {"catalog-info.yaml": component("shop")}
    add_making(folder, hub, files)
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
    add_making(folder, hub, {**files, "new.txt": "n"}, parameters={**NAME, "required": ["name", "team"]})
    async with served(folder, settings(folder, hub)) as client:
        (upgrade,) = await upgraded(client)
        assert upgrade["problem"] == 'instance requires property "team"'
