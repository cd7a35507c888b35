"""The template engine of Backstage's scaffolder, installed from npm beside this file, and asked what it renders templates to."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.differential.templating.generating import Case
from tests.npm import NODE, install

FOLDER = Path(__file__).resolve().parent


def rendered(cases: Sequence[Case], context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each case `value`, `undefined` or `error`. All go through one process.

    Skips the test where npm's registry is out of reach, and fails it in CI.
    """
    install(FOLDER, "Backstage's template engine")
    lines = "".join(
        json.dumps({"source": case.source, "context": context, "mode": case.mode, "syntax": dict(case.syntax)}) + "\n" for case in cases
    )
    done = subprocess.run([NODE, "nunjitsu.cjs"], cwd=FOLDER, input=lines.encode(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases)
    return answers
