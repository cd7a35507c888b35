"""Tokens of the command line: kept by server, for their owner alone, and never half."""

import stat
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.tokens import address_of, drop_token, keep_token, token_for


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "APPDATA"), str(tmp_path))


def test_each_server_has_its_token(environ: dict[str, str]):
    assert token_for("https://a.example", environ) is None
    file = keep_token("https://a.example", "one", environ)
    keep_token("https://b.example:8443/callboard/", "two", environ)
    assert token_for("HTTPS://A.example/graphql", environ) == "one"
    assert token_for("https://b.example:8443/callboard/graphql", environ) == "two"
    assert token_for("https://b.example:8443", environ) is None
    assert token_for("http://a.example", environ) is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert drop_token("https://a.example/", environ) == "one"
    assert drop_token("https://a.example/", environ) is None
    assert token_for("https://b.example:8443/callboard", environ) == "two"
    assert [one.name for one in file.parent.iterdir()] == ["tokens.json"]


def test_the_variable_goes_first(environ: dict[str, str]):
    keep_token("https://a.example", "kept", environ)
    assert token_for("https://a.example", {**environ, "CALLBOARD_TOKEN": " given "}) == "given"
    assert token_for("https://a.example", {**environ, "CALLBOARD_TOKEN": ""}) == "kept"


def test_a_file_that_holds_no_tokens_is_named(environ: dict[str, str]):
    file = keep_token("https://a.example", "one", environ)
    file.write_text("not json")
    with pytest.raises(ConfigurationError, match="holds no tokens"):
        token_for("https://a.example", environ)


@pytest.mark.parametrize("url", ["", "a.example", "ftp://a.example", "https://", "https://user:secret@a.example"])
def test_what_is_no_address_has_no_token(url: str):
    with pytest.raises(ConfigurationError):
        address_of(url)
