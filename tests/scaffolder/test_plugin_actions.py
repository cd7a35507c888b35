"""Actions of plugins, as the documentation shows them: typed functions that keep checkpoints and tell of effects."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.loading import forget_plugins
from tests.scaffolder.templates import Folder, running, template
from workers.scaffolder.registry import schemas_of

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


def documented() -> str:
    """The code of the example."""
    found = re.search(r"\n## Actions\n.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(autouse=True)
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    site = tmp_path / "site"
    info = site / "callboard_acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callboard-acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[callboard.plugins]\nacme = callboard_acme:build\n")
    (site / "callboard_acme.py").write_text(documented())
    monkeypatch.syspath_prepend(str(site))
    forget_plugins()
    yield
    sys.modules.pop("callboard_acme", None)
    forget_plugins()


async def test_a_typed_function_is_an_action_with_its_schemas(folder: Folder):
    steps = [
        {"id": "ticket", "action": "acme:ticket", "input": {"projectKey": "SHOP"}},
        {"id": "again", "action": "acme:ticket:open", "input": {"projectKey": "SHOP", "title": "Other"}},
        {"id": "read", "action": "fs:read", "input": {"path": "TICKET"}},
    ]
    output = {"url": "${{ steps.ticket.output.ticketUrl }}", "last": "${{ steps.read.output.content }}"}
    folder.add(template("ticketed", steps, output=output))
    async with running(folder) as tasks:
        schemas = schemas_of(tasks.scaffolder.actions.action("acme:ticket"))
        assert schemas["input"]["required"] == ["projectKey"]
        assert set(schemas["output"]["properties"]) == {"ticketUrl", "number"}
        seen = await tasks.run("ticketed")
        assert seen.task.output == {"url": "https://tickets.example/SHOP-1", "last": "https://tickets.example/SHOP-2"}
        effects = await tasks.scaffolder.effects(seen.task.id)
        assert [(effect.kind, effect.url, effect.details) for effect in effects] == [
            ("ticket", "https://tickets.example/SHOP-1", {"title": "New service"}),
            ("ticket", "https://tickets.example/SHOP-2", {"title": "Other"}),
        ]
        assert "https://tickets.example/SHOP-1 is open for user:default/guest" in await tasks.messages(seen.task.id)


async def test_a_checkpoint_is_done_once_however_often_the_step_runs(folder: Folder):
    each = ["SHOP", "${{ secrets.project or 'CLOSED' }}"]
    steps = [{"id": "a", "action": "acme:ticket", "each": each, "input": {"projectKey": "${{ each.value }}"}}]
    folder.add(template("failing", steps, output={"numbers": "${{ steps.a.output.number }}"}))
    async with running(folder) as tasks:
        seen = await tasks.run("failing")
        assert seen.task.error == "the project CLOSED is closed"
        await tasks.scaffolder.retry(seen.task.id, {"project": "STORE"}, tasks.access)
        again = await tasks.ended(seen.task.id)
        assert (again.task.status.value, again.task.output) == ("completed", {"numbers": [1, 2]})
        assert len(await tasks.scaffolder.effects(seen.task.id)) == 2
