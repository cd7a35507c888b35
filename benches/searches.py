"""Search: how long an index takes to build and how large it is, how soon a change is found, and how long searches take."""

import asyncio
import json
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from benches.catalogs import catalog
from benches.latency import Client, sequential, throughput
from benches.processes import CALLBOARD, ask, first_answer, free_port, resident_megabytes, serving, write_config
from benches.report import Figure
from config import load
from config.model import Config
from graph.access import UNRESTRICTED_GUEST
from graph.conditions import EVERYTHING
from graph.configured import registry_from
from graph.stores import store_from
from workers.search.composition import collation_from, embedded_index, feeding_from, searching_from
from workers.search.finding import Request
from workers.search.index import SearchQuery
from workers.search.searching import Searching
from workers.search.terms import parsed

TERMS = (
    "checkout", "payment api", "paymnt", "order ", "inv", "user session", '"refund worker"', "ledger -queue", "loyalty gateway",
    "shipping label", "team", "notify mail push", "feture flag", "geo route", "search ind", "fraud", "media-store", "rating",
    "token secret", "graph sync engine",
)  # fmt: skip
"""What people type: names and parts of them, beginnings, phrases, exclusions and typos."""

AT_ONCE = 16
_BUILT = "≤ 60 s"
_QUERY = "≤ 5 ms"
_LAG = "≤ 1 s"
_SEARCH = "query ($term: String!) { search(term: $term, first: 20) { totalCount nodes { type title ref snippets { field } } } }"
_CHANGES = 10
_TYPING_SECONDS = 0.3
"""How long somebody who types takes from one search to the next."""


def measure_searches(scratch: Path, size: int, seconds: float) -> Iterator[Figure]:
    """Every figure of search on the embedded defaults, for a catalog of so many entities."""
    folder = Path(tempfile.mkdtemp(dir=scratch, prefix=f"search-{size}-"))
    root = shutil.copytree(catalog(scratch, size).parent, folder / "catalog") / "all.yaml"
    port = free_port()
    config = write_config(folder, root, port, None)
    subprocess.run([str(CALLBOARD), "ingest", "--config", str(config), str(root)], check=True, stdout=subprocess.DEVNULL)
    yield from asyncio.run(_in_process(load([config]), folder / "search", size, seconds))
    with serving(config, port, folder / "serve.log") as server:
        first_answer(server)
        await_settled(server.url, "payment")
        yield from _over_http(server.url, size, seconds)
        lags = [_lag(server.url, root, number) for number in range(_CHANGES)]
        yield Figure("search: a change is found after it is seen, median", "sqlite", size, statistics.median(lags), "s", _LAG)
        yield Figure("search: a change is found after it is seen, slowest", "sqlite", size, max(lags), "s", _LAG)
        yield Figure("search: memory of the server", "sqlite", size, resident_megabytes(server.pid), "MB")
    shutil.rmtree(folder, ignore_errors=True)


async def _in_process(config: Config, folder: Path, size: int, seconds: float) -> Sequence[Figure]:
    registry = registry_from(config.catalog.relations)
    store, index = store_from(config.backend.database, registry), embedded_index(folder)
    await store.open()
    await index.open()
    try:
        began = time.perf_counter()
        feeding = feeding_from(config, store, index, registry)
        await feeding.indexing.rebuild()
        figures = [Figure("search: full rebuild", "sqlite", size, time.perf_counter() - began, "s", _BUILT)]
        # Else the server that is measured later begins with another one.
        await feeding.note_rebuild()
        held = await index.figures()
        figures.append(Figure("search: documents", "sqlite", size, held.documents, ""))
        figures.append(Figure("search: index size", "sqlite", size, (held.size_bytes or 0) / 1e6, "MB"))
        searching = searching_from(config, store, index, registry)
        for what, call, at_once, pause, target in (
            (f"results at {AT_ONCE}", _results, AT_ONCE, 0, _QUERY),
            (f"facets at {AT_ONCE}", _facets, AT_ONCE, 0, _QUERY),
            (f"results, {AT_ONCE} people typing", _results, AT_ONCE, _TYPING_SECONDS, ""),
            ("results, one after the other", _results, 1, 0, ""),
        ):
            times = await _concurrent(lambda term, call=call: call(searching, term), seconds, at_once, pause)
            figures.append(Figure(f"search: {what}, p50", "sqlite", size, statistics.median(times), "ms", target))
            figures.append(Figure(f"search: {what}, p99", "sqlite", size, times[int(len(times) * 0.99)], "ms"))
        visible = dict.fromkeys(collation_from(config, store).types, EVERYTHING)
        for what, part in (
            ("all of it", lambda term: _results(searching, term)),
            ("hits of the index", lambda term: index.search(SearchQuery(parsed(term), visible))),
        ):
            figures.append(Figure(f"search: computing, {what}, mean", "sqlite", size, await _computing(part, seconds), "ms"))
        return figures
    finally:
        await index.close()
        await store.close()


