"""The tutorial, done as it is written: its files made, its commands run in order in an empty folder, and served in the end."""

from pathlib import Path

import pytest

from scripts.answers import TUTORIAL, with_outputs
from tests.e2e.serving import serving

TEXT = TUTORIAL.read_text(encoding="utf-8")
STATE = "{ entities { totalCount } catalogErrors { nodes { code ref } } }"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The reader's folder at the end of the tutorial, and the tutorial with what its commands printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    return folder, with_outputs(TEXT, folder)


def test_the_commands_print_what_the_tutorial_shows(done: tuple[Path, str]):
    assert done[1] == TEXT, "run scripts/docs"


def test_the_server_reads_the_files_and_keeps_what_a_broken_one_declared(done: tuple[Path, str]):
    folder, _ = done
    config = folder / "app-config.yaml"
    with config.open("a", encoding="utf-8") as file:
        file.write("backend: { listen: { port: 0 } }\n")
    with serving(config) as server:
        server.wait_for(STATE, {"entities": {"totalCount": 7}, "catalogErrors": {"nodes": []}})
        assert (folder / ".callboard" / "catalog.db").is_file()
        (folder / "payment" / "catalog-info.yaml").write_text("kind: Component\n\tmetadata: {}\n", encoding="utf-8")
        error = {"code": "tab", "ref": "component:default/payment"}
        server.wait_for(STATE, {"entities": {"totalCount": 7}, "catalogErrors": {"nodes": [error]}})
