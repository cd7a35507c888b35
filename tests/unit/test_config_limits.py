"""What the configuration says of other origins and of limits, and what it refuses because it would let everybody in."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.cors import Cors
from config.errors import ConfigurationError
from config.limits import RateLimit
from config.load import load


@pytest.mark.parametrize("origin", ["*", "https://*", "http://*:3000", "https://*.*", ["https://portal.example.com", "*"]])
def test_no_configuration_lets_every_origin_in_with_cookies(origin: Any):
    with pytest.raises(ValidationError, match="should not let every origin in with credentials; name the origins"):
        Cors(origin=origin, credentials=True)
    assert Cors(origin=origin).credentials is False


@pytest.mark.parametrize(
    "origin", ["portal.example.com", "https://portal.example.com/", "https://a.example/path", "null", "file://", "https://a b"]
)
def test_what_is_no_origin_is_refused_with_an_example(origin: str):
    with pytest.raises(ValidationError, match=r"should be scheme and host such as https://portal\.example\.com, without a path"):
        Cors(origin=(origin,))


@pytest.mark.parametrize(
    ("pattern", "allowed", "refused"),
    [
        ("https://portal.example.com", ["https://portal.example.com"], ["https://portal-example.com", "http://portal.example.com"]),
        (
            "https://*.example.com",
            ["https://a.example.com", "https://a.b.example.com"],
            ["https://example.com", "https://evil.example/.example.com", "https://a.example.com.evil.example", "https://a@x.example.com"],
        ),
        ("http://localhost:*", ["http://localhost:3000"], ["http://localhost:3000@evil.example", "http://localhost"]),
    ],
)
def test_a_star_stands_for_a_part_of_a_host_and_for_nothing_else(pattern: str, allowed: list[str], refused: list[str]):
    compiled = re.compile(Cors(origin=(pattern,)).pattern)
    assert [origin for origin in (*allowed, *refused) if compiled.fullmatch(origin)] == allowed


def test_a_refusal_names_its_key_and_place(tmp_path: Path):
    path = tmp_path / "app-config.yaml"
    path.write_text('backend:\n  cors: { origin: "*", credentials: true }\n')
    with pytest.raises(ConfigurationError) as refused:
        load([path], {})
    assert refused.value.key == "backend.cors"
    assert (refused.value.place or "").endswith("app-config.yaml:2")


def test_a_limit_is_switched_off_by_false():
    assert RateLimit.model_validate({"costPerMinute": False, "attemptsPerMinute": False}).cost_per_minute is None
    assert RateLimit().model_dump(mode="json")["guest_cost_per_minute"] is False
    with pytest.raises(ValidationError):
        RateLimit.model_validate({"costPerMinute": 0})
