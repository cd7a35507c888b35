"""The answers and outputs that the documentation shows: found, run and written by this module, so that none is invented.

In the README, a `graphql` block is run on the example catalog and the `json` block after it is its answer. In the tutorial, a `yaml`
or `graphql` block that begins with `# path` is a file of the reader's folder, a `sh` block is run there, and the `text` block after it
is what it prints.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from cli.catalogs import Choice, opened

ROOT = Path(__file__).parents[1]
QUERIES = ROOT / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w./-]+\.(?:yaml|graphql))\n")
_WIDTH = "110"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where the text lies in the document."""

    language: str
    text: str
    start: int
    end: int


def blocks(document: str) -> list[Block]:
    """All fenced blocks, in order."""
    return [Block(m[1], m[2], m.start(2), m.end(2)) for m in _BLOCK.finditer(document)]


def callboard(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without colours and in a terminal of known width."""
    environ = {**os.environ, "COLUMNS": _WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    command = [Path(sys.executable).with_name("callboard"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environ, check=False)


def with_answers(document: str) -> str:
    """The document with the answers that the example catalog gives to its queries now. ValueError if an answer has errors."""
    found = blocks(document)
    pairs = [(asked, shown) for asked, shown in pairwise(found) if (asked.language, shown.language) == ("graphql", "json")]
    answers = asyncio.run(_answers([asked.text for asked, _ in pairs]))
    return _replaced(document, ((shown, compact(answer) + "\n") for (_, shown), answer in zip(pairs, answers, strict=True)))


async def _answers(queries: Sequence[str]) -> list[Any]:
    async with opened(Choice(None, (), (ROOT / "app-config.yaml",))) as ask:
        answers = [await ask(query, {}) for query in queries]
    if errors := [answer["errors"] for answer in answers if answer.get("errors")]:
        raise ValueError(errors)
    return [answer["data"] for answer in answers]


def compact(value: object, indent: str = "") -> str:
    """JSON as people write it: what fits into a line stands in one."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= 120 or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {compact(below, inner)}" for key, below in value.items()]
        return "{\n" + ",\n".join(inner + item for item in items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + compact(below, inner) for below in value) + f"\n{indent}]"


def with_outputs(document: str, folder: Path) -> str:
    """The tutorial with what its commands print now, when its files are made and its commands run in order in an empty folder."""
    return _replaced(document, _outputs(document, folder.resolve()))


def _outputs(document: str, folder: Path) -> Iterator[tuple[Block, str]]:
    output = ""
    for block in blocks(document):
        named = _FILE.match(block.text)
        if named:
            (folder / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (folder / named[1]).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            output = _run(block.text, folder)
        elif block.language == "text":
            yield block, output


def _run(script: str, folder: Path) -> str:
    """What a line of the tutorial prints, folder names left out. ValueError if the command could not be used like that."""
    ran = callboard(script.split()[1:], folder)
    if ran.returncode not in {0, 1}:
        raise ValueError(f"{script}\n{ran.stdout}{ran.stderr}")
    lines = (ran.stdout + ran.stderr).replace(f"{folder}/", "").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _replaced(document: str, changes: Iterable[tuple[Block, str]]) -> str:
    for block, text in reversed(list(changes)):
        document = document[: block.start] + text + document[block.end :]
    return document


def main() -> None:
    """Write the answers and outputs into the documents."""
    QUERIES.write_text(with_answers(QUERIES.read_text(encoding="utf-8")), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        TUTORIAL.write_text(with_outputs(TUTORIAL.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
