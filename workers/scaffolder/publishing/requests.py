"""Requests that change something on a host, and what hosts say when they refuse."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from pydantic import SecretStr

from plugins.contract import SourceError, SourceReason
from plugins.outbound.answers import Answer, status_error
from plugins.outbound.client import Outbound
from plugins.rest import Sign

_EXPLAINED = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 422})
_SHOWN = 500


class RefusedError(SourceError):
    """A host refused a request, so that nothing became of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """The answer to a request."""

    status: int
    value: Any


@dataclass(frozen=True, slots=True)
class WriteApi:
    """The API of one host below `url`. `sign` gives the headers of whoever asks; they go to the host of `url` only."""

    outbound: Outbound
    url: str
    sign: Sign
    headers: Mapping[str, str]

    async def ask(self, method: str, path: str, body: Any = None, *, expected: Collection[int] = ()) -> Said:
        """What is answered. SourceError that says what the host says, for a status from 400 on that is not expected."""
        url = f"{self.url}{path}"
        headers = {"accept": "application/json", **self.headers, **await self.sign(url)}
        content = None
        if body is not None:
            headers["content-type"], content = "application/json", orjson.dumps(body)
        elif method in ("POST", "PUT", "PATCH"):
            content = b""
        async with self.outbound.request(method, url, headers=headers, content=content, expected={*_EXPLAINED, *expected}) as answer:
            if answer.status >= 400 and answer.status not in expected:
                raise await _refused(answer, method)
            text = await answer.body()
        try:
            return Said(answer.status, orjson.loads(text) if text else None)
        except orjson.JSONDecodeError:
            return Said(answer.status, None)

    async def get(self, path: str) -> Any:
        """What a GET answers; None if there is nothing. SourceError otherwise."""
        said = await self.ask("GET", path, expected={404})
        return None if said.status == 404 else said.value

    async def password(self) -> SecretStr:
        """The token that signs requests, for git to sign in with. SourceError if there is none."""
        header = (await self.sign(self.url)).get("authorization", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "basic":
            token = base64.b64decode(token).decode().partition(":")[2]
        if not token:
            message = f"{self.url} is not written to: there are no credentials for it"
            raise SourceError(SourceReason.UNAUTHORIZED, self.url, message, "Configure credentials under integrations, or give a token.")
        return SecretStr(token)


async def _refused(answer: Answer, method: str) -> RefusedError:
    """The error of a refusal, with the reason that the host gives for it."""
    text = (await answer.body())[: 64 * 1024]
    if answer.status == 403 and b"rate limit" in text.lower():
        message = f"{answer.at.host} asks to be left alone for a while, since its rate limit is used up: retry the task later"
        return RefusedError(SourceReason.RATE_LIMITED, answer.url, message, "Retry the task when the limit is renewed.")
    known = status_error(answer)
    what = {
        401: "the credentials are missing, expired or wrong",
        403: "the credentials may not do that",
        404: "there is no such thing, or the credentials may not see it",
        409: "it is in the way of something that is there",
        422: "it does not take what it was sent",
    }.get(answer.status, "it refuses that")
    said = _reasons(text)
    message = f"{method} {answer.url} answered {answer.status}: {what}{f' ({said})' if said else ''}"
    return RefusedError(known.reason, answer.url, message, known.remedy)


def _reasons(text: bytes) -> str:
    """What an error's body says: `message`, and the messages of its `errors`; GitLab has lists and objects of them."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ""
    return "; ".join(dict.fromkeys(_texts(found)))[:_SHOWN]


def _texts(found: Any) -> list[str]:
    if isinstance(found, str):
        return [found]
    if isinstance(found, list):
        return [text for item in cast("list[Any]", found) for text in _texts(item)]
    if isinstance(found, dict):
        keys = cast("dict[str, Any]", found)
        told = [keys[name] for name in ("message", "error", "error_description", "errors") if name in keys]
        if told:
            return _texts(told)
        return [f"{name} {text}" for name, below in keys.items() if isinstance(below, list | str) for text in _texts(below)]
    return []
