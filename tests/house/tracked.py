"""The files that belong to the project, and the Python among them: what the house tests look at."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OUTSIDE = {"tests", "benches", "docs", "examples", "scripts", "web"}
"""Top folders that are no part of the installed product."""


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git tracks or would track, relative to the root; outside a repository, every file that is not hidden."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        return tuple(p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file() and not any(part[0] == "." for part in p.parts))
    return tuple(path for name in listed.stdout.split("\0") if name and (ROOT / (path := Path(name))).is_file())


@cache
def tracked_texts() -> tuple[tuple[Path, str], ...]:
    """Every tracked file that is text, with its content."""
    return tuple((path, text) for path in tracked_files() if (text := _text(ROOT / path)) is not None)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def root_packages() -> frozenset[str]:
    """The top folders that hold Python and are part of the product."""
    return frozenset(path.parts[0] for path in tracked_files() if path.suffix == ".py" and len(path.parts) > 1) - OUTSIDE


def product_sources() -> tuple[tuple[Path, str], ...]:
    """The Python files of the root packages, with their content."""
    return tuple((path, text) for path, text in tracked_texts() if path.suffix == ".py" and path.parts[0] in root_packages())


@cache
def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
