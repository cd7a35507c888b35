"""Half a minute of chaos: processes are killed at random while the sources change, and nothing is lost. scripts/soak has five minutes."""

from pathlib import Path

import pytest

from tests.chaos import survives_on_neo4j, survives_on_sqlite
from tests.conftest import StartNeo4j, StartRedis


@pytest.mark.timeout(240)
def test_an_embedded_catalog_survives_the_killing_of_its_process(tmp_path: Path):
    chaos = survives_on_sqlite(tmp_path, 10, seed=1)
    assert chaos.kills["server"] >= 2


@pytest.mark.timeout(300)
def test_a_catalog_on_neo4j_survives_the_killing_of_everything(tmp_path: Path, start_neo4j: StartNeo4j, start_redis: StartRedis):
    chaos = survives_on_neo4j(tmp_path, start_neo4j(), start_redis(), 20, seed=1)
    assert set(chaos.kills) == {"server", "worker 0", "worker 1", "redis", "neo4j"}
