"""The audit of npm's graphql-http passes whole against a real server: the GraphQL over HTTP specification, as its authors test it."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.serving import EXAMPLES, ROOT, configuration, serving
from tests.npm import NODE, install

AUDIT = ROOT / "tests" / "audit"


def install_audit() -> None:
    """Have the npm packages of tests/audit. Skips where npm can't be reached, fails in CI."""
    install(AUDIT, "the packages of tests/audit")


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
