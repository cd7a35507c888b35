"""The servers that tests run against: started once for a session, skipped where they can't run, required in CI."""

import os
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import pytest
from redis import Redis

from tests.emptying import empty
from tests.servers.neo4j import MissingServerError, Neo4jServer
from tests.servers.redis import RedisServer

Server = TypeVar("Server", Neo4jServer, RedisServer)

StartNeo4j = Callable[..., Neo4jServer]
StartRedis = Callable[[], RedisServer]


def _stay_on_this_machine(event: str, arguments: tuple[object, ...]) -> None:
    """What is proven to be refused could not leave if it were not."""
    if event == "socket.connect" and isinstance(address := arguments[1], tuple) and str(address[0]) != "localhost":
        host = str(address[0]).partition("%")[0]
        if not ip_address(host).is_loopback:
            raise RuntimeError(f"a test tries to reach {host}")


sys.addaudithook(_stay_on_this_machine)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What passes without a Meilisearch server says nothing of Meilisearch itself, which nobody shall take it for."""
    if not os.environ.get("MEILISEARCH_URL"):
        terminalreporter.write_line("Meilisearch: NOT RUN against a real server, only against our emulator, as MEILISEARCH_URL is not set.")


def _started(server: Server) -> Server:
    try:
        server.start()
    except MissingServerError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    return server


@pytest.fixture(scope="session")
def neo4j_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Neo4j for this session. NEO4J_URI names one that runs already, without a password; tests empty it."""
    given = os.environ.get("NEO4J_URI")
    if given:
        yield given
        return
    server = _started(Neo4jServer(tmp_path_factory.mktemp("neo4j") / "data"))
    yield server.uri
    server.kill()


@pytest.fixture
def empty_neo4j_uri(neo4j_uri: str) -> str:
    """The address of the session's Neo4j, with nothing in it, or nothing but the schema."""
    empty(neo4j_uri)
    return neo4j_uri


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis for this session."""
    server = _started(RedisServer(tmp_path_factory.mktemp("redis")))
    yield server.url
    server.kill()


@pytest.fixture
def empty_redis_url(redis_url: str) -> str:
    """The address of the session's Redis, with nothing in it."""
    with Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture
def start_neo4j(tmp_path: Path) -> Iterator[StartNeo4j]:
    """Starts a Neo4j of the test's own (`auth=True` for one that asks for a password), to be killed and started again at will."""
    servers: list[Neo4jServer] = []

    def start(*, auth: bool = False) -> Neo4jServer:
        server = Neo4jServer(tmp_path / f"neo4j-{len(servers)}", auth=auth)
        servers.append(server)
        return _started(server)

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Starts a Redis of the test's own, to be killed and started again at will."""
    servers: list[RedisServer] = []

    def start() -> RedisServer:
        server = RedisServer(tmp_path)
        servers.append(server)
        return _started(server)

    yield start
    for server in servers:
        server.kill()
