"""The forms in which commands print their results."""

import json

import pytest

from cli.reports import Link, Report, Table, show
from cli.sarif import sarif_log
from cli.validate import Finding

OWNERS = Table(("Tell", "Entities"), [("group:default/a", "2")], frozenset({"Entities"}))
AFFECTED = Table(
    ("Ref", "Kind", "Depth"), [("component:default/x", "Component", "1"), ('api:default/"y"', "API", "12")], frozenset({"Depth"})
)
LINKS = [Link("component:default/z", "dependsOn", "component:default/x"), Link("component:default/x", "dependsOn", 'api:default/"y"')]


def printed(format_: str, capsys: pytest.CaptureFixture[str], *, remark: str = "", headline: str = "2 entities.") -> str:
    show(Report(headline, (OWNERS, AFFECTED), LINKS, {"total": 2}, remark), format_)
    return capsys.readouterr().out


def test_a_table_has_its_headline_and_columns_of_full_width(capsys: pytest.CaptureFixture[str]):
    lines = [line.rstrip() for line in printed("table", capsys, remark="Rest.").splitlines()]
    assert lines == [
        "2 entities.",
        "",
        "Tell             Entities",
        "group:default/a         2",
        "",
        "Ref                  Kind       Depth",
        "component:default/x  Component      1",
        'api:default/"y"      API           12',
        "",
        "Rest.",
    ]


def test_json_is_the_data(capsys: pytest.CaptureFixture[str]):
    assert json.loads(printed("json", capsys)) == {"total": 2}


def test_csv_holds_the_last_table(capsys: pytest.CaptureFixture[str]):
    assert printed("csv", capsys) == 'ref,kind,depth\ncomponent:default/x,Component,1\n"api:default/""y""",API,12\n'


def test_dot_quotes_its_names(capsys: pytest.CaptureFixture[str]):
    assert printed("dot", capsys).splitlines() == [
        "digraph callboard {",
        "  rankdir=LR;",
        "  node [shape=box];",
        '  "component:default/z" -> "component:default/x" [label="dependsOn"];',
        '  "component:default/x" -> "api:default/\\"y\\"" [label="dependsOn"];',
        "}",
    ]


def test_mermaid_escapes_its_labels(capsys: pytest.CaptureFixture[str]):
    assert printed("mermaid", capsys).splitlines() == [
        "flowchart LR",
        '  n0["component:default/z"]',
        '  n1["component:default/x"]',
        '  n2["api:default/#34;y#34;"]',
        "  n0 -->|dependsOn| n1",
        "  n1 -->|dependsOn| n2",
    ]


def test_control_characters_never_reach_a_terminal(capsys: pytest.CaptureFixture[str]):
    assert "\x1b" not in printed("table", capsys, headline="\x1b[2J", remark="\x1b]0;x\x07")


def test_sarif_places_every_finding(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    log = sarif_log(
        [
            Finding("b-code", "wrong", "mend it", f"{tmp_path}/a b/c.yaml", 3, 7, "component:default/x"),
            Finding("a-code", "unreadable", "allow it", "/elsewhere/d.yaml", None, None, None),
        ]
    )
    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"] == [{"id": "a-code"}, {"id": "b-code"}]
    assert [(r["ruleId"], r["ruleIndex"], r["level"], r["message"]["text"]) for r in run["results"]] == [
        ("b-code", 1, "error", "wrong\nmend it"),
        ("a-code", 0, "error", "unreadable\nallow it"),
    ]
    assert [r["locations"][0]["physicalLocation"] for r in run["results"]] == [
        {"artifactLocation": {"uri": "a%20b/c.yaml"}, "region": {"startLine": 3, "startColumn": 7}},
        {"artifactLocation": {"uri": "file:///elsewhere/d.yaml"}},
    ]
