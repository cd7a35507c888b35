"""Loads that are killed while they write, and what has to be true of the graph afterwards."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from config import Config
from graph.configured import registry_from
from graph.store import Store
from graph.stores import store_from
from ingest.pipeline import synchronise
from tests.graph_dump import graph_dump

_ROOT = Path(__file__).parent.parent
_CODE = """
import asyncio, sys
sys.path[:] = {path!r}
from tests.kills import load
asyncio.run(load({database!r}, {target!r}, begin=lambda: print("begins", flush=True)))
"""
KINDS = ("Component", "API", "Resource", "System", "Domain", "Group", "User", "Location")

Database = Mapping[str, Any]
"""`backend.database` of a configuration."""


def configuration(database: Database, target: str) -> Config:
    return Config.model_validate(
        {
            "backend": {"database": database},
            "catalog": {"rules": [{"allow": list(KINDS)}], "locations": [{"type": "file", "target": target}]},
        }
    )


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Store]:
    store = store_from(config.backend.database, registry_from(config.catalog.relations))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def load(database: Database, target: str, begin: Any = None) -> None:
    """Read the catalog into the store, as often as it takes to find nothing new."""
    config = configuration(database, target)
    async with opened(config) as store:
        if begin:
            begin()
        await synchronise(config, store, registry_from(config.catalog.relations))


async def dump(database: Database, target: str) -> dict[str, Any]:
    """The graph, once it stays as it is: a server may still commit what a client asked for just before it was killed, and Neo4j shows
    what it commits piece by piece.
    """
    async with opened(configuration(database, target)) as store:
        dumped, before = await graph_dump(store), None
        while dumped != before:
            before, dumped = dumped, await graph_dump(store)
        return dumped


def timed_load(database: Database, target: str) -> float:
    """How many seconds an undisturbed load takes in a process of its own, from its begin."""
    process = _begun(database, target)
    began = time.monotonic()
    assert process.wait() == 0
    return time.monotonic() - began


def killed_load(database: Database, target: str, seconds: float) -> bool:
    """Whether a load was still going on when it was killed this long after its begin."""
    process = _begun(database, target)
    try:
        return process.wait(seconds) != 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def _begun(database: Database, target: str) -> "subprocess.Popen[str]":
    code = _CODE.format(path=[str(_ROOT), *sys.path], database=dict(database), target=target)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    process.stdout.close()
    return process


def assert_no_half(partial: Mapping[str, Any], whole: Mapping[str, Any]) -> None:
    """Whatever a killed load left behind is as it is in the end, with all its edges. Conflicts may still be open."""
    contested = {ref for ref, claims in whole["claims"].items() if len(claims) > 1}
    for ref in partial["entities"].keys() - contested:
        assert partial["entities"][ref] == whole["entities"][ref]
        assert partial["declared"].get(ref) == whole["declared"].get(ref)
    for location, files in partial["files"].items():
        for path, record in files.items():
            assert record == whole["files"][location][path]
            assert partial["entities"].keys() >= set(record.claims)


def assert_survives_kills(undisturbed: Database, killed: Database, target: str, kills: int, seed: int, slower: float = 1) -> None:
    """After `kills` kills at random moments of one load, and one more start, the graph is that of a load without any.

    `slower` says how much longer a load takes in the store where it is killed than in the other.
    """
    seconds = timed_load(undisturbed, target) * slower
    whole = asyncio.run(dump(undisturbed, target))
    moments = random.Random(seed)
    hits = 0
    for _ in range(kills):
        hits += killed_load(killed, target, moments.uniform(0.05, 0.6) * seconds)
        assert_no_half(asyncio.run(dump(killed, target)), whole)
    asyncio.run(load(killed, target))
    assert asyncio.run(dump(killed, target)) == whole
    assert hits > 0
