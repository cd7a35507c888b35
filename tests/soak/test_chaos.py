"""Five minutes of chaos on each store: everything is killed at random, again and again, while the sources change."""

from pathlib import Path

import pytest

from tests.chaos import survives_on_neo4j, survives_on_sqlite
from tests.conftest import StartNeo4j, StartRedis

SECONDS = 300
SEED = 7

pytestmark = pytest.mark.soak


def test_an_embedded_catalog_survives_five_minutes_of_chaos(tmp_path: Path):
    chaos = survives_on_sqlite(tmp_path, SECONDS, SEED)
    assert chaos.kills["server"] > 30


def test_a_catalog_on_neo4j_survives_five_minutes_of_chaos(tmp_path: Path, start_neo4j: StartNeo4j, start_redis: StartRedis):
    chaos = survives_on_neo4j(tmp_path, start_neo4j(), start_redis(), SECONDS, SEED)
    assert sum(chaos.kills.values()) > 20
