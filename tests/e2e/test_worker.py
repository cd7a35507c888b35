"""A worker beside a server: two processes on one Neo4j and one Redis."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.main import run
from tests.e2e.catalog import component, write_catalog
from tests.e2e.serving import ROOT, serving

COUNT = "{ entities { totalCount } }"


@pytest.fixture
def config(tmp_path: Path, empty_redis_url: str, empty_neo4j_uri: str) -> Path:
    write_catalog(tmp_path / "catalog")
    path = tmp_path / "app-config.yaml"
    path.write_text(
        "backend:\n"
        "  listen: { port: 0 }\n"
        f"  database: {{ client: neo4j, connection: {{ uri: '{empty_neo4j_uri}' }} }}\n"
        f"  queue: {{ url: '{empty_redis_url}' }}\n"
        "catalog:\n"
        "  rules: [{ allow: [Component, API, Resource, Group, Location] }]\n"
        "  locations: [{ type: file, target: catalog/all.yaml }]\n"
    )
    return path


@contextmanager
def working(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "from cli.main import main; main()", "worker", "--config", str(config)]
    with config.with_suffix(".worker.log").open("a") as log:
        process = subprocess.Popen(command, cwd=config.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_working(config: Path) -> bool:
    return run(["worker", "--check", "--config", str(config)]) == 0


def test_a_worker_keeps_the_catalog_that_a_server_shows(config: Path):
    assert not is_working(config)
    with serving(config) as server, working(config) as worker:
        server.wait_for(COUNT, {"entities": {"totalCount": 7}}, 90)
        assert is_working(config)
        (config.parent / "catalog/late.yaml").write_text(component("late", "shop-team"))
        server.wait_for(COUNT, {"entities": {"totalCount": 8}})
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


def test_a_worker_without_redis_says_so(config: Path, capsys: pytest.CaptureFixture[str]):
    config.write_text(re.sub(r"redis://[^']+", "redis://127.0.0.1:1", config.read_text()))
    assert run(["worker", "--check", "--config", str(config)]) == 2
    assert capsys.readouterr().err.startswith("callboard: Redis can't be reached: ")
