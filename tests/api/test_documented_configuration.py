"""The kind and the relation that the configuration reference shows work as it says."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cli.catalogs import Choice, opened
from scripts.answers import ROOT, blocks

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: ledger }
spec: { type: service, lifecycle: production, owner: finance }
---
apiVersion: example.org/v1
kind: DataSet
metadata: { name: bookings }
spec: { format: parquet, ownsDataOf: [ledger] }
---
apiVersion: example.org/v1
kind: DataSet
metadata: { name: drawings }
spec: { format: dwg }
"""
QUERY = """{
  entity(ref: "dataset:default/bookings") { __typename relations { edges { relation targetRef } } }
  impact(of: ["dataset:default/bookings"], relations: [OWNS_DATA]) { nodes { ref } }
  catalogErrors { nodes { ref line } }
}"""


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """A configuration file with the example of the reference in it, and a catalog that uses it."""
    text = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    (tmp_path / "catalog-info.yaml").write_text(CATALOG, encoding="utf-8")
    config = tmp_path / "app-config.yaml"
    (example,) = [block.text for block in blocks(text) if block.language == "yaml"]
    config.write_text(f"{example}  locations:\n    - {{ type: file, target: catalog-info.yaml }}\n", encoding="utf-8")
    return config


def test_a_kind_and_a_relation_of_ones_own_are_configuration(documented: Path):
    async def answer() -> Any:
        async with opened(Choice(None, (), (documented,))) as ask:
            return await ask(QUERY, {})

    assert asyncio.run(answer())["data"] == {
        "entity": {
            "__typename": "CustomEntity",
            "relations": {"edges": [{"relation": "OWNS_DATA", "targetRef": "component:default/ledger"}]},
        },
        "impact": {"nodes": [{"ref": "component:default/ledger"}]},
        "catalogErrors": {"nodes": [{"ref": "dataset:default/drawings", "line": 14}]},
    }