async def _results(searching: Searching, term: str) -> None:
    results = await searching.results(Request(term), UNRESTRICTED_GUEST)
    if results.degraded:
        raise RuntimeError("the index did not answer")
    for found in results.found:
        found.highlight()


async def _facets(searching: Searching, term: str) -> None:
    await searching.facets(Request(term), UNRESTRICTED_GUEST)


async def _concurrent(search: Callable[[str], Awaitable[None]], seconds: float, at_once: int, pause_seconds: float) -> list[float]:
    """The times of searches in milliseconds, ordered, of so many who search one after the other, with that pause in the mean."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def client(seed: int) -> None:
        terms = random.Random(seed)
        while time.perf_counter() < end:
            if pause_seconds:
                await asyncio.sleep(terms.expovariate(1 / pause_seconds))
            began = time.perf_counter()
            await search(terms.choice(TERMS))
            times.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(client(seed) for seed in range(at_once)))
    return sorted(times)


async def _computing(search: Callable[[str], Awaitable[object]], seconds: float) -> float:
    """The processor time of a search in milliseconds, whatever else the machine does, all terms alike."""
    began, rounds, end = time.process_time(), 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        rounds += 1
        for term in TERMS:
            await search(term)
    return (time.process_time() - began) * 1000 / (rounds * len(TERMS))


def _over_http(url: str, size: int, seconds: float) -> Iterator[Figure]:
    for term in ("payment api", "paymnt"):
        client = Client(url, _SEARCH, {"term": term})
        client.verify(_expect_results)
        timing = sequential(client, seconds)
        yield Figure(f"search: GraphQL p50, {term}", "sqlite", size, timing.p50_ms, "ms")
        if shutil.which("wrk"):
            yield Figure(f"search: GraphQL at {AT_ONCE}, {term}", "sqlite", size, throughput(url, client, seconds), "/s")


def _expect_results(data: object) -> None:
    if not json.loads(json.dumps(data))["search"]["totalCount"]:
        raise RuntimeError("nothing was found")


def _lag(url: str, root: Path, number: int) -> float:
    """Seconds from when an entity is seen with a new title until search finds it by that."""
    path = sorted(root.parent.rglob("catalog-info.yaml"))[number]
    word = f"zyxwvut{number:04}"
    text = path.read_text()
    name = re.search(r"name: (\S+)", text)
    path.write_text(re.sub("(?m)^  title: .*$", f"  title: {word}", text, count=1))
    ref = f"component:default/{name[1] if name else ''}"
    _await(lambda: _title(url, ref) == word)
    seen = time.monotonic()
    _await(lambda: _found(url, f'"{word}"') == 1)
    return time.monotonic() - seen


def await_settled(url: str, term: str) -> None:
    """Wait until what is found is the same for three seconds: what the server reads and builds at its start is over."""

    def is_settled() -> bool:
        before = _found(url, term)
        time.sleep(3)
        return before > 0 and _found(url, term) == before

    _await(is_settled)


def _title(url: str, ref: str) -> object:
    entity = ask(url, "query ($ref: String!) { entity(ref: $ref) { title } }", {"ref": ref})["entity"]
    return entity["title"] if isinstance(entity, dict) else None


def _found(url: str, term: str) -> int:
    found = ask(url, "query ($term: String!) { search(term: $term, first: 1) { totalCount degraded } }", {"term": term})["search"]
    return int(found["totalCount"]) if isinstance(found, dict) and not found["degraded"] else 0


def _true(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except OSError:
        # What a server has not set up yet is UNAVAILABLE.
        return False


def _await(holds: Callable[[], bool], timeout_seconds: float = 120) -> None:
    end = time.monotonic() + timeout_seconds
    while not _true(holds):
        if time.monotonic() > end:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.01)
