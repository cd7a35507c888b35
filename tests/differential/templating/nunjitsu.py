"""The template engine of Backstage's scaffolder, installed from npm beside this file, and asked what it renders templates to."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.differential.templating.generating import Case
from tests.npm import NODE, install

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
FOLDER = Path(__file__).resolve().parent


def rendered(cases: Sequence[tuple[Case, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """For each case and context `value`, `undefined` or `error`. All go through one process.

    Skips the test where npm's registry is out of reach, and fails it in CI.
    """
    install(FOLDER, "Backstage's template engine")
    lines = "".join(
        json.dumps({"source": case.source, "context": context, "mode": case.mode, "syntax": dict(case.syntax)}) + "\n"
        for case, context in cases
    )
    done = subprocess.run([NODE, "nunjitsu.cjs"], cwd=FOLDER, input=lines.encode(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    answers = [_writable(json.loads(line)) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases)
    return answers


def _writable(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with U+FFFD for every half of a character, as whoever writes it into a file would have it."""
    return json.loads(LONE_SURROGATE.sub("\ufffd", json.dumps(answer, ensure_ascii=False)))
