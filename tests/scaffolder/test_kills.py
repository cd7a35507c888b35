"""Tasks whose server is killed: what they did stays done, what they did not is done by the next one, and nothing twice."""

import random
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, serving
from tests.scaffolder.killing import Ledger, check, events, ledger, start, task, write_catalog

_LONGEST_SECONDS = 90


def _wait(server: Serving, task_ids: list[str]) -> None:
    began = time.monotonic()
    while any(task(server, task_id)["status"] in ("open", "processing") for task_id in task_ids):
        assert time.monotonic() - began < _LONGEST_SECONDS, server.log.read_text()
        time.sleep(0.1)


def _wait_for_steps(server: Serving, task_id: str, completed: int) -> None:
    began = time.monotonic()
    while sum(event["body"].get("status") == "completed" for event in events(server, task_id)) < completed:
        assert time.monotonic() - began < _LONGEST_SECONDS
        time.sleep(0.005)


def test_tasks_at_different_steps_go_on_after_their_server_was_killed(tmp_path: Path):
    with ledger() as kept:
        config = write_catalog(tmp_path, kept)
        with serving(config) as server:
            server.wait_for("{ templates { totalCount } }", {"templates": {"totalCount": 1}})
            ids = [start(server)]
            for completed in (1, 3, 5):
                _wait_for_steps(server, ids[0], completed)
                ids.append(start(server))
            server.process.kill()
            server.process.wait()
        with serving(config) as server:
            _wait(server, ids)
            for task_id in ids:
                check(server, task_id, kept)


def test_a_server_that_stops_leaves_its_tasks_to_the_next_one_at_once(tmp_path: Path):
    with ledger() as kept:
        config = write_catalog(tmp_path, kept)
        with serving(config) as server:
            server.wait_for("{ templates { totalCount } }", {"templates": {"totalCount": 1}})
            task_id = start(server)
            _wait_for_steps(server, task_id, 2)
            assert server.stop() == 0
        with serving(config) as server:
            _wait(server, [task_id])
            check(server, task_id, kept)


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(5))
def test_a_server_killed_at_any_moment_leaves_tasks_that_go_on(tmp_path: Path, batch: int):
    """Ten kills, and only then ten new servers, so that nobody waits for the leases of the dead."""
    with ExitStack() as stack:
        killed: list[tuple[Path, Ledger, list[str]]] = []
        for seed in range(10 * batch, 10 * batch + 10):
            kept = stack.enter_context(ledger())
            (folder := tmp_path / str(seed)).mkdir()
            config = write_catalog(folder, kept)
            with serving(config) as server:
                server.wait_for("{ templates { totalCount } }", {"templates": {"totalCount": 1}})
                ids = [start(server) for _ in range(3)]
                time.sleep(random.Random(seed).uniform(0, 1.5))
                server.process.kill()
                server.process.wait()
            killed.append((config, kept, ids))
        for config, kept, ids in killed:
            with serving(config) as server:
                _wait(server, ids)
                for task_id in ids:
                    check(server, task_id, kept)
