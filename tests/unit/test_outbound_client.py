"""Requests over real connections: redirects, credentials, sizes, time, broken answers and what a host says of its limits."""

import asyncio
import gzip
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from config.backend import Reading
from plugins.contract import SourceError, SourceReason
from plugins.outbound.answers import Answer
from plugins.outbound.client import Outbound
from tests.servers.http import HttpServer, Received, http_server, response


@asynccontextmanager
async def reaching(*servers: HttpServer, **more: Any) -> AsyncGenerator[Outbound]:
    """A way out to the servers alone."""
    hosts = [f"127.0.0.1:{server.port}" for server in servers]
    outbound = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}), hosts, **more)
    yield outbound
    await outbound.close()


async def got(outbound: Outbound, url: str, **more: Any) -> tuple[Answer, bytes]:
    async with outbound.request("GET", url, **more) as answer:
        return answer, await answer.body()


async def refusal(outbound: Outbound, url: str, **more: Any) -> SourceError:
    with pytest.raises(SourceError) as raised:
        await got(outbound, url, **more)
    return raised.value


async def test_an_answer_has_its_status_headers_and_body():
    async with http_server({"/a": response(200, b"hello", ETag='"1"')}) as server, reaching(server) as outbound:
        answer, body = await got(outbound, f"{server.url}/a")
        assert (answer.status, answer.headers["etag"], body, answer.url) == (200, '"1"', b"hello", f"{server.url}/a")
        assert server.received[0].headers["host"] == f"127.0.0.1:{server.port}"


async def test_a_redirect_is_followed_and_credentials_stay_at_home():
    async with http_server() as other, http_server() as server, reaching(server, other) as outbound:
        server.answers = {"/a": response(302, location="/b"), "/b": response(301, location=f"{other.url}/c")}
        other.answers = {"/c": response(200, b"there")}
        headers = {"Authorization": "Bearer secret", "PRIVATE-TOKEN": "secret", "Accept": "text/plain"}
        answer, body = await got(outbound, f"{server.url}/a", headers=headers)
        assert (answer.url, answer.moved, body) == (f"{other.url}/c", True, b"there")
        assert [request.headers.get("authorization") for request in server.received] == ["Bearer secret"] * 2
        assert (other.received[0].headers["accept"], "secret" in str(other.received)) == ("text/plain", False)


async def test_credentials_are_for_their_host_alone():
    async with http_server({"/a": response(200)}) as server, reaching(server) as outbound:
        await got(outbound, f"{server.url}/a", headers={"Authorization": "Bearer secret"}, credentials_host="git.example.com")
        assert "authorization" not in server.received[0].headers


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data", "http://localhost:1/", "http://10.0.0.1/", "http://[::1]:9/", "file:///etc/passwd"],
)
async def test_a_redirect_to_what_is_not_allowed_is_not_followed(target: str):
    async with http_server({"/a": response(302, location=target)}) as server, reaching(server) as outbound:
        assert (await refusal(outbound, f"{server.url}/a")).reason is SourceReason.NOT_ALLOWED
        assert len(server.received) == 1


async def test_a_redirect_to_an_allowed_name_with_a_private_address_is_not_followed():
    async def resolve(host: str, port: int) -> list[str]:
        return ["169.254.169.254"]

    async with http_server({"/a": response(302, location="http://metadata.example/")}) as server:
        reading = Reading.model_validate({"allowPrivate": ["127.0.0.1"]})
        outbound = Outbound(reading, [f"127.0.0.1:{server.port}", "metadata.example"], resolve=resolve)
        assert str(await refusal(outbound, f"{server.url}/a")) == "metadata.example is not read: metadata.example has a link-local address"
        await outbound.close()


async def test_redirects_end():
    async with http_server({"/a": response(302, location="/a")}) as server, reaching(server) as outbound:
        assert (await refusal(outbound, f"{server.url}/a")).reason is SourceReason.MALFORMED
        assert len(server.received) == 6


