"""What every line of a log goes through: no secret comes out, and nobody can write a line of their own."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model import Config
from config.redaction import MASK, SecretsFilter, secrets_of

SECRETS = ("correct-horse-battery", "p@ss/word?", "first line of a key\nsecond line of a key")


def _shown(message: str, *args: object, error: BaseException | None = None) -> str:
    record = logging.LogRecord(
        "callboard.test", logging.INFO, __file__, 1, message, args, None if error is None else (type(error), error, None)
    )
    assert SecretsFilter(SECRETS).filter(record)
    return logging.Formatter("%(levelname)s %(message)s").format(record)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the password is correct-horse-battery, is it", f"the password is {MASK}, is it"),
        ("GET https://x.example/?a=p%40ss%2Fword%3F", f"GET https://x.example/?a={MASK}"),
        ("key first line of a key\nsecond line of a key!", f"key {MASK}!"),
        ("only second line of a key", f"only {MASK}"),
        ("got Bearer abc123.def_456-xyz from it", f"got Bearer {MASK} from it"),
        ("Basic authentication is asked for", "Basic authentication is asked for"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: {MASK}"),
        ("{'Cookie': 'callboard-session=abcdef', 'Accept': '*/*'}", f"{{'Cookie': '{MASK}', 'Accept': '*/*'}}"),
        ("set __Host-callboard-session=abcdef; Path=/", f"set __Host-callboard-session={MASK}; Path=/"),
        ("token cbp_0123456789abcdef used", f"token {MASK} used"),
        ("token eyJhbGciOi.eyJzdWIiOiJ.c2lnbmF0dXJl used", f"token {MASK} used"),
        ("clone https://user:hunter2@git.example/x.git", f"clone https://{MASK}@git.example/x.git"),
        ("redis://:hunter2@queue:6379/0 is away", f"redis://{MASK}@queue:6379/0 is away"),
        ("GET /cb?code=4/0AX4&state=xyz&x=1", f"GET /cb?code={MASK}&state={MASK}&x=1"),
        ('{"client_secret":"hunter22","a":1}', f'{{"client_secret":"{MASK}","a":1}}'),
        ("X-Gitlab-Token: hunter22", f"X-Gitlab-Token: {MASK}"),
    ],
)
def test_known_secrets_and_what_looks_like_one_are_masked(message: str, shown: str):
    assert _shown(message) == f"INFO {shown}"
    assert _shown("%s", message) == f"INFO {shown}"


def test_private_keys_are_masked_also_where_their_end_is_cut_off():
    begin = "-----BEGIN RSA " + "PRIVATE KEY-----"
    assert _shown(f"key {begin}\nMIIE\n-----END RSA " + "PRIVATE KEY----- kept") == f"INFO key {MASK} kept"
    assert _shown(f"key {begin}\nMIIE") == f"INFO key {MASK}"


def test_what_is_no_secret_stays_as_it_is():
    for message in ("the store is ready", "locations: 3 read, 0 failed", "https://host.example/a@b", "42 tokens: enough", "ü → ✓"):
        assert _shown(message) == f"INFO {message}"


def test_a_message_cannot_begin_a_line_of_its_own_or_turn_the_terminal():
    told = _shown("no entity %s", "x\r\n2026-01-01 ERROR callboard: all is lost\x1b[2J\x00\u2028\u202e\x85")
    assert told == r"INFO no entity x\r\n2026-01-01 ERROR callboard: all is lost\x1b[2J\x00\u2028\u202e\x85"


def test_lines_of_a_traceback_are_told_from_lines_of_the_log():
    told = _shown("failed", error=ValueError("one\nERROR callboard: forged\ncorrect-horse-battery"))
    assert told == f"INFO failed\n  | ValueError: one\n  | ERROR callboard: forged\n  | {MASK}"


def test_a_message_with_wrong_arguments_is_told_nevertheless():
    assert _shown("%d of %d", "one") == "INFO %d of %d ('one',)"


@given(st.text(), st.sampled_from([form for form in SECRETS if "\n" not in form]))
def test_wherever_a_secret_stands_it_is_masked_and_the_line_is_one(text: str, secret: str):
    told = _shown("%s", f"{text}{secret}{text}")
    assert secret not in told
    assert len(told.splitlines()) == 1


def test_every_secret_of_the_configuration_is_known():
    config = Config.model_validate(
        {
            "backend": {
                "database": {"client": "neo4j", "connection": {"uri": "bolt://x", "user": "neo4j", "password": "of-the-store"}},
                "queue": {"url": "redis://:of-the-queue@host"},
            },
            "integrations": {"github": [{"host": "github.com", "token": "of-the-host"}]},
            "catalog": {"webhooks": {"github": {"secret": "of-the-webhooks-1"}}},
            "webhooks": [{"name": "a", "url": "https://x.example/of-an-address", "secret": "of-a-receiver-1234"}],
            "plugins": {"one": {"of": [{"a": "of-a-plugin"}], "number": 3}},
        }
    )
    known = set(secrets_of(config))
    assert known >= {
        "of-the-store",
        "of-the-host",
        "of-the-webhooks-1",
        "of-a-receiver-1234",
        "https://x.example/of-an-address",
        "of-a-plugin",
    }
    assert "neo4j" not in known
    shown = SecretsFilter(known).line("redis://:of-the-queue@host")
    assert shown == f"redis://{MASK}@host"


def test_commands_that_keep_no_log_mask_what_they_warn_of():
    code = "import logging, cli.main as m; m.mask_warnings(); logging.getLogger('x').warning('Bearer %s', 'abc123def456')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert told.stderr == f"Bearer {MASK}\n"
