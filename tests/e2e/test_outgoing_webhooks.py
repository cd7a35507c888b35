"""Outgoing webhooks of a server that is killed again and again: every change arrives, in order, and what comes twice is the same."""

import random
import time
from pathlib import Path

import yaml

from tests.e2e.hub import KINDS, component
from tests.e2e.serving import serving
from tests.servers.receiver import Receiver, receiving

SECRET = "the secret of these webhooks"
KILLS = 2


def configuration(folder: Path, receiver: Receiver) -> Path:
    config = {
        "backend": {
            "listen": {"host": "127.0.0.1", "port": 0},
            "database": {"client": "sqlite", "connection": {"filename": "catalog.db"}},
            "reading": {"allowPrivate": ["127.0.0.1"]},
        },
        "catalog": {"rules": [{"allow": KINDS}], "locations": [{"type": "file", "target": "catalog/*.yaml"}]},
        "webhooks": [{"name": "out", "url": receiver.url, "secret": SECRET}],
    }
    path = folder / "app-config.yaml"
    path.write_text(yaml.safe_dump(config))
    (folder / "catalog").mkdir()
    return path


def test_a_server_that_is_killed_loses_no_change_and_repeats_none_under_another_id(tmp_path: Path):
    with receiving() as receiver:
        config = configuration(tmp_path, receiver)
        with serving(config) as server:
            server.wait_for("{ webhooks { name sequence } }", {"webhooks": [{"name": "out", "sequence": "0"}]})
        for kill in range(KILLS):
            with serving(config) as server:
                for number in range(5):
                    (tmp_path / "catalog" / f"{kill}-{number}.yaml").write_text(component(f"c{kill}-{number}"))
                    time.sleep(random.uniform(0, 0.3))
                server.process.kill()
                server.process.wait()
        with serving(config) as server:
            count = str(KILLS * 5)
            server.wait_for("{ webhooks { sequence attempts error } }", {"webhooks": [{"sequence": count, "attempts": 0, "error": None}]})
    bodies = {arrival.id: arrival.body for arrival in receiver.arrivals}
    assert all(bodies[arrival.id] == arrival.body for arrival in receiver.arrivals)
    first = {arrival.id: arrival for arrival in reversed(receiver.arrivals)}
    order = list(dict.fromkeys(arrival.id for arrival in receiver.arrivals))
    sequences = [int(change["sequence"]) for id_ in order for change in first[id_].changes]
    assert sequences == list(range(1, KILLS * 5 + 1))
