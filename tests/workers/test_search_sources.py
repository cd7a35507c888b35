"""What plugins bring to the search of their own: read on its schedule, found by whoever may search, and gone with its plugin."""

import json
import shutil
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config import Config
from graph.access import UNRESTRICTED_GUEST, Access, Action
from graph.conditions import NOTHING
from graph.errors import ForbiddenError
from graph.relations import RelationRegistry
from graph.state_rows import rows_of
from graph.store import StateRow, StateWrite, Store
from plugins.loading import forget_plugins
from tests.workers.packages import documented, install
from tests.workers.test_refreshing import until
from tests.workers.test_search_feeding import add, opened
from workers.composition import running_worker
from workers.figures import BackgroundWork
from workers.search.finding import Request, Search
from workers.search.jobs import rebuild_search_index
from workers.search.source_jobs import SOURCES, read_search_source

NAME = "wiki/main"
PROJECT = """[project]
name = "callboard-wiki"
version = "1"
[project.entry-points."callboard.plugins"]
wiki = "callboard_wiki:build"
"""
MODULE = """
import json
from datetime import timedelta
from pathlib import Path
from callboard.plugin import CollatedDocument, Plugin, Schedule, TextField


class Wiki:
    name, type, version = "wiki/main", "wiki-page", "1"
    schedule = Schedule(frequency=timedelta(days=1), timeout=timedelta(seconds=60))

    def __init__(self, file):
        self.file = Path(file)

    async def read(self):
        for key, text in json.loads(self.file.read_text()).items():
            yield CollatedDocument(key, {TextField.NAME: key, TextField.BODY: text}, f"https://wiki.example.com/{key}")


def build(context):
    return Plugin(search_sources=[Wiki(context.config["file"])])
"""
BLIND = Access(UNRESTRICTED_GUEST.principal, {**UNRESTRICTED_GUEST.conditions, Action.ENTITY_READ: NOTHING})


@dataclass(frozen=True)
class Wiki:
    """A plugin that is installed, with the pages that it reads, and the folder in which a catalog runs with it."""

    folder: Path
    site: Path

    def write(self, pages: Mapping[str, str]) -> None:
        (self.folder / "pages.json").write_text(json.dumps(pages))

    def change(self, module: str) -> None:
        # Of another length: bytecode of the same second and length would be taken for the same module.
        (self.site / "callboard_wiki.py").write_text(module)
        sys.modules.pop("callboard_wiki", None)
        forget_plugins()

    def uninstall(self) -> None:
        shutil.rmtree(self.site / "callboard_wiki-1.dist-info")
        forget_plugins()

    @asynccontextmanager
    async def running(self, store: Store, *without: str, configured: bool = True) -> AsyncGenerator["Running"]:
        config = Config.model_validate(
            {
                "search": {"folder": str(self.folder / "search"), "without": list(without)},
                "catalog": {"watch": False},
                "plugins": {"wiki": {"file": str(self.folder / "pages.json")}} if configured else {},
            }
        )
        async with running_worker(config, store, RelationRegistry()) as beside:
            assert beside.search is not None
            yield Running(store, beside.search, beside.work)


@dataclass(frozen=True)
class Running:
    """A catalog that runs."""

    store: Store
    search: Search
    work: BackgroundWork

    async def row(self) -> StateRow | None:
        return (await rows_of(self.store, SOURCES)).get(NAME)

    async def read_again(self) -> None:
        """Have the source read now, until that is over."""
        row = await self.row()
        assert row is not None
        await self.store.write_states([StateWrite(SOURCES, NAME, row.value, due=datetime.now(UTC))])
        await self.work.request(read_search_source.__name__, NAME)
        await until(self._noted(row.version + 1))

    def _noted(self, version: int) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            row = await self.row()
            return row is not None and row.version > version

        return check

    async def found(self, term: str, access: Access = UNRESTRICTED_GUEST, **filters: Sequence[str]) -> list[str]:
        results = await self.search.results(Request(term, filters), access)
        assert not results.degraded
        return sorted(each.title for each in results.found if each.type == "wiki-page")

    async def lists_failure(self) -> bool:
        return [(failed.name, tuple(failed.arguments)) for failed in await self.work.failures()] == [(read_search_source.__name__, (NAME,))]

    def finds(self, term: str, *titles: str) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            results = await self.search.results(Request(term), UNRESTRICTED_GUEST)
            return not results.degraded and sorted(each.title for each in results.found) == list(titles)

        return check


@pytest.fixture
def wiki(site: Path, tmp_path: Path) -> Wiki:
    install(site, {"pyproject.toml": PROJECT, "callboard_wiki.py": MODULE})
    wiki = Wiki(tmp_path, site)
    wiki.write({"Runbook": "How to restart the turbine.", "Glossary": "A turbine turns."})
    return wiki


async def test_whoever_may_search_finds_what_a_source_brings(wiki: Wiki, tmp_path: Path):
    async with opened(tmp_path) as store, wiki.running(store) as running:
        await add(store, "turbine")
        await until(running.finds("turbine", "Glossary", "Runbook", "turbine"))
        facets = await running.search.facets(Request("turbine"), UNRESTRICTED_GUEST)
        assert {count.value: count.count for count in facets["documentType"]} == {"entity": 1, "wiki-page": 2}
        assert await running.search.suggestions(Request("runb"), UNRESTRICTED_GUEST) == ["Runbook"]
        [found] = (await running.search.results(Request("restart"), UNRESTRICTED_GUEST)).found
        assert (found.ref, found.entity, found.location) == (None, None, "https://wiki.example.com/Runbook")
        assert await running.found("turbine", documentType=["wiki-page"]) == ["Glossary", "Runbook"]
        assert await running.found("turbine", kind=["Component"]) == []
        blind = await running.search.results(Request("turbine"), BLIND)
        assert sorted((each.type, each.title) for each in blind.found) == [("wiki-page", "Glossary"), ("wiki-page", "Runbook")]
        with pytest.raises(ForbiddenError):
            await running.search.results(Request("turbine"), Access(BLIND.principal, {}))


