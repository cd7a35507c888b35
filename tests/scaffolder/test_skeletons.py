"""Skeletons as a part of what a version of a template is: what changed in them since makes what came of them outdated."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from graph.refs import Ref
from graph.store import StateWrite
from plugins.loading import forget_plugins
from tests.scaffolder.forge import install
from tests.scaffolder.templates import Folder, Running, asked, running, served, template
from tests.scaffolder.test_ledger import component, made, settings
from tests.scaffolder.test_upgrades import NAME, upgraded
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github
from workers.scaffolder.service import TaskScaffolder
from workers.scaffolder.skeletons import SKELETONS, Skeletons

MAKING = Ref("template:default/making")
USES = """query ($outdated: Boolean, $skeleton: String) { template(ref: "template:making") {
  uses(outdated: $outdated, skeleton: $skeleton) { nodes { outdated skeletons { url digest outdated } } } } }"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    install(tmp_path / "site", monkeypatch)
    with serving_github(tmp_path / "repositories") as hub:
        hub.token("writer")
        hub.repository("acme/skeletons", {"service/code.txt": "one\n", "LICENSE": "free\n", "secret/a.txt": "a\n"})
        hub.repository("acme/shop", {"catalog-info.yaml": component("shop"), "code.txt": "one\n", "LICENSE": "free\n", "a.txt": "a\n"})
        yield hub
    sys.modules.pop("callboard_forge", None)
    forget_plugins()


def add_making(folder: Folder, hub: Hub) -> None:
    """A template that fetches a folder and a file of another repository, and something with a token."""
    at, repository = f"{hub.url}/acme/skeletons", f"{hub.url}/acme/${{{{ parameters.name }}}}"

    def fetch(id: str, action: str, url: str, **more: str) -> dict[str, Any]:
        return {"id": id, "action": action, "input": {"url": url, **more}}

    steps = [
        fetch("service", "fetch:template", f"{at}/tree/main/service"),
        fetch("license", "fetch:plain:file", f"{at}/blob/main/LICENSE", targetPath="LICENSE"),
        fetch("private", "fetch:plain", f"{at}/tree/main/secret", token="writer"),
        {"id": "publish", "action": "forge:publish", "input": {"url": repository}},
        {"id": "register", "action": "catalog:register", "input": {"catalogInfoUrl": f"{repository}/blob/main/catalog-info.yaml"}},
    ]
    folder.add(template("making", steps, parameters=NAME))


async def test_what_came_of_a_skeleton_that_has_changed_is_outdated_and_upgraded(folder: Folder, hub: Hub):
    add_making(folder, hub)
    at = f"{hub.url}/acme/skeletons"
    async with served(folder, settings(folder, hub)) as client:
        await made(client, "shop")
        (use,) = (await asked(client, USES, outdated=False))["template"]["uses"]["nodes"]
        assert [(one["url"], one["outdated"]) for one in use["skeletons"]] == [
            (f"{at}/tree/main/service", False),
            (f"{at}/blob/main/LICENSE", False),
        ]
        assert await upgraded(client) == []
        hub.commit("acme/skeletons", {"service/code.txt": "two\n", "secret/a.txt": "b\n"})
        (upgrade,) = await upgraded(client)
        assert [(file["path"], file["change"]) for file in upgrade["files"]] == [("a.txt", "modified"), ("code.txt", "modified")]
        (use,) = (await asked(client, USES, outdated=True))["template"]["uses"]["nodes"]
        assert (use["outdated"], [one["outdated"] for one in use["skeletons"]]) == (True, [True, False])
        for one, found in ((use["skeletons"][0]["digest"], [use]), ("other", [])):
            assert (await asked(client, USES, skeleton=one))["template"]["uses"]["nodes"] == found
    redact = [{"fields": ["spec.type"], "from": "everyone", "if": {"isEntityKind": ["template"]}}]
    policy = {"rules": [{"allow": ["catalog.*", "scaffolder.*"], "to": "everyone"}], "redact": redact}
    async with served(folder, settings(folder, hub, permission=policy)) as client:
        (shown,) = (await asked(client, USES, outdated=True))["template"]["uses"]["nodes"]
        assert shown == {"outdated": True, "skeletons": None}
        guess = {"skeleton": use["skeletons"][0]["digest"]}
        answer = (await client.post("/graphql", json={"query": USES, "variables": guess})).json()
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def looking(tasks: Running) -> Skeletons:
    assert isinstance(tasks.scaffolder, TaskScaffolder)
    return tasks.scaffolder.scaffolding.skeletons


async def test_skeletons_are_looked_at_again_and_read_only_where_their_repository_has_another_commit(folder: Folder, hub: Hub):
    add_making(folder, hub)
    async with running(folder, settings(folder, hub)) as tasks:
        assert (await tasks.run("making", {"name": "shop"})).task.error is None
        before = await looking(tasks).known([MAKING])
        await looking(tasks).look_at(MAKING)
        assert await looking(tasks).known([MAKING]) == before
        hub.forget()
        await looking(tasks).look_at(MAKING)
        assert [hub.count(path) for path in ("commits/main", "tarball", "contents")] == [2, 0, 0]
        hub.commit("acme/skeletons", {"service/code.txt": "two\n"})
        (row,) = await tasks.store.states(SKELETONS, ids=[MAKING])
        await tasks.store.write_states([StateWrite(SKELETONS, MAKING, row.value, due=datetime.now(UTC))])
        async with asyncio.timeout(30):
            while (after := await looking(tasks).known([MAKING])) == before:  # noqa: ASYNC110 - a worker finds it
                await asyncio.sleep(0.05)
        assert {url for (url, _), digest in after[MAKING].items() if before[MAKING][url, _] != digest} == {
            f"{hub.url}/acme/skeletons/tree/main/service"
        }
        # What can't be read is as it was.
        hub.delete("acme/skeletons")
        await looking(tasks).look_at(MAKING)
        assert await looking(tasks).known([MAKING]) == after
