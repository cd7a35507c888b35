"""A server whose Neo4j is away at the start and goes away later: it says so, and goes on by itself when Neo4j is back."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.conftest import StartNeo4j
from tests.e2e.catalog import write_catalog
from tests.e2e.serving import Serving, serving

COUNT = "{ entities { totalCount } }"


def _config(folder: Path, uri: str) -> Path:
    write_catalog(folder / "catalog")
    path = folder / "app-config.yaml"
    path.write_text(
        "backend:\n"
        "  listen: { port: 0 }\n"
        f"  database: {{ client: neo4j, connection: {{ uri: '{uri}' }} }}\n"
        "catalog:\n"
        "  rules: [{ allow: [Component, API, Resource, Group, Location] }]\n"
        "  locations: [{ type: file, target: catalog/all.yaml }]\n"
    )
    return path


def _wait_until(holds: Callable[[], bool], seconds: float = 40) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds
        time.sleep(0.1)


def _assert_unavailable(server: Serving) -> None:
    ready = server.get("/readyz")
    assert (ready.status_code, list(ready.json()["parts"])) == (503, ["store"])
    assert server.get("/livez").status_code == 200
    answer = httpx.post(f"{server.url}/graphql", json={"query": COUNT}, timeout=60)
    assert answer.status_code == 503
    assert [error["extensions"] for error in answer.json()["errors"]] == [{"code": "UNAVAILABLE"}]


def test_a_server_says_that_neo4j_is_away_and_recovers_by_itself(tmp_path: Path, start_neo4j: StartNeo4j):
    neo4j = start_neo4j()
    neo4j.kill()
    with serving(_config(tmp_path, neo4j.uri)) as server:
        _assert_unavailable(server)
        neo4j.start()
        _wait_until(lambda: server.get("/readyz").status_code == 200)
        server.wait_for(COUNT, {"entities": {"totalCount": 7}}, 40)
        neo4j.kill()
        _wait_until(lambda: server.get("/readyz").status_code == 503)
        _assert_unavailable(server)
        neo4j.start()
        server.wait_for(COUNT, {"entities": {"totalCount": 7}}, 40)
        assert server.get("/readyz").json() == {"status": "ready", "parts": {"store": "ready"}}
        neo4j.kill()
        assert server.stop() == 0
