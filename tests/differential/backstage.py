"""Backstage's own code, installed from npm beside this file, and asked what it makes of catalog texts."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.npm import NODE, install

FOLDER = Path(__file__).resolve().parent


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
    install(FOLDER, "Backstage's packages")
    lines = "".join(json.dumps({"id": number, "text": text, "model": by_model}) + "\n" for number, text in enumerate(texts))
    done = subprocess.run(
        [NODE, "--no-warnings", "backstage.cjs"], cwd=FOLDER, input=lines.encode(), capture_output=True, timeout=120, check=False
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
