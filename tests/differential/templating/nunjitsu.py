"""The template engine of Backstage's scaffolder, installed from npm beside this file, and asked what it renders templates to."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.differential.templating.generating import Case
from tests.npm import NODE, install

LONE_SURROGATE = re.compile(r"\\u[dD][89abcdefABCDEF][0-9a-fA-F]{2}")
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
    # Half a character can't be in a file: whoever writes it there writes U+FFFD.
    answers = [json.loads(LONE_SURROGATE.sub(r"\\ufffd", line)) for line in done.stdout.decode().splitlines()]
    assert len(answers) == len(cases)
    return answers
