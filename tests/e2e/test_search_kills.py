"""Search of a server that is killed while it indexes: all is found again, by itself."""

import random
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.catalog import component
from tests.e2e.serving import Serving, configuration, serving

FOUND = '{ search(term: "%s") { totalCount degraded } entities(filter: { kind: "Component" }) { totalCount } }'


def write(folder: Path, beginning: str, count: int) -> None:
    """A file of that many components whose names begin like that."""
    text = "".join(component(f"{beginning}-{number}", "team") for number in range(count))
    (folder / f"catalog/{beginning}.yaml").write_text(text)


def wait_for(server: Serving, term: str, found: int, stored: int, *, degraded: bool = False) -> None:
    """Until so many are found of the term, and the catalog has so many components."""
    server.wait_for(FOUND % term, {"search": {"totalCount": found, "degraded": degraded}, "entities": {"totalCount": stored}})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "catalog").mkdir()
    write(tmp_path, "ledger", 200)
    return configuration(tmp_path, "catalog/*.yaml")


SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 10))]


@pytest.mark.parametrize("seed", SEEDS)
def test_all_is_found_after_a_kill_in_the_middle_of_an_update_and_of_a_rebuild(config: Path, seed: int):
    moments = random.Random(seed)
    with serving(config) as server:
        wait_for(server, "ledger", 200, 200)
        write(config.parent, "windmill", 300)
        server.wait_for("{ entities(first: 0) { totalCount } }", {"entities": {"totalCount": 500}})
        # The change is in the log, and the update is due within half a second.
        time.sleep(moments.uniform(0, 0.6))
        server.stop(signal.SIGKILL)
    with serving(config) as server:
        wait_for(server, "windmill", 300, 500)
        assert server.ask("mutation { rebuildSearchIndex { job } }")["data"] == {"rebuildSearchIndex": {"job": "rebuild_search_index"}}
        time.sleep(moments.uniform(0, 0.3))
        server.stop(signal.SIGKILL)
    with serving(config) as server:
        wait_for(server, "ledger", 200, 500)
        write(config.parent, "turbine", 1)
        wait_for(server, "turbine", 1, 501)
