"""Three kills of a small load; tests/soak has more, of a larger one."""

from pathlib import Path

import pytest

from tests.ingest.catalogs import component, location, write_documents
from tests.kills import Database, assert_survives_kills


@pytest.fixture
def target(tmp_path: Path) -> str:
    """A catalog of 2,100 entities in 700 files, some of them broken, some in conflict."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    for number in range(700):
        entities = [component(f"c{number}-{part}", dependsOn=[f"component:default/c{number - 1}-{part}"]) for part in range(3)]
        broken = ["kind: Component\nmetadata: {name: [}\n"] if number % 50 == 0 else []
        shared = [component(f"shared-{number % 4}", type=str(number))] if number % 100 < 4 else []
        write_documents(folder / f"{(number * 3) % 700:03}.yaml", *entities, *broken, *shared)
    write_documents(folder / "all.yaml", location("all", "./[0-9]*.yaml"))
    return str(folder / "all.yaml")


def test_killed_loads_into_sqlite_end_as_if_nothing_had_happened(tmp_path: Path, target: str):
    first, second = ({"client": "sqlite", "connection": {"filename": str(tmp_path / name)}} for name in ("a.db", "b.db"))
    assert_survives_kills(first, second, target, kills=3, seed=3)


def test_killed_loads_into_neo4j_end_as_if_nothing_had_happened(empty_neo4j_uri: str, tmp_path: Path, target: str):
    """The undisturbed load is SQLite's: both stores hold the same in the end."""
    first: Database = {"client": "sqlite", "connection": {"filename": str(tmp_path / "a.db")}}
    second: Database = {"client": "neo4j", "connection": {"uri": empty_neo4j_uri}}
    assert_survives_kills(first, second, target, kills=3, seed=4, slower=3)
