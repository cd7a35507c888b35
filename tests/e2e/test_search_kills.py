"""Search of a server that is killed while it indexes, or whose index is lost or damaged under it: all is found again, by itself."""

import random
import shutil
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


def wait_for(server: Serving, term: str, found: int, stored: int) -> None:
    server.wait_for(FOUND % term, {"search": {"totalCount": found, "degraded": False}, "entities": {"totalCount": stored}})


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


def test_an_index_that_is_lost_or_damaged_under_a_server_is_built_again_while_everything_else_works(config: Path):
    index = config.parent / "search"
    with serving(config) as server:
        wait_for(server, "ledger", 200, 200)
        shutil.rmtree(index, ignore_errors=True)
        write(config.parent, "windmill", 3)
        wait_for(server, "windmill", 3, 203)
        for file in index.rglob("*"):
            if file.is_file() and (content := file.read_bytes()):
                # In place: to cut off a file that a process has mapped ends that process.
                with file.open("r+b") as opened:
                    opened.write(bytes(byte ^ 0xFF for byte in content))
        assert server.get("/readyz").status_code == 200
        write(config.parent, "turbine", 2)
        server.wait_for("{ entities(first: 0) { totalCount } }", {"entities": {"totalCount": 205}})
        answer = server.ask(FOUND % "turbine")
        assert answer["data"]["entities"] == {"totalCount": 205}
        server.stop(signal.SIGKILL)
    with serving(config) as server:
        wait_for(server, "turbine", 2, 205)
        wait_for(server, "ledger", 200, 205)
