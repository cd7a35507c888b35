"""Keeps secrets and forged lines out of logs: the one filter that every line goes through."""

import json
import logging
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from traceback import format_exception
from typing import Any, cast
from urllib.parse import quote

from pydantic import BaseModel, SecretBytes, SecretStr

MASK = "[redacted]"

_SHORTEST_SECRET = 4
_SHORTEST_LINE = 16
_LONGEST_MESSAGE = 20_000

_PATTERNS = (
    # Private keys, also where the end is cut off.
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), MASK),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+(?=\S*[0-9+/=._-])[\w.~+/=-]{8,}"), rf"\1 {MASK}"),
    (
        re.compile(
            r"(?i)\b((?:set-)?cookie|(?:proxy-)?authorization|(?:x-)?[a-z-]*(?:token|api-key|secret))(['\"]?\s*[:=]\s*['\"]?)[^'\",}\r\n]+"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)((?:__host-)?callboard-[\w-]+=)[^;\s,'\"]+"), rf"\1{MASK}"),
    # Tokens that are known by how they begin: Callboard's, JSON Web Tokens, GitHub's, GitLab's, Slack's.
    (re.compile(r"\b(?:cbp_|gh[pousr]_|github_pat_|glpat-|xox[abpr]-)[\w-]{8,}"), MASK),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), MASK),
    (re.compile(r"(?<=://)[^/\s@]+(?=@)"), MASK),
    (
        re.compile(r"(?i)([?&](?:[a-z_]*token|code|state|client_secret|password|secret|sig(?:nature)?|(?:api_?)?key)=)[^&\s'\"#]+"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b((?:password|passwd|client_?secret|\w*_?token)(?:['\"]?\s*[:=]\s*['\"]?))[^\s'\",;&}]{4,}"), rf"\1{MASK}"),
)

# Control characters, what ends lines or turns text around, and halves of characters: none of it may come out of a terminal.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class SecretsFilter(logging.Filter):
    """Masks the given secrets, and whatever looks like one, in every record; and keeps each message on one line.

    Nothing of a message can end its line: what could is written as in Python's literals. Lines of tracebacks begin with a bar.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        known = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(known, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.line(_message(record)), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = self._block("".join(format_exception(record.exc_info[1])))
        elif record.exc_text:
            record.exc_text = self._block(record.exc_text)
        record.exc_info = None
        if record.stack_info:
            record.stack_info = self._block(record.stack_info)
        return True

    def line(self, text: str) -> str:
        """The text on one line, without secrets."""
        return _UNPRINTABLE.sub(_escaped, self.masked(text[:_LONGEST_MESSAGE]))

    def masked(self, text: str) -> str:
        """The text, with its lines as they are, without secrets."""
        masked = self._known.sub(MASK, text) if self._known else text
        for pattern, mask in _PATTERNS:
            masked = pattern.sub(mask, masked)
        return masked

    def knows(self, text: str) -> bool:
        """Whether one of the given secrets is in the text."""
        return bool(self._known and self._known.search(text))

    def _block(self, text: str) -> str:
        lines = self.masked(text).removesuffix("\n").split("\n")
        return "\n".join(f"  | {_UNPRINTABLE.sub(_escaped, line.removeprefix('  | '))}" for line in lines)


def secrets_of(value: object) -> Iterator[str]:
    """Every secret of a part of the configuration; of what plugins are told, whose secrets nobody knows, every text."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode("utf-8", "replace")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            below = getattr(value, name)
            yield from _texts(below) if name == "plugins" else secrets_of(below)
    elif isinstance(value, Mapping):
        for below in cast("Mapping[Any, Any]", value).values():
            yield from secrets_of(below)
    elif isinstance(value, list | tuple | set | frozenset):
        for below in cast("Iterable[Any]", value):
            yield from secrets_of(below)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for below in cast("Mapping[Any, Any]", value).values():
            yield from _texts(below)
    elif isinstance(value, list | tuple):
        for below in cast("Iterable[Any]", value):
            yield from _texts(below)


def _forms(secret: str) -> Iterator[str]:
    """A secret as it may stand in a line: itself, encoded for a URL, in Base64, escaped, and the lines of a longer one."""
    stripped = secret.strip()
    if len(stripped) < _SHORTEST_SECRET:
        return
    yield from (stripped, quote(stripped, safe=""), repr(stripped)[1:-1])
    yield from (json.dumps(stripped, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    yield b64encode(stripped.encode("utf-8", "surrogatepass")).decode()
    yield from (line.strip() for line in stripped.splitlines() if len(line.strip()) >= _SHORTEST_LINE)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


def _escaped(match: re.Match[str]) -> str:
    return repr(match[0])[1:-1] if match[0].isascii() or not match[0].isprintable() else f"\\u{ord(match[0]):04x}"
