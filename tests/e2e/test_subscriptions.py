"""Subscriptions of a real server over real sockets: WebSockets and server-sent events, resumed, limited, refused and ended."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection as SilentConnection
from websockets.sync.client import connect as connect_silently
from websockets.typing import Subprotocol

from tests.e2e.catalog import component
from tests.e2e.serving import Serving, configuration, serving
from tests.e2e.test_graphql_http_audit import AUDIT, NODE, install_audit

CHANGES = (
    "subscription($since: String, $of: [String!], $filter: EntityFilter)"
    "{ entityChanges(since: $since, of: $of, filter: $filter) { cursor matches change { sequence operation ref } } }"
)
COSTLY = (
    "subscription { entityChanges { change { entity { impact(first: 10000) { nodes { impact(first: 10000) { nodes { ref } } } } } } } }"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    with _serving(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose catalog each test leaves as it was."""
    with _serving(tmp_path_factory.mktemp("unchanged")) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def silent(unchanged: Serving) -> Iterator[SilentConnection]:
    """A connection on which nothing is said. It is opened before the first test, since it takes ten seconds to be ended."""
    with connect_silently(address(unchanged), subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
        yield connection


@contextmanager
def _serving(path: Path) -> Iterator[Serving]:
    (path / "catalog").mkdir()
    (path / "catalog/a.yaml").write_text(component("a", "team"))
    with serving(configuration(path, "catalog/*.yaml", maxSubscriptionsPerConnection=3)) as server:
        server.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 1}})
        yield server


def folder(server: Serving) -> Path:
    return server.log.parent / "catalog"


def write(server: Serving, name: str, owner: str = "team") -> None:
    (folder(server) / f"{name}.yaml").write_text(component(name, owner))


def address(server: Serving) -> str:
    return server.url.replace("http://", "ws://") + "/graphql"


