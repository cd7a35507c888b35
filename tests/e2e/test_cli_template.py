"""`callboard template`: what it prints of a folder, golden cases, and a task on a server."""

import json
from pathlib import Path

import pytest
import yaml

from cli.main import run
from tests.e2e.serving import EXAMPLES, configuration, serving

TEMPLATE = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "tool"},
    "spec": {
        "type": "service",
        "parameters": {"required": ["name"], "properties": {"name": {"type": "string"}, "port": {"type": "integer", "default": 80}}},
        "steps": {"$yaml": "./steps.yaml"},
        "output": {"name": "${{ parameters.name }}"},
    },
}
STEPS = """
- id: fetch
  action: fetch:template
  input: { url: ./skeleton, values: { name: "${{ parameters.name }}", port: "${{ parameters.port }}" } }
- id: say
  action: debug:log
  input: { message: "made ${{ parameters.name }}" }
- id: publish
  action: catalog:register
  if: ${{ parameters.name == 'registered' }}
  input: { catalogInfoUrl: https://example.org/catalog-info.yaml }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "template.yaml": yaml.safe_dump(TEMPLATE),
        "steps.yaml": STEPS,
        "skeleton/${{ values.name }}.conf": "port ${{ values.port }}\n",
        "skeleton/run.sh": "echo ${{ values.name }}\n",
        "values.yaml": "name: shop\n",
        "tests/plain/values.yaml": "name: shop\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "skeleton" / "run.sh").chmod(0o755)
    return tmp_path


def test_a_dry_run_shows_files_and_inputs_and_writes_them_where_asked(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["template", "dry-run", ".", "--values", "values.yaml", "--set", "port=8080", "--output", "made"]) == 0
    shown = capsys.readouterr()
    assert "  shop.conf  10 bytes\n" in shown.out
    assert "  run.sh  10 bytes, executable\n" in shown.out
    assert "say: made shop\n" in shown.out
    assert shown.err == "3 steps, 2 files; completed.\n"
    assert (folder / "made" / "shop.conf").read_text() == "port 8080\n"
    assert (folder / "made" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert run(["template", "dry-run", ".", "--values", "values.yaml", "--output", "made"]) == 2


def test_what_is_refused_and_what_fails_are_findings(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["template", "dry-run", "template.yaml", "--set", "name=5"]) == 1
    assert capsys.readouterr().err == "problem: instance.name is not of a type(s) string\n"
    (folder / "steps.yaml").write_text(STEPS + "- { id: x, action: acme:none }\n")
    assert run(["template", "dry-run", ".", "--set", "name=shop", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == [
        "spec.steps[3].action: The step x wants the action acme:none, which is not installed here. "
        "Mend its name, or install the plugin that brings it."
    ]
    assert [step["status"] for step in told["steps"]] == ["completed", "completed", "skipped", "failed"]
    assert told["steps"][0]["input"] == {"url": "./skeleton", "values": {"name": "shop", "port": 80}}


def test_expressions_that_fail_are_findings(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "steps.yaml").write_text("- { id: say, action: debug:log, input: { message: 'a ${{ parameters.name | none }}' } }\n")
    assert run(["template", "dry-run", ".", "--set", "name=shop"]) == 1
    told = capsys.readouterr()
    assert "say: a ${{ parameters.name | none }}\n" in told.out
    assert "problem: say.input.message is left as it was, since its expression fails: " in told.err
    assert "(line 1, column " in told.err


def test_wrong_usage_and_what_can_not_be_read_are_failures(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "old.yaml").write_text(
        (folder / "template.yaml").read_text().replace("scaffolder.backstage.io/v1beta3", "backstage.io/v1beta2")
    )
    for arguments in (
        ["dry-run", "none.yaml"],
        ["dry-run", "old.yaml"],
        ["dry-run", "values.yaml"],
        ["dry-run", ".", "--set", "name"],
        ["dry-run", ".", "--values", "none.yaml"],
        ["run", "tool", "--url", "http://127.0.0.1:1", "--output", "x"],
        ["run", "template:tool", "--url", "http://127.0.0.1:1"],
        ["test", "skeleton/run.sh"],
    ):
        assert run(["template", *arguments]) == 2, arguments
        assert capsys.readouterr().err


def test_a_run_does_what_the_steps_do_without_a_catalog(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["template", "run", ".", "--set", "name=shop", "--output", "made"]) == 0
    assert (folder / "made" / "shop.conf").read_text() == "port 80\n"
    capsys.readouterr()
    assert run(["template", "run", ".", "--set", "name=registered"]) == 1
    assert "there is no catalog to register in" in capsys.readouterr().err


def test_golden_cases_pass_differ_and_are_updated(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["template", "test"]) == 1
    assert "expected/ is missing" in capsys.readouterr().out
    assert run(["template", "test", "--update"]) == 0
    assert (folder / "tests/plain/expected/shop.conf").read_text() == "port 80\n"
    capsys.readouterr()
    assert run(["template", "test", "."]) == 0
    assert capsys.readouterr().err == "1 case; 0 of them differ.\n"
    (folder / "skeleton/run.sh").chmod(0o644)
    (folder / "skeleton/new.txt").write_text("new")
    (folder / "tests/plain/expected/gone.txt").write_text("gone")
    (folder / "skeleton/${{ values.name }}.conf").write_text("port: ${{ values.port }}\n")
    assert run(["template", "test", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["differences"] == [
        "gone.txt was not made",
        "new.txt was made and is not expected",
        "run.sh is not executable, other than expected",
        "--- expected/shop.conf",
        "+++ made/shop.conf",
        "@@ -1 +1 @@",
        "-port 80",
        "+port: 80",
    ]


def test_the_example_templates_are_tried_and_run_on_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    values = tmp_path / "values.json"
    values.write_text(json.dumps({"name": "mailer", "owner": "crew", "api": "api:orders", "deadLetters": True}))
    query = """mutation ($values: JSON!) { runTemplate(template: "template:event-consumer", values: $values, dryRun: true) {
      dryRun { error files { path } steps { id status } } } }"""
    with serving(configuration(tmp_path, EXAMPLES / "templates" / "*" / "template.yaml")) as server:
        server.wait_for("{ templates { totalCount } }", {"templates": {"totalCount": 2}})
        done = server.ask(query, {"values": json.loads(values.read_text())})["data"]["runTemplate"]["dryRun"]
        assert (done["error"], [file["path"] for file in done["files"]]) == (None, ["catalog-info.yaml", "dead-letters.yaml"])
        assert [step["status"] for step in done["steps"]] == ["completed"] * 3
        arguments = ["template", "run", "template:event-consumer", "--url", server.url, "--values", str(values)]
        # Nothing is configured that knows the host at which the example registers.
        assert run(arguments) == 1
        told = capsys.readouterr()
        assert "deadLetters: File dead-letters.yaml.off renamed to dead-letters.yaml successfully\n" in told.out
        assert "register: No integration found for host https://git.footlight.example/mailer/-/blob/main\n" in told.out
        assert told.err.endswith(" is failed\n")
        assert run([*arguments, "--set", "name=NOT THIS"]) == 1
        assert capsys.readouterr().err == 'problem: instance.name does not match pattern "^[a-z][a-z0-9-]{2,40}$"\n'
