"""Search of a server whose index is lost, damaged or out of space under it: everything else goes on, and all is found again, by itself."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.serving import configuration, serving
from tests.e2e.test_search_kills import wait_for, write
from tests.servers.meilisearch import meilisearch_emulator


def until(reached: Callable[[], bool], seconds: float = 30) -> None:
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "catalog").mkdir()
    write(tmp_path, "ledger", 50)
    path = configuration(tmp_path, "catalog/*.yaml")
    path.write_text(path.read_text() + "search: { folder: index, checkEvery: { seconds: 1 } }\n")
    return path


def generation(index: Path) -> str:
    """The name of what answers."""
    return json.loads((index / "current.json").read_bytes())["generation"]


def spoil(folder: Path, kind: str) -> None:
    """Change every byte of the files of this kind, in place: to cut off a file that a process has mapped ends that process."""
    for file in folder.glob(f"*.{kind}"):
        with file.open("r+b") as opened:
            content = opened.read()
            opened.seek(0)
            opened.write(bytes(byte ^ 0xFF for byte in content))


def test_an_index_that_is_lost_or_damaged_under_a_server_is_built_again_while_everything_else_works(config: Path):
    index = config.parent / "index"
    with serving(config) as server:
        wait_for(server, "ledger", 50, 50)
        index.rename(config.parent / "gone")
        shutil.rmtree(config.parent / "gone", ignore_errors=True)
        write(config.parent, "windmill", 3)
        wait_for(server, "windmill", 3, 53)
        # A search can't read the first, panics in the second, and only orders what it finds wrongly by the third.
        for stored, (kind, new) in enumerate({"store": "turbine", "idx": "anchor", "fieldnorm": "lantern"}.items(), 53):
            damaged = generation(index)
            spoil(index / damaged, kind)
            until(lambda damaged=damaged: generation(index) != damaged)
            wait_for(server, "ledger", 50, stored)
            write(config.parent, new, 1)
            wait_for(server, new, 1, stored + 1)
        assert server.get("/readyz").status_code == 200


def fill(filler: Path) -> None:
    """Take all the space that is left."""
    with pytest.raises(OSError, match="No space left"), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


SMALL_DISK = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs -o size=1m small "$0" && exec "$@"']
"""A command that runs another one, which alone sees a disk of a megabyte in a folder."""


def test_a_full_disk_stops_neither_the_catalog_nor_search_and_is_made_up_for(config: Path):
    index = config.parent / "index"
    index.mkdir()
    if subprocess.run([*SMALL_DISK, str(index), "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a disk of their own")
    with serving(config, within=[*SMALL_DISK, str(index)]) as server:
        seen = Path(f"/proc/{server.process.pid}/root{index}")
        wait_for(server, "ledger", 50, 50)
        fill(seen / "filler")
        write(config.parent, "windmill", 3)
        wait_for(server, "windmill", 0, 53)
        until(lambda: "update_search_index failed" in server.log.read_text())
        fill(seen / "filler")
        # What was found before still is, until that is damaged too: then the store answers.
        wait_for(server, "ledger", 50, 53)
        spoil(seen / generation(seen), "idx")
        wait_for(server, "windmill", 3, 53, degraded=True)
        until(lambda: "renew_search_index failed" in server.log.read_text())
        write(config.parent, "turbine", 2)
        wait_for(server, "turbine", 2, 55, degraded=True)
        (seen / "filler").unlink()
        wait_for(server, "turbine", 2, 55)
        wait_for(server, "ledger", 50, 55)


def test_a_meilisearch_that_is_stopped_and_started_again_is_made_up_for(tmp_path: Path):
    (tmp_path / "catalog").mkdir()
    write(tmp_path, "ledger", 5)
    config = configuration(tmp_path, "catalog/*.yaml")
    with ExitStack() as opened:
        first = ExitStack()
        meilisearch = first.enter_context(meilisearch_emulator())
        search = f"search: {{ meilisearch: {{ url: '{meilisearch.url}', apiKey: '{meilisearch.key}' }} }}\n"
        config.write_text(config.read_text() + search)
        server = opened.enter_context(serving(config))
        wait_for(server, "ledger", 5, 5)
        first.close()
        write(tmp_path, "windmill", 3)
        wait_for(server, "windmill", 3, 8, degraded=True)
        assert server.get("/readyz").status_code == 200
        with meilisearch_emulator(stopped=meilisearch):
            wait_for(server, "windmill", 3, 8)
        wait_for(server, "ledger", 5, 8, degraded=True)
        meilisearch.indexes.clear()
        with meilisearch_emulator(stopped=meilisearch):
            wait_for(server, "ledger", 5, 8)
            wait_for(server, "windmill", 3, 8)
