"""The processes that are measured, each started for one run and stopped again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

CALLBOARD = Path(sys.executable).with_name("callboard")


@dataclass(frozen=True)
class Running:
    """A server that answers GraphQL at `url`; `started` is the monotonic time in seconds at which it was executed."""

    url: str
    pid: int
    started: float


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_config(folder: Path, root: Path, port: int, neo4j_uri: str | None) -> Path:
    """A configuration for the catalog at `root`: on Neo4j if a URI is given, else on SQLite in `folder`."""
    database = (
        {"client": "neo4j", "connection": {"uri": neo4j_uri}}
        if neo4j_uri
        else {"client": "sqlite", "connection": {"filename": str(folder / f"{root.parent.name}.db")}}
    )
    kinds = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location", "Template"]
    config = {
        "backend": {"baseUrl": f"http://127.0.0.1:{port}", "listen": {"host": "127.0.0.1", "port": port}, "database": database},
        # Q3 asks for whole lists within lists, and 16 at once wait for one another: both are above the default limits.
        "graphql": {"maxCost": 1_000_000_000, "timeoutSeconds": 120},
        "catalog": {"rules": [{"allow": kinds}], "locations": [{"type": "file", "target": str(root)}]},
    }
    path = folder / "app-config.bench.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def serving(config: Path, port: int, log: Path) -> Iterator[Running]:
    """`callboard serve` with this configuration, stopped with SIGINT at the end."""
    with log.open("ab") as output, _process([str(CALLBOARD), "serve", "--config", str(config)], output.fileno()) as (process, started):
        yield Running(f"http://127.0.0.1:{port}/graphql", process.pid, started)


@contextmanager
def peer_serving(folder: Path, neo4j_uri: str, log: Path) -> Iterator[Running]:
    """@neo4j/graphql behind Apollo Server (`server.mjs` in `folder`, its packages installed) on a loaded Neo4j."""
    port = free_port()
    environment = {"NODE_ENV": "production", "NEO": neo4j_uri, "PORT": str(port)}
    with log.open("ab") as output, _process(["node", "server.mjs"], output.fileno(), folder, environment) as (process, started):
        running = Running(f"http://127.0.0.1:{port}/", process.pid, started)
        first_answer(running)
        yield running


@contextmanager
def _process(
    command: list[str], output: int, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=output, stderr=output)
    try:
        yield process, started
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(url: str, query: str, variables: Mapping[str, object] | None = None, timeout_seconds: float = 60) -> dict[str, object]:
    """The `data` of one GraphQL request. RuntimeError if the answer holds errors."""
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout_seconds) as response:
        answer = json.load(response)
    if answer.get("errors"):
        raise RuntimeError(str(answer["errors"])[:500])
    return answer["data"]


def first_answer(server: Running, query: str = "{ __typename }", timeout_seconds: float = 60) -> float:
    """Seconds from the server's start to its first answer without errors. TimeoutError if there is none in time."""
    while time.monotonic() - server.started < timeout_seconds:
        try:
            ask(server.url, query, timeout_seconds=5)
        except (OSError, RuntimeError):
            time.sleep(0.01)
        else:
            return time.monotonic() - server.started
    raise TimeoutError(f"{server.url} gave no answer in {timeout_seconds} s")


def resident_megabytes(pid: int) -> float:
    """The resident memory of a process and its children, in MB."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue
        if pid in (int(fields["Pid"]), int(fields["PPid"])):
            total += int(fields.get("VmRSS", "0 kB").split()[0]) / 1024
    return total
