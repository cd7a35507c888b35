"""The bounds of one request: when its body is too slow, when its answer takes too long, and what lasts all the same."""

import asyncio
from typing import Any

import orjson
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import http_error
from api.limits.requests import RequestLimits
from config.limits import Limits

SETTINGS = Limits.model_validate({"maxBodyBytes": 10, "bodySeconds": 1, "answerSeconds": 1})


async def _answered(app: ASGIApp, *parts: Message, path: str = "/x", headers: tuple[tuple[bytes, bytes], ...] = ()) -> list[Message]:
    """What is sent by the application, asked with these parts of a body; after them the client waits."""
    waiting, sent = list(parts), list[Message]()

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers), "query_string": b""}
    await RequestLimits(app, SETTINGS, own_limits=("/own",), long_work=("/long",))(scope, receive, send)
    return sent


def _part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def _refusal(sent: list[Message]) -> tuple[int, str, dict[bytes, bytes]]:
    start, body = sent
    return start["status"], orjson.loads(body["body"])["error"]["message"], dict(start["headers"])


async def _reading(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    try:
        response = PlainTextResponse(str(len(await request.body())))
    except Exception as error:
        response = await http_error(request, error)
    await response(scope, receive, send)


CHUNKED = ((b"transfer-encoding", b"chunked"),)


async def test_a_body_that_stops_coming_is_not_waited_for():
    status, message, headers = _refusal(await _answered(_reading, _part(b"a", more=True), headers=CHUNKED))
    assert (status, message) == (408, "The body did not arrive within 1 s (backend.limits.bodySeconds).")
    assert headers[b"connection"] == b"close"


@pytest.mark.parametrize("parts", [[_part(b"a" * 11)], [_part(b"a" * 6, more=True)] * 2])
async def test_a_body_without_a_length_is_counted_as_it_comes(parts: list[Message]):
    status, message, _ = _refusal(await _answered(_reading, *parts, headers=CHUNKED))
    assert (status, message) == (413, "The body is larger than 10 bytes (backend.limits.maxBodyBytes).")


async def test_what_bounds_its_bodies_itself_is_let():
    start, body = await _answered(_reading, _part(b"a" * 6, more=True), _part(b"a" * 6), path="/own", headers=CHUNKED)
    assert (start["status"], body["body"]) == (200, b"12")


async def test_a_client_that_leaves_has_sent_no_whole_body():
    status, message, _ = _refusal(await _answered(_reading, _part(b"a", more=True), {"type": "http.disconnect"}, headers=CHUNKED))
    assert (status, message) == (400, "The body did not arrive whole.")


async def _sleeping(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(1.5)
    await PlainTextResponse("at last")(scope, receive, send)


async def test_an_answer_that_does_not_begin_is_given_up():
    status, message, headers = _refusal(await _answered(_sleeping))
    assert (status, message) == (503, "The answer took longer than 1 s to begin (backend.limits.answerSeconds). Ask for less, or later.")
    assert headers[b"retry-after"] == b"5"


async def test_long_work_is_waited_for():
    start, body = await _answered(_sleeping, path="/long/work")
    assert (start["status"], body["body"]) == (200, b"at last")


async def test_an_answer_that_has_begun_may_last():
    async def told() -> Any:
        yield b"a"
        await asyncio.sleep(1.5)
        yield b"b"

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(told())(scope, receive, send)

    sent = await _answered(streaming)
    assert b"".join(message.get("body", b"") for message in sent) == b"ab"


@pytest.mark.parametrize("error", [TimeoutError, ClientDisconnect])
async def test_errors_of_the_application_stay_its_own(error: type[Exception]):
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise error()

    with pytest.raises(error):
        await _answered(failing)
