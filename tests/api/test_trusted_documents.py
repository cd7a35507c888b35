"""Operations that were registered beforehand: asked for by id, and where nothing else is executed, everything else refused."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api.graphql.trusted import Documents, documents_from
from config.errors import ConfigurationError
from config.graphql import TrustedDocuments
from config.load import load
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CONFIGURED
from tests.api.http import RESPONSE, client_of

TITLE = 'query Title { entity(ref: "component:default/shop") { title } }'
OTHER = "{ __typename }"
TITLE_ID = sha256(TITLE.encode()).hexdigest()
OTHER_ID = sha256(OTHER.encode()).hexdigest()
SHOWN = {"entity": {"title": "The Shop"}}


def _persisted(id: str) -> dict[str, object]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "documents" / "shop").mkdir(parents=True)
    (tmp_path / "documents" / "shop" / "title.graphql").write_text(TITLE)
    return tmp_path / "documents"


@pytest.fixture
def store(filled_file: Path) -> SqliteStore:
    return SqliteStore(filled_file, CONFIGURED)


async def _asked(store: SqliteStore, trusted: dict[str, Any] | None, *bodies: dict[str, Any]) -> list[httpx.Response]:
    async with client_of(store, **({"trustedDocuments": trusted} if trusted else {})) as client:
        return [await client.post("/graphql", json=body, headers={"Accept": RESPONSE}) for body in bodies]


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    [error] = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"]


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": "shop/title"},
        {"documentId": TITLE_ID},
        {"documentId": f"sha256:{TITLE_ID}"},
        _persisted(TITLE_ID),
        {"query": TITLE},
        {"query": TITLE, **_persisted(TITLE_ID)},
    ],
)
@pytest.mark.parametrize("only", [True, False])
async def test_a_registered_operation_is_executed_however_it_is_named(store: SqliteStore, folder: Path, body: dict[str, Any], only: bool):
    [answer] = await _asked(store, {"path": str(folder), "only": only}, body)
    assert (answer.status_code, answer.json()["data"]) == (200, SHOWN)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": OTHER}, 403, "FORBIDDEN"),
        ({"query": f"{TITLE} "}, 403, "FORBIDDEN"),
        ({"query": OTHER, **_persisted(OTHER_ID)}, 403, "FORBIDDEN"),
        ({"query": OTHER, "documentId": "shop/title"}, 400, "BAD_USER_INPUT"),
        ({"documentId": OTHER_ID}, 404, "PERSISTED_QUERY_NOT_FOUND"),
        (_persisted(OTHER_ID), 404, "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": "../shop/title"}, 404, "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": ["shop/title"]}, 400, "BAD_USER_INPUT"),
        ({"query": "{ __schema { types { name } } }"}, 403, "FORBIDDEN"),
        ({}, 400, "BAD_USER_INPUT"),
    ],
)
async def test_where_only_registered_operations_are_executed_all_others_are_refused(
    store: SqliteStore, folder: Path, body: dict[str, Any], status: int, code: str
):
    [answer] = await _asked(store, {"path": str(folder), "only": True}, body)
    assert _refusal(answer) == (status, code)


async def test_without_that_what_is_not_registered_is_executed_and_never_remembered(store: SqliteStore, folder: Path):
    first, sent, again = await _asked(
        store, {"path": str(folder)}, _persisted(OTHER_ID), {"query": OTHER, **_persisted(OTHER_ID)}, _persisted(OTHER_ID)
    )
    assert [_refusal(answer) for answer in (first, again)] == [(404, "PERSISTED_QUERY_NOT_FOUND")] * 2
    assert sent.json()["data"] == {"__typename": "Query"}


async def test_a_text_that_is_not_the_one_of_its_id_is_refused(store: SqliteStore):
    wrong, unknown = await _asked(store, None, {"query": OTHER, **_persisted(TITLE_ID)}, _persisted(TITLE_ID))
    assert [_refusal(wrong), _refusal(unknown)] == [(400, "BAD_USER_INPUT"), (404, "PERSISTED_QUERY_NOT_FOUND")]


async def test_a_get_and_a_stream_of_events_take_ids_and_nothing_else_either(store: SqliteStore, folder: Path):
    trusted = {"path": str(folder), "only": True}
    async with client_of(store, trustedDocuments=trusted) as client:
        shown = await client.get("/graphql", params={"documentId": "shop/title"})
        events = {"Accept": "text/event-stream"}
        streamed = await client.get("/graphql", params={"documentId": "shop/title"}, headers=events)
        refused = [
            await client.get("/graphql", params={"query": OTHER}),
            await client.get("/graphql", params={"query": OTHER}, headers=events),
            await client.post("/graphql", json={"query": "subscription { entityChanges { ref } }"}, headers=events),
        ]
    assert shown.json()["data"] == SHOWN
    assert b'event: next\ndata: {"data":{"entity":{"title":"The Shop"}}' in streamed.content
    assert [_refusal(answer) for answer in refused] == [(403, "FORBIDDEN")] * 3


@pytest.mark.parametrize(
    "manifest",
    [
        {"title": TITLE},
        {"sha256:title": TITLE},
        {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "title", "name": "Title", "body": TITLE}]},
    ],
)
def test_a_manifest_names_operations_as_the_usual_tools_write_it(tmp_path: Path, manifest: dict[str, Any]):
    (tmp_path / "manifest.json").write_bytes(orjson.dumps(manifest))
    documents = documents_from(TrustedDocuments(path=tmp_path / "manifest.json", only=True))
    assert len(documents) == 1
    assert {documents.text_of({"documentId": named}) for named in ("title", "sha256:title", TITLE_ID)} == {TITLE}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "holds no operations"),
        (b"[]", "it has to be an object"),
        (b"{", "is no manifest of operations"),
        (b'{"a": 1}', "each operation has an id and a text"),
    ],
)
def test_what_is_no_manifest_stops_the_start(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=message) as raised:
        documents_from(TrustedDocuments(path=tmp_path / "manifest.json"))
    assert raised.value.key == "graphql.trustedDocuments.path"
    with pytest.raises(ConfigurationError, match="No such file"):
        documents_from(TrustedDocuments(path=tmp_path / "nothing.json"))


def test_the_path_is_relative_to_the_file_that_names_it(tmp_path: Path):
    (tmp_path / "app-config.yaml").write_text("graphql: { trustedDocuments: { path: documents } }")
    trusted = load(environ={}, folder=tmp_path).graphql.trusted_documents
    assert trusted is not None
    assert trusted.path == tmp_path / "documents"


def test_nothing_is_registered_unless_it_is_configured():
    assert len(Documents()) == 0
