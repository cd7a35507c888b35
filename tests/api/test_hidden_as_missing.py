"""A hidden and a missing ref are one to whoever asks: the same answers, by the same queries, on both stores."""

import logging
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from api.graphql.cursors import id_of
from graph.refs import Ref, uid_of
from graph.relations import RelationRegistry
from graph.store import Batch, CatalogError, Claim, SourceFile, Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore
from tests.api.acting import Acting, acting_on, document
from tests.api.catalog import CAUSE, LOCATION, described, write_of

HIDDEN, MISSING = Ref("component:default/secret-h"), Ref("component:default/secret-m")

CATALOG = [
    described("Group", "team", {"type": "team", "children": []}),
    described("Component", "open", {"type": "service", "owner": "team", "dependsOn": [HIDDEN, MISSING]}),
    described("Component", "secret-h", {"type": "service", "owner": "team", "dependsOn": ["component:open"]}, tags=["secret"]),
]

_MAY = [action for kind, names in {"entity": "read create refresh delete validate", "location": "read create delete analyze"}.items()
        for action in (f"catalog.{kind}.{name}" for name in names.split())]  # fmt: skip
_RULES = [{"allow": _MAY, "to": ["everyone"]}, {"deny": ["catalog.entity.read"], "to": ["everyone"], "if": {"hasTag": ["secret"]}}]
POLICIES: Mapping[str, Mapping[str, Any]] = {
    "hidden": {"rules": _RULES},
    "redacted": {
        "rules": _RULES,
        "references": "hidden",
        "redact": [{"fields": ["spec.type", "metadata.title"], "from": ["everyone"], "if": {"isEntityKind": ["Component"]}}],
    },
}


_opened: list[sqlite3.Connection] = []
"""What was connected to while a test of this module runs."""

_collecting: list[bool] = []


def _collect(event: str, arguments: tuple[object, ...]) -> None:
    if event == "sqlite3.connect/handle" and _collecting and isinstance(connection := arguments[0], sqlite3.Connection):
        _opened.append(connection)


sys.addaudithook(_collect)


@pytest.fixture(autouse=True)
def _connections() -> Iterator[None]:
    _collecting.append(True)
    yield
    _collecting.clear()
    _opened.clear()


@contextmanager
def _sql_recorded() -> Iterator[list[str]]:
    seen: list[str] = []
    for connection in _opened:
        with suppress(sqlite3.ProgrammingError):
            connection.set_trace_callback(seen.append)
    yield seen
    for connection in _opened:
        with suppress(sqlite3.ProgrammingError):
            connection.set_trace_callback(None)


