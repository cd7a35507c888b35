"""A small server that answers the routes of Meilisearch which the search index uses, over HTTP, with tasks that can be held up or fail.

It stands in for Meilisearch where there is none: for how requests, tasks and errors go, not for how well it finds. What it is asked and
answers is kept as `exchanges`, which tests hold against Meilisearch's published description of its API.
"""

import asyncio
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from tests.servers.meilisearch_search import Engine, Filter, Row, WrongRequestError, asked

DEFAULTS: Row = {
    "searchableAttributes": [],
    "filterableAttributes": [],
    "synonyms": {},
    "rankingRules": [],
    "typoTolerance": {"minWordSizeForTypos": {"oneTypo": 5, "twoTypos": 9}},
    "pagination": {"maxTotalHits": 1000},
    "faceting": {"maxValuesPerFacet": 100},
}
_TIME = "2025-01-01T00:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    method: str
    path: str
    query: str
    body: Any
    status: int
    answer: Any


@dataclass(slots=True)
class Index:
    """An index: its rows by their key, and its settings."""

    key: str | None
    rows: dict[str, Row] = field(default_factory=dict[str, Row])
    settings: Row = field(default_factory=lambda: dict(DEFAULTS))


Work = Callable[[], None]


@dataclass(slots=True)
class MeilisearchEmulator:
    """The server.

    While `held` is set, tasks stay enqueued. `failures` are error codes by the type of the task that shall fail next. Every call is
    answered `late_seconds` later, and with `broken`, a status and a body, if that is set.
    """

    key: str
    port: int = 0
    indexes: dict[str, Index] = field(default_factory=dict[str, Index])
    tasks: list[Row] = field(default_factory=list[Row])
    exchanges: list[Exchange] = field(default_factory=list[Exchange])
    failures: dict[str, str] = field(default_factory=dict[str, str])
    broken: tuple[int, bytes] | None = None
    late_seconds: float = 0
    held: threading.Event = field(default_factory=threading.Event)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _works: list[Work] = field(default_factory=list[Work])
    _done: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, target: str, body: Any, key: str) -> tuple[int, Any]:
        """The status and the JSON with which a request is answered."""
        parts = urlsplit(target)
        try:
            if key != f"Bearer {self.key}":
                return 403, _error("invalid_api_key", "The provided API key is invalid.", "auth")
            with self.lock:
                status, answer = self._routed(method, parts.path, parse_qs(parts.query), body)
        except WrongRequestError as wrong:
            missing = wrong.code in {"index_not_found", "document_not_found", "task_not_found"}
            status, answer = 404 if missing else 400, _error(wrong.code, str(wrong))
        self.exchanges.append(Exchange(method, parts.path, parts.query, body, status, answer))
        return status, answer

    def _routed(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        for verb, pattern, handle in _ROUTES:
            if verb == method and (match := re.fullmatch(pattern, path)):
                return handle(self, *match.groups(), query=query, body=body)
        raise WrongRequestError("not_found", f"no route {method} {path}")

    def _enqueue(self, kind: str, index: str | None, work: Work) -> tuple[int, Row]:
        uid = len(self.tasks)
        self.tasks.append({"uid": uid, "indexUid": index, "status": "enqueued", "type": kind, "enqueuedAt": _TIME, "error": None})
        self._works.append(work)
        return 202, {"taskUid": uid, "indexUid": index, "status": "enqueued", "type": kind, "enqueuedAt": _TIME}

    async def has_enqueued(self) -> None:
        """Return once a task waits."""
        while self._done == len(self._works):  # noqa: ASYNC110 - the server is in other threads
            await asyncio.sleep(0.01)

    def run_tasks(self) -> None:
        """Carry out what is enqueued, in order, unless it is held up."""
        with self.lock:
            while self._done < len(self._works) and not self.held.is_set():
                task = self.tasks[self._done]
                try:
                    if (code := self.failures.pop(task["type"], None)) is not None:
                        raise WrongRequestError(code, "as the test said")
                    self._works[self._done]()
                    task["status"] = "succeeded"
                except WrongRequestError as wrong:
                    task.update(status="failed", error=_error(wrong.code, str(wrong)))
                self._done += 1

    def _index(self, uid: str) -> Index:
        if uid not in self.indexes:
            raise WrongRequestError("index_not_found", f"Index `{uid}` not found.")
        return self.indexes[uid]

    def list_indexes(self, *, query: dict[str, list[str]], body: Any) -> tuple[int, Row]:
        limit = int(query.get("limit", ["20"])[0])
        shown = [{"uid": uid, "primaryKey": index.key, "createdAt": _TIME, "updatedAt": _TIME} for uid, index in self.indexes.items()]
        return 200, {"results": shown[:limit], "offset": 0, "limit": limit, "total": len(shown)}

    def create_index(self, *, query: dict[str, list[str]], body: Row) -> tuple[int, Row]:
        def work() -> None:
            if body["uid"] in self.indexes:
                raise WrongRequestError("index_already_exists", "It exists.")
            self.indexes[body["uid"]] = Index(body.get("primaryKey"))

        return self._enqueue("indexCreation", body["uid"], work)

    def delete_index(self, uid: str, *, query: dict[str, list[str]], body: Any) -> tuple[int, Row]:
        def work() -> None:
            self._index(uid)
            del self.indexes[uid]

        return self._enqueue("indexDeletion", uid, work)

    def swap_indexes(self, *, query: dict[str, list[str]], body: list[dict[str, list[str]]]) -> tuple[int, Row]:
        def work() -> None:
            for swap in body:
                one, two = swap["indexes"]
                self.indexes[one], self.indexes[two] = self._index(two), self._index(one)

        return self._enqueue("indexSwap", None, work)

    def update_settings(self, uid: str, *, query: dict[str, list[str]], body: Row) -> tuple[int, Row]:
        return self._enqueue("settingsUpdate", uid, lambda: self._index(uid).settings.update(body))

    def add_documents(self, uid: str, *, query: dict[str, list[str]], body: list[Row]) -> tuple[int, Row]:
        def work() -> None:
            index = self.indexes.setdefault(uid, Index(query.get("primaryKey", [""])[0]))
            for row in body:
                name = str(row[str(index.key)])
                if not re.fullmatch(r"[A-Za-z0-9_-]{1,511}", name):
                    raise WrongRequestError("invalid_document_id", name)
                index.rows[name] = row

        return self._enqueue("documentAdditionOrUpdate", uid, work)

    def delete_documents(self, uid: str, *, query: dict[str, list[str]], body: Row) -> tuple[int, Row]:
        def work() -> None:
            index = self._index(uid)
            holds = Filter(body["filter"], index.settings["filterableAttributes"]).holds
            index.rows = {key: row for key, row in index.rows.items() if not holds(row)}

        return self._enqueue("documentDeletion", uid, work)

    def fetch_documents(self, uid: str, *, query: dict[str, list[str]], body: Row) -> tuple[int, Row]:
        index = self._index(uid)
        holds = Filter(body["filter"], index.settings["filterableAttributes"]).holds
        found = [row for row in index.rows.values() if holds(row)]
        limit = body.get("limit", 20)
        shown = [{name: row[name] for name in body["fields"] if name in row} for row in found[:limit]]
        return 200, {"results": shown, "offset": 0, "limit": limit, "total": len(found)}

    def get_document(self, uid: str, key: str, *, query: dict[str, list[str]], body: Any) -> tuple[int, Row]:
        if key not in self._index(uid).rows:
            raise WrongRequestError("document_not_found", f"Document `{key}` not found.")
        return 200, self.indexes[uid].rows[key]

    def get_task(self, uid: str, *, query: dict[str, list[str]], body: Any) -> tuple[int, Row]:
        self.run_tasks()
        # As for a key that is restricted to some indexes, which can't see the tasks of several.
        if int(uid) >= len(self.tasks) or self.tasks[int(uid)]["type"] == "indexSwap":
            raise WrongRequestError("task_not_found", f"Task `{uid}` not found.")
        return 200, dict(self.tasks[int(uid)])

    def get_tasks(self, *, query: dict[str, list[str]], body: Any) -> tuple[int, Row]:
        self.run_tasks()
        statuses, uids, limit = query["statuses"][0].split(","), query["indexUids"][0].split(","), int(query["limit"][0])
        found = [dict(task) for task in self.tasks if task["status"] in statuses and task["indexUid"] in uids]
        return 200, {"results": found[:limit], "total": len(found), "limit": limit, "from": None, "next": None}

    def search(self, uid: str, *, query: dict[str, list[str]], body: Row) -> tuple[int, Row]:
        index = self._index(uid)
        holds = Filter(body["filter"], index.settings["filterableAttributes"]).holds
        attributes = body.get("attributesToSearchOn", index.settings["searchableAttributes"])
        engine, q = Engine(index.settings), asked(body["q"])
        scored = [(score, row) for row in index.rows.values() if holds(row) and (score := engine.score(row, q, attributes)) is not None]
        scored.sort(key=lambda found: (-found[0], -found[1]["centrality"], found[1]["order"]))
        page, size = body["page"], body["hitsPerPage"]
        total = min(len(scored), index.settings["pagination"]["maxTotalHits"])
        return 200, {
            "hits": [_shown(row, body["attributesToRetrieve"], score) for score, row in scored[(page - 1) * size : page * size]],
            "query": body["q"],
            "processingTimeMs": 0,
            "page": page,
            "hitsPerPage": size,
            "totalPages": -(-total // size) if size else 0,
            "totalHits": total,
            "facetDistribution": {name: _counted([row for _, row in scored], name, index) for name in body.get("facets", ())},
            "facetStats": {},
        }

    def multi_search(self, *, query: dict[str, list[str]], body: dict[str, list[Row]]) -> tuple[int, Row]:
        answers = [{**self.search(each["indexUid"], query=query, body=each)[1], "indexUid": each["indexUid"]} for each in body["queries"]]
        return 200, {"results": answers}


_UID = "([A-Za-z0-9_-]+)"
_ROUTES: list[tuple[str, str, Callable[..., tuple[int, Any]]]] = [
    ("GET", "/indexes", MeilisearchEmulator.list_indexes),
    ("POST", "/indexes", MeilisearchEmulator.create_index),
    ("DELETE", f"/indexes/{_UID}", MeilisearchEmulator.delete_index),
    ("POST", "/swap-indexes", MeilisearchEmulator.swap_indexes),
    ("PATCH", f"/indexes/{_UID}/settings", MeilisearchEmulator.update_settings),
    ("POST", f"/indexes/{_UID}/documents", MeilisearchEmulator.add_documents),
    ("POST", f"/indexes/{_UID}/documents/delete", MeilisearchEmulator.delete_documents),
    ("POST", f"/indexes/{_UID}/documents/fetch", MeilisearchEmulator.fetch_documents),
    ("GET", f"/indexes/{_UID}/documents/{_UID}", MeilisearchEmulator.get_document),
    ("POST", f"/indexes/{_UID}/search", MeilisearchEmulator.search),
    ("POST", "/multi-search", MeilisearchEmulator.multi_search),
    ("GET", "/tasks", MeilisearchEmulator.get_tasks),
    ("GET", "/tasks/([0-9]+)", MeilisearchEmulator.get_task),
]


def _error(code: str, message: str, kind: str = "invalid_request") -> Row:
    return {"message": message, "code": code, "type": kind, "link": f"https://docs.meilisearch.com/errors#{code}"}


def _shown(row: Row, attributes: list[str], score: float) -> Row:
    """The row's attributes, of which `a.b` is the b in a."""
    shown: Row = {"_rankingScore": score}
    for attribute in attributes:
        name, _, inner = attribute.partition(".")
        if not inner and name in row:
            shown[name] = row[name]
        elif inner in row.get(name, {}):
            shown.setdefault(name, {})[inner] = row[name][inner]
    return shown


def _counted(rows: list[Row], attribute: str, index: Index) -> dict[str, int]:
    if attribute not in index.settings["filterableAttributes"]:
        raise WrongRequestError("invalid_search_facets", f"attribute {attribute} is not filterable")
    values = [row.get(attribute, []) for row in rows]
    counts = Counter(value for each in values for value in (set(cast("list[str]", each)) if isinstance(each, list) else {each}))
    return dict(counts.most_common(index.settings["faceting"]["maxValuesPerFacet"]))


@contextmanager
def meilisearch_emulator(
    key: str = "the-key-of-the-emulator", stopped: MeilisearchEmulator | None = None
) -> Generator[MeilisearchEmulator]:
    """A server on a free port of the loopback interface; one that was stopped goes on where it was, with what it had."""
    emulator = stopped or MeilisearchEmulator(key)

    class Handler(BaseHTTPRequestHandler):
        """Answers one request of a connection after another."""

        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.command == "DELETE":
                # The client sends `null`, which the routes do not read.
                sent = b""
            time.sleep(emulator.late_seconds)
            if emulator.broken is not None:
                status, body = emulator.broken
            elif sent and self.headers.get("content-type") != "application/json":
                status, body = 415, json.dumps(_error("missing_content_type", "There is no content type.")).encode()
            else:
                status, answer = emulator.answer(self.command, self.path, json.loads(sent or "null"), self.headers["authorization"])
                body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        """Lets many callers wait, and takes it that some give up."""

        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)

    with Server(("127.0.0.1", emulator.port), Handler) as server:
        emulator.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield emulator
        server.shutdown()
