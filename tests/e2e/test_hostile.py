"""Hostile requests to a server that people sign in to: each is refused, with little work and few bytes, and the server answers on."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.e2e.hostile import READER, REQUESTS, SECONDS, SOCKETS, WRITER, Hostile, HostileSocket, get, graphql, request
from tests.e2e.serving import ROOT, Serving, serving

CONFIG = f"""\
backend:
  listen: {{ host: 127.0.0.1, port: 0 }}
  database: {{ client: sqlite, connection: {{ filename: catalog.db }} }}
  limits: {{ headerSeconds: {SECONDS}, bodySeconds: {SECONDS}, unreadSeconds: {SECONDS} }}
  # The tests speak from as many addresses as there are of them, so that none is refused for the attempts of another.
  trustProxy: [127.0.0.1]
  auth:
    externalAccess:
      - {{ type: static, options: {{ token: {READER}, subject: reader }} }}
      - {{ type: static, options: {{ token: {WRITER}, subject: writer }} }}
auth:
  providers:
    oidc:
      development:
        metadataUrl: http://127.0.0.1:1/.well-known/openid-configuration
        clientId: callboard
        clientSecret: never-shown-to-anybody
        signIn: {{ resolvers: [{{ resolver: emailMatchingUserEntityProfileEmail }}] }}
permission:
  enabled: true
  rules:
    - {{ allow: [catalog.entity.read], to: [services] }}
    - {{ allow: ["catalog.*"], to: ["service:default/writer"] }}
graphql: {{ introspection: false }}
integrations: {{ github: [{{ host: github.com }}] }}
catalog:
  rules: [{{ allow: [Component, API, Resource, System, Domain, Group, User] }}]
  webhooks: {{ github: {{ secret: 0123456789abcdef }} }}
  locations: [{{ type: file, target: shop.yaml }}]
