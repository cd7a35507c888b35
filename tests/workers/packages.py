"""Plugins as packages: leaves in a folder what an installer would."""

import re
import tomllib
from importlib import invalidate_caches
from pathlib import Path

from plugins.loading import forget_plugins

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


def install(site: Path, files: dict[str, str]) -> None:
    """Leave in the folder what an installer leaves of the package: its modules, its metadata and its entry points."""
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    for group, entries in project["entry-points"].items():
        (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items()))
    for name, text in files.items():
        if name.endswith(".py"):
            (site / name).write_text(text)
    invalidate_caches()
    forget_plugins()


def documented() -> dict[str, str]:
    """The files of the example in the documentation, by their names."""
    return dict(re.findall(r"`([\w./]+)`:\n\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL))


def broken(module: str) -> dict[str, str]:
    project = (
        '[project]\nname = "broken-plugin"\nversion = "1"\n[project.entry-points."callboard.plugins"]\nbroken = "broken_plugin:build"\n'
    )
    return {"pyproject.toml": project, "broken_plugin.py": module}
