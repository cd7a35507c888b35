"""A Callboard server in a process of its own, started by the command line as a user would."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

_CALLBOARD = "from cli.main import main; main()"
_LISTENS = re.compile(r"listens on (http://\S+?),")
_LONGEST_START_SECONDS = 60


@dataclass(frozen=True)
class Serving:
    """A running server. `log` holds what it wrote to stderr."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=20, **kwargs)

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=20).json()

    def wait_for(self, query: str, data: object, seconds: float = 60) -> float:
        """Seconds until the query's data are these. AssertionError, with the last answer, if that takes too long."""
        began = time.monotonic()
        answer: object = None
        while time.monotonic() - began < seconds:
            answer = self.ask(query)
            if answer.get("data") == data:
                return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(f"after {seconds} s still {answer}\n{self.log.read_text()}")

    def stop(self, with_signal: signal.Signals = signal.SIGINT, seconds: float = 10) -> int:
        """Send the signal, and return the exit code."""
        self.process.send_signal(with_signal)
        return self.process.wait(seconds)


def configuration(folder: Path, target: Path | str, **graphql: object) -> Path:
    """Writes a configuration that serves a catalog on a free port, with its database in `folder`."""
    path = folder / "app-config.yaml"
    lines = [
        "backend:",
        "  listen: { host: 127.0.0.1, port: 0 }",
        "  database: { client: sqlite, connection: { filename: catalog.db } }",
        "catalog:",
        "  rules: [{ allow: [Component, API, Resource, System, Domain, Group, User, Template, Location] }]",
        f"  locations: [{{ type: file, target: '{target}' }}]",
        *(["graphql:"] if graphql else []),
        *(f"  {key}: {value}" for key, value in graphql.items()),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def serving(config: Path, *arguments: str, within: Sequence[str] = ()) -> Iterator[Serving]:
    """A server with this configuration, or that these arguments start beside it, by the command `within`, if any.

    It is killed in the end if it still runs.
    """
    log = config.with_suffix(".log")
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [*within, sys.executable, "-c", _CALLBOARD, *(arguments or ("serve", "--config", str(config)))],
            cwd=config.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        yield Serving(process, _address(process, log), log)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    began = time.monotonic()
    for line in process.stdout or ():
        if match := _LISTENS.search(line):
            return match[1]
        if time.monotonic() - began > _LONGEST_START_SECONDS:
            break
    raise AssertionError(f"the server did not start\n{log.read_text()}")
