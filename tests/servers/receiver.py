"""A receiver of webhooks: answers as told, and keeps what arrived."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Arrival:
    """A request that arrived. Header names are lower case."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def changes(self) -> list[Mapping[str, Any]]:
        return json.loads(self.body)["data"]["changes"]


@dataclass
class Receiver:
    """`statuses` are answered first, one each; then 204. `arrivals` holds everything that came, in order."""

    url: str = ""
    statuses: list[int] = field(default_factory=list[int])
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    headers: dict[str, str] = field(default_factory=dict[str, str])


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A running receiver on a free port of the loopback interface."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.arrivals.append(Arrival({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()
