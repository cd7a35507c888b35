"""A task registers what lies in a repository: the catalog has it, the log says which task it was, and the ledger what was made."""

from pathlib import Path
from typing import Any

import pytest

from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.store import Cause
from ingest.pipeline import add_locations
from ingest.registering import location_to_register
from tests.e2e.hub import component
from tests.scaffolder.templates import Folder, running, template
from tests.servers.github.hub import Hub
from tests.servers.github.serving import serving_github

SHOP = Ref("component:default/shop")


def settings(folder: Folder, hub: Hub) -> dict[str, Any]:
    hub.token("reader")
    given = folder.settings()
    given["backend"]["reading"] = {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]}
    return {"backend": given["backend"], "integrations": {"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}]}}


@pytest.mark.parametrize("by", ["repository", "file"])
async def test_what_a_task_registers_is_in_the_catalog_and_the_ledger(folder: Folder, tmp_path: Path, by: str):
    with serving_github(tmp_path / "hub") as hub:
        hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
        root = f"{hub.url}/acme/shop/blob/main"
        url = f"{root}/catalog-info.yaml"
        given = {"repoContentsUrl": f"{root}/"} if by == "repository" else {"catalogInfoUrl": url}
        step = {"id": "register", "action": "catalog:register", "input": given}
        folder.add(template("registering", [step, {**step, "id": "again"}], output={"ref": "${{ steps.again.output.entityRef }}"}))
        async with running(folder, folder.config(**settings(folder, hub))) as tasks:
            seen = await tasks.run("registering")
            assert seen.task.error is None
            assert seen.task.output == {"ref": SHOP}
            assert list(await tasks.store.entities_by_ref([SHOP], visible=EVERYTHING)) == [SHOP]
            (change,) = await tasks.store.changes(0, 100, visible=EVERYTHING, refs=[SHOP])
            assert change.cause == Cause("task", seen.task.id)
            effects = await tasks.scaffolder.effects(seen.task.id)
            assert [(effect.kind, effect.url, effect.ref) for effect in effects] == [
                ("location", url, None),
                ("entity", f"{url}#{SHOP}", SHOP),
            ]


async def test_what_can_not_be_registered_fails_the_step_unless_it_may(folder: Folder, tmp_path: Path):
    with serving_github(tmp_path / "hub") as hub:
        hub.repository("acme/shop", {"README.md": "nothing here"})
        url = f"{hub.url}/acme/shop/blob/main/catalog-info.yaml"
        given = {"catalogInfoUrl": url}
        optional = {"id": "may", "action": "catalog:register", "input": {**given, "optional": True}}
        folder.add(template("registering", [optional, {"id": "must", "action": "catalog:register", "input": given}]))
        async with running(folder, folder.config(**settings(folder, hub))) as tasks:
            seen = await tasks.run("registering")
            assert await tasks.statuses(seen.task.id) == {"may": "completed", "must": "failed"}
            assert seen.task.error is not None
            assert seen.task.error.startswith(f"{url} can't be registered: ")
            assert await tasks.scaffolder.effects(seen.task.id) == []
            assert [location.target for location in await tasks.store.locations() if location.type == "url"] == []


async def test_a_location_that_was_registered_and_never_read_is_read_before_the_step_goes_on(folder: Folder, tmp_path: Path):
    with serving_github(tmp_path / "hub") as hub:
        hub.repository("acme/shop", {"catalog-info.yaml": component("shop")})
        url = f"{hub.url}/acme/shop/blob/main/catalog-info.yaml"
        step = {"id": "register", "action": "catalog:register", "input": {"catalogInfoUrl": url}}
        folder.add(template("registering", [step], output={"ref": "${{ steps.register.output.entityRef }}"}))
        async with running(folder, folder.config(**settings(folder, hub))) as tasks:
            # As if a worker was killed between the two.
            await add_locations(tasks.store, [location_to_register("url", url, [])])
            seen = await tasks.run("registering")
            assert seen.task.error is None
            assert seen.task.output == {"ref": SHOP}
            assert [effect.kind for effect in await tasks.scaffolder.effects(seen.task.id)] == ["location", "entity"]
