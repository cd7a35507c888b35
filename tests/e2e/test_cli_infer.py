"""`callboard ingest --infer` as people type it: what it prints, that it stores nothing, and its exit codes."""

import json
from pathlib import Path

import pytest

from cli.main import run

COMPONENT = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: {name}}}
spec: {{type: service, lifecycle: production, owner: {owner}}}
"""


@pytest.fixture
def clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two clones, beside which nothing is configured."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "clones"
    for name, manifest in (("shop", "module acme.org/shop\nrequire acme.org/lib v1.0.0\n"), ("lib", "module acme.org/lib\n")):
        (folder / name / ".git").mkdir(parents=True)
        (folder / name / "catalog-info.yaml").write_text(COMPONENT.format(name=name, owner="team"))
        (folder / name / "go.mod").write_text(manifest)
    (folder / "shop" / "CODEOWNERS").write_text("* @acme/team\n/ @acme/other\n")
    return folder


def test_edges_and_suggestions_are_shown_and_nothing_is_stored(clones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(("ingest", "--infer", "clones", "--format", "json")) == 0
    shown = json.loads(capsys.readouterr().out)
    manifest = str(clones / "shop" / "go.mod")
    evidence = {"field": "go.mod#require", "path": manifest, "line": 2, "inferred": True, "confidence": 0.9}
    assert shown["edges"] == [
        {"source": "component:default/shop", "relation": "dependsOn", "target": "component:default/lib", "evidence": [evidence]}
    ]
    assert [(one["ref"], one["declared"], one["owner"]) for one in shown["suggestions"]] == [
        ("component:default/shop", ["group:default/team"], "group:default/other")
    ]
    assert (shown["problems"], shown["catalogErrors"]) == ([], 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clones"]


def test_a_table_names_places_and_confidence(clones: Path, capsys: pytest.CaptureFixture[str]):
    assert run(("ingest", "--infer", "clones")) == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last == ["component:default/shop", "dependsOn", "component:default/lib", "0.90", "clones/shop/go.mod:2", "require"]


def test_what_can_not_be_read_is_a_finding(clones: Path, capsys: pytest.CaptureFixture[str]):
    (clones / "lib" / "package.json").write_text("{")
    assert run(("ingest", "--infer", "clones")) == 1
    assert "clones/lib/package.json:1  is no valid JSON" in capsys.readouterr().out


def test_what_is_no_folder_is_wrong_usage(clones: Path, capsys: pytest.CaptureFixture[str]):
    assert run(("ingest", "--infer", "clones/shop/go.mod")) == 2
    assert "is no folder" in capsys.readouterr().err
