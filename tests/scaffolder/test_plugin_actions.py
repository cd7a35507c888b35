"""Actions of plugins: typed functions, found by their entry points, that keep checkpoints and tell of effects."""

import sys
from pathlib import Path

import pytest

from plugins.loading import forget_plugins
from tests.scaffolder.templates import Folder, running, template
from workers.scaffolder.registry import schemas_of

CODE = """
from callboard.plugin import ActionContext, ActionModel, Effect, InputError, Plugin, PluginContext, action

CALLS = []


class Ticket(ActionModel):
    project_key: str
    title: str = "New service"
    fails: bool = False


class Opened(ActionModel):
    ticket_url: str
    number: int


@action("acme:ticket:open", "Opens a ticket.", aliases=["acme:ticket"])
async def open_ticket(given: Ticket, context: ActionContext) -> Opened:
    async def opened():
        CALLS.append(context.idempotency_key("open"))
        return {"number": 7}

    made = await context.checkpoint("open", opened)
    url = f"https://tickets.example/{given.project_key}-{made['number']}"
    await context.created(Effect("ticket", url, details={"title": given.title}))
    context.log.info(f"opened {url} for {context.user.ref} from {context.template.ref}")
    context.output("title", given.title)
    (context.temporary_folder() / "scratch").write_text("x")
    context.workspace.write("ticket.txt", url.encode())
    if given.fails and not context.secrets.get("mended"):
        raise InputError("the project is closed")
    return Opened(ticket_url=url, number=made["number"])


def build(context: PluginContext) -> Plugin:
    return Plugin(actions=[open_ticket])
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site = tmp_path / "site"
    info = site / "callboard_acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callboard-acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[callboard.plugins]\nacme = callboard_acme:build\n")
    (site / "callboard_acme.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(site))
    forget_plugins()
    yield lambda: sys.modules["callboard_acme"].CALLS
    sys.modules.pop("callboard_acme", None)
    forget_plugins()


async def test_a_typed_function_is_an_action_with_its_schemas(folder: Folder, acme):
    steps = [
        {"id": "ticket", "action": "acme:ticket", "input": {"projectKey": "SHOP"}},
        {"id": "again", "action": "acme:ticket:open", "input": {"projectKey": "SHOP", "title": "Other"}},
    ]
    output = {"url": "${{ steps.ticket.output.ticketUrl }}", "title": "${{ steps.again.output.title }}"}
    folder.add(template("ticketed", steps, output=output))
    async with running(folder) as tasks:
        schemas = schemas_of(tasks.scaffolder.actions.action("acme:ticket"))
        assert schemas["input"]["required"] == ["projectKey"]
        assert set(schemas["output"]["properties"]) == {"ticketUrl", "number"}
        seen = await tasks.run("ticketed")
        assert seen.task.output == {"url": "https://tickets.example/SHOP-7", "title": "Other"}
        effects = await tasks.scaffolder.effects(seen.task.id)
        assert [(effect.kind, effect.url, effect.details) for effect in effects] == [
            ("ticket", "https://tickets.example/SHOP-7", {"title": "New service"})
        ]
        assert "opened https://tickets.example/SHOP-7 for user:default/guest from template:default/ticketed" in await tasks.messages(
            seen.task.id
        )
        assert len(set(acme())) == 2


async def test_a_checkpoint_is_done_once_however_often_the_step_runs(folder: Folder, acme):
    folder.add(template("failing", [{"id": "a", "action": "acme:ticket", "input": {"projectKey": "SHOP", "fails": True}}]))
    async with running(folder) as tasks:
        seen = await tasks.run("failing")
        assert seen.task.error == "the project is closed"
        await tasks.scaffolder.retry(seen.task.id, {"mended": "yes, it is"}, tasks.access)
        assert (await tasks.ended(seen.task.id)).task.status.value == "completed"
        assert len(acme()) == 1
        assert len(await tasks.scaffolder.effects(seen.task.id)) == 1
