"""`callboard template upgrade`: what it shows of a dry run, and what it proposes."""

import json
from pathlib import Path

import pytest
import yaml

from cli.main import run
from tests.e2e.serving import serving
from tests.scaffolder.templates import Folder
from tests.scaffolder.test_ledger import component, written
from tests.scaffolder.test_upgrades import add_publishing
from tests.servers.github.serving import serving_github

OUTDATED = '{ template(ref: "template:making") { uses(outdated: true) { totalCount } } }'

CHANGES = '{ template(ref: "template:making") { history { totalCount } } }'


def test_upgrades_are_shown_and_proposed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder, config = Folder(tmp_path), tmp_path / "app-config.yaml"
    with serving_github(tmp_path / "repositories") as hub:
        hub.token("writer")
        hub.organisation("acme", [])
        add_publishing(folder, hub, {"catalog-info.yaml": component("shop"), "a.txt": "one\n"})
        secrets = tmp_path / "secrets.yaml"
        secrets.write_text("token: a-secret-of-mine\n")
        found = written(folder, hub)
        found["backend"]["listen"] = {"host": "127.0.0.1", "port": 0}
        config.write_text(yaml.safe_dump(found))
        with serving(config) as server:
            server.wait_for("{ templates { totalCount } }", {"templates": {"totalCount": 1}})
            assert run(["template", "run", "template:making", "--set", "name=shop", "--url", server.url]) == 0
        add_publishing(folder, hub, {"catalog-info.yaml": component("shop"), "a.txt": "two\n"})
        hub.commit("acme/shop", {"b.txt": "mine\n"})
        with serving(config) as server:
            server.wait_for(OUTDATED, {"template": {"uses": {"totalCount": 1}}})
            upgrade = ["template", "upgrade", "template:making", "--url", server.url]
            capsys.readouterr()
            assert run([*upgrade, "--dry-run"]) == 0
            shown = capsys.readouterr().out
            assert shown == f"{hub.url}/acme/shop\n  modified: a.txt\n" + "".join(
                f"    {line}\n" for line in ("--- a/a.txt", "+++ b/a.txt", "@@ -1 +1 @@", "-one", "+two")
            )
            assert hub.repositories["acme/shop"].pulls == []
            assert run([*upgrade, "component:shop"]) == 0
            assert "propose: Finished step Propose a pull request" in capsys.readouterr().out
            assert [pull.title for pull in hub.repositories["acme/shop"].pulls] == ["Upgrade to the present version of Making"]
            hub.commit("acme/shop", {"a.txt": "three\n"})
            assert run([*upgrade, "--dry-run", "--format", "json"]) == 1
            (told,) = json.loads(capsys.readouterr().out)
            assert (told["pullRequest"], told["files"][0]["path"]) == (f"{hub.url}/acme/shop/pull/1", "a.txt")
        third = {"catalog-info.yaml": component("shop"), "a.txt": "three\n", "c.txt": "${{ values.token }}\n"}
        add_publishing(folder, hub, third, token="${{ secrets.token }}")
        with serving(config) as server:
            upgrade = ["template", "upgrade", "template:making", "component:shop", "--dry-run", "--url", server.url]
            server.wait_for(CHANGES, {"template": {"history": {"totalCount": 3}}})
            assert run(upgrade) == 1
            assert "the step fetch works with secrets.token" in capsys.readouterr().out
            assert run([*upgrade, "--secrets", str(secrets)]) == 0
            assert "  added: c.txt\n    c.txt differs, and holds secrets: it is not shown\n" in capsys.readouterr().out
