"""The audit log: a line for each change and denial, which nothing from outside can forge or flood."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from api.audit import Audit, Outcome
from config.errors import ConfigurationError
from graph.access import UNRESTRICTED_GUEST
from graph.errors import ForbiddenError, NotFoundError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "callboard.audit")
    return lambda: [json.loads(record.getMessage()) for record in caplog.records if record.name == "callboard.audit"]


def test_a_line_tells_who_did_what_by_what_and_how_it_went(lines: Any):
    Audit().record(UNRESTRICTED_GUEST, "catalog.location.create", "url:https://h/a.yaml", Outcome.DONE, cause="GraphQL registerLocation")
    [line] = lines()
    assert {key: line[key] for key in line if key != "at"} == {
        "principal": "user:default/guest",
        "kind": "guest",
        "action": "catalog.location.create",
        "subject": "url:https://h/a.yaml",
        "outcome": "done",
        "cause": "GraphQL registerLocation",
    }
    assert line["at"].endswith("+00:00")


def test_nothing_from_outside_ends_a_line_or_turns_what_it_says(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "callboard.audit")
    evil = 'x"}\n{"principal": "user:default/admin"\r\x1b[2K\u2028\u202e\x85\x7f\ud800'
    Audit().record(None, evil, [evil, evil], Outcome.DENIED, cause=evil, reason=evil, address=evil)
    [record] = caplog.records
    text = record.getMessage()
    assert text.isascii()
    assert all(character.isprintable() for character in text)
    assert json.loads(text)["subject"] == [evil, evil]


def test_what_is_long_is_cut_and_credentials_in_addresses_are_masked(lines: Any):
    Audit().record(None, "a", ["r"] * 70, Outcome.DONE, cause="x" * 400, reason="https://me:hunter2@host/a")
    [line] = lines()
    assert (line["cause"], line["reason"]) == ("x" * 300 + "… (400 characters)", "https://***@host/a")
    assert (len(line["subject"]), line["subjects"]) == (50, 70)


def test_what_is_done_is_recorded_with_its_outcome(lines: Any):
    audit = Audit()
    with audit.doing(UNRESTRICTED_GUEST, "a", "s"):
        pass
    for error in (ForbiddenError("no"), NotFoundError("none"), KeyError()):
        with pytest.raises(type(error)), audit.doing(UNRESTRICTED_GUEST, "a", "s"):
            raise error
    told = [(line["outcome"], line.get("reason")) for line in lines()]
    assert told == [("done", None), ("denied", "no"), ("failed", "none"), ("failed", "KeyError")]


def test_denials_are_bounded_and_those_left_out_are_counted(lines: Any):
    clock = Clock()
    audit = Audit(clock=clock)
    for _ in range(50):
        audit.record(None, "request", "/graphql", Outcome.DENIED, address="203.0.113.1")
    audit.record(None, "request", "/graphql", Outcome.DENIED, address="203.0.113.2")
    audit.record(None, "request", "/graphql", Outcome.DONE, address="203.0.113.1")
    assert len(lines()) == 22
    clock.now = 60
    audit.record(None, "request", "/graphql", Outcome.DENIED, address="203.0.113.1")
    assert [line.get("count") for line in lines()[22:]] == [30, None]


def test_denials_of_many_addresses_are_bounded_together(lines: Any):
    audit = Audit(clock=Clock())
    for number in range(1000):
        audit.record(None, "request", "/", Outcome.DENIED, address=str(number))
    audit.close()
    assert len(lines()) == 601
    assert lines()[-1]["count"] == 400


def test_a_file_gets_the_same_lines_and_is_for_its_owner_alone(tmp_path: Path, lines: Any):
    file = tmp_path / "logs" / "audit.jsonl"
    audit = Audit(file)
    audit.record(None, "a", "first", Outcome.DONE)
    file.rename(tmp_path / "logs" / "audit.1")
    audit.record(None, "a", "second", Outcome.DONE)
    audit.close()
    assert [json.loads(line) for line in file.read_text().splitlines()] == lines()[1:]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "logs").iterdir()} == {0o600}


def test_a_file_that_can_not_be_written_stops_the_start(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"backend\.audit\.file"):
        Audit(tmp_path)
