"""GraphQL over HTTP beyond what the audit of graphql-http asks: refusals, caching, browsers, and a store that is away."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from api.graphql.page import POLICY, page
from api.graphql.schema import build_schema, core_schema
from api.graphql.validators import BESIDE_THE_LOG
from graph.store import Batch, CatalogError, SourceFile
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CAUSE, CONFIGURED, REGISTRY, described, write_of
from tests.api.http import RESPONSE, ask, client_of, until_ready

COUNT = "{ entities { totalCount } }"
ERRORS = "{ catalogErrors { totalCount } }"


@pytest.fixture
def store(filled_file: Path, tmp_path: Path) -> SqliteStore:
    shutil.copy(filled_file, tmp_path / "catalog.db")
    return SqliteStore(tmp_path / "catalog.db", CONFIGURED)


@pytest.fixture
async def client(store: SqliteStore) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(store) as opened:
        await until_ready(opened)
        yield opened


def _message(answer: httpx.Response) -> str:
    [error] = answer.json()["errors"]
    return error["message"]


async def test_an_answer_has_data_and_what_it_cost(client: httpx.AsyncClient):
    answer = await ask(client, '{ entity(ref: "component:default/shop") { title } }')
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{RESPONSE}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {"data": {"entity": {"title": "The Shop"}}, "extensions": {"cost": {"estimated": 1, "limit": 200_000}}}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        (f"{RESPONSE}, application/json;q=0.9", RESPONSE),
        (f"application/json;q=0.5, {RESPONSE};q=0.4", "application/json"),
        (f"application/json, {RESPONSE}", RESPONSE),
        ("application/*", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
        (f"{RESPONSE};q=0, */*;q=0.1", "application/json"),
    ],
)
async def test_the_media_type_is_the_one_the_client_likes_most(client: httpx.AsyncClient, accept: str, media_type: str):
    answer = await client.get("/graphql", params={"query": COUNT}, headers={"Accept": accept})
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "application/json;q=high"])
async def test_a_client_that_takes_no_answer_is_told_so(client: httpx.AsyncClient, accept: str):
    answer = await client.get("/graphql", params={"query": COUNT}, headers={"Accept": accept})
    assert answer.status_code == 406
    assert _message(answer) == f"Answers are {RESPONSE} or application/json; the Accept header allows neither."


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql", "application/jsonp"],
)
async def test_a_body_that_another_site_could_make_a_browser_send_is_refused(client: httpx.AsyncClient, content_type: str):
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await client.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert answer.status_code == 415
    assert _message(answer) == "POST needs a JSON body and the header Content-Type: application/json."


@pytest.mark.parametrize(("charset", "status"), [("utf-8", 200), ('"UTF-8"', 200), ("utf-16", 415), ("latin-1", 415)])
async def test_a_body_is_read_as_utf_8_only(client: httpx.AsyncClient, charset: str, status: int):
    headers = {"Content-Type": f"application/json; charset={charset}"}
    answer = await client.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not valid JSON: "),
        (b"{", "The body is not valid JSON: "),
        (b'{"query": "\xff"}', "The body is not valid JSON: "),
        (b'{"query": "{ a }", "variables": ' + b'{"a":' * 2_000 + b"1" + b"}" * 2_001, "The body is not valid JSON: "),
        (b'[{"query": "{ __typename }"}]', "Batches are not served; send each operation in a request of its own."),
        (b'"text"', "The body has to be a JSON object"),
        (b'{"query": " "}', "`query` is missing; it holds the GraphQL document, as a string."),
        (b'{"query": "{ a }", "operationName": 1}', "`operationName` has to be a string or null."),
        (b'{"query": "{ a }", "variables": []}', "`variables` has to be an object or null."),
        (b'{"query": "{ a }", "extensions": ""}', "`extensions` has to be an object or null."),
    ],
)
async def test_a_body_that_is_no_request_is_refused_with_the_reason(client: httpx.AsyncClient, body: bytes, message: str):
    answer = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert _message(answer).startswith(message)
    assert answer.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_refused_whether_announced_or_not(store: SqliteStore, announced: bool):
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 10

    async with client_of(store, maxRequestBytes=100) as client:
        content = b" " * 200 if announced else chunks()
        answer = await client.post("/graphql", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert _message(answer).endswith("bytes or more; the limit is 100 (graphql.maxRequestBytes).")
    assert answer.json()["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}


async def test_other_methods_are_refused_with_those_that_are_answered(client: httpx.AsyncClient):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await client.request(method, "/graphql")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_get_executes_queries_only(client: httpx.AsyncClient):
    answer = await client.get("/graphql", params={"query": "mutation { a }"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert _message(answer) == "Only queries are answered to GET; send other operations by POST."


async def test_get_takes_variables_and_a_name(client: httpx.AsyncClient):
    query = "query A { __typename } query B($ref: String!) { entity(ref: $ref) { title } }"
    parameters = {"query": query, "operationName": "B", "variables": '{"ref": "component:shop"}', "extensions": "{}"}
    assert (await client.get("/graphql", params=parameters)).json()["data"] == {"entity": {"title": "The Shop"}}
    refused = await client.get("/graphql", params={**parameters, "variables": "{"})
    assert (refused.status_code, _message(refused)[:29]) == (400, "`variables` is not valid JSON")


async def test_a_name_is_needed_among_several_operations(client: httpx.AsyncClient):
    several = "query A { __typename } query B { __typename }"
    unnamed, unknown = await ask(client, several), await ask(client, several, operationName="C")
    assert (unnamed.status_code, unknown.status_code) == (400, 400)
    assert _message(unnamed) == "The document has several operations; say in `operationName` which one to execute."
    assert _message(unknown) == "The document has no operation named 'C'."


async def test_subscriptions_are_refused(client: httpx.AsyncClient):
    answer = await ask(client, "subscription { a }")
    assert answer.status_code == 400
    assert _message(answer) == "Subscriptions are not served over this connection."


async def _get(client: httpx.AsyncClient, query: str, etag: str = "") -> httpx.Response:
    return await client.get("/graphql", params={"query": query}, headers={"If-None-Match": etag} if etag else {})


async def test_an_answer_from_the_log_is_not_sent_again_while_the_log_stands_still(client: httpx.AsyncClient, store: SqliteStore):
    first = await _get(client, COUNT)
    tag = first.headers["etag"]
    assert (first.headers["cache-control"], first.headers["vary"]) == ("private, no-cache", "Accept, Authorization, Cookie")
    again = await _get(client, COUNT, f'"other", W/{tag}')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await store.apply(Batch(CAUSE, [write_of(described("Component", "new", {"type": "service"}))]))
    changed = await _get(client, COUNT, tag)
    assert changed.status_code == 200
    assert changed.json()["data"]["entities"]["totalCount"] == first.json()["data"]["entities"]["totalCount"] + 1
    assert changed.headers["etag"] != tag


async def test_an_answer_from_beside_the_log_changes_its_tag_with_its_content(client: httpx.AsyncClient, store: SqliteStore):
    first = await _get(client, ERRORS)
    assert (await _get(client, ERRORS, first.headers["etag"])).status_code == 304
    error = CatalogError("loc-1", "/catalog/new.yaml", "yaml", "a tab", "Use blanks.")
    head = await store.head()
    await store.apply(Batch(CAUSE, files=[SourceFile("loc-1", "/catalog/new.yaml", "x")], errors=[error]))
    assert await store.head() == head
    changed = await _get(client, ERRORS, first.headers["etag"])
    assert changed.json()["data"]["catalogErrors"]["totalCount"] == first.json()["data"]["catalogErrors"]["totalCount"] + 1


async def test_a_filter_by_errors_counts_as_beside_the_log(client: httpx.AsyncClient):
    tagged = await _get(client, "{ entities(filter: { hasErrors: true }) { totalCount } }")
    assert tagged.headers["etag"].startswith('"content-')
    assert (await _get(client, COUNT)).headers["etag"].startswith('"log-')


async def test_what_is_asked_and_configured_is_part_of_the_tag(client: httpx.AsyncClient, store: SqliteStore):
    tags = [
        (await _get(client, COUNT)).headers["etag"],
        (await _get(client, COUNT + " ")).headers["etag"],
        (await client.get("/graphql", params={"query": COUNT}, headers={"Accept": RESPONSE})).headers["etag"],
    ]
    async with client_of(store, maxDepth=10) as other:
        await until_ready(other)
        tags.append((await _get(other, COUNT)).headers["etag"])
    assert len(set(tags)) == 4


async def test_an_answer_with_errors_has_no_tag(client: httpx.AsyncClient):
    answer = await _get(client, '{ entity(ref: "::") { title } }')
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "etag" not in answer.headers


def test_every_type_that_tells_of_reading_is_known_to_change_beside_the_log():
    schema = core_schema(build_schema(REGISTRY))
    assert set(BESIDE_THE_LOG) <= set(schema.type_map)
    telling = {"line", "readAt", "remedy", "error", "errors", "failedLocations", "location"}
    entities = {*(type_.name for type_ in schema.get_possible_types(schema.type_map["Entity"])), "Entity"}
    found = {name for name, type_ in schema.type_map.items() if telling & set(getattr(type_, "fields", {})) and name not in entities}
    assert found - BESIDE_THE_LOG == set()


async def test_browsers_get_the_page_and_only_they(client: httpx.AsyncClient):
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    html = await client.get("/graphql", headers=browser)
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert html.headers["content-security-policy"] == POLICY
    data = await client.get("/graphql", params={"query": COUNT}, headers=browser)
    assert data.headers["content-type"] == "application/json; charset=utf-8"
    assert (await client.get("/graphql")).status_code == 400


async def test_the_page_can_be_switched_off(store: SqliteStore):
    async with client_of(store, graphiql=False) as client:
        answer = await client.get("/graphql", headers={"Accept": "text/html, */*"})
    assert (answer.status_code, _message(answer)[:18]) == (400, "`query` is missing")


def test_without_built_files_the_page_says_what_to_do(tmp_path: Path):
    response = page(tmp_path)
    assert response.status_code == 200
    assert "scripts/web" in bytes(response.body).decode()


async def test_every_response_is_protected(client: httpx.AsyncClient):
    for path in ("/livez", "/nowhere", "/graphql?query={__typename}", "/graphiql/nothing.js", "/"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_what_is_not_served_is_an_error_in_the_form_of_backstage(client: httpx.AsyncClient):
    answer = await client.get("/api/nothing")
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {"name": "NotFoundError", "message": "Nothing is served at /api/nothing"},
        "request": {"method": "GET", "url": "/api/nothing"},
        "response": {"statusCode": 404},
    }
    wrong = await client.delete("/livez")
    assert (wrong.status_code, wrong.json()["error"]["name"]) == (405, "MethodNotAllowedError")


async def test_the_root_leads_to_graphql(client: httpx.AsyncClient):
    answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "graphql")


async def test_alive_and_ready(client: httpx.AsyncClient):
    assert (await client.get("/livez")).json() == {"status": "alive"}
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "parts": {"store": "ready"}})


async def test_a_store_that_is_away_at_the_start_is_told_and_found_when_it_comes(tmp_path: Path):
    (tmp_path / "catalog.db").mkdir()
    began: list[str] = []

    @asynccontextmanager
    async def background() -> AsyncIterator[None]:
        began.append("background")
        yield

    async with client_of(SqliteStore(tmp_path / "catalog.db", CONFIGURED), background=background, opens=False) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
        assert ready.json() == {
            "status": "not ready",
            "parts": {"store": "not open yet; it is tried again every few seconds, and the log says why"},
        }
        for answer in (await ask(client, COUNT), await _get(client, COUNT), await client.post("/graphql", json={"query": COUNT})):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
            assert "data" not in answer.json()
        assert began == []
        (tmp_path / "catalog.db").rmdir()
        await until_ready(client)
        assert (await ask(client, COUNT)).json()["data"] == {"entities": {"totalCount": 0}}
        assert began == ["background"]


async def test_a_store_that_goes_away_is_told_and_nothing_of_it_leaks(client: httpx.AsyncClient, store: SqliteStore):
    await store.close()
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["parts"]) == (503, {"store": "does not answer; the log says why"})
    for answer in (await ask(client, "{ viewer { ref } entities { totalCount } }"), await _get(client, COUNT)):
        assert answer.status_code == 503
        assert answer.json() == {
            "errors": [
                {
                    "message": "The store can't be reached at the moment. Try again in a few seconds; /readyz says when it is back.",
                    "extensions": {"code": "UNAVAILABLE"},
                }
            ]
        }
