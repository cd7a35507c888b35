"""The audit log: who changed what or was denied it, one JSON object a line, in the log `callboard.audit` and in a file of its own."""

import json
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import cast

import orjson
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.admission import access_of, is_admitted
from config.errors import ConfigurationError
from config.redaction import SecretsFilter
from graph.access import Access
from graph.errors import ForbiddenError, UnauthenticatedError

_LONGEST_TEXT = 300
_MOST_SUBJECTS = 50
_WINDOW_SECONDS = 60
_MOST_OF_ONE = 20
_MOST_IN_ALL = 600
_CREDENTIALS = re.compile(r"://[^/@\s]*@")
_REFUSALS = frozenset({401, 403})
_REFUSING_CLOSES = frozenset({4401, 4403})
"""The codes by which graphql-transport-ws ends a connection for the same reasons."""

_told: ContextVar[list[str] | None] = ContextVar("told", default=None)
"""What was recorded of the request that is answered, so that its refusal is not recorded twice."""

_log = logging.getLogger("callboard.audit")


class Outcome(StrEnum):
    """What became of what was asked for. Denied: it was not allowed. Failed: it was, and could not be done."""

    DONE = "done"
    DENIED = "denied"
    FAILED = "failed"


class Audit:
    """Records. Of denials it keeps 20 a minute of one principal (or address) and action, 600 in all, and the number of the others."""

    def __init__(self, file: Path | None = None, clock: Callable[[], float] = time.monotonic, secrets: Iterable[str] = ()) -> None:
        """ConfigurationError if the file can't be written. `secrets` are masked in it, as they are in the log."""
        self._file = _opened(file) if file else None
        if self._file:
            self._file.addFilter(SecretsFilter(secrets))
        self._clock = clock
        self._window_began = clock()
        self._denials: Counter[tuple[str | None, str]] = Counter()
        self._left_out = 0

    def record(
        self,
        access: Access | None,
        action: str,
        subject: str | Sequence[str],
        outcome: Outcome,
        *,
        cause: str = "",
        reason: str = "",
        address: str | None = None,
    ) -> None:
        """Write that the principal (None: nobody is signed in) did `action` to `subject`, or tried to.

        `cause` is what it came by, such as a request; `reason` why it was denied or failed. Never raises: what can't be written to the file
        is in the log.
        """
        who = access.principal.ref if access else None
        if outcome is Outcome.DENIED:
            recorded = _told.get()
            if recorded is not None:
                recorded.append(action)
            if self._is_too_much((who or address, action)):
                return
        subjects = [subject] if isinstance(subject, str) else list(subject)
        self._write(
            {
                "principal": who,
                "kind": access.principal.kind if access else None,
                "address": address,
                "action": action,
                "subject": subjects[0] if len(subjects) == 1 else subjects[:_MOST_SUBJECTS],
                "subjects": len(subjects) if len(subjects) > _MOST_SUBJECTS else None,
                "outcome": outcome,
                "cause": cause,
                "reason": reason,
            }
        )

    @contextmanager
    def doing(self, access: Access, action: str, subject: str | Sequence[str], *, cause: str = "", changes: bool = True) -> Generator[None]:
        """Record what becomes of the block, with the reason if it raises. Of one that changes nothing only a denial is recorded."""
        try:
            yield
        except (ForbiddenError, UnauthenticatedError) as error:
            self.record(access, action, subject, Outcome.DENIED, cause=cause, reason=str(error))
            raise
        except BaseException as error:
            if changes:
                self.record(access, action, subject, Outcome.FAILED, cause=cause, reason=str(error) or type(error).__name__)
            raise
        if changes:
            self.record(access, action, subject, Outcome.DONE, cause=cause)

    def close(self) -> None:
        """Write how many denials were left out, and release the file."""
        self._end_window()
        if self._file:
            self._file.close()

    def _is_too_much(self, key: tuple[str | None, str]) -> bool:
        if self._clock() - self._window_began >= _WINDOW_SECONDS:
            self._end_window()
        if self._denials.total() >= _MOST_IN_ALL or self._denials[key] >= _MOST_OF_ONE:
            self._left_out += 1
            return True
        self._denials[key] += 1
        return False

    def _end_window(self) -> None:
        if self._left_out:
            self._write({"action": "audit.left-out", "outcome": Outcome.DENIED, "count": self._left_out})
        self._denials.clear()
        self._left_out = 0
        self._window_began = self._clock()

    def _write(self, entry: Mapping[str, object]) -> None:
        told = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **{k: _safe(v) for k, v in entry.items() if v not in (None, "")},
        }
        # As ASCII, so that no character of a request ends a line, moves a cursor or turns the direction of writing.
        line = json.dumps(told, ensure_ascii=True)
        _log.info("%s", line)
        if self._file:
            self._file.handle(logging.makeLogRecord({"name": _log.name, "levelno": logging.INFO, "levelname": "INFO", "msg": line}))


class _OwnersFile(WatchedFileHandler):
    """A file that nobody but its owner reads, also where it is made anew after the old one was moved away."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))


def _opened(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return _OwnersFile(file)
    except OSError as error:
        raise ConfigurationError("backend.audit.file", f"{file} can't be written: {error.strerror}") from error


def _safe(value: object) -> object:
    """The value with long texts cut and without the credentials that a URL may hold."""
    if isinstance(value, str):
        text = _CREDENTIALS.sub("://***@", value)
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}… ({len(text)} characters)"
    return [_safe(one) for one in cast("list[object]", value)] if isinstance(value, list) else value


class AuditedRefusals:
    """Records every request that is answered by 401 or 403, and every WebSocket that is refused, unless what refused it has done so."""

    def __init__(self, app: ASGIApp, audit: Audit) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        told: list[str] = []
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = 101
                case "websocket.close" if not status or message.get("code") in _REFUSING_CLOSES:
                    self._record(scope, str(message.get("reason") or ""))
                case "http.response.body" | "websocket.http.response.body" if status in _REFUSALS and not told:
                    self._record(scope, _message(message.get("body", b"")))
                    told.append("")
                case _:
                    pass
            await send(message)

        token = _told.set(told)
        try:
            await self._app(scope, receive, noting)
        finally:
            _told.reset(token)

    def _record(self, scope: Scope, reason: str) -> None:
        access = access_of(HTTPConnection(scope)) if is_admitted(scope) else None
        cause = f"{scope.get('method', 'WebSocket')} {scope['path']}"
        address = scope["client"][0] if scope.get("client") else None
        self._audit.record(access, "request", scope["path"], Outcome.DENIED, cause=cause, reason=reason, address=address)


def _message(body: bytes) -> str:
    """The message of an error as it is answered; empty if the body holds none."""
    try:
        answer = orjson.loads(body)
        return str(answer["error"]["message"] if "error" in answer else answer["errors"][0]["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return ""
