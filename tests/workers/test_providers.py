"""Providers at work: scheduled, survived, and gone only after a grace."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config import Config
from config.providers import Clones
from graph.conditions import EVERYTHING
from graph.relations import RelationRegistry
from graph.store import ErrorFilter, StateWrite, Store, Window
from graph.stores.sqlite import SqliteStore
from plugins.clones.discovery import ClonesDiscovery
from plugins.contract import SourceError, SourceReason
from tests.ingest.catalogs import component, write_documents
from tests.workers.providing import People, errors, has, ran, refs, run_again, until, working_on
from workers.composition import running_worker
from workers.providers.jobs import PROVIDERS, all_rows, ask_for_run


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield store
    await store.close()


async def test_what_a_provider_gives_is_there_and_a_second_run_writes_nothing(store: Store, tmp_path: Path):
    people = People()
    write_documents(tmp_path / "found.yaml", component("found"))
    people.give("ann", "bob", locations=[tmp_path / "found.yaml"])
    async with working_on(store, people) as queue:
        await until(has(store, "ann", "bob", "found"))
        head = await store.head()
        await run_again(store, queue, people.name)
        assert (people.reads, await store.head()) == (2, head)
        people.give("bob")
        await run_again(store, queue, people.name)
        assert await refs(store) == ["bob"]
        assert [location.type for location in await store.locations()] == ["provider"]
    row = (await all_rows(store))[people.name]
    assert row.due is not None and timedelta(minutes=59) < row.due - datetime.now(UTC) < timedelta(minutes=91)


async def test_a_provider_that_fails_loses_nothing_and_says_what_to_do(store: Store):
    people = People()
    people.give("ann")
    async with working_on(store, people) as queue:
        await until(has(store, "ann"))
        people.error = SourceError(SourceReason.UNAUTHORIZED, "https://people.example.com", "the token is expired", "Renew it.")
        await run_again(store, queue, people.name)
        [error] = (await store.errors(ErrorFilter(), Window(9), visible=EVERYTHING)).rows
        assert (error.code, error.message, error.remedy) == (
            "source-unauthorized",
            "provider:people:test: the token is expired",
            "Renew it.",
        )
        assert await refs(store) == ["ann"]
        row = (await all_rows(store))[people.name]
        assert (row.value["failures"], row.value["lastError"]) == (1, error.message)
        assert row.due is not None and row.due - datetime.now(UTC) < timedelta(seconds=46)
        head, locations = await store.head(), await store.locations()
        await run_again(store, queue, people.name)
        assert (await store.head(), await store.locations(), len(await errors(store))) == (head, locations, 1)
        people.error = None
        await run_again(store, queue, people.name)
        assert await errors(store) == []
        assert (await all_rows(store))[people.name].value["failures"] == 0


async def test_a_provider_that_breaks_or_takes_too_long_does_not_end_the_worker(store: Store):
    broken, slow = People("people:broken"), People("people:slow", timeout=0.3)
    broken.error, slow.hold = ValueError("a secret in it"), asyncio.Event()
    async with working_on(store, broken, slow):

        async def both() -> bool:
            return len(await errors(store)) == 2

        await until(both)
        told = (await store.errors(ErrorFilter(), Window(9), visible=EVERYTHING)).rows
        assert [error.message for error in told] == [
            "provider:people:broken: it failed by ValueError; the worker's log has the details",
            "provider:people:slow: it took longer than 0.3 s, and was ended",
        ]


async def test_what_a_removed_provider_gave_goes_after_the_grace_and_not_before(store: Store, tmp_path: Path):
    people = People()
    write_documents(tmp_path / "found.yaml", component("found"))
    people.give("ann", locations=[tmp_path / "found.yaml"])
    async with working_on(store, people):
        await until(has(store, "ann", "found"))
    async with working_on(store):

        async def is_missing() -> bool:
            return "missingSince" in (await all_rows(store))[people.name].value

        await until(is_missing)
    row = (await all_rows(store))[people.name]
    assert row.due is not None and timedelta(hours=23) < row.due - datetime.now(UTC) <= timedelta(hours=24)
    assert await refs(store) == ["ann", "found"]
    head = await store.head()
    # Back within the grace, all is as before, the history included.
    started = datetime.now(UTC)
    async with working_on(store, people):
        await until(ran(store, people.name, started))
    assert (await store.head(), await refs(store)) == (head, ["ann", "found"])
    async with working_on(store, grace=timedelta(0)):
        await until(has(store))

        async def forgotten() -> bool:
            return not await all_rows(store) and not await store.locations()

        await until(forgotten)
    assert await errors(store) == []


async def test_without_an_end_of_the_grace_everything_stays(store: Store):
    people = People()
    people.give("ann")
    async with working_on(store, people):
        await until(has(store, "ann"))
    async with working_on(store, grace=None):

        async def is_missing() -> bool:
            return "missingSince" in (await all_rows(store))[people.name].value

        await until(is_missing)
    assert (await all_rows(store))[people.name].due is None


async def test_a_run_that_was_killed_is_finished_by_the_next_worker(store: Store):
    people = People()
    people.give("ann")
    people.hold = asyncio.Event()
    async with working_on(store, people):
        await until(has(store, "ann"))
    assert "lastRun" not in (await all_rows(store))[people.name].value
    people.hold = None
    people.give("ann", "bob")
    async with working_on(store, people):
        await until(has(store, "ann", "bob"))


async def test_a_run_asked_for_while_one_goes_on_follows_it(store: Store):
    people = People()
    people.hold = asyncio.Event()
    async with working_on(store, people):

        async def reading() -> bool:
            return people.reads == 1

        await until(reading)
        await ask_for_run(store, people.name)
        people.hold.set()

        async def twice() -> bool:
            return people.reads == 2

        await until(twice)


async def test_a_location_that_takes_the_place_of_another_hands_its_entities_over(store: Store, tmp_path: Path):
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    people = People()
    write_documents(old, component("shop"))
    people.give(locations=[old])
    async with working_on(store, people) as queue:
        await until(has(store, "shop"))
        shutil.move(old, new)
        people.give(locations=[new])
        await run_again(store, queue, people.name)
    changes = await store.changes(0, 10, visible=EVERYTHING)
    assert [change.operation for change in changes] == ["created", "updated"]
    assert [location.target for location in await store.locations() if location.type == "file"] == [str(new)]
    assert await errors(store) == []


def clone(clones: Path, name: str, *documents: dict[str, Any]) -> None:
    """A repository, with a catalog file if there are documents."""
    (clones / name).mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(clones / name)], check=True)
    if documents:
        write_documents(clones / name / "catalog-info.yaml", *documents)


async def test_a_server_reads_the_clones_of_a_folder_and_sees_their_changes(tmp_path: Path, store: Store):
    clones = tmp_path / "clones"
    clone(clones, "shop", component("shop"))
    providers = {"clones": {"all": {"path": str(clones)}}}
    config = Config.model_validate(
        {"catalog": {"processingInterval": False, "providers": providers}, "search": {"folder": str(tmp_path / "search")}}
    )
    async with running_worker(config, store, RelationRegistry()):
        await until(has(store, "shop"))
        write_documents(clones / "shop" / "catalog-info.yaml", component("shop"), component("basket"))
        await until(has(store, "basket", "shop"))


async def test_clones_that_come_and_go_are_followed_and_a_folder_that_is_gone_loses_nothing(tmp_path: Path, store: Store):
    clones = tmp_path / "clones"
    clone(clones, "shop", component("shop"))
    clone(clones, "team/api", component("api"))
    clone(clones, "without-a-file")
    (clones / "no-repository").mkdir()
    write_documents(clones / "no-repository" / "catalog-info.yaml", component("left-out"))
    provider = ClonesDiscovery("all", Clones(path=clones))
    async with working_on(store, provider) as queue:
        await until(has(store, "api", "shop"))
        clone(clones, "web", component("web"))
        await run_again(store, queue, provider.name)
        await until(has(store, "api", "shop", "web"))
        await asyncio.to_thread(shutil.rmtree, clones / "team")
        await run_again(store, queue, provider.name)
        assert await refs(store) == ["shop", "web"]
        await asyncio.to_thread(shutil.move, clones, tmp_path / "elsewhere")
        await run_again(store, queue, provider.name)
        assert ("provider:clones:all", "source-not-found") in await errors(store)
        assert await refs(store) == ["shop", "web"]


async def test_a_glob_finds_every_catalog_file_of_a_clone(tmp_path: Path, store: Store):
    clone(tmp_path / "clones", "mono", component("top"))
    for name in ("a", "b"):
        (tmp_path / "clones" / "mono" / name).mkdir()
        write_documents(tmp_path / "clones" / "mono" / name / "catalog-info.yaml", component(name))
    configured = Clones.model_validate({"path": tmp_path / "clones", "catalogPath": "/**/catalog-info.yaml"})
    async with working_on(store, ClonesDiscovery("all", configured)):
        await until(has(store, "a", "b", "top"))


async def test_the_grace_of_entities_on_their_way_does_not_keep_what_a_removed_provider_gave(store: Store):
    people = People()
    people.give("ann")
    lingering = Config.model_validate({"catalog": {"removalGrace": {"hours": 1}}})
    async with working_on(store, people, config=lingering):
        await until(has(store, "ann"))
    async with working_on(store, grace=timedelta(0), config=lingering):
        await until(has(store))


async def test_a_row_of_a_provider_nobody_knows_is_left_alone(store: Store):
    await store.write_states([StateWrite(PROVIDERS, "people:gone", {"missingSince": "2020-01-01T00:00:00+00:00"}, due=None)])
    async with working_on(store, grace=None):
        await asyncio.sleep(0.3)
    assert list(await all_rows(store)) == ["people:gone"]
