"""The proxy: what reaches the target and what comes back, and everything that is refused before anything is sent."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest

from api.audit import Audit
from api.rest.proxy import open_proxy_paths, proxy_routes
from config.backend import Reading
from config.proxy import Proxy
from graph.access import UNRESTRICTED_GUEST, Access, Action, Principal, PrincipalKind, unrestricted
from graph.refs import Ref
from plugins.outbound.client import Outbound
from tests.api.http import asked_by
from tests.servers.http import HttpServer, Received, http_server, response

ANN = unrestricted(Principal(Ref("user:default/ann"), PrincipalKind.USER, ()))
LOOPBACK = Reading.model_validate({"allowPrivate": ["127.0.0.1"]})


@pytest.fixture
async def target() -> AsyncIterator[HttpServer]:
    async with http_server() as server:
        yield server


@asynccontextmanager
async def asking(
    endpoints: dict[str, Any], access: Access = ANN, reading: Reading = LOOPBACK, resolved: Sequence[str] = (), **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a proxy with these endpoints; names resolve to the addresses of `resolved`."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return resolved

    proxy = Proxy.model_validate({"endpoints": endpoints, **settings})
    outbound = Outbound(reading, resolve=resolve)
    try:
        async with asked_by(access, proxy_routes(proxy, outbound, Audit()), open_proxy_paths(proxy)) as client:
            yield client
    finally:
        await outbound.close()


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


async def test_a_request_is_passed_on_and_answered(target: HttpServer):
    target.answers["/base/api/x%2Fy?q=a%20b"] = response(200, b'{"a":1}', content_type="application/json", x_secret="no", set_cookie="s=1")
    async with asking({"/sonar": f"{target.url}/base/"}) as client:
        answer = await client.get("/api/proxy/sonar/api/x%2Fy?q=a%20b", headers={"accept": "application/json"})
    assert (answer.status_code, answer.content) == (200, b'{"a":1}')
    assert {name: value for name, value in answer.headers.items() if name != "date"} == {
        "content-type": "application/json",
        "content-length": "7",
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    }
    assert [received.target for received in target.received] == ["/base/api/x%2Fy?q=a%20b"]


async def test_a_body_is_passed_on_with_or_without_its_length(target: HttpServer):
    target.answers["/things/"] = response(201)

    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with asking({"/things": f"{target.url}/things"}) as client:
        assert (await client.post("/api/proxy/things", content=b"whole")).status_code == 201
        assert target.received[0].body == b"whole"
    async with asking({"/things": f"{target.url}/things"}) as client:
        assert (await client.post("/api/proxy/things", content=parts())).status_code == 201
    assert (target.received[1].body, target.received[1].headers["transfer-encoding"]) == (b"one two", "chunked")


async def test_what_may_change_something_is_recorded(target: HttpServer, caplog: pytest.LogCaptureFixture):
    target.answers["/x?token=t"] = response(200)
    async with asking({"/a": target.url}) as client:
        with caplog.at_level("INFO", "callboard.audit"):
            for method in ("GET", "HEAD", "POST"):
                await client.request(method, "/api/proxy/a/x?token=t")
    [record] = [orjson.loads(record.message) for record in caplog.records if record.name == "callboard.audit"]
    told = {name: record[name] for name in ("principal", "action", "subject", "outcome", "cause")}
    assert told == {
        "principal": "user:default/ann",
        "action": "proxy.request",
        "subject": "/a",
        "outcome": "done",
        "cause": "POST /api/proxy/a/x",
    }


async def test_only_harmless_and_configured_headers_go_either_way(target: HttpServer):
    target.answers["/"] = response(
        200, b"ok", x_rate="9", x_internal="no", strict_transport_security="max-age=1", cache_control="max-age=60"
    )
    endpoint = {"target": target.url, "headers": {"Authorization": "Basic c2VjcmV0", "X-Key": "k"}, "allowedHeaders": ["X-Rate", "X-Mine"]}
    sent = {
        "authorization": "Bearer users-own",
        "cookie": "callboard-session=s",
        "x-key": "forged",
        "x-mine": "m",
        "x-forwarded-for": "1.2.3.4",
        "connection": "x-mine, authorization",
        "x-http-method-override": "DELETE",
        "accept-language": "de",
        "te": "trailers",
        "origin": "https://evil.example",
    }
    async with asking({"/a": endpoint}) as client:
        answer = await client.get("/api/proxy/a", headers=sent)
    received = dict(target.received[0].headers)
    assert received == {
        "host": target.url.removeprefix("http://"),
        "accept": "*/*",
        "accept-encoding": "identity",
        "accept-language": "de",
        "authorization": "Basic c2VjcmV0",
        "user-agent": received["user-agent"],
        "x-key": "k",
        "x-mine": "m",
    }
    assert (answer.headers["x-rate"], answer.headers["cache-control"]) == ("9", "private, max-age=60")
    assert not {"x-internal", "strict-transport-security"} & answer.headers.keys()


async def test_the_users_credentials_go_on_only_where_that_is_configured(target: HttpServer):
    target.answers["/"] = response(204)
    endpoints = {"/forward": {"target": target.url, "credentials": "forward"}, "/require": target.url}
    async with asking(endpoints) as client:
        for route in endpoints:
            assert (await client.get(f"/api/proxy{route}", headers={"authorization": "Bearer t"})).status_code == 204
    assert [received.headers.get("authorization") for received in target.received] == ["Bearer t", None]


async def test_paths_are_rewritten_as_in_backstage(target: HttpServer):
    rewrites = {"^/api/proxy/a/v(\\d)/": "/api/version-$1/", "^/api/proxy/a": "/other"}
    async with asking({"/a": {"target": f"{target.url}/base", "pathRewrite": rewrites}}) as client:
        await client.get("/api/proxy/a/v2/things?x=1")
        await client.get("/api/proxy/a/things")
        await client.get("/api/proxy/A/things")
    assert [received.target for received in target.received] == [
        "/base/api/version-2/things?x=1",
        "/base/other/things",
        "/base/api/proxy/A/things",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "a/../secret",
        "a/%2e%2e/secret",
        "a/%252e%252e/secret",
        "a/%25252e./secret",
        "a/..%2fsecret",
        "a/x%2f..%2f..%2fsecret",
        "a/..%5csecret",
        "a\\..\\secret",
        "a/..;/secret",
        "a/.;x=1/secret",
        "a/x%00y",
        "a/x%0dHost:%20evil",
        "a/x%250d%250aSet-Cookie:%20a",
        "a/%2e",
    ],
)
async def test_paths_that_leave_the_target_are_refused(target: HttpServer, path: str):
    async with asking({"/a": f"{target.url}/base"}) as client:
        answer = await client.get("/", headers={"raw-path": f"/api/proxy/{path}"})
    assert said(answer) == (400, "The path holds segments such as `..`, or control characters, and is not passed on.")
    assert target.received == []


async def test_a_path_never_becomes_another_host(target: HttpServer):
    rewrites = {"^/api/proxy/at": "@evil.example", "^/api/proxy/slashes/?": "//evil.example/", "^/api/proxy/up": "/../up"}
    endpoints = {route: {"target": f"{target.url}/base", "pathRewrite": rewrites} for route in ("/at", "/slashes", "/up")}
    async with asking(endpoints) as client:
        assert [(await client.get(f"/api/proxy{route}/x")).status_code for route in endpoints] == [404, 404, 400]
    assert [received.target for received in target.received] == ["/base/@evil.example/x", "/base/evil.example/x"]


async def test_what_no_endpoint_has_or_allows_is_refused(target: HttpServer):
    async with asking({"/a/b": {"target": target.url, "allowedMethods": ["GET"]}}) as client:
        for path in ("/", "/a", "/a/", "/a/bc", "/a%2Fb", "/ab"):
            assert (await client.get(f"/api/proxy{path}")).status_code == 404
        refused = await client.post("/api/proxy/a/b/x")
        assert (said(refused), refused.headers["allow"]) == ((405, "POST is not passed on to /a/b."), "GET")
        assert (await client.request("TRACE", "/api/proxy/a/b")).status_code == 405
    async with asking({}) as client:
        assert (await client.get("/api/proxy/a")).status_code == 404
    assert target.received == []


async def test_open_endpoints_open_nothing_else(target: HttpServer):
    target.answers["/"] = response(200)
    endpoints = {
        "/open/closed": target.url,
        "/open": {"target": target.url, "credentials": "dangerously-allow-unauthenticated"},
        "/opened": target.url,
    }
    async with asking(endpoints) as client:
        assert (await client.get("/api/proxy/open")).status_code == 200
        assert said(await client.get("/api/proxy/open/closed")) == (401, "Sign in first, or send a token.")
    proxy = Proxy.model_validate({"endpoints": endpoints})
    assert open_proxy_paths(proxy) == ["/api/proxy/open", "/api/proxy/open/*"]


async def test_a_token_for_some_actions_only_is_refused(target: HttpServer):
    scoped = unrestricted(Principal(Ref("user:default/ann"), PrincipalKind.USER, (), frozenset({Action.ENTITY_READ})))
    async with asking({"/a": target.url}, scoped) as client:
        assert (await client.get("/api/proxy/a")).status_code == 403
    assert target.received == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1"])
async def test_private_addresses_are_refused_unless_allowed(address: str):
    async with asking({"/a": "http://intranet.example/secret-path"}, reading=Reading(), resolved=[address]) as client:
        answer = await client.get("/api/proxy/a")
    assert said(answer) == (502, "The target of /a can't be reached. The server's log says more.")


async def test_bodies_that_are_too_long_are_refused(target: HttpServer):
    target.answers["/"] = response(200)
    target.answers["/long"] = response(200, b"x" * 101)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 10

    async with asking({"/a": target.url}, maxRequestBytes=100, maxResponseBytes=100) as client:
        refused = (413, "The body is larger than 100 bytes (proxy.maxRequestBytes).")
        assert said(await client.post("/api/proxy/a", content=b"x" * 101)) == refused
        assert target.received == []
        assert said(await client.post("/api/proxy/a", content=parts())) == refused
        assert target.received == []
        assert said(await client.get("/api/proxy/a/long")) == (
            502,
            "The target of /a answers more than 100 bytes (proxy.maxResponseBytes).",
        )


async def unfinished(client: httpx.AsyncClient, path: str) -> bool:
    """Whether an answer began and was left unfinished, as whoever waits for it sees."""
    try:
        await client.get(path)
    except AssertionError:
        return True
    return False


async def test_answers_that_break_off_are_left_unfinished(target: HttpServer):
    async def endless(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(30):
            writer.write(b"a\r\n0123456789\r\n")
            await writer.drain()

    async def short(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, b"half", content_length="8"))

    async def slow(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response(200, b"half", content_length="8"))
        await asyncio.sleep(3)

    target.answers |= {"/endless": endless, "/short": short, "/slow": slow}
    async with asking({"/a": target.url}, maxResponseBytes=100, timeout={"seconds": 1}) as client:
        for path in target.answers:
            assert await unfinished(client, f"/api/proxy/a{path}")


async def test_a_target_that_does_not_answer_is_told_without_its_name(target: HttpServer, caplog: pytest.LogCaptureFixture):
    async def silent(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3)

    target.answers["/"] = silent
    endpoint = {"target": target.url, "headers": {"Authorization": "Bearer very-secret"}}
    async with asking({"/a": endpoint, "/gone": "http://127.0.0.1:9"}, timeout={"seconds": 1}) as client:
        for route in ("/a", "/gone"):
            answer = await client.get(f"/api/proxy{route}")
            assert said(answer) == (504, f"The target of {route} can't be reached. The server's log says more.")
    assert "does not answer in time" in caplog.text
    assert "very-secret" not in caplog.text


async def test_redirects_are_followed_only_where_configured_and_without_credentials(target: HttpServer):
    async with http_server({"/there": response(200, b"there")}) as other:
        other_name = other.url.replace("127.0.0.1", "localhost")
        target.answers["/away"] = response(302, location=f"{other_name}/there")
        target.answers["/near"] = response(307, location="here")
        target.answers["/here"] = response(200, b"here")
        target.answers["/round"] = response(302, location="/round")
        target.answers["/private"] = response(302, location="http://169.254.169.254/latest/meta-data")
        settings = {"target": target.url, "headers": {"X-Key": "k"}, "followRedirects": True}
        allowed = {"host": other_name.removeprefix("http://")}
        reading = Reading.model_validate({"allow": [allowed], "allowPrivate": ["127.0.0.1"]})
        async with asking(
            {"/a": settings, "/b": {**settings, "followRedirects": False}}, reading=reading, resolved=["127.0.0.1"]
        ) as client:
            assert (await client.get("/api/proxy/a/near")).content == b"here"
            assert (await client.get("/api/proxy/a/away")).content == b"there"
            assert (await client.get("/api/proxy/a/round")).status_code == 502
            assert (await client.get("/api/proxy/a/private")).status_code == 502
            passed = await client.get("/api/proxy/b/away")
            assert (passed.status_code, passed.headers.get("location")) == (302, None)
            assert (await client.post("/api/proxy/a/away")).status_code == 302
        assert [received.headers.get("x-key") for received in other.received] == [None]
    async with asking({"/a": settings}) as client:
        assert (await client.get("/api/proxy/a/away")).status_code == 502


async def test_an_encoded_answer_stays_as_it_is(target: HttpServer):
    target.answers["/"] = response(200, gzip.compress(b"text"), content_encoding="gzip")
    async with asking({"/a": target.url}) as client:
        answer = await client.get("/api/proxy/a")
        assert (answer.content, answer.headers["content-encoding"]) == (b"text", "gzip")
        head = await client.head("/api/proxy/a")
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("endpoints", "told"),
    [
        ({"/a": "ftp://x"}, "http or https"),
        ({"/a": "https://user:pass@x"}, "no user and password"),
        ({"/a": "https://x/?q"}, "neither a query nor a fragment"),
        ({"a": "https://x"}, "should have routes"),
        ({"/a/../b": "https://x"}, "should have routes"),
        ({"/a": "https://x", "/A/": "https://y"}, "each route once"),
        ({"/a": {"target": "https://x", "headers": {"Cookie": "a"}}}, "sessions"),
        ({"/a": {"target": "https://x", "headers": {"X-A": "a\r\nX-B: b"}}}, "one line of ASCII"),
        ({"/a": {"target": "https://x", "headers": {"X-A": "a", "x-a": "b"}}}, "once"),
        ({"/a": {"target": "https://x", "allowedHeaders": ["Set-Cookie"]}}, "sessions"),
        ({"/a": {"target": "https://x", "allowedHeaders": ["Connection"]}}, "never passed on"),
        ({"/a": {"target": "https://x", "pathRewrite": {"(": "/"}}}, "regular expressions"),
        ({"/a": {"target": "https://x", "changeOrigin": False}}, "True"),
        ({"/a": {"target": "https://x", "credentials": "none"}}, "forward"),
    ],
)
def test_endpoints_that_make_no_sense_are_refused(endpoints: dict[str, Any], told: str):
    with pytest.raises(ValueError, match=told):
        Proxy.model_validate({"endpoints": endpoints})


def test_credentials_are_never_shown():
    proxy = Proxy.model_validate({"endpoints": {"/a": {"target": "https://x", "headers": {"Authorization": "Bearer very-secret"}}}})
    assert "very-secret" not in repr(proxy) + str(proxy) + proxy.model_dump_json()


def test_without_endpoints_guests_open_nothing():
    assert open_proxy_paths(Proxy()) == []
    assert UNRESTRICTED_GUEST.principal.actions is None
