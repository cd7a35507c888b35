"""Ten thousand entities through the real server, on both stores, asked over HTTP and from the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benches.catalogs import HUB
from tests.e2e.serving import ROOT, Serving, configuration, serving
from tests.workload import workload

DEPENDENTS = 3_113
COUNTS = {"entities": {"totalCount": 10_001}, "locations": {"totalCount": 1}, "catalogErrors": {"totalCount": 0}}
IMPACT = """
  query ($of: [String!]!) {
    impact(of: $of, relations: [DEPENDS_ON], first: 10000) {
      totalCount maxDepth truncated byKind { value count } byOwner { count }
      edges { depth node { ref } path { relation fromRef toRef } }
    }
  }"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workload(tmp_path_factory.mktemp("workload"), 10_000)


@pytest.fixture(params=["sqlite", "neo4j"])
def config(request: pytest.FixtureRequest, tmp_path: Path, catalog: Path) -> Path:
    config = configuration(tmp_path, catalog, maxCost=100_000_000)
    if request.param == "neo4j":
        uri = request.getfixturevalue("empty_neo4j_uri")
        lines = config.read_text().splitlines()
        database = f"  database: {{ client: neo4j, connection: {{ uri: '{uri}' }} }}"
        config.write_text("\n".join(database if "database:" in line else line for line in lines) + "\n")
    return config


def _shown_by_the_command(server: Serving) -> dict[str, object]:
    command = [sys.executable, "-c", "from cli.main import main; main()", "impact", HUB, "--relation", "dependsOn"]
    finished = subprocess.run(
        [*command, "--url", server.url, "--format", "json"],
        cwd=server.log.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(finished.stdout)


def test_the_dependents_of_the_most_used_component_are_complete(config: Path):
    with serving(config) as server:
        server.wait_for("{ entities { totalCount } locations { totalCount } catalogErrors { totalCount } }", COUNTS, 100)

        impact = server.ask(IMPACT, {"of": [HUB]})["data"]["impact"]
        shown = _shown_by_the_command(server)

    assert (impact["totalCount"], impact["truncated"]) == (DEPENDENTS, False)
    assert impact["maxDepth"] <= 6
    assert impact["byKind"] == [{"value": "Component", "count": DEPENDENTS}]
    assert sum(owner["count"] for owner in impact["byOwner"]) == DEPENDENTS
    depths = {HUB: 0} | {edge["node"]["ref"]: edge["depth"] for edge in impact["edges"]}
    assert len(depths) == DEPENDENTS + 1
    assert max(depths.values()) == impact["maxDepth"]
    for edge in impact["edges"]:
        chain = [HUB, *(step["toRef"] for step in edge["path"])]
        assert [step["fromRef"] for step in edge["path"]] == chain[:-1]
        assert [depths[ref] for ref in chain] == list(range(edge["depth"] + 1))
    assert shown["totalCount"] == DEPENDENTS
    assert [row["ref"] for row in shown["affected"]] == [edge["node"]["ref"] for edge in impact["edges"]]
