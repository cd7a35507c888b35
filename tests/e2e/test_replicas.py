"""Two servers and two workers on one Neo4j and one Redis: what one does, a subscription on the other sees."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest

from tests.e2e.catalog import component
from tests.e2e.serving import Serving, serving
from tests.e2e.test_subscriptions import client
from tests.e2e.test_worker import working

EVERYTHING_SEEN = 10


@dataclass
class Replicas:
    """The four processes. The catalog is what lies in `folder`."""

    folder: Path
    servers: list[Serving]
    workers: list["Popen[bytes]"]

    def write(self, name: str, owner: str = "team") -> None:
        (self.folder / f"{name}.yaml").write_text(component(name, owner))


@pytest.fixture
def replicas(tmp_path: Path, empty_redis_url: str, empty_neo4j_uri: str) -> Iterator[Replicas]:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog/a.yaml").write_text(component("a", "team"))
    configs = [tmp_path / f"{number}.yaml" for number in range(4)]
    for config in configs:
        config.write_text(
            "backend:\n"
            "  listen: { port: 0 }\n"
            f"  database: {{ client: neo4j, connection: {{ uri: '{empty_neo4j_uri}' }} }}\n"
            f"  queue: {{ url: '{empty_redis_url}' }}\n"
            "catalog:\n"
            "  rules: [{ allow: [Component] }]\n"
            "  locations: [{ type: file, target: catalog/*.yaml }]\n"
        )
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(config)) for config in configs[:2]]
        workers = [stack.enter_context(working(config)) for config in configs[2:]]
        for server in servers:
            server.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 1}}, 90)
        yield Replicas(tmp_path / "catalog", servers, workers)


async def test_a_subscription_on_one_sees_what_was_done_through_the_other(replicas: Replicas):
    one, other = replicas.servers
    async with client(one) as on_one, client(other) as on_other:
        await on_one.subscribe("1")
        await on_other.subscribe("2")
        await asyncio.sleep(0.5)
        replicas.write("b")
        began = time.monotonic()
        # Asked of one server, done by some worker, told by both.
        answer = await asyncio.to_thread(other.ask, 'mutation { refresh(of: ["component:a"]) { __typename } }')
        assert "errors" not in answer
        assert await on_one.events(1) == [("1", "CREATED", "component:default/b", True)]
        assert await on_other.events(1) == [("2", "CREATED", "component:default/b", True)]
        assert time.monotonic() - began < EVERYTHING_SEEN
        # The server that goes away is taken over from where it ended.
        cursor = one.ask("{ changes(last: 1) { nodes { sequence } } }")["data"]["changes"]["nodes"][0]["sequence"]
        replicas.workers[0].send_signal(signal.SIGKILL)
        one.stop(signal.SIGKILL)
        replicas.write("c")
        await on_other.subscribe("3", since=cursor)
        events = await on_other.events(2)
    assert sorted(events) == [("2", "CREATED", "component:default/c", True), ("3", "CREATED", "component:default/c", True)]


def test_both_tell_the_same_of_the_jobs_and_of_the_locations(replicas: Replicas):
    query = "{ jobs { jobs { name failed } failures { name } } locations { nodes { id lastError } } }"
    seen = [server.ask(query)["data"] for server in replicas.servers]
    assert seen[0]["locations"] == seen[1]["locations"]
    assert seen[0]["jobs"]["failures"] == seen[1]["jobs"]["failures"] == []
    for server in replicas.servers:
        assert "callboard_queue_up 1.0" in server.get("/metrics").text
    # What a job wrote is seen before the job has ended.
    for server in replicas.servers:
        deadline = time.monotonic() + EVERYTHING_SEEN
        while "synchronise_catalog" not in {row["name"] for row in server.ask(query)["data"]["jobs"]["jobs"]}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