class _Bolt(logging.Handler):
    """Keeps what the driver says that it sends."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if " C: RUN " in message:
            self._seen.append(message.partition(" C: RUN ")[2])


@contextmanager
def _cypher_recorded() -> Iterator[list[str]]:
    seen: list[str] = []
    handler, log = _Bolt(seen), logging.getLogger("neo4j.io")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield seen
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


Recorded = Callable[[], Any]


@pytest.fixture(params=["sqlite", "neo4j"])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    return _sql_recorded if request.param == "sqlite" else _cypher_recorded


@pytest.fixture(params=POLICIES)
async def acting(request: pytest.FixtureRequest, recorded: Recorded, tmp_path: Path) -> AsyncIterator[Acting]:
    registry = RelationRegistry()
    store: Store = (
        SqliteStore(tmp_path / "catalog.db", registry)
        if recorded is _sql_recorded
        else Neo4jStore(request.getfixturevalue("empty_neo4j_uri"), registry=registry)
    )
    await store.open()
    await _stock(store)
    async with acting_on(store, tmp_path, {}, permission=POLICIES[request.param]) as acting:
        yield acting


async def _stock(store: Store) -> None:
    """A catalog in which much is known of what is hidden."""
    errors = [CatalogError("loc-1", "/catalog/x.yaml", "code", f"about {HIDDEN}", "remedy", 0, 1, 1, HIDDEN)]
    claims = [Claim(HIDDEN, "loc-1", "/catalog/x.yaml", 0, 1)]
    files = [SourceFile("loc-1", "/catalog/x.yaml", "digest", claims=[HIDDEN])]
    writes = [write_of(each) for each in CATALOG]
    await store.apply(Batch(CAUSE, writes, files=files, claims=claims, errors=errors, locations=[LOCATION]))
    changed = {**CATALOG[2], "spec": {"type": "library"}}
    await store.apply(Batch(CAUSE, [write_of(changed, previous=CATALOG[2])]))


QUERIES = {
    "entity": "query ($r: String!) { entity(ref: $r) { ref history { nodes { sequence } } } }",
    "at": 'query ($r: String!) { entity(ref: $r, at: "3") { ref relations { totalCount } } }',
    "several": "query ($r: String!) { entitiesByRef(refs: [$r]) { ref errors { code } } }",
    "node": "query ($i: ID!) { node(id: $i) { id } }",
    "why": """query ($r: String!) { whyMissing(ref: $r) { presence explanation errors { code } claims { path } lastChange { sequence }
        references { entity { ref } } nearest { ref } sameName { ref } failedLocations { id } leavesAt } }""",
    "impact": "query ($r: String!) { impact(of: [$r]) { totalCount roots { ref } byType { value } nodes { ref } } }",
    "paths": """query ($r: String!) { paths(from: $r, to: "component:open") { length }
        back: paths(from: "component:open", to: $r) { length } }""",
    "changes": "query ($r: String!) { changes(of: [$r]) { totalCount nodes { ref } } }",
    "diff": 'query ($r: String!) { diff(from: "0", of: [$r]) { totalCount nodes { ref } } }',
    "errors": "query ($r: String!) { catalogErrors(of: [$r]) { totalCount nodes { ref } } }",
    "key": 'query ($r: String!) { _entities(representations: [{ __typename: "Component", ref: $r }]) { __typename } }',
    "owner": "query ($r: String!) { entities(filter: { owner: [$r] }) { totalCount } }",
    "leading": """query ($r: String!) {
        entities(filter: { related: [{ relation: DEPENDS_ON, direction: OUT, target: [$r], transitive: true }] }) { totalCount } }""",
    "refresh": "mutation ($r: String!) { refresh(of: [$r]) { unknown locations { id } } }",
}  # fmt: skip


async def _answers(acting: Acting, ref: Ref) -> Sequence[tuple[str, Callable[[], Any]]]:
    name = ref.rpartition("/")[2]
    by_name, client = f"entities/by-name/component/default/{name}", acting.client
    asked: list[tuple[str, Callable[[], Any]]] = [
        (key, lambda text=text: client.post("/graphql", json={"query": text, "variables": {"r": ref, "i": id_of(ref)}}))
        for key, text in QUERIES.items()
    ]
    asked += [
        (path, lambda path=path: client.get(f"/api/catalog/{path}"))
        for path in (by_name, f"{by_name}/ancestry", f"entities/by-uid/{uid_of(ref)}", f"locations/by-entity/component/default/{name}",
                     f"entities/by-query?filter=relations.dependsOn={ref}", f"entities?filter=metadata.name={name}")
    ]  # fmt: skip
    return [
        *asked,
        ("by-refs", lambda: client.post("/api/catalog/entities/by-refs", json={"entityRefs": [ref]})),
        ("refresh by REST", lambda: client.post("/api/catalog/refresh", json={"entityRef": ref})),
        ("delete", lambda: client.delete(f"/api/catalog/entities/by-uid/{uid_of(ref)}")),
    ]


def _unnamed(text: str) -> str:
    for ref in (HIDDEN, MISSING):
        for told in (uid_of(ref), id_of(ref), ref.rpartition("/")[2]):
            text = text.replace(told, "X")
    return text


async def test_a_hidden_and_a_missing_ref_get_the_same_answers_by_the_same_queries(acting: Acting, recorded: Recorded) -> None:
    for (key, of_hidden), (_, of_missing) in zip(await _answers(acting, HIDDEN), await _answers(acting, MISSING), strict=True):
        told = []
        for ask in (of_missing, of_hidden):
            with recorded() as queries:
                answer = await ask()
            # Nodes are named by numbers, of which each has its own.
            told.append((answer.status_code, _unnamed(answer.text), sorted(re.sub(r"\d+", "0", _unnamed(text)) for text in queries)))
        assert told[1] == told[0], key
        assert any("X" in text for text in told[0][2]) or key in {"diff"}, key


async def test_pushing_a_hidden_ref_is_told_of_as_pushing_a_missing_one(acting: Acting) -> None:
    told = []
    for ref in (MISSING, HIDDEN):
        entity = document(ref.rpartition("/")[2], owner="group:default/team")
        for method, body in (("PUT", {"entities": [entity]}), ("PATCH", {"added": [entity]}), ("PATCH", {"removed": [ref]})):
            answer = await acting.client.request(method, "/api/catalog/entity-sets/mine", params={"dryRun": "true"}, json=body)
            told.append((answer.status_code, _unnamed(answer.text)))
    assert told[3:] == told[:3]
