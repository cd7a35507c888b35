"""A plugin with an action that tells of a repository as the one that publishing makes, for tests of what templates made."""

from pathlib import Path

import pytest

from plugins.loading import forget_plugins

_CODE = '''"""Publishes what is there already."""

from callboard.plugin import ActionContext, ActionModel, Effect, Plugin, PluginContext, action


class Repository(ActionModel):
    url: str
    source_path: str = ""


@action("forge:publish", "Says that the workspace is in the repository.", supports_dry_run=True)
async def publish(given: Repository, context: ActionContext) -> None:
    await context.created(Effect("repository", given.url))


def build(context: PluginContext) -> Plugin:
    return Plugin(actions=[publish])
'''


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the plugin found while the test runs."""
    info = folder / "callboard_forge-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callboard-forge\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[callboard.plugins]\nforge = callboard_forge:build\n")
    (folder / "callboard_forge.py").write_text(_CODE)
    monkeypatch.syspath_prepend(str(folder))
    forget_plugins()
