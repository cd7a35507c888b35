"""`callboard login` and `logout` against a real server: the code is allowed in a browser, and other commands ask with the token."""

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.auth.sessions import Sessions
from cli.main import run
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.stores.sqlite import SqliteStore
from tests.e2e.catalog import write_catalog
from tests.e2e.serving import ROOT, Serving, configuration, serving

ANN = Ref("user:default/ann")
AUTH = """auth:
  providers:
    github:
      development:
        clientId: id
        clientSecret: secret
        signIn: { resolvers: [{ resolver: usernameMatchingUserEntityName }] }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("signing-in")
    write_catalog(folder / "catalog")
    config = configuration(folder, "catalog/all.yaml")
    config.write_text(config.read_text() + AUTH)
    with serving(config) as started:
        yield started


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands keep what is theirs."""
    for name in ("HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("CALLBOARD_TOKEN", raising=False)
    return tmp_path


async def session(server: Serving) -> str:
    """The cookie of somebody who has signed in."""
    store = SqliteStore(server.log.parent / "catalog.db", RelationRegistry())
    await store.open()
    begun = await Sessions(store, idle=timedelta(hours=1), lifetime=timedelta(hours=1)).begin(ANN, provider="github", profile={})
    await store.close()
    return f"callboard-session={begun.secret}"


def decide(server: Serving, code: str, decision: str) -> None:
    headers = {"cookie": asyncio.run(session(server)), "origin": server.url}
    response = httpx.post(f"{server.url}/api/auth/device", data={"user_code": code, "decision": decision}, headers=headers)
    assert response.status_code == 200, response.text


def logged_in(server: Serving, decision: str) -> tuple[int, str]:
    """The exit code and stderr of a login whose user decides so."""
    command = [sys.executable, "-c", "from cli.main import main; main()", "login", "--url", f"{server.url}/", "--name", "laptop"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    told = process.stderr.readline()
    code = re.search(r"type the code ([A-Z]{4}-[A-Z]{4})", told)
    assert code is not None, told
    decide(server, code[1], decision)
    rest = process.communicate(timeout=60)[1]
    return process.returncode, told + rest


def query(server: Serving, folder: Path, *arguments: str) -> int:
    (folder / "q.graphql").write_text("{ viewer { ref } }")
    return run(["query", str(folder / "q.graphql"), "--url", server.url, *arguments])


def test_a_login_lets_other_commands_ask_until_the_logout(server: Serving, home: Path, capsys: pytest.CaptureFixture[str]):
    assert query(server, home) == 2
    assert f"run callboard login --url {server.url}" in capsys.readouterr().err
    assert logged_in(server, "allow")[0] == 0
    (file,) = home.rglob("tokens.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    kept = json.loads(file.read_text())
    assert list(kept) == [server.url]
    assert query(server, home) == 0
    out = capsys.readouterr().out
    assert ANN in out
    assert kept[server.url] not in out
    assert run(["logout", "--url", server.url]) == 0
    assert "signed out" in capsys.readouterr().err
    assert json.loads(file.read_text()) == {}
    headers = {"authorization": f"Bearer {kept[server.url]}"}
    refused = httpx.post(f"{server.url}/graphql", json={"query": "{ viewer { ref } }"}, headers=headers)
    assert refused.status_code == 401
    assert query(server, home) == 2


def test_a_refused_login_keeps_nothing(server: Serving, home: Path):
    code, told = logged_in(server, "refuse")
    assert (code, "The login was refused in the browser." in told) == (2, True)
    assert list(home.rglob("tokens.json")) == []


def test_the_variable_goes_before_what_is_kept(server: Serving, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CALLBOARD_TOKEN", "cbp_not_valid")
    assert query(server, home) == 2


def test_what_is_no_server_signs_nobody_in(home: Path, capsys: pytest.CaptureFixture[str]):
    for url in ("ftp://example.com", "http://user:secret@localhost:1", "localhost:7007"):
        assert run(["login", "--url", url]) == 2
    assert "secret" not in capsys.readouterr().err
    assert run(["login", "--url", "http://127.0.0.1:1"]) == 2
    assert "can't be reached" in capsys.readouterr().err
    assert run(["logout", "--url", "http://127.0.0.1:1"]) == 0
