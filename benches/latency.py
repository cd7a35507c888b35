"""The latency and throughput of one query against one server, every answer verified."""

import http.client
import json
import math
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = io.open("{body}", "rb"):read("*a")
function done(summary, latency, requests)
  local e = summary.errors
  print(string.format("COUNT %d %d", summary.requests, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Timing:
    """Sequential latency in milliseconds; requests a second at 16 connections, None where it was not measured."""

    p50_ms: float
    p99_ms: float
    per_second: float | None


class Client:
    """One kept-alive connection that posts one body over and over and refuses any answer that is not the verified one."""

    def __init__(self, url: str, query: str, variables: Mapping[str, object]) -> None:
        parts = urlparse(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._path = parts.path or "/"
        self.body = json.dumps({"query": query, "variables": variables}).encode()
        self._verified: bytes | None = None

    def post(self) -> bytes:
        """The response's bytes. RuntimeError for another status than 200 or bytes that differ from the verified ones."""
        self._connection.request("POST", self._path, self.body, {"content-type": "application/json"})
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200 or (self._verified is not None and len(content) != len(self._verified)):
            raise RuntimeError(f"status {response.status}, {len(content)} bytes: {content[:300]!r}")
        return content

    def reconnect(self) -> None:
        """Drop the connection, which the server may have closed meanwhile; the next request opens another."""
        self._connection.close()

    def verify(self, accept: Callable[[Mapping[str, object]], None]) -> None:
        """Ask once and hand the data to `accept`, which raises if it is wrong; later answers must be of equal length."""
        content = self.post()
        answer = json.loads(content)
        if answer.get("errors"):
            raise RuntimeError(str(answer["errors"])[:500])
        accept(answer["data"])
        self._verified = content


def sequential(client: Client, seconds: float) -> Timing:
    """p50 and p99 of requests sent one after another for about so long, at least ten."""
    client.reconnect()
    for _ in range(5):
        client.post()
    return _timed(client.post, seconds)


def ten_at_once(clients: list[Client], seconds: float) -> Timing:
    """p50 and p99 of the time in which ten connections, released together, have all been answered."""
    barrier = threading.Barrier(len(clients) + 1)
    failures: list[BaseException] = []
    stop = threading.Event()

    def work(client: Client) -> None:
        while True:
            barrier.wait()
            if stop.is_set():
                return
            try:
                client.post()
            except (OSError, RuntimeError) as error:
                failures.append(error)
            barrier.wait()

    threads = [threading.Thread(target=work, args=(client,), daemon=True) for client in clients]
    for client in clients:
        client.reconnect()
    for thread in threads:
        thread.start()

    def round_trip() -> None:
        barrier.wait()
        barrier.wait()

    timing = _timed(round_trip, seconds)
    stop.set()
    barrier.wait()
    if failures:
        raise RuntimeError(f"{len(failures)} of the concurrent requests failed") from failures[0]
    return timing


def _timed(call: Callable[[], object], seconds: float) -> Timing:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 10 or (time.perf_counter() < end and len(times) < 2000):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return Timing(statistics.median(times), times[int(len(times) * 0.99)], None)


def throughput(url: str, client: Client, seconds: float) -> float:
    """Requests a second at 16 connections, by wrk. RuntimeError if any of them failed."""
    with tempfile.TemporaryDirectory() as folder:
        body, script = Path(folder, "body"), Path(folder, "post.lua")
        body.write_bytes(client.body)
        script.write_text(WRK_SCRIPT.format(body=body))
        command = ["wrk", "-t1", "-c16", f"-d{math.ceil(seconds)}s", "--timeout", "120s", "-s", str(script), url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests, failed = (int(n) for n in output.split("COUNT ")[1].split()[:2])
    if failed or requests < 10:
        raise RuntimeError(f"{failed} of {requests} requests failed: {output}")
    client.reconnect()
    client.post()
    return float(output.split("Requests/sec:")[1].split()[0])
