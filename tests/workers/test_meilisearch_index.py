"""`MeilisearchIndex` over HTTP: what it sends is what Meilisearch describes, and what goes wrong there or on the way is told and mended."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from graph.conditions import EVERYTHING, FactIn, fact_in
from graph.refs import Ref
from graph.store import FacetCount
from tests.servers.meilisearch import MeilisearchEmulator, meilisearch_emulator
from tests.servers.meilisearch_openapi import needed_api
from workers.search.index import IndexBatch, IndexState, IndexUnavailableError, SearchDocument, SearchQuery, TextField
from workers.search.meilisearch import MeilisearchIndex
from workers.search.meilisearch_server import RefusedCallError
from workers.search.terms import parsed

KEY = "k3y-that-nobody-may-read"
STATE = IndexState("catalog-1", "settings-1", 7)
LATER = IndexState("catalog-1", "settings-1", 8)


@pytest.fixture
def server() -> Iterator[MeilisearchEmulator]:
    with meilisearch_emulator(KEY) as emulator:
        yield emulator


@pytest.fixture
async def index(server: MeilisearchEmulator) -> AsyncIterator[MeilisearchIndex]:
    made = await of(server)
    yield made
    await made.close()


async def of(
    server: MeilisearchEmulator,
    *,
    key: str = KEY,
    synonyms: Sequence[Sequence[str]] = (("k8s", "kubernetes"),),
    timeout_seconds: int = 20,
    task_timeout_seconds: float = 60,
) -> MeilisearchIndex:
    made = MeilisearchIndex(
        server.url, key, "callboard", synonyms, timeout_seconds=timeout_seconds, task_timeout_seconds=task_timeout_seconds
    )
    await made.open()
    return made


def component(name: str, *, lifecycle: str = "production", centrality: int = 0, owner: str = "group:default/a") -> SearchDocument:
    ref = Ref(f"component:default/{name.lower()}")
    return SearchDocument(
        id=str(ref),
        source=str(ref),
        type="entity",
        ref=ref,
        location="",
        texts={TextField.NAME: name, TextField.DESCRIPTION: f"All about {name}"},
        facets={"kind": ["Component"], "lifecycle": [lifecycle]},
        leaves=frozenset({f"@{ref}", f"=spec.lifecycle={lifecycle.lower()}", f">ownedby>{owner}"}),
        centrality=centrality,
    )


def query(term: str, **more: object) -> SearchQuery:
    return SearchQuery(**{"terms": parsed(term), "visible": {"entity": EVERYTHING}} | more)  # pyright: ignore[reportArgumentType] - by name


async def fill(index: MeilisearchIndex, *documents: SearchDocument, state: IndexState = STATE) -> None:
    async with index.building() as build:
        await build.add(documents)
        await build.complete(state)


async def names(index: MeilisearchIndex, asked: SearchQuery) -> list[str]:
    return [hit.texts[TextField.NAME] for hit in (await index.search(asked)).hits]


async def test_every_request_and_answer_is_one_that_meilisearch_describes(server: MeilisearchEmulator, index: MeilisearchIndex):
    assert await index.state() is None
    await fill(index, component("checkoutService"), component("orders", lifecycle="Experimental"))
    await index.write(IndexBatch(LATER, ["component:default/orders"], [component("orders-db")]))
    found = await index.search(
        query('k8s "all about" -payments che', filter=fact_in("spec.lifecycle", ["production"]), facets=["kind", "documentType"], offset=3)
    )
    assert found.facets == {"kind": [FacetCount("Component", 1)], "documentType": [FacetCount("entity", 1)]}
    assert [source async for source in index.sources_with(">ownedby>group:default/a")] == [
        "component:default/checkoutservice",
        "component:default/orders-db",
    ]
    leaves = {"component:default/orders-db": frozenset({">ownedby>group:default/a"})}
    assert await index.edges_of(["component:default/orders", *leaves]) == leaves
    assert (await index.figures()).documents == 2
    with pytest.raises(IndexUnavailableError):
        await (await of(server, key="wrong")).state()
    await fill(index)
    api = needed_api()
    assert {(exchange.method, exchange.path.count("/")) for exchange in server.exchanges} == {
        ("GET", 1), ("POST", 1), ("GET", 2), ("DELETE", 2), ("POST", 3), ("PATCH", 3), ("POST", 4), ("GET", 4)
    }  # fmt: skip
    assert [misfit for exchange in server.exchanges for misfit in api.misfits(exchange)] == []


async def test_a_change_is_one_task_that_holds_the_state_too(server: MeilisearchEmulator, index: MeilisearchIndex):
    await fill(index, component("a"), component("b"), component("c"))
    before = len(server.tasks)
    await index.write(IndexBatch(LATER, ["component:default/a", "component:default/b"], [component("a", lifecycle="old")]))
    assert [task["type"] for task in server.tasks[before:]] == ["documentAdditionOrUpdate", "documentDeletion"]
    # Before the second, what is gone is in the index still, as nothing that is found.
    assert await names(index, query("")) == ["a", "c"]
    assert (await index.figures()).documents == 2
    assert await index.state() == LATER
    server.run_tasks()
    uid = next(iter(server.indexes))
    assert len(server.indexes[uid].rows) == 3


async def test_a_change_whose_task_fails_changes_nothing_and_says_why(server: MeilisearchEmulator, index: MeilisearchIndex):
    await fill(index, component("a"))
    server.failures["documentAdditionOrUpdate"] = "no_space_left_on_device"
    with pytest.raises(RefusedCallError, match=r"Meilisearch at 127\.0\.0\.1 could not carry out documentAdditionOrUpdate \(no_space_left"):
        await index.write(IndexBatch(LATER, ["component:default/a"], []))
    assert (await names(index, query("")), await index.state()) == (["a"], STATE)
    await index.write(IndexBatch(LATER, ["component:default/a"], []))
    assert (await names(index, query("")), await index.state()) == ([], LATER)


async def test_a_change_that_a_stopped_process_left_enqueued_comes_before_the_next(server: MeilisearchEmulator, index: MeilisearchIndex):
    await fill(index, component("a"))
    server.held.set()
    stopped = await of(server)
    writing = asyncio.create_task(stopped.write(IndexBatch(LATER, ["component:default/a"], [component("b", owner="x")])))
    await server.has_enqueued()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await stopped.close()
    assert (await names(index, query("")), await index.state()) == (["a"], STATE)
    repeated = asyncio.create_task(index.write(IndexBatch(LATER, ["component:default/a", "component:default/b"], [component("c")])))
    await asyncio.sleep(0.1)
    assert not repeated.done()
    server.held.clear()
    await repeated
    assert (await names(index, query("")), await index.state()) == (["c"], LATER)


async def test_a_build_answers_only_once_it_is_complete_and_leaves_nothing(server: MeilisearchEmulator, index: MeilisearchIndex):
    await fill(index, component("old"))
    async with index.building() as build:
        await build.add([component("new")])
        assert (await names(index, query("")), await index.state()) == (["old"], STATE)
        await build.complete(LATER)
        assert (await names(index, query("")), await index.state()) == (["new"], LATER)
    assert len(server.indexes) == 1


async def test_a_build_that_is_left_or_whose_process_was_stopped_is_dropped(server: MeilisearchEmulator, index: MeilisearchIndex):
    await fill(index, component("old"))
    async with index.building() as build:
        await build.add([component("new")])
    assert (await names(index, query("")), len(server.indexes)) == (["old"], 1)
    stopped = index.building()
    await (await stopped.__aenter__()).add([component("half")])
    assert len(server.indexes) == 2
    await fill(index, component("newer"), state=LATER)
    assert (await names(index, query("")), len(server.indexes)) == (["newer"], 1)


async def test_a_build_whose_task_fails_leaves_the_old_index(server: MeilisearchEmulator, index: MeilisearchIndex):
    await fill(index, component("old"))
    failures = {
        "settingsUpdate": r"carry out settingsUpdate \(internal\)",
        "documentAdditionOrUpdate": "documentAddition",
        "indexSwap": "in the place of",
    }
    for failing, message in failures.items():
        server.failures[failing] = "internal"
        with pytest.raises(IndexUnavailableError, match=message):
            await fill(index, component("new"), state=LATER)
        assert (await names(index, query("")), await index.state(), len(server.indexes)) == (["old"], STATE, 1)


async def test_other_settings_are_another_index_and_a_build_removes_those_of_other_settings(
    server: MeilisearchEmulator, index: MeilisearchIndex
):
    await fill(index, component("old"))
    server.indexes["callboard-of-somebody-else"] = server.indexes["other"] = next(iter(server.indexes.values()))
    configured = await of(server, synonyms=[("db", "database")])
    assert await configured.state() is None
    with pytest.raises(RefusedCallError, match="index_not_found"):
        await configured.search(query("old"))
    with pytest.raises(IndexUnavailableError, match="has to be built before"):
        await configured.write(IndexBatch(LATER))
    await fill(configured, component("new"))
    assert await names(configured, query("")) == ["new"]
    assert set(server.indexes) - {"callboard-of-somebody-else", "other"} == {configured._uid}  # pyright: ignore[reportPrivateUsage] - its name
    assert await index.state() is None


def answer(code: str) -> bytes:
    return json.dumps({"message": f"not with {KEY}", "code": code, "type": "internal", "link": ""}).encode()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (500, answer("internal"), r"refuses \(internal\): see the server's log"),
        (503, b"", r"refuses \(HTTP 503\): see the server's log"),
        (403, answer("invalid_api_key"), r"refuses \(invalid_api_key\): see that search.meilisearch.apiKey is valid"),
        (400, answer("invalid_search_filter"), r"refuses \(invalid_search_filter\): see that the server's version"),
        (200, f"<html>{KEY}</html>".encode(), "can't be reached; see that it runs"),
        (200, b"{}", r"answers something else than Meilisearch does \(KeyError\)"),
        (200, b"[1]", r"answers something else than Meilisearch does \(TypeError\)"),
        (200, json.dumps({"hits": [{"id": 1}], "page": 1, "hitsPerPage": 20, "totalHits": 1}).encode(), "answers something else"),
    ],
)
async def test_a_search_that_is_not_answered_as_it_should_be_is_unavailable(
    server: MeilisearchEmulator, index: MeilisearchIndex, status: int, body: bytes, message: str
):
    await fill(index, component("a"))
    server.broken = (status, body)
    with pytest.raises(IndexUnavailableError, match=message) as raised:
        await index.search(query("a"))
    assert KEY not in str(raised.value)
    assert raised.value.__cause__ is None
    server.broken = None
    assert await names(index, query("a")) == ["a"]


async def test_a_server_that_is_slow_gone_or_another_is_unavailable_and_opening_needs_none(server: MeilisearchEmulator):
    gone = MeilisearchIndex("http://127.0.0.1:1", KEY, "callboard")
    await gone.open()
    for asked in (gone.state(), gone.search(query("a")), gone.figures(), gone.write(IndexBatch(STATE)), gone.building().__aenter__()):
        with pytest.raises(IndexUnavailableError, match=r"Meilisearch at 127\.0\.0\.1 can't be reached; see that it runs"):
            await asked
    await gone.close()
    slow = await of(server, timeout_seconds=1)
    server.late_seconds = 1.5
    with pytest.raises(IndexUnavailableError, match="does not answer in time"):
        await slow.search(query("a"))
    await slow.close()


async def test_a_task_that_is_not_done_in_time_is_unavailable(server: MeilisearchEmulator, index: MeilisearchIndex):
    await fill(index, component("a"))
    server.held.set()
    hasty = await of(server, task_timeout_seconds=0.2)
    with pytest.raises(IndexUnavailableError, match=r"has not carried out a task within 0\.2 s"):
        await hasty.write(IndexBatch(LATER))
    await hasty.close()


async def test_searches_at_once_do_not_mix_up_their_headers(index: MeilisearchIndex):
    await fill(index, *(component(f"service-{n}") for n in range(20)))
    found = await asyncio.gather(*(names(index, query(f'"service {n}"')) for n in range(20)), *(index.state() for _ in range(20)))
    assert found[:20] == [[f"service-{n}"] for n in range(20)]
    assert found[20:] == [STATE] * 20


async def test_hostile_text_is_data(index: MeilisearchIndex):
    hostile = 'x" OR documentType EXISTS OR "\\'
    await fill(index, component("a", lifecycle=hostile), component("b"))
    assert await names(index, query("", filter=fact_in("spec.lifecycle", [hostile]))) == ["a"]
    assert await names(index, query("", visible={hostile: EVERYTHING})) == []
    assert await names(index, query('a" OR -"b')) == []
    counted = (await index.search(query("", facets=["lifecycle"]))).facets["lifecycle"]
    assert counted == [FacetCount("production", 1), FacetCount(hostile, 1)]


async def test_values_that_the_engine_would_take_for_the_same_are_told_apart(index: MeilisearchIndex):
    """Meilisearch compares filters' values trimmed, in compatibility form and up to 468 bytes: a condition must not."""
    long = "x" * 500
    documents = [component("a", lifecycle="\ufb01n"), component("b", lifecycle="fin"), component("c", lifecycle=f"{long}1")]
    await fill(index, *documents)
    assert await names(index, query("", filter=FactIn("spec.lifecycle", ("fin",)))) == ["b"]
    assert await names(index, query("", filter=FactIn("spec.lifecycle", (" fin",)))) == []
    assert await names(index, query("", filter=FactIn("spec.lifecycle", (f"{long}2",)))) == []
    assert await names(index, query("", filter=FactIn("spec.lifecycle", (f"{long}1",)))) == ["c"]


async def test_pages_are_windows_of_one_order_and_totals_are_exact_beyond_them(index: MeilisearchIndex):
    await fill(index, *(component(f"service-{n:04}", centrality=n // 10) for n in range(1_100)))
    everything = await index.search(query("service", limit=1_000))
    assert (everything.total, len(everything.hits)) == (1_100, 1_000)
    order = [hit.id for hit in everything.hits]
    assert order[:11] == [f"component:default/service-{n}" for n in [*range(1090, 1100), 1080]]
    assert [(-hit.score, hit.id) for hit in everything.hits] == sorted((-hit.score, hit.id) for hit in everything.hits)
    for offset, limit in [(0, 20), (7, 20), (20, 20), (980, 20), (1, 1), (999, 1), (13, 7), (400, 399)]:
        window = await index.search(query("service", offset=offset, limit=limit))
        assert ([hit.id for hit in window.hits], window.total) == (order[offset : offset + limit], 1_100)
