"""Leases on both stores: one holder at a time, ended by a kill, noticed when lost."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph.relations import RelationRegistry
from graph.store import StateWrite, Store
from graph.stores.neo4j import Neo4jStore
from graph.stores.sqlite import SqliteStore
from workers.leases import LEASES, BusyError, LeaseLostError, end_abandoned, held_names, holding
from workers.processes import this_process

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "neo4j"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        opened: Store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    else:
        opened = Neo4jStore(request.getfixturevalue("empty_neo4j_uri"), registry=RelationRegistry())
    await opened.open()
    yield opened
    await opened.close()


class Work:
    """Something that goes on until it may end, and counts how many do at once."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.times = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def go_on(self) -> int:
        self.now += 1
        self.times += 1
        self.most = max(self.most, self.now)
        self.begun.set()
        try:
            await self.may_end.wait()
            return self.times
        finally:
            self.now -= 1


async def test_the_second_is_refused_until_the_first_has_ended(store: Store):
    work = Work()
    first = asyncio.ensure_future(holding(store, "a", work.go_on))
    await work.begun.wait()
    assert await held_names(store, ["a", "b"]) == {"a"}
    with pytest.raises(BusyError):
        await holding(store, "a", work.go_on)
    work.may_end.set()
    assert await first == 1
    assert await held_names(store, ["a", "b"]) == set()
    assert await holding(store, "a", work.go_on) == 2


async def test_of_many_at_once_one_gets_it(store: Store):
    work = Work()
    work.may_end.set()
    tries = await asyncio.gather(*(holding(store, "a", work.go_on) for _ in range(10)), return_exceptions=True)
    assert work.most == 1
    assert {type(outcome) for outcome in tries} <= {int, BusyError}
    assert work.times == sum(isinstance(outcome, int) for outcome in tries) > 0


async def test_a_lease_is_given_back_when_the_work_fails_or_is_cancelled(store: Store):
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await holding(store, "a", fail)
    work = Work()
    task = asyncio.ensure_future(holding(store, "a", work.go_on))
    await work.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (work.now, await held_names(store, ["a"])) == (0, set())


async def test_a_lease_is_renewed_while_the_work_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workers.leases.LEASE_SECONDS", 0.8)
    work = Work()
    task = asyncio.ensure_future(holding(store, "a", work.go_on))
    await work.begun.wait()
    for _ in range(5):
        await asyncio.sleep(0.4)
        with pytest.raises(BusyError):
            await holding(store, "a", work.go_on)
    work.may_end.set()
    assert await task == 1


async def test_the_lease_of_who_was_killed_ends_by_itself(store: Store):
    past = {"holder": "who was killed", "ends": "2020-01-01T00:00:00+00:00"}
    await store.write_states([StateWrite(LEASES, "a", past)])
    work = Work()
    work.may_end.set()
    assert await holding(store, "a", work.go_on) == 1


def gone() -> str:
    """A process that has ended."""
    code = "from workers.processes import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


async def test_leases_of_processes_that_are_known_to_be_gone_are_ended_and_no_others(store: Store):
    place, _, number_and_start = this_process().partition("] ")
    number = number_and_start.partition(" ")[0]
    holders = {
        "gone": gone(),
        "another with its number": f"{place}] {number} 1",
        "alive": this_process(),
        "elsewhere": f"another {gone()}",
        "not told": "",
        "senseless": f"{place}] x y",
    }
    later = "2999-01-01T00:00:00+00:00"
    await store.write_states(
        [StateWrite(LEASES, name, {"holder": "h", "process": process, "ends": later}) for name, process in holders.items()]
    )
    await store.write_states([StateWrite(LEASES, "written before", {"holder": "h", "ends": later})])
    await end_abandoned(store)
    names = [*holders, "written before"]
    assert await held_names(store, names) == {"alive", "elsewhere", "not told", "senseless", "written before"}


async def test_work_ends_when_its_lease_was_taken_over(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workers.leases.LEASE_SECONDS", 0.4)
    work = Work()
    task = asyncio.ensure_future(holding(store, "a", work.go_on))
    await work.begun.wait()
    taken = {"holder": "another", "ends": "2999-01-01T00:00:00+00:00"}
    await store.write_states([StateWrite(LEASES, "a", taken)])
    with pytest.raises(LeaseLostError):
        await task
    assert work.now == 0
    assert (await store.states(LEASES, ids=["a"]))[0].value == taken