async def test_what_a_source_brings_replaces_what_it_brought_and_is_written_only_if_it_is_another(wiki: Wiki, tmp_path: Path):
    async with opened(tmp_path) as store, wiki.running(store) as running:
        await until(running.finds("turbine", "Glossary", "Runbook"))
        rows = await rows_of(store, "search-brought")
        await running.read_again()
        assert await rows_of(store, "search-brought") == rows
        wiki.write({"Runbook": "How to stop the windmill.", "Duty": "Who looks after the turbine."})
        await running.read_again()
        await until(running.finds("turbine", "Duty"))
        await until(running.finds("windmill", "Runbook"))
        wiki.write({str(number): "One of many turbines." for number in range(250)})
        await running.read_again()
        await until(_total(running, "turbines", 250))
        wiki.write({})
        await running.read_again()
        await until(_total(running, "", 0))
        assert await rows_of(store, "search-brought") == {}


def _total(running: Running, term: str, total: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return (await running.search.results(Request(term), UNRESTRICTED_GUEST)).total == total

    return check


async def test_a_source_that_fails_keeps_what_it_brought_through_rebuilds_and_losses_of_the_index(wiki: Wiki, tmp_path: Path):
    async with opened(tmp_path) as store, wiki.running(store) as running:
        await until(running.finds("turbine", "Glossary", "Runbook"))
        (tmp_path / "pages.json").write_text("no pages")
        await running.read_again()
        row = await running.row()
        assert row is not None
        assert row.due is not None
        assert (row.value["failures"], (row.due - datetime.now(UTC)).total_seconds() < 60) == (1, True)
        await until(running.lists_failure)
        before = _generations(tmp_path)
        await running.work.request(rebuild_search_index.__name__)
        await until(_rebuilt(tmp_path, before))
        await until(running.finds("turbine", "Glossary", "Runbook"))
        shutil.rmtree(tmp_path / "search", ignore_errors=True)
        await add(store, "turbine")
        await until(running.finds("turbine", "Glossary", "Runbook", "turbine"))


def _generations(folder: Path) -> set[str]:
    return {path.name for path in (folder / "search").iterdir() if path.is_dir()}


def _rebuilt(folder: Path, before: set[str]) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return bool(after := _generations(folder)) and not before & after

    return check


async def test_what_a_source_brought_goes_with_its_plugin_and_stays_while_that_is_broken(wiki: Wiki, tmp_path: Path):
    async with opened(tmp_path) as store:
        async with wiki.running(store) as running:
            await until(running.finds("turbine", "Glossary", "Runbook"))
        rows = await rows_of(store, "search-brought")
        wiki.change("import does_not_exist")
        async with wiki.running(store) as running:
            await add(store, "turbine")
            await until(running.finds("turbine", "turbine"))
        assert await rows_of(store, "search-brought") == rows
        wiki.change(MODULE)
        async with wiki.running(store) as running:
            await until(running.finds("turbine", "Glossary", "Runbook", "turbine"))
        wiki.uninstall()
        async with wiki.running(store, configured=False) as running:
            await until(_gone(store))
            await until(running.finds("turbine", "turbine"))


async def test_what_is_not_to_be_found_is_not_kept_and_another_version_is_read_anew(wiki: Wiki, tmp_path: Path):
    async with opened(tmp_path) as store:
        async with wiki.running(store) as running:
            await until(running.finds("turbine", "Glossary", "Runbook"))
        wiki.write({"Runbook": "How to stop the windmill."})
        wiki.change(MODULE.replace('"wiki-page", "1"', '"wiki-page", "1.1"'))
        async with wiki.running(store) as running:
            await until(running.finds("windmill", "Runbook"))
        async with wiki.running(store, "wiki-page"):
            await until(_gone(store))


def _gone(store: Store) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return not await rows_of(store, SOURCES) and not await rows_of(store, "search-brought")

    return check


async def test_texts_that_no_engine_takes_and_too_long_ones_keep_nothing_from_being_found(wiki: Wiki, tmp_path: Path):
    wiki.write({"Run\udfffbook": "How to restart\x00 the turbine. " + "x" * 100_000})
    async with opened(tmp_path) as store, wiki.running(store) as running:
        await until(running.finds("turbine", "Run book"))
        [row] = (await rows_of(store, "search-brought")).values()
        [[key, location, texts]] = row.value["documents"]
        assert (key, location) == ("Run book", "https://wiki.example.com/Run book")
        assert len(texts["body"]) == 10_000


async def test_the_documented_source_is_found(site: Path, tmp_path: Path):
    install(site, documented())
    config = Config.model_validate(
        {
            "search": {"folder": str(tmp_path / "search")},
            "plugins": {"pagerduty": {"reviews": {"Q1": "The certificate of the gateway had run out."}}},
        }
    )
    async with opened(tmp_path) as store, running_worker(config, store, RelationRegistry()) as beside:
        assert beside.search is not None
        await until(Running(store, beside.search, beside.work).finds("certificate", "Review of Q1"))