class Client:
    """Speaks graphql-transport-ws."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def receive(self, seconds: float = 10) -> dict[str, Any]:
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), seconds))
            if message["type"] != "ping":
                return message

    async def subscribe(self, id: str, query: str = CHANGES, **variables: Any) -> None:
        await self.send(id=id, type="subscribe", payload={"query": query, "variables": variables})

    async def events(self, count: int) -> list[tuple[str, str, str, bool]]:
        """(id, operation, ref, matches) of the next events."""
        found: list[tuple[str, str, str, bool]] = []
        for _ in range(count):
            message = await self.receive()
            assert message["type"] == "next", message
            event = message["payload"]["data"]["entityChanges"]
            found.append((message["id"], event["change"]["operation"], event["change"]["ref"], event["matches"]))
        return found


@asynccontextmanager
async def client(server: Serving, **options: Any) -> AsyncIterator[Client]:
    async with connect(address(server), subprotocols=["graphql-transport-ws"], **options) as socket:  # type: ignore[list-item]
        client = Client(socket)
        await client.send(type="connection_init")
        assert await client.receive() == {"type": "connection_ack"}
        yield client


async def closed_with(socket: ClientConnection, seconds: float = 15) -> int | None:
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(seconds):
            while True:
                await socket.recv()
    return closed.value.rcvd.code if closed.value.rcvd else None


async def test_a_change_is_told_and_missed_ones_are_told_after_the_cursor(server: Serving):
    async with client(server) as one:
        await one.subscribe("1")
        await asyncio.sleep(0.3)
        write(server, "b")
        assert await one.events(1) == [("1", "CREATED", "component:default/b", True)]
    for name in "cd":
        write(server, name)
        server.wait_for(f'{{ entity(ref: "component:{name}") {{ name }} }}', {"entity": {"name": name}})
    async with client(server) as one:
        await one.subscribe("2", since="2")
        await one.subscribe("3", since="0", of=["component:a", "component:d"])
        events = await one.events(4)
        assert [(operation, ref[-1]) for key, operation, ref, _ in events if key == "2"] == [("CREATED", "c"), ("CREATED", "d")]
        assert [(operation, ref[-1]) for key, operation, ref, _ in events if key == "3"] == [("CREATED", "a"), ("CREATED", "d")]


async def test_a_filter_lets_through_what_enters_and_what_leaves_it(server: Serving):
    async with client(server) as one:
        await one.subscribe("1", filter={"owner": ["payments"]})
        await asyncio.sleep(0.3)
        write(server, "b")
        write(server, "c", "payments")
        assert await one.events(1) == [("1", "CREATED", "component:default/c", True)]
        write(server, "b", "payments")
        assert await one.events(1) == [("1", "UPDATED", "component:default/b", True)]
        write(server, "b")
        assert await one.events(1) == [("1", "UPDATED", "component:default/b", False)]
        (folder(server) / "c.yaml").unlink()
        assert await one.events(1) == [("1", "REMOVED", "component:default/c", False)]


async def test_queries_answer_over_the_socket_and_errors_are_those_of_http(unchanged: Serving):
    async with client(unchanged) as one:
        await one.subscribe("1", "{ entities { totalCount } }")
        first = await one.receive()
        assert (first["type"], first["payload"]["data"]) == ("next", {"entities": {"totalCount": 1}})
        assert await one.receive() == {"id": "1", "type": "complete"}
        for query, variables, code in [
            ("{ nothing }", {}, "BAD_USER_INPUT"),
            ("{ broken", {}, "BAD_USER_INPUT"),
            (CHANGES, {"since": "99999"}, "BAD_USER_INPUT"),
            (CHANGES, {"since": "soon"}, "BAD_USER_INPUT"),
            (CHANGES, {"of": ["nonsense"]}, "BAD_USER_INPUT"),
            ("subscription { entityChanges { change { patch } } " + "a: entityChanges { cursor } }", {}, "BAD_USER_INPUT"),
            (
                COSTLY,
                {},
                "LIMIT_EXCEEDED",
            ),
        ]:
            await one.subscribe("x", query, **variables)
            answer = await one.receive()
            assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", code), (query, answer)


async def test_a_connection_has_so_many_operations_and_no_more(unchanged: Serving):
    async with client(unchanged) as one:
        for key in "123":
            await one.subscribe(key)
        await one.subscribe("4")
        refused = await one.receive()
        assert (refused["id"], refused["payload"][0]["extensions"]["code"]) == ("4", "LIMIT_EXCEEDED")
        await one.send(id="1", type="complete")
        await one.subscribe("4", "{ viewer { ref } }")
        assert (await one.receive())["payload"]["data"] == {"viewer": {"ref": "user:default/guest"}}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (['{"type":"subscribe","id":"1","payload":{"query":"{ viewer { ref } }"}}'], 4401),
        (['{"type":"connection_init"}', '{"type":"connection_init"}'], 4429),
        (["no json"], 4400),
        (['{"type":"connection_init","payload":[]}'], 4400),
        (['{"type":"what"}'], 4400),
        (
            [
                '{"type":"connection_init"}',
                '{"type":"subscribe","id":"1","payload":{"query":"subscription { entityChanges { cursor } }"}}',
                '{"type":"subscribe","id":"1","payload":{"query":"subscription { entityChanges { cursor } }"}}',
            ],
            4409,
        ),
        (["x" * 1_100_000], 1009),
    ],
)
async def test_what_is_against_the_protocol_ends_the_connection(unchanged: Serving, messages: list[str], code: int):
    async with connect(address(unchanged), subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        for message in messages:
            await socket.send(message)
        assert await closed_with(socket) == code


async def test_an_id_is_taken_again_once_its_operation_is_over_and_not_before(unchanged: Serving):
    async with client(unchanged) as one:
        await one.subscribe("1", "{ nothing }")
        assert (await one.receive())["type"] == "error"
        await one.subscribe("1")
        await one.subscribe("2", "{ viewer { ref } }")
        assert [(await one.receive())["type"] for _ in range(2)] == ["next", "complete"]
        await one.subscribe("1")
        assert await closed_with(one.socket) == 4409


async def test_pages_of_other_sites_and_other_host_names_are_refused(unchanged: Serving):
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address(unchanged), subprotocols=["graphql-transport-ws"], additional_headers=headers):  # type: ignore[list-item]
                pass
        assert refused.value.response.status_code == 403, headers
    port = int(unchanged.url.rsplit(":", 1)[1])
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://evil.example:{port}/graphql", host="127.0.0.1", port=port):
            pass
    assert refused.value.response.status_code == 421
    for origin in (unchanged.url, "http://localhost:7007"):
        async with client(unchanged, additional_headers={"Origin": origin}):
            pass


async def test_another_subprotocol_is_not_spoken(unchanged: Serving):
    async with connect(address(unchanged), subprotocols=["graphql-ws"]) as socket:  # type: ignore[list-item]
        assert await closed_with(socket) == 4406


async def test_errors_are_told_as_they_come_and_go(unchanged: Serving):
    query = "subscription { catalogErrors { operation error { code path line } } }"

    async def told(one: Client) -> tuple[str, str]:
        message = await one.receive()
        return message["id"], message["payload"]["data"]["catalogErrors"]["operation"]

    async with client(unchanged) as one:
        await one.subscribe("1", query)
        await asyncio.sleep(0.5)
        (folder(unchanged) / "a.yaml").write_text("kind: {")
        assert await told(one) == ("1", "ADDED")
        await one.subscribe("2", query)
        assert await told(one) == ("2", "PRESENT")
        await one.send(id="2", type="complete")
        write(unchanged, "a")
        assert await told(one) == ("1", "RESOLVED")


def _events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            yield name, json.loads(data) if data else None


def test_server_sent_events_tell_the_same(server: Serving):
    variables = {"since": "0"}
    by_get: dict[str, Any] = {"params": {"query": CHANGES, "variables": json.dumps(variables)}}
    by_post: dict[str, Any] = {"json": {"query": CHANGES, "variables": variables}}
    for method, given, known in (("GET", by_get, "a"), ("POST", by_post, "ab")):
        with httpx.stream(method, f"{server.url}/graphql", headers={"Accept": "text/event-stream"}, timeout=10, **given) as response:
            assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            events = _events(response)
            refs = [next(events)[1]["data"]["entityChanges"]["change"]["ref"] for _ in known]
            assert refs == [f"component:default/{name}" for name in known]
            write(server, chr(ord(known[-1]) + 1))
            name, answer = next(events)
            assert (name, answer["data"]["entityChanges"]["cursor"]) == ("next", str(len(known) + 1))


def test_an_operation_that_ends_is_completed_and_a_refused_one_says_why(unchanged: Serving):
    for query, key in (("{ viewer { ref } }", "data"), ("{ nothing }", "errors"), ("subscription { nothing }", "errors")):
        with httpx.stream("POST", f"{unchanged.url}/graphql", headers={"Accept": "text/event-stream"}, json={"query": query}) as response:
            events = list(_events(response))
        assert [name for name, _ in events] == ["next", "complete"]
        assert key in events[0][1]
    refused = httpx.post(f"{unchanged.url}/graphql", headers={"Accept": "text/event-stream"}, content=b"{", timeout=10)
    assert refused.status_code == 415


def test_mutations_by_get_are_refused_whatever_is_accepted(unchanged: Serving):
    query = 'mutation { refresh(of: ["component:a"]) { __typename } }'
    for accept in ("text/event-stream", "application/json"):
        answer = httpx.get(f"{unchanged.url}/graphql", params={"query": query}, headers={"Accept": accept}, timeout=10)
        assert answer.status_code == 405 or "errors" in answer.text, (accept, answer.text)


async def test_a_server_that_stops_ends_its_subscriptions_at_once(server: Serving):
    async with client(server) as one:
        await one.subscribe("1")
        await asyncio.sleep(0.3)
        async with httpx.AsyncClient(timeout=10) as http:
            request = http.stream("POST", f"{server.url}/graphql", headers={"Accept": "text/event-stream"}, json={"query": CHANGES})
            async with request as response:
                lines = response.aiter_lines()
                await anext(lines)
                began = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                rest = [line async for line in lines]
        assert "event: complete" not in rest
        assert await closed_with(one.socket) in {1001, 1012}
    assert await asyncio.to_thread(server.process.wait, 5) == 0
    assert time.monotonic() - began < 3
    assert "Traceback" not in server.log.read_text()


def test_the_clients_of_both_protocols_understand_the_server(server: Serving):
    install_audit()
    write(server, "b")
    finished = subprocess.run(
        [NODE, "subscribe.mjs", f"{server.url}/graphql"], cwd=AUDIT, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr
    told = [json.loads(line) for line in finished.stdout.splitlines()]
    expected = [{"cursor": "1", "change": {"ref": "component:default/a"}}, {"cursor": "2", "change": {"ref": "component:default/b"}}]
    for name in ("ws", "sse"):
        assert [row["told"] for row in told if row["name"] == name and "told" in row] == expected
        assert [row["failed"] for row in told if row["name"] == name and "failed" in row] == ["BAD_USER_INPUT"]


def test_a_connection_that_says_nothing_is_ended(silent: SilentConnection):
    with pytest.raises(ConnectionClosed) as closed:
        silent.recv(timeout=15)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4408
