"""Upgrades of templates that work with secrets: these are given anew, used, shown nowhere, and forgotten."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from config import Config
from graph.refs import Ref
from tests.scaffolder.publishing import files
from tests.scaffolder.templates import Folder, Running, asked, running, served, template
from tests.scaffolder.test_ledger import component, ended, written
from tests.scaffolder.test_upgrades import NAME
from tests.servers.github.hub import Failure, Hub
from tests.servers.github.serving import serving_github
from workers.scaffolder.renderings import RENDERINGS
from workers.scaffolder.task_store import CHECKPOINTS, EVENTS, SECRETS, SPECS, STEPS, TASKS, WORKSPACES

OLD, NEW, ENVIRONMENT = "the-first-secret", "another-secret-2", "of-the-configuration"
MAKING = Ref("template:default/making")
RUN = """mutation ($secrets: JSON) { runTemplate(template: "template:making", values: {name: "shop"}, secrets: $secrets) {
  task { id } problems { message } } }"""
UPGRADE = """mutation ($dryRun: Boolean!, $secrets: JSON) {
  upgradeFromTemplate(template: "template:making", dryRun: $dryRun, secrets: $secrets) { upgrades {
    repository problem current task { id } files { path change diff conflict } } } }"""
RETRY = "mutation ($id: ID!, $secrets: JSON) { retryTask(id: $id, secrets: $secrets) { task { id } problems { path message } } }"
EVENTS_OF = "query ($id: ID!) { scaffolderTask(id: $id) { status error events(first: 200) { message } } }"
SCHEMA = {"type": "object", "required": ["token"], "properties": {"token": {"type": "string", "minLength": 5}}}
CATALOG_INFO = {"catalog-info.yaml": component("shop")}
WITH_TOKEN = "first=1\ntoken=${{ values.token }}\n"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving_github(tmp_path / "repositories") as hub:
        hub.token("writer")
        hub.organisation("acme", [])
        yield hub


def configured(folder: Folder, hub: Hub, **sections: Any) -> Config:
    return Config.model_validate(written(folder, hub, **sections))


def add_making(folder: Folder, hub: Hub, skeleton: dict[str, str], *more: dict[str, Any], **spec: Any) -> None:
    """A template that gives the skeleton a secret."""
    values = {"token": "${{ secrets.token }}", "key": "${{ environment.secrets.key }}"}
    steps = [
        {"id": "fetch", "action": "fetch:template", "input": {"url": "./skeleton", "targetPath": "out", "values": values}},
        *more,
        {"id": "publish", "action": "publish:github", "input": {"repoUrl": f"{hub.host}?owner=acme&repo=shop", "sourcePath": "out"}},
    ]
    document = template("making", steps, parameters=NAME, **spec)
    document["metadata"]["annotations"] = {"example.org/files": str(sorted(skeleton.items()))}
    folder.add(document, {f"skeleton/{path}": content for path, content in {**CATALOG_INFO, **skeleton}.items()})


async def upgraded(client: httpx.AsyncClient, secrets: dict[str, str] | None = None, *, dry_run: bool = True) -> Any:
    """The one upgrade that there is."""
    (upgrade,) = (await asked(client, UPGRADE, dryRun=dry_run, secrets=secrets))["upgradeFromTemplate"]["upgrades"]
    return upgrade


async def rows(tasks: Running) -> str:
    collections = (TASKS, SPECS, SECRETS, STEPS, EVENTS, CHECKPOINTS, WORKSPACES, RENDERINGS)
    return "\n".join([str(row.value) for collection in collections for row in await tasks.store.states(collection)])


async def test_secrets_are_asked_for_held_to_the_schema_used_and_shown_nowhere(folder: Folder, hub: Hub):
    environment = {"scaffolder": {"defaultEnvironment": {"secrets": {"key": ENVIRONMENT}}}}
    first = {"config.env": WITH_TOKEN, "key.env": "key=${{ values.key }}\n", "plain.txt": "one\n"}
    add_making(folder, hub, first, secrets={"schema": SCHEMA})
    async with served(folder, configured(folder, hub, **environment)) as client:
        await ended(client, (await asked(client, RUN, secrets={"token": OLD}))["runTemplate"]["task"]["id"])
    second = {"config.env": f"{WITH_TOKEN}second=2\n", "key.env": "# The key\nkey=${{ values.key }}\n", "plain.txt": "two\n"}
    add_making(folder, hub, second, secrets={"schema": SCHEMA})
    forgotten = "secrets are forgotten with their task: give them anew"
    async with served(folder, configured(folder, hub, **environment)) as client:
        for dry_run in (True, False):
            refused = await upgraded(client, dry_run=dry_run)
            assert (refused["problem"], refused["task"]) == (f'secrets requires property "token"; {forgotten}', None)
            refused = await upgraded(client, {"token": "x"}, dry_run=dry_run)
            assert (refused["problem"], refused["task"]) == ("secrets.token does not meet minLength", None)
        tried = await upgraded(client, {"token": NEW})
        assert tried["problem"] is None
        assert {file["path"]: (file["change"], file["diff"]) for file in tried["files"]} == {
            "config.env": ("modified", "config.env differs, and holds secrets: it is not shown\n"),
            "key.env": ("modified", "key.env differs, and holds secrets: it is not shown\n"),
            "plain.txt": ("modified", "--- a/plain.txt\n+++ b/plain.txt\n@@ -1 +1 @@\n-one\n+two\n"),
        }
    shop = hub.repositories["acme/shop"]
    async with running(folder, configured(folder, hub, **environment)) as tasks:
        (upgrade,) = await tasks.scaffolder.upgrade(MAKING, None, {"token": NEW}, tasks.access, dry_run=False)
        assert upgrade.task is not None
        seen = await tasks.ended(upgrade.task.task.id)
        assert seen.task.error is None
        proposed = files(shop, shop.pulls[0].head)
        assert proposed["config.env"] == f"100644 first=1\ntoken={NEW}\nsecond=2\n"
        assert proposed["key.env"] == f"100644 # The key\nkey={ENVIRONMENT}\n"
        kept = await rows(tasks) + str(seen) + "\n".join(await tasks.messages(seen.task.id)) + shop.pulls[0].body
        assert [secret for secret in (OLD, NEW, ENVIRONMENT) if secret in kept] == []
        assert await tasks.store.states(SECRETS) == []
        # The one that the file holds by now is not known any more when it goes.
        (folder.path / "templates" / "making" / "skeleton" / "config.env").write_text("first=1\n")
        (upgrade,) = await tasks.scaffolder.upgrade(MAKING, None, {"token": "a-third-one"}, tasks.access, dry_run=True)
        changes = {change.path: change.diff() for change in upgrade.changes}
        assert changes["config.env"] == "config.env differs, and holds secrets: it is not shown\n"


async def test_a_template_without_a_schema_is_refused_by_the_names_that_its_steps_read(folder: Folder, hub: Hub):
    more = {"id": "more", "action": "fs:write", "input": {"path": "out/more", "content": "${{ secrets['other-key'] | upper }}"}}
    add_making(folder, hub, {"config.env": WITH_TOKEN}, more)
    secrets = {"token": OLD, "other-key": "the-other-key"}
    async with served(folder, configured(folder, hub)) as client:
        await ended(client, (await asked(client, RUN, secrets=secrets))["runTemplate"]["task"]["id"])
    add_making(folder, hub, {"config.env": f"# New\n{WITH_TOKEN}"}, more)
    async with served(folder, configured(folder, hub)) as client:
        for given, told in (({}, "fetch works with secrets.token"), ({"token": NEW}, "more works with secrets.other-key")):
            refused = await upgraded(client, given, dry_run=False)
            assert refused["problem"] == f"the step {told}, and secrets are forgotten with their task: give them anew"
        # The same ones again leave alone what only they make.
        tried = await upgraded(client, secrets)
        assert [file["path"] for file in tried["files"]] == ["config.env"]
        tried = await upgraded(client, {**secrets, "other-key": "changed-key"})
        assert [file["diff"] for file in tried["files"] if file["path"] == "more"] == ["more differs, and holds secrets: it is not shown\n"]


async def test_what_is_fetched_with_a_token_is_fetched_again_and_a_retry_takes_it_anew(folder: Folder, hub: Hub):
    hub.repository("acme/skeleton", {"a.txt": "one\n"}, private=True)
    hub.token("reader")
    given = {"url": f"{hub.url}/acme/skeleton", "targetPath": "out", "token": "${{ secrets.token }}"}
    add_making(folder, hub, {}, {"id": "private", "action": "fetch:plain", "input": given})
    async with served(folder, configured(folder, hub)) as client:
        await ended(client, (await asked(client, RUN, secrets={"token": "reader"}))["runTemplate"]["task"]["id"])
    hub.commit("acme/skeleton", {"a.txt": "two\n"})
    add_making(folder, hub, {"new.txt": "new\n"}, {"id": "private", "action": "fetch:plain", "input": given})
    async with served(folder, configured(folder, hub)) as client:
        hub.fail("GET .*/skeleton/tarball/.*", Failure(status=500), times=1)
        task = (await upgraded(client, {"token": "reader"}, dry_run=False))["task"]["id"]
        while (found := (await asked(client, EVENTS_OF, id=task))["scaffolderTask"])["status"] in ("open", "processing"):
            pass
        assert (found["status"], "reader" in str(found)) == ("failed", False)
        await asked(client, RETRY, id=task)
        while (found := (await asked(client, EVENTS_OF, id=task))["scaffolderTask"])["status"] in ("open", "processing"):
            pass
        assert found["error"].startswith("the step fetch works with secrets.token, and secrets are forgotten")
        await asked(client, RETRY, id=task, secrets={"token": "reader"})
        await ended(client, task)
        shop = hub.repositories["acme/shop"]
        assert files(shop, shop.pulls[0].head) == {
            "a.txt": "100644 two\n",
            "catalog-info.yaml": f"100644 {component('shop')}",
            "new.txt": "100644 new\n",
        }
