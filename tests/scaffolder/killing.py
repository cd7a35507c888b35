"""Servers that are killed while they run tasks, and what has to be true of the tasks afterwards."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e.serving import Serving
from tests.scaffolder.templates import Folder, template

V2 = "/api/scaffolder/v2"
ITEMS = 3


@dataclass
class Ledger:
    """A system that must not be asked twice: how often each path was."""

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter[str])


@contextmanager
def ledger() -> Iterator[Ledger]:
    """A running one, on a free port of the loopback interface."""
    kept, lock = Ledger(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            with lock:
                kept.asked[self.path] += 1
            body = b'{"number": 1}'
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kept.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()


def write_catalog(folder: Path, kept: Ledger) -> Path:
    """A template that asks the ledger, and writes files between; the path of the configuration."""

    def ask(name: str) -> dict[str, Any]:
        path = f"/ledger/{name}/${{{{ context.task.id }}}}"
        return {"id": name, "action": "http:backstage:request", "input": {"path": path, "method": "POST"}}

    def append(id: str) -> dict[str, Any]:
        return {"id": id, "action": "roadiehq:utils:fs:append", "input": {"path": "log.txt", "content": f"{id};"}}

    pause = {"action": "debug:wait", "input": {"milliseconds": 150}}
    steps = [
        append("a"),
        ask("first"),
        {"id": "p1", **pause},
        append("b"),
        {
            "id": "items",
            "action": "http:backstage:request",
            "each": list(range(ITEMS)),
            "input": {"path": "/ledger/item-${{ each.key }}/${{ context.task.id }}", "method": "POST"},
        },
        {"id": "p2", **pause},
        append("c"),
        ask("last"),
        {"id": "read", "action": "fs:read", "input": {"path": "log.txt"}},
    ]
    output = {"content": "${{ steps.read.output.content }}", "number": "${{ steps.first.output.body.number }}"}
    made = Folder(folder)
    made.add(template("asking", steps, output=output))
    settings = made.settings(scaffolder={"requests": [{"path": "/api/ledger", "methods": ["POST"]}], "concurrentTasksLimit": 8})
    settings["backend"] |= {
        "baseUrl": kept.url,
        "listen": {"host": "127.0.0.1", "port": 0},
        "reading": {"allowPrivate": ["127.0.0.1"]},
    }
    config = folder / "app-config.yaml"
    config.write_text(yaml.safe_dump(settings))
    return config


def start(server: Serving) -> str:
    """The id of a new task."""
    answer = httpx.post(f"{server.url}{V2}/tasks", json={"templateRef": "template:asking", "values": {}}, timeout=20)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def task(server: Serving, task_id: str) -> Mapping[str, Any]:
    """The task as it is, once the server runs templates."""
    while (answer := server.get(f"{V2}/tasks/{task_id}")).status_code == 503:
        time.sleep(0.05)
    return answer.json()


def events(server: Serving, task_id: str) -> list[dict[str, Any]]:
    """The log of the task as it is."""
    return server.get(f"{V2}/tasks/{task_id}/events").json()


def check(server: Serving, task_id: str, kept: Ledger) -> None:
    """What was done was done once, and the log is complete: if a request was under way at the kill, the task says that it can't know."""
    told = events(server, task_id)
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    assert [event["type"] for event in told].count("completion") == 1
    completion, status = told[-1], task(server, task_id)["status"]
    asked = {path.split("/")[3]: count for path, count in kept.asked.items() if path.endswith(task_id)}
    assert set(asked.values()) <= {1}, asked
    if status == "completed":
        assert set(asked) == {"first", "last", *(f"item-{item}" for item in range(ITEMS))}
        assert completion["body"]["output"] == {"content": "a;b;c;", "number": 1}
    else:
        assert status == "failed"
        assert "nobody knows" in completion["body"]["error"]["message"]
