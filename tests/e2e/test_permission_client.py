"""Backstage's own client of permissions, by which portals decide what to show, understands what a real server answers."""

import json
import subprocess
from pathlib import Path

from tests.e2e.catalog import write_catalog
from tests.e2e.serving import configuration, serving
from tests.npm import NODE, install

FOLDER = Path(__file__).parents[1] / "catalog_client"
POLICY = """
permission:
  rules:
    - { allow: catalog.entity.read, to: guests, if: { not: { isEntityKind: Resource } } }
    - { allow: [catalog.entity.delete, catalog.location.create], to: guests }
"""
ASKED = [
    ("catalog.entity.read", "component:default/shop", "ALLOW"),
    ("catalog.entity.read", "resource:default/database", "DENY"),
    ("catalog.entity.delete", "Component:default/web", "ALLOW"),
    ("catalog.entity.delete", "component:default/none", "DENY"),
    ("catalog.entity.refresh", "component:default/shop", "DENY"),
    ("catalog.location.create", None, "ALLOW"),
    ("catalog.entity.create", None, "DENY"),
    ("kubernetes.proxy", None, "DENY"),
]


def test_the_client_gets_the_answers_of_the_policy_singly_and_batched(tmp_path: Path):
    install(FOLDER, "Backstage's client of permissions")
    write_catalog(tmp_path / "catalog")
    config = configuration(tmp_path, "catalog/all.yaml")
    config.write_text(config.read_text() + POLICY)
    with serving(config) as server:
        server.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 6}})
        questions = json.dumps([{"name": name, "ref": ref} for name, ref, _ in ASKED])
        asked = subprocess.run(
            [NODE, FOLDER / "permissions.mjs", server.url], input=questions, capture_output=True, text=True, timeout=60, check=True
        )
    answers = json.loads(asked.stdout)
    expected = [result for *_, result in ASKED]
    assert (answers["single"], answers["batched"]) == (expected, expected)
    assert answers["conditional"].startswith("400 Resource permissions require a resourceRef to be set.")
