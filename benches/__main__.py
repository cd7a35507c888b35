"""Measure everything with one command: `python -m benches`."""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import neo4j

from benches.catalogs import catalog
from benches.changes import change
from benches.latency import Client, Timing, sequential, ten_at_once, throughput
from benches.processes import (
    CALLBOARD,
    Running,
    ask,
    first_answer,
    free_port,
    peer_serving,
    resident_megabytes,
    serving,
    write_config,
)
from benches.queries import Query, comparable, queries, widest_components
from benches.report import Figure, show, write
from benches.searches import measure_searches
from tests.servers.neo4j import Neo4jServer

LOAD_TARGETS = {("sqlite", 10_000): "≤ 2.5 s", ("sqlite", 100_000): "≤ 20 s", ("neo4j", 10_000): "≤ 8 s", ("neo4j", 100_000): "≤ 90 s"}
SPEED_TARGETS = {"Q1": "≥ 3.5x", "Q2": "≥ 3.5x", "Q3": "≥ 2.5x", "Q4": "≥ 4x", "Q5": "≥ 5x", "Q6": "≥ 2x"}
READ_AT = 10_000


@dataclass(frozen=True)
class Plan:
    """What to measure, and where the files of the run go."""

    scratch: Path
    sizes: list[int]
    stores: list[str]
    rounds: int
    seconds: float
    peer: Path | None
    only: str | None


def main() -> None:
    """Parse the options, measure, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benches")
    parser.add_argument("--sizes", default="1000,10000,100000", help="entities of the catalogs to load")
    parser.add_argument("--stores", default="sqlite,neo4j")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of the queries; the median counts")
    parser.add_argument("--seconds", type=float, default=2, help="per query, server and round")
    parser.add_argument("--only", choices=["catalogs", "searches"], help="measure these alone; default: all")
    parser.add_argument("--peer", type=Path, help="folder of the @neo4j/graphql server, its packages installed")
    parser.add_argument("--scratch", type=Path, help="where catalogs and databases go; default: a temporary folder")
    parser.add_argument("--output", type=Path, default=Path("benches/results/latest.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        plan = Plan(
            options.scratch or Path(temporary),
            [int(size) for size in options.sizes.split(",")],
            options.stores.split(","),
            options.rounds,
            options.seconds,
            options.peer,
            options.only,
        )
        figures = list(measure(plan))
    show(figures)
    write(figures, options.output)


def measure(plan: Plan) -> Iterator[Figure]:
    """Every figure of the plan: the stores one after the other for loading, side by side for the queries."""
    with ExitStack() as stack:
        servers: dict[str, Running] = {}
        if plan.only != "catalogs":
            for size in plan.sizes:
                yield from measure_searches(plan.scratch, size, plan.seconds)
        for store in plan.stores if plan.only != "searches" else ():
            for size in plan.sizes:
                keep = stack if size == READ_AT else None
                yield from measure_store(plan, store, size, keep, servers)
        if servers:
            yield from measure_queries(plan, stack, servers)


def measure_store(plan: Plan, store: str, size: int, keep: ExitStack | None, servers: dict[str, Running]) -> Iterator[Figure]:
    """Load, unchanged refresh, cold start and memory of one store at one size; with `keep`, its server stays up for the queries."""
    folder = Path(tempfile.mkdtemp(dir=plan.scratch, prefix=f"{store}-{size}-"))
    root = shutil.copytree(catalog(plan.scratch, size).parent, folder / "catalog") / "all.yaml"
    with ExitStack() as own:
        stack = keep or own
        uri = stack.enter_context(neo4j_server(folder / "neo4j")) if store == "neo4j" else None
        port = free_port()
        config = write_config(folder, root, port, uri)
        load, _ = timed_ingest(config, root)
        if uri and size <= READ_AT:
            yield Figure("load into a server just started", store, size, load, "s")
            # A server that has not run its queries before spends most of its time on compiling them.
            load = statistics.median(emptied_and_loaded(uri, config, root) for _ in range(plan.rounds))
        yield Figure("load", store, size, load, "s", LOAD_TARGETS.get((store, size), ""))
        yield Figure("load rate", store, size, size / load, "entities/s")
        idle = [timed_ingest(config, root) for _ in range(plan.rounds)]
        yield Figure(
            "refresh, nothing changed", store, size, statistics.median(s for s, _ in idle), "s", "≤ 4 s" if size == 100_000 else ""
        )
        yield Figure("entities written by it", store, size, sum(written for _, written in idle), "", "0")
        if not keep:
            yield from measure_changes(config, root, store, size)
        for _ in range(plan.rounds - 1):
            with serving(config, port, folder / "serve.log") as server:
                first_answer(server)
        server = stack.enter_context(serving(config, port, folder / "serve.log"))
        counted = "{ entities(first: 1) { totalCount nodes { ref } } }"
        yield Figure("cold start", store, size, first_answer(server, counted), "s", "≤ 1.5 s" if size == READ_AT else "")
        time.sleep(5)
        yield Figure("idle memory", store, size, resident_megabytes(server.pid), "MB", "≤ 150 MB" if size == READ_AT else "")
        if keep:
            servers[store] = server
        else:
            shutil.rmtree(folder, ignore_errors=True)


def emptied_and_loaded(uri: str, config: Path, root: Path) -> float:
    """Seconds of a load into a running server, once everything in it is gone."""
    with neo4j.GraphDatabase.driver(uri) as driver, driver.session() as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS").consume()
    return timed_ingest(config, root)[0]


def measure_changes(config: Path, root: Path, store: str, size: int) -> Iterator[Figure]:
    """Refreshes after a change of one file in a hundred, and of every file; RuntimeError unless just that much was written."""
    for what, every in (("refresh, 1% of the files changed", 100), ("refresh, all files changed", 1)):
        changed = change(root, every, f"'{every}'")
        seconds, written = timed_ingest(config, root)
        if written != changed:
            raise RuntimeError(f"{changed} documents were changed, and {written} entities written")
        yield Figure(what, store, size, seconds, "s")
        yield Figure("entities written by it", store, size, written, "")


@contextmanager
def neo4j_server(data: Path) -> Iterator[str]:
    """The address of a Neo4j at full speed, its data under `data`; ended with the block."""
    server = Neo4jServer(data, java_options=())
    try:
        yield server.start()
    finally:
        server.kill()


def timed_ingest(config: Path, root: Path) -> tuple[float, int]:
    """Seconds that the whole process `callboard ingest` takes for the catalog at `root`, and how many entities it wrote."""
    start = time.monotonic()
    command = [str(CALLBOARD), "ingest", "--format", "json", "--config", str(config), str(root)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    return seconds, sum(report[name] for report in json.loads(run.stdout) for name in ("created", "updated", "removed", "orphaned"))


@dataclass(frozen=True)
class Contender:
    """A server in the comparison of queries; `is_peer` says whose texts it understands."""

    name: str
    url: str
    is_peer: bool


def measure_queries(plan: Plan, stack: ExitStack, servers: Mapping[str, Running]) -> Iterator[Figure]:
    """Q1 to Q6 on every server in interleaved rounds, after all have given the same rows."""
    ours = next(iter(servers.values())).url
    asked = queries(widest_components(lambda body: ask(ours, **json.loads(body))))
    contenders = [Contender(name, server.url, False) for name, server in servers.items()]
    if plan.peer:
        contenders.append(Contender("peer", stack.enter_context(loaded_peer(plan)).url, True))
    for query in asked:
        yield from compare(plan, query, contenders, at_once=False)
    yield from compare(plan, asked[0], contenders, at_once=True)


@contextmanager
def loaded_peer(plan: Plan) -> Iterator[Running]:
    """The peer's server on a Neo4j of its own, loaded by its own loader."""
    folder = Path(tempfile.mkdtemp(dir=plan.scratch, prefix="peer-"))
    with neo4j_server(folder / "neo4j") as uri:
        root = catalog(plan.scratch, READ_AT).parent
        command = [str(CALLBOARD.with_name("python")), "loadcat.py", str(root)]
        subprocess.run(command, cwd=plan.peer, env={"NEO": uri}, check=True, stdout=subprocess.DEVNULL)
        with peer_serving(plan.peer or folder, uri, folder / "peer.log") as server:
            yield server


