"""The audit of dependencies, run with the real tools against sources of advisories that this test serves."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from scripts.advisories import ACCEPTED, Accepted, audit, read_accepted
from tests.servers.http import HttpServer, http_server, response

LOCK = "harmless==1.0.0 \\\n    --hash=sha256:" + "0" * 64 + "\nharmful==2.0.0 \\\n    --hash=sha256:" + "1" * 64 + "\n"
ID = "GHSA-aaaa-bbbb-cccc"
FOUND: dict[str, Any] = {
    "id": "PYSEC-1",
    "aliases": [ID],
    "summary": "It does harm",
    "details": "It does harm.",
    "published": "2026-01-01T00:00:00Z",
    "affected": [{"package": {"ecosystem": "PyPI", "name": "harmful"}, "versions": ["2.0.0"], "ranges": []}],
}
NPM_FOUND = {
    "harmful": [
        {"id": 1, "url": f"https://advisories.example/{ID}", "title": "It does harm", "severity": "high", "vulnerable_versions": "<3"}
    ]
}
NPM_LOCK = {
    "name": "x",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {"": {"name": "x", "dependencies": {"harmful": "2.0.0"}}, "node_modules/harmful": {"version": "2.0.0"}},
}
NOBODY = Accepted({})
ACCEPTING = Accepted({ID: date.today() + timedelta(days=7)})
NO_LONGER = Accepted({ID: date.today()})


@pytest.fixture
def python_lock(tmp_path: Path) -> Path:
    (tmp_path / "requirements.lock").write_text(LOCK)
    return tmp_path / "requirements.lock"


@pytest.fixture
def npm_lock(tmp_path: Path) -> Path:
    (tmp_path / "package-lock.json").write_bytes(orjson.dumps(NPM_LOCK))
    (tmp_path / "package.json").write_bytes(orjson.dumps({"name": "x", "dependencies": {"harmful": "2.0.0"}}))
    return tmp_path / "package-lock.json"


async def _answer_osv(request: Any, writer: asyncio.StreamWriter) -> None:
    name = orjson.loads(request.body)["package"]["name"]
    answer = response(
        200, orjson.dumps({"vulns": [FOUND]} if name == "harmful" else {}), content_type="application/json", connection="close"
    )
    writer.write(answer)
    await writer.drain()


async def _audited(python: Sequence[Path], npm: Sequence[Path], accepted: Accepted, server: HttpServer, *, accepts: bool = False) -> int:
    return await asyncio.to_thread(audit, python, npm, accepted, osv_url=f"{server.url}/v1/query", accepts_unreachable=accepts)


@pytest.mark.parametrize(("accepted", "code", "counts"), [(NOBODY, 1, "1 open"), (ACCEPTING, 0, "0 open"), (NO_LONGER, 1, "1 open")])
async def test_an_advisory_fails_unless_it_is_accepted_for_a_reason_and_a_time(
    python_lock: Path, capsys: pytest.CaptureFixture[str], accepted: Accepted, code: int, counts: str
):
    async with http_server({"/v1/query": _answer_osv}) as server:
        assert await _audited([python_lock], [], accepted, server) == code
        assert len(server.received) == 2
    told = capsys.readouterr().out
    assert f"1 of 1 locks audited, {counts} advisories" in told
    assert (f"requirements.lock: harmful: {ID} It does harm" in told) == (code == 1)


async def test_npm_is_asked_for_advisories_too(npm_lock: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    bulk = response(200, orjson.dumps(NPM_FOUND), content_type="application/json")
    packument = response(200, orjson.dumps({"name": "harmful", "versions": {"2.0.0": {}}}), content_type="application/json")
    async with http_server({"/-/npm/v1/security/advisories/bulk": bulk, "/harmful": packument}) as server:
        monkeypatch.setenv("npm_config_registry", server.url)
        assert await _audited([], [npm_lock], NOBODY, server) == 1
    assert f"package-lock.json: harmful: {ID} It does harm" in capsys.readouterr().out


@pytest.mark.parametrize(("accepts", "code"), [(False, 3), (True, 0)])
async def test_a_source_that_does_not_answer_is_no_clean_answer(
    python_lock: Path,
    npm_lock: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    accepts: bool,
    code: int,
):
    async with http_server({"/-/npm/v1/security/advisories/bulk": response(405)}) as server:
        monkeypatch.setenv("npm_config_registry", server.url)
        assert await _audited([python_lock], [npm_lock], NOBODY, server, accepts=accepts) == code
        assert len([one for one in server.received if one.target == "/v1/query"]) == 1
    told = capsys.readouterr().out
    assert told.count("NOT AUDITED: ") == 2
    assert "0 of 2 locks audited" in told
    assert "An advisory source can't be reached from here; what it would have said is unknown." in told


def test_every_accepted_advisory_has_a_reason_and_a_day():
    assert read_accepted(ACCEPTED.read_text()) == NOBODY
    good = f'[[accepted]]\nid = "{ID}"\nreason = "not used"\nuntil = 2027-01-31\n'
    assert read_accepted(good) == Accepted({ID: date(2027, 1, 31)})
    for line in good.splitlines()[1:]:
        with pytest.raises(ValueError, match="an id, a reason and a day"):
            read_accepted(good.replace(f"{line}\n", ""))
