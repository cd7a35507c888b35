"""`callboard policy test`: what a policy comes to, on files and on a server, and what the page on permissions shows of it."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.answers import ROOT, blocks
from tests.e2e.catalog import document, write_catalog
from tests.e2e.serving import configuration, serving
from tests.e2e.test_cli import Shell

PAGE = ROOT / "docs" / "permissions.md"
POLICY = """
permission:
  rules:
    - { allow: catalog.entity.read, to: users, if: { not: { isEntityKind: Resource } } }
    - { allow: [catalog.entity.delete, catalog.entity.refresh], to: users, if: { isEntityOwner: true } }
    - { deny: catalog.entity.delete, to: everyone, if: { isEntityKind: API } }
    - { allow: "*", to: "group:web-team" }
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    write_catalog(tmp_path / "catalog")
    (tmp_path / "catalog" / "users.yaml").write_text(document("User", "ann", "memberOf: [shop-team]"))
    (tmp_path / "app-config.yaml").write_text(POLICY)
    return Shell(tmp_path, capsys)


CATALOG = ("--catalog", "catalog/all.yaml")


def test_each_action_is_told_with_its_entities_and_rules(shell: Shell):
    result = shell("policy", "test", "--as", "ann", *CATALOG)
    assert (result.code, result.err) == (0, "")
    assert result.lines[:5] == [
        "What user:default/ann, counted to group:default/shop-team may do.",
        "",
        "Action                              Allowed  Entities  Rules",
        "catalog.entity.read                 in part    7 of 8  permission.rules[0] allows 7",
        "catalog.entity.create               no                 no rule allows it",
    ]
    assert (
        "catalog.entity.delete               in part    1 of 8  permission.rules[1] allows 2, permission.rules[2] denies 1" in result.lines
    )
    assert len(result.lines) == 23


def test_what_decides_is_told_of_each_entity(shell: Shell):
    asked = ("--action", "catalog.entity.delete", "component:shop", "api:orders", "component:web", "resource:database")
    result = shell("policy", "test", "--as", "user:ann", *asked, *CATALOG, "--format", "json")
    assert result.code == 1
    assert [(verdict["ref"], verdict["allowed"], verdict["reason"]) for verdict in result.json["verdicts"]] == [
        ("component:default/shop", True, "permission.rules[1] allows it"),
        ("api:default/orders", False, "permission.rules[2] denies it"),
        ("component:default/web", False, "no rule allows catalog.entity.delete"),
        ("resource:default/database", False, "hidden: no rule allows catalog.entity.read"),
    ]
    assert result.json["actions"][0]["entities"] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--as", "ann", "--action", "catalog.entity.delete", "component:shop"), 0),
        (("--as", "ann", "--action", "catalog.entity.delete", "component:web"), 1),
        (("--as", "ann", "--action", "catalog.entity.delete", "--expect", "deny", "component:web"), 0),
        (("--as", "ann", "--action", "callboard.admin"), 1),
        (("--as", "ann", "--action", "callboard.admin", "--group", "web-team"), 0),
        (("--as", "ann", "component:shop"), 0),
        (("--as", "guest", "component:shop"), 1),
        (("--as", "guest"), 0),
        (("--as", "service:ci", "component:shop"), 1),
        (("--as", "ann", "component:none"), 2),
        (("--as", "ann", "--action", "catalog.entity.raed"), 2),
        (("--as", "group:web-team", "component:shop"), 2),
        (("--as", "user:", "component:shop"), 2),
        (("component:shop",), 2),
    ],
)
def test_the_exit_code_says_whether_it_is_as_expected(arguments: Sequence[str], code: int, shell: Shell):
    assert shell("policy", "test", *arguments, *CATALOG).code == code


def test_without_a_policy_everybody_may_do_everything(shell: Shell):
    shell.write("app-config.yaml", "")
    result = shell("policy", "test", "--as", "ann", "component:web", *CATALOG)
    assert (result.code, result.lines[0]) == (
        0,
        "user:default/ann, counted to group:default/shop-team may do everything: no policy is enabled.",
    )
    assert result.lines[-1].endswith("permission.enabled is false")


def test_somebody_who_is_not_in_the_catalog_is_said_to_be_missing(shell: Shell):
    assert "There is no entity user:default/anne in the catalog." in shell("policy", "test", "--as", "anne", *CATALOG).out


def test_a_server_tells_what_whoever_asks_may_do_there(shell: Shell):
    config = configuration(shell.folder, "catalog/all.yaml")
    policy = POLICY.replace("to: users", "to: guests") + "    - { allow: catalog.location.read, to: guests }\n"
    config.write_text(config.read_text() + policy)
    with serving(config) as server:
        server.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 7}})
        reading = shell("policy", "test", "--url", server.url, "component:shop", "resource:database", "--format", "json")
        assert reading.code == 1
        assert reading.json == {
            "principal": "user:default/guest",
            "entities": 7,
            "answers": [
                {"action": "catalog.entity.read", "ref": "component:default/shop", "allowed": True},
                {"action": "catalog.entity.read", "ref": "resource:default/database", "allowed": False},
            ],
        }
        assert shell("policy", "test", "--url", server.url, "--action", "catalog.location.read").code == 0
        assert shell("policy", "test", "--url", server.url, "--action", "callboard.admin").code == 1
        assert shell("policy", "test", "--url", server.url, "--action", "catalog.entity.*").code == 2
        assert shell("policy", "test", "--url", server.url, "--as", "ann").code == 2


def test_the_page_on_permissions_shows_what_its_policy_comes_to(shell: Shell):
    shown = blocks(PAGE.read_text(encoding="utf-8"))
    shell.write("app-config.yaml", next(block.text for block in shown if block.language == "yaml"))
    commands = [(block, shown[index + 1]) for index, block in enumerate(shown) if block.language == "sh"]
    assert len(commands) == 3
    for command, output in commands:
        result = shell(*shlex.split(command.text)[1:], "--catalog", str(ROOT / "examples" / "all.yaml"))
        assert re.sub(r"(?m) +$", "", result.out) == output.text