def compare(plan: Plan, query: Query, contenders: list[Contender], *, at_once: bool) -> Iterator[Figure]:
    """One query on every contender: p50, p99 and throughput, with the peer's ratio where it takes part."""
    expected: list[str] = []
    clients = {c.name: [verified(c, query, expected) for _ in range(10 if at_once else 1)] for c in contenders}
    timings: dict[str, list[Timing]] = {c.name: [] for c in contenders}
    for _ in range(plan.rounds):
        for contender in contenders:
            timings[contender.name].append(time_one(contender, clients[contender.name], plan.seconds))
    name = "Q6" if at_once else query.name
    peer = timings.get("peer")
    for contender in contenders:
        mine = timings[contender.name]
        p50 = statistics.median(t.p50_ms for t in mine)
        ratio = statistics.median(p.p50_ms / t.p50_ms for p, t in zip(peer, mine, strict=True)) if peer else None
        yield Figure(f"{name} p50", contender.name, READ_AT, p50, "ms", SPEED_TARGETS[name] if at_once else "", ratio)
        yield Figure(f"{name} p99", contender.name, READ_AT, statistics.median(t.p99_ms for t in mine), "ms")
        rates = [t.per_second for t in mine if t.per_second]
        if rates:
            paired = [t.per_second / p.per_second for t, p in zip(mine, peer or [], strict=False) if t.per_second and p.per_second]
            ratio = statistics.median(paired) if paired else None
            yield Figure(f"{name} at 16", contender.name, READ_AT, statistics.median(rates), "/s", SPEED_TARGETS[name], ratio)


def verified(contender: Contender, query: Query, expected: list[str]) -> Client:
    """A client whose first answer held exactly the expected rows; the first contender's rows become the expected ones."""
    text, variables = (query.peer_text, query.peer_variables) if contender.is_peer else (query.text, query.variables)
    client = Client(contender.url, text, variables)

    def accept(data: Mapping[str, object]) -> None:
        rows = comparable((query.peer_rows if contender.is_peer else query.rows)(data))
        if not rows:
            raise RuntimeError(f"{contender.name} answers {query.name} with no rows")
        expected.extend(rows if not expected else ())
        if rows != expected:
            raise RuntimeError(f"{contender.name} answers {query.name} with {len(rows)} rows that differ from the {len(expected)} expected")

    client.verify(accept)
    return client


def time_one(contender: Contender, clients: list[Client], seconds: float) -> Timing:
    """The timing of one round: ten clients at once, or one client and then 16 connections where wrk is installed."""
    if len(clients) > 1:
        return ten_at_once(clients, seconds)
    timing = sequential(clients[0], seconds)
    long_enough = max(seconds, 2 * 16 * timing.p50_ms / 1000)
    rate = throughput(contender.url, clients[0], long_enough) if shutil.which("wrk") else None
    return Timing(timing.p50_ms, timing.p99_ms, rate)


if __name__ == "__main__":
    main()
