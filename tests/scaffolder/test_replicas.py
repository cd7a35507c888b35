"""Tasks on Neo4j and Redis: asked for at a server, run by workers, and gone on with by another where one was killed."""

import time
from pathlib import Path

import yaml

from tests.e2e.serving import serving
from tests.e2e.test_worker import working
from tests.scaffolder.killing import check, events, ledger, start, task, write_catalog


def test_a_worker_goes_on_with_the_task_of_another_that_was_killed(tmp_path: Path, empty_redis_url: str, empty_neo4j_uri: str):
    with ledger() as kept:
        config = write_catalog(tmp_path, kept)
        settings = yaml.safe_load(config.read_text())
        settings["backend"] |= {
            "database": {"client": "neo4j", "connection": {"uri": empty_neo4j_uri}},
            "queue": {"url": empty_redis_url},
        }
        settings["scaffolder"]["encryptionKey"] = "k" * 40
        config.write_text(yaml.safe_dump(settings))
        with serving(config) as server, working(config) as first:
            server.wait_for("{ templates { totalCount } }", {"templates": {"totalCount": 1}})
            ids = [start(server), start(server)]
            while sum(event["body"].get("status") == "completed" for event in events(server, ids[0])) < 3:
                time.sleep(0.01)
            first.kill()
            first.wait()
            with working(config):
                began = time.monotonic()
                while any(task(server, task_id)["status"] in ("open", "processing") for task_id in ids):
                    assert time.monotonic() - began < 90
                    time.sleep(0.1)
            for task_id in ids:
                check(server, task_id, kept)