"""
SHOP = f"""\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{ name: shop }}
spec: {{ type: service, lifecycle: production, owner: keepers, long: {"x" * 100_000} }}
"""

MOST_BYTES = 4_000
MOST_BYTES_OF_LONG = 20_000
MOST_TIMES_PLAIN = 50
MOST_CPU_SECONDS = 0.1
"""What a refusal may cost: so many times what a plain request does, which is some thousandths of a second, or this if it is more."""

_LONGEST_SECONDS = 20
_TRIES = 3

T = TypeVar("T")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "shop.yaml").write_text(SHOP)
    (folder / "app-config.yaml").write_text(CONFIG)
    with serving(folder / "app-config.yaml") as started:
        for _ in range(200):
            if '"totalCount":1' in _plain(started):
                break
            time.sleep(0.1)
        _await_rest(started)
        yield started


@pytest.fixture(scope="module")
def bound(server: Serving) -> float:
    """The seconds of computing that a refusal may cost."""
    before = _cpu_seconds(server)
    for _ in range(20):
        _plain(server)
    return max(MOST_CPU_SECONDS, MOST_TIMES_PLAIN * (_cpu_seconds(server) - before) / 20)


def _await_rest(server: Serving) -> None:
    """Return once what a start does, such as building the search index, computes no more, or after a while."""
    for _ in range(40):
        before = _cpu_seconds(server)
        time.sleep(0.5)
        if _cpu_seconds(server) - before < 0.03:
            return


def _plain(server: Serving) -> str:
    body = b'{"query":"{ entities { totalCount } }"}'
    return _sent(server, [request("POST", "/graphql", "Content-Type: application/json", body=body)])


def _sent(server: Serving, parts: list[bytes], pause_seconds: float = 0, address: str = "192.0.2.1") -> str:
    """What the server answers until it closes the connection, or nothing more comes."""
    host = urlsplit(server.url)
    first, *others = parts
    line, end, rest = first.partition(b"\r\n")
    forwarded = f"X-Forwarded-For: {address}\r\n".encode() if rest and b"HTTP/1.1" in line else b""
    received = b""
    with socket.create_connection((host.hostname or "", host.port or 0), timeout=_LONGEST_SECONDS) as connection:
        try:
            for part in (line + end + forwarded + rest, *others):
                connection.sendall(part)
                if pause_seconds:
                    time.sleep(pause_seconds)
        except OSError:
            # The server has answered and closed before all was sent.
            pass
        try:
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionError:
            pass
    return received.decode("utf-8", "replace")


def _cpu_seconds(server: Serving) -> float:
    """What all threads of the server have computed."""
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _cost(server: Serving, bound: float, ask: Callable[[], T]) -> tuple[T, float]:
    """What is answered, and the seconds of computing that it takes: the least of a few tries, as all else that is computed adds to each."""
    least = inf
    for _ in range(_TRIES):
        before = _cpu_seconds(server)
        answer = ask()
        least = min(least, _cpu_seconds(server) - before)
        if least < bound:
            break
    return answer, least


def _code(body: str) -> str | None:
    """`extensions.code` of GraphQL, or the name of an error of HTTP."""
    try:
        answer = json.loads(body)
    except json.JSONDecodeError:
        return None
    if "errors" in answer:
        return answer["errors"][0]["extensions"]["code"]
    if "error" in answer:
        return answer["error"]["name"]
    problems = [payload["problems"] for payload in (answer.get("data") or {}).values() if payload and "problems" in payload]
    return problems[0][0]["code"] if problems and problems[0] else None


@pytest.mark.parametrize("hostile", REQUESTS, ids=lambda one: one.name)
def test_a_hostile_request_is_refused_cheaply(server: Serving, bound: float, hostile: Hostile):
    address = f"198.51.100.{REQUESTS.index(hostile)}"
    for _ in range(hostile.times - 1):
        _sent(server, list(hostile.parts), address=address)
    answer, spent = _cost(server, bound, lambda: _sent(server, list(hostile.parts), hostile.pause_seconds, address))
    head, _, body = answer.partition("\r\n\r\n")
    status = int(head.split()[1]) if head else None
    assert (status, _code(body)) == (hostile.status, hostile.code)
    assert "x-content-type-options: nosniff" in head.lower()
    assert hostile.never_in_answer.lower() not in answer.lower()
    assert len(answer) < max(MOST_BYTES, min(MOST_BYTES_OF_LONG, 2 * sum(map(len, hostile.parts))))
    assert spent < bound


@pytest.mark.parametrize("hostile", SOCKETS, ids=lambda one: one.name)
def test_a_hostile_websocket_is_refused_cheaply(server: Serving, bound: float, hostile: HostileSocket):
    for _ in range(hostile.times - 1):
        asyncio.run(_refused(server, hostile))
    refused, spent = _cost(server, bound, lambda: asyncio.run(_refused(server, hostile)))
    assert refused == hostile.refused
    assert spent < bound


async def _refused(server: Serving, hostile: HostileSocket) -> int | str | None:
    """The status of the handshake, the code that the connection was closed with, or the code of the first error."""
    url = urlsplit(server.url)
    address = f"203.0.113.{SOCKETS.index(hostile)}"
    credentials = {"Authorization": f"Bearer {hostile.token}"} if hostile.token else {}
    headers = {"X-Forwarded-For": address, **credentials, **hostile.headers}
    opening = connect(
        f"ws://{hostile.host}:{url.port}/graphql",
        host=url.hostname,
        port=url.port,
        subprotocols=[Subprotocol(hostile.subprotocol)],
        additional_headers=headers,
        open_timeout=_LONGEST_SECONDS,
    )
    try:
        async with opening as socket:
            with suppress(ConnectionClosed):
                for message in hostile.messages:
                    await socket.send(message)
            async with asyncio.timeout(_LONGEST_SECONDS):
                while (told := json.loads(await socket.recv())).get("type") != "error":
                    pass
            return told["payload"][0]["extensions"]["code"]
    except InvalidStatus as refused:
        assert refused.response.headers["x-content-type-options"] == "nosniff"
        return refused.response.status_code
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def test_clients_that_are_slow_keep_nobody_waiting(server: Serving):
    host = urlsplit(server.url)
    slow = [socket.create_connection((host.hostname or "", host.port or 0)) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"GET /livez HTTP/1.1\r\n")
        began = time.monotonic()
        assert '"totalCount":1' in _plain(server)
        assert time.monotonic() - began < SECONDS
        for connection in slow:
            connection.settimeout(_LONGEST_SECONDS)
            assert connection.recv(20).startswith(b"HTTP/1.1 408")
    finally:
        for connection in slow:
            connection.close()


def test_who_does_not_read_what_they_asked_for_is_cut_off(server: Serving):
    host = urlsplit(server.url)
    fields = " ".join(f'a{n}: entity(ref: "component:default/shop") {{ spec }}' for n in range(60))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect((host.hostname or "", host.port or 0))
        connection.sendall(graphql(f"{{ {fields} }}")[0])
        time.sleep(SECONDS + 1)
        connection.settimeout(_LONGEST_SECONDS)
        received = 0
        with suppress(ConnectionError):
            while chunk := connection.recv(65_536):
                received += len(chunk)
    assert 0 < received < 60 * 100_000


def test_more_connections_than_there_may_be_are_told_to_come_again(tmp_path: Path):
    (tmp_path / "shop.yaml").write_text(SHOP)
    (tmp_path / "app-config.yaml").write_text(
        CONFIG.replace("limits: { ", "limits: { maxConnections: 2, headerSeconds: 20, ", 1).replace("headerSeconds: 2,", "", 1)
    )
    with serving(tmp_path / "app-config.yaml") as started:
        host = urlsplit(started.url)
        waiting = [socket.create_connection((host.hostname or "", host.port or 0)) for _ in range(2)]
        refused = _sent(started, get("/livez"))
        for connection in waiting:
            connection.close()
        time.sleep(0.2)
        assert _sent(started, get("/livez")).startswith("HTTP/1.1 200")
    assert refused.startswith("HTTP/1.1 503 Service Unavailable\r\n")
    assert "x-content-type-options: nosniff" in refused.lower()
    assert "retry-after: 5" in refused.lower()


def test_after_all_that_the_server_answers_as_before_and_its_log_is_its_own(server: Serving):
    assert '"totalCount":1' in _plain(server)
    lines = server.log.read_text().splitlines()
    own = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?!ERROR)[A-Z]+ [\w.]+: ")
    assert [line for line in lines if not own.match(line)] == []
    text = "\n".join(lines)
    assert [secret for secret in (READER, WRITER, "never-shown-to-anybody", "guessed-guessed-guessed", "cbp_0") if secret in text] == []


def test_the_threat_model_lists_every_hostile_request_with_its_answer():
    rows = re.findall(r"^\| \d+ \| (.+?) \| (.+?) \|", (ROOT / "docs" / "security.md").read_text(), re.MULTILINE)
    shown = [(one.name, " ".join(filter(None, (str(one.status), one.code)))) for one in REQUESTS]
    assert rows == [*shown, *((one.name, str(one.refused)) for one in SOCKETS)]
    assert len(rows) >= 50
