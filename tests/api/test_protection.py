"""What protects the server and the browsers of those who use it: headers, origins, sizes, times and rates."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from config.model import Config
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CONFIGURED
from tests.api.http import RESPONSE, until_ready

PORTAL = "https://portal.example.com"
QUERY = {"query": "{ entities(first: 100) { nodes { name } } }"}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


@asynccontextmanager
async def _client(filename: Path, **backend: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Config.model_validate({"backend": backend}), SqliteStore(filename, CONFIGURED), CONFIGURED)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await until_ready(client)
        yield client


async def test_only_a_server_reached_by_https_tells_browsers_to_use_nothing_else(filled_file: Path):
    async with _client(filled_file, baseUrl="https://catalog.example.com") as client:
        assert (await client.get("/livez")).headers["strict-transport-security"] == "max-age=31536000"
    async with _client(filled_file) as client:
        assert "strict-transport-security" not in (await client.get("/livez")).headers


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/graphql?query={", "/api/catalog/nowhere", "/webhooks/nobody"])
async def test_answers_and_errors_alike_are_nothing_for_other_sites(filled_file: Path, path: str):
    async with _client(filled_file) as client:
        headers = (await client.get(path)).headers
    assert {name: headers[name] for name in ("x-frame-options", "cross-origin-resource-policy", "cross-origin-opener-policy")} == {
        "x-frame-options": "DENY",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }
    assert headers.get("cache-control") == ("private, no-cache" if path.startswith("/api/") else headers.get("cache-control"))


async def test_without_configuration_no_origin_may_ask(filled_file: Path):
    async with _client(filled_file) as client:
        asked = await client.options("/graphql", headers={"Origin": PORTAL, **PREFLIGHT})
        answer = await client.post("/graphql", json=QUERY, headers={"Origin": PORTAL})
    assert [name for name in (*asked.headers, *answer.headers) if name.startswith("access-control-")] == []


async def test_configured_origins_may_ask_and_no_others(filled_file: Path):
    cors = {"origin": [PORTAL, "https://*.apps.example.com"], "credentials": True}
    async with _client(filled_file, cors=cors) as client:
        for origin in (PORTAL, "https://one.apps.example.com"):
            asked = await client.options("/graphql", headers={"Origin": origin, **PREFLIGHT})
            answer = await client.post("/graphql", json=QUERY, headers={"Origin": origin})
            assert asked.status_code == 200
            for headers in (asked.headers, answer.headers):
                assert (headers["access-control-allow-origin"], headers["access-control-allow-credentials"]) == (origin, "true")
                assert "Origin" in headers["vary"]
        for origin in ("null", "http://portal.example.com", f"{PORTAL}.evil.example", "https://evil.example/.apps.example.com"):
            refused = await client.options("/graphql", headers={"Origin": origin, **PREFLIGHT})
            answer = await client.post("/graphql", json=QUERY, headers={"Origin": origin})
            assert refused.status_code == 400
            assert "access-control-allow-origin" not in {*refused.headers, *answer.headers}


async def test_errors_are_told_to_configured_origins_too(filled_file: Path):
    async with _client(filled_file, cors={"origin": PORTAL}) as client:
        answer = await client.get("/nowhere", headers={"Origin": PORTAL})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (404, PORTAL)


async def test_a_body_beyond_the_limit_is_refused_whatever_the_route(filled_file: Path):
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 10

    async with _client(filled_file, limits={"maxBodyBytes": 100}) as client:
        announced = await client.post("/api/catalog/nowhere", content=b" " * 101)
        assert (announced.status_code, announced.headers["connection"]) == (413, "close")
        assert announced.json()["error"] == {
            "name": "PayloadTooLargeError",
            "message": "The body is larger than 100 bytes (backend.limits.maxBodyBytes).",
        }
        # Of a body without a length no more is read than is asked for, and this route asks for nothing.
        unannounced = await client.post("/api/catalog/nowhere", content=chunks())
        assert (unannounced.status_code, unannounced.headers["connection"]) == (404, "close")
        assert (await client.post("/graphql", content=b" " * 101)).status_code == 415


async def test_a_guest_is_not_limited_unless_that_is_configured(filled_file: Path):
    async with _client(filled_file) as client:
        assert "ratelimit" not in (await client.post("/graphql", json=QUERY)).headers


async def test_what_is_left_is_told_until_nothing_is(filled_file: Path):
    async with _client(filled_file, rateLimit={"guestCostPerMinute": 400}) as client:
        answers = [await client.post("/graphql", json=QUERY, headers={"Accept": RESPONSE}) for _ in range(3)]
        plain = await client.post("/graphql", json=QUERY)
        rest = await client.get("/api/catalog/entity-sets?limit=1000")
        assert (await client.get("/livez")).status_code == 200
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"principal";q=400;w=60'}
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers[:2]] == ['"principal";r=249', '"principal";r=98']
    [error] = answers[2].json()["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert answers[2].headers["retry-after"] == str(error["extensions"]["retryAfterSeconds"])
    assert "user:default/guest asks for too much in too short a time: this costs 101" in error["message"]
    assert (plain.status_code, rest.status_code) == (429, 429)
    assert rest.json()["error"]["name"] == "TooManyRequestsError"
    assert int(rest.headers["retry-after"]) >= 40


async def test_refused_credentials_cost_an_address_more_than_requests(filled_file: Path):
    webhooks = {"github": {"secret": "0123456789abcdef"}}
    config = Config.model_validate({"backend": {"rateLimit": {"attemptsPerMinute": 30}}, "catalog": {"webhooks": webhooks}})
    app = create_app(config, SqliteStore(filled_file, CONFIGURED), CONFIGURED)
    async with app.router.lifespan_context(app):
        guessing = httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("192.0.2.1", 1)), base_url="http://localhost")
        other = httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("192.0.2.2", 1)), base_url="http://localhost")
        async with guessing, other:
            answers = [await guessing.post("/webhooks/github", content=b"{}") for _ in range(5)]
            assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
            assert int(answers[-1].headers["retry-after"]) >= 5
            assert (await guessing.get("/livez")).status_code == 429
            assert (await other.get("/livez")).status_code == 200


async def test_what_rest_answers_is_paid_for_whatever_asked_for_it(filled_file: Path):
    async with _client(filled_file, rateLimit={"guestCostPerMinute": 1_000}) as client:
        first = await client.get("/api/catalog/entities/by-query?limit=1")
        listed = await client.post("/api/catalog/entities/by-query", json={"limit": 1_000})
        told = await client.get("/api/catalog/entities/by-query?limit=1")
    cost = 50 + len(listed.content) // 1_000
    assert cost > 55
    before, after = (int(answer.headers["ratelimit"].split(";")[1].removeprefix("r=")) for answer in (first, told))
    assert before - after in range(cost + 51 - 20, cost + 52)


async def test_each_principal_spends_their_own(filled_file: Path):
    tokens = {name: f"the-token-of-{name}-0123456789" for name in ("one", "other")}
    access = [{"type": "static", "options": {"token": token, "subject": name}} for name, token in tokens.items()]
    async with _client(filled_file, auth={"externalAccess": access}, rateLimit={"costPerMinute": 300}) as client:

        async def asked(name: str) -> tuple[int, str | None]:
            answer = await client.post("/graphql", json=QUERY, headers={"Authorization": f"Bearer {tokens[name]}"})
            return answer.status_code, answer.headers.get("ratelimit", "").partition(";t=")[0]

        assert [await asked("one") for _ in range(2)] == [(200, '"principal";r=149'), (429, '"principal";r=99')]
        assert await asked("other") == (200, '"principal";r=149')
        guest = await client.post("/graphql", json=QUERY)
    assert (guest.status_code, guest.headers.get("ratelimit")) == (200, None)