async def test_nothing_larger_than_allowed_is_taken_in():
    bomb = gzip.compress(b"0" * 10_000_000, mtime=0)
    answers = {
        "/told": response(200, b"x" * 1001),
        "/bomb": response(200, bomb, content_encoding="gzip"),
        "/fits": response(200, gzip.compress(b"y" * 1000, mtime=0), content_encoding="gzip"),
    }
    async with http_server(answers) as server, reaching(server) as outbound:
        assert (await refusal(outbound, f"{server.url}/told", max_bytes=1000)).reason is SourceReason.TOO_LARGE
        assert (await refusal(outbound, f"{server.url}/bomb", max_bytes=1_000_000)).reason is SourceReason.TOO_LARGE
        assert (await got(outbound, f"{server.url}/fits", max_bytes=1000))[1] == b"y" * 1000


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (response(200, b"half", content_length="10"), SourceReason.UNAVAILABLE),
        (b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", SourceReason.UNAVAILABLE),
        (response(200, gzip.compress(b"whole" * 99, mtime=0)[:20], content_encoding="gzip"), SourceReason.UNAVAILABLE),
        (response(200, b"no gzip", content_encoding="gzip"), SourceReason.MALFORMED),
        (response(200, b"?", content_encoding="br"), SourceReason.MALFORMED),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", SourceReason.UNAVAILABLE),
        (b"", SourceReason.UNAVAILABLE),
    ],
)
async def test_a_broken_answer_is_an_error(answer: bytes, reason: SourceReason):
    async def once(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    async with http_server({"/a": once}) as server, reaching(server) as outbound:
        assert (await refusal(outbound, f"{server.url}/a")).reason is reason


async def test_an_answer_that_takes_too_long_is_an_error():
    async def never(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async def trickle(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, content_length="100"))
        for _ in range(50):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    async with http_server({"/never": never, "/trickle": trickle}) as server, reaching(server) as outbound:
        for path in ("/never", "/trickle"):
            assert (await refusal(outbound, f"{server.url}{path}", timeout_seconds=0.3)).reason is SourceReason.UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, SourceReason.UNAUTHORIZED),
        (403, SourceReason.UNAUTHORIZED),
        (404, SourceReason.NOT_FOUND),
        (410, SourceReason.NOT_FOUND),
        (418, SourceReason.MALFORMED),
        (429, SourceReason.RATE_LIMITED),
        (500, SourceReason.UNAVAILABLE),
        (503, SourceReason.UNAVAILABLE),
        (530, SourceReason.UNAVAILABLE),
    ],
)
async def test_a_status_has_its_reason_and_a_remedy(status: int, reason: SourceReason):
    async with http_server({"/a": response(status, b"why")}) as server, reaching(server) as outbound:
        error = await refusal(outbound, f"{server.url}/a", headers={"authorization": "Bearer secret"})
        assert (error.reason, error.url, error.remedy != "") == (reason, str(error.url), True)
        assert "secret" not in f"{error!r} {error.message} {error.remedy}"
        assert (await got(outbound, f"{server.url}/a", expected={status}))[1] == b"why" if status != 429 else True


async def test_a_host_that_asks_for_it_is_left_alone():
    answers = {
        "/retry": response(429, retry_after="120"),
        "/primary": response(403, b"{}", x_ratelimit_remaining="0", x_ratelimit_reset=str(int(time.time()) + 90), x_ratelimit_limit="60"),
        "/secondary": response(403, b'{"message": "You have exceeded a secondary rate limit."}'),
    }
    for path, seconds in (("/retry", 120), ("/primary", 90), ("/secondary", 60)):
        async with http_server(answers) as server, reaching(server) as outbound:
            first = await refusal(outbound, f"{server.url}{path}")
            again = await refusal(outbound, f"{server.url}/elsewhere")
            assert (first.reason, again.reason, len(server.received)) == (SourceReason.RATE_LIMITED, SourceReason.RATE_LIMITED, 1)
            assert first.retry_after_seconds == pytest.approx(seconds, abs=2)
            assert again.retry_after_seconds == pytest.approx(seconds, abs=2)
            assert (await refusal(outbound, f"{server.url}/x", headers={"authorization": "other"})).reason is SourceReason.NOT_FOUND


async def test_what_is_left_of_a_limit_is_spread_until_it_begins_anew():
    now = [1_800_000_000.0]
    left = {"limit": "100", "remaining": "10", "reset": "1800001000"}
    answer = response(200, b"", **{f"ratelimit_{name}": value for name, value in left.items()})
    async with http_server({"/a": answer}) as server, reaching(server, clock=lambda: now[0]) as outbound:
        await got(outbound, f"{server.url}/a")
        await got(outbound, f"{server.url}/a")
        held = await refusal(outbound, f"{server.url}/a")
        assert (held.reason, held.retry_after_seconds) == (SourceReason.RATE_LIMITED, 100.0)
        now[0] += 101
        await got(outbound, f"{server.url}/a")
        now[0] = 1_800_001_001.0
        assert outbound.budget.delay("unknown") == 0.0
        await got(outbound, f"{server.url}/a")
        assert len(server.received) == 4


async def test_a_kept_connection_that_was_closed_is_replaced():
    async def once(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, b"ok"))
        await writer.drain()

    async with http_server({"/a": once}) as server, reaching(server) as outbound:
        for _ in range(3):
            assert (await got(outbound, f"{server.url}/a"))[1] == b"ok"


async def test_nobody_there_is_an_outage():
    async with http_server() as server:
        gone = server
    async with reaching(gone) as outbound:
        assert (await refusal(outbound, f"{gone.url}/a")).reason is SourceReason.UNAVAILABLE


async def test_a_post_is_sent_once_with_its_content_and_not_redirected():
    async with http_server({"/a": response(201), "/r": response(307, location="/a")}) as server, reaching(server) as outbound:
        async with outbound.request("POST", f"{server.url}/a", content=b"{}", headers={"content-type": "application/json"}) as answer:
            assert answer.status == 201
        assert server.received[0].body == b"{}"
        with pytest.raises(SourceError):
            async with outbound.request("POST", f"{server.url}/r", content=b"{}"):
                pass
