"""Backstage's own client of the scaffolder gets from a real server what it would get from Backstage."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.e2e.serving import ROOT, serving
from tests.npm import NODE, install
from tests.scaffolder.templates import Folder, log, template

FOLDER = ROOT / "tests" / "scaffolder_client"
PAGE = {"title": "Name", "required": ["name"], "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}}}


@pytest.mark.parametrize("streams", ["events", "polling"])
def test_every_call_of_the_client_is_answered(tmp_path: Path, streams: str):
    install(FOLDER, "Backstage's client of the scaffolder")
    folder = Folder(tmp_path)
    folder.add(template("service", [log("say", "hello ${{ parameters.name }}")], parameters=[PAGE], output={"text": [{"title": "x"}]}))
    folder.add(template("failing", [{"id": "read", "action": "fs:read", "input": {"path": "none"}}]))
    folder.add(template("waiting", [{"id": "wait", "action": "debug:wait", "input": {"seconds": 60}}]))
    settings = folder.settings()
    settings["backend"]["listen"] = {"host": "127.0.0.1", "port": 0}
    config = tmp_path / "app-config.yaml"
    config.write_text(yaml.safe_dump(settings))
    with serving(config) as server:
        server.wait_for("{ templates { totalCount } }", {"templates": {"totalCount": 3}})
        command = [str(NODE), "--no-warnings", "calls.mjs", server.url, streams]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["schema"] == {"title": "service", "steps": [{"title": "Name", "schema": PAGE}]}
    assert "fetch:template" in told["actions"]
    assert told["refused"].startswith("Backend request failed, 400")
    assert told["missing"] == "Request failed with 404 Not Found"
    assert [event["id"] for event in told["log"]] == list(range(1, len(told["log"]) + 1))
    assert told["log"][-1]["body"] == {"message": "Run completed with status: completed", "output": {"text": [{"title": "x"}]}}
    assert (told["task"]["status"], told["task"]["spec"]["parameters"]) == ("completed", {"name": "shop"})
    assert told["tasks"] == {"tasks": [told["task"]], "totalTasks": 1}
    assert [file["path"] for file in told["dryRun"]["directoryContents"]] == ["a.txt"]
    assert (told["failed"]["type"], told["failed"]["body"]["error"]["message"].startswith("none can't be read")) == ("completion", True)
    assert set(told["retried"]) == {"id"}
    assert told["again"]["body"]["error"] == told["failed"]["body"]["error"]
    assert told["again"]["id"] > told["failed"]["id"]
    assert told["cancelled"] == {"status": "cancelled"}
    assert told["ended"][-2:] == ["cancelled", "completion"]
