"""The jobs of search sources: taking over which there are, reading one that is due, and removing what one brought that is gone."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from arq import cron
from arq.cron import CronJob
from arq.worker import Function

from config import Config
from graph.entities import canonical_json, content_hash
from graph.errors import StaleWriteError
from graph.state_rows import rows_of
from graph.store import StateRow, StateWrite, Store
from plugins.contract import CollatedDocument, SearchSource, SourceError
from plugins.loading import load_plugins
from workers.due import request_due
from workers.jobs import JobTimeoutError, job, spread
from workers.leases import holding
from workers.queue import Queue
from workers.refresh.jobs import TICK_SECONDS
from workers.search.brought import MOST_DOCUMENTS, keep, told_by
from workers.search.collators.texts import cleaned

SOURCES = "search-sources"
"""The collection of states in which each search source has a row: when it was read last, how that went, and when it is read next."""

_RUN_LIMIT_SECONDS = 6 * 3600
_START_LIMIT_SECONDS = 600
_FIRST_RETRY_SECONDS = 30.0

_log = logging.getLogger("callboard.search")


@dataclass(frozen=True)
class Sourcing:
    """What the jobs work with. `owners` names the plugin of each source; what those of `broken` plugins brought is kept."""

    store: Store
    sources: Mapping[str, SearchSource]
    owners: Mapping[str, str] = field(default_factory=dict[str, str])
    broken: Collection[str] = ()


def sourcing_from(config: Config, store: Store) -> Sourcing:
    """The sources of the installed plugins, without those whose type is not to be found."""
    plugins = load_plugins(config.plugins)
    brought = {
        source.name: (source, plugin)
        for plugin, sources in plugins.search_sources.items()
        for source in sources
        if source.type not in config.search.without
    }
    sources = {name: source for name, (source, _) in brought.items()}
    return Sourcing(store, sources, {name: plugin for name, (_, plugin) in brought.items()}, tuple(plugins.broken))


def functions() -> Sequence[Function]:
    """The jobs, by the names under which they are asked for."""
    return [
        job(take_over_search_sources, time_limit_seconds=_START_LIMIT_SECONDS),
        # The next run is written down whatever happens, so that nothing is tried but what the store can't note.
        job(read_search_source, time_limit_seconds=_RUN_LIMIT_SECONDS, tries=1),
    ]


def cron_jobs() -> Sequence[CronJob]:
    """The tick that asks for what is due."""
    return [cron(request_due_sources, name="request_due_sources", second=set(range(0, 60, TICK_SECONDS)))]


async def take_over_search_sources(ctx: Mapping[str, Any]) -> None:
    """Give each source its next run, and each that is gone one that removes what it brought."""
    sourcing: Sourcing = ctx["sourcing"]
    now = datetime.now(UTC)
    rows = await rows_of(sourcing.store, SOURCES)
    writes = [_taken_over(sourcing, source, rows.get(name), now) for name, source in sourcing.sources.items()]
    writes += [_missing(sourcing, row, now) for name, row in rows.items() if name not in sourcing.sources]
    if changed := [write for write in writes if write is not None]:
        await sourcing.store.write_states(changed)
    await request_due_sources(ctx)


async def request_due_sources(ctx: Mapping[str, Any]) -> None:
    """Ask for every source whose time has come and that nobody reads now."""
    sourcing: Sourcing = ctx["sourcing"]
    queue: Queue = ctx["queue"]
    await request_due(sourcing.store, queue, SOURCES, read_search_source.__name__, _lease_of)


async def read_search_source(ctx: Mapping[str, Any], name: str) -> None:
    """Read the source, or remove what it brought if it is gone. One that is not due any more needs nothing."""
    sourcing: Sourcing = ctx["sourcing"]
    await holding(sourcing.store, _lease_of(name), lambda: _run(sourcing, name))


def _lease_of(name: str) -> str:
    return f"search-source:{name}"


async def _run(sourcing: Sourcing, name: str) -> None:
    rows = await sourcing.store.states(SOURCES, ids=[name])
    if not rows or rows[0].due is None or rows[0].due > datetime.now(UTC):
        return
    source = sourcing.sources.get(name)
    # Who wrote the row meanwhile made it due anew.
    with suppress(StaleWriteError):
        if source is not None:
            await _read(sourcing, source, rows[0])
        elif rows[0].value.get("gone"):
            await keep(sourcing.store, name, "", (), StateWrite(SOURCES, name, None, expected=rows[0].version))
            _log.info("removed what %s brought: it is gone", name)


async def _read(sourcing: Sourcing, source: SearchSource, row: StateRow) -> None:
    """Read the source and keep what it brings, if that is another than before."""
    limit = asyncio.timeout(source.schedule.timeout.total_seconds())
    try:
        async with limit:
            told = told_by(await _documents(source))
    except Exception as error:
        await _note_failure(sourcing, source, row, error)
        if limit.expired():
            seconds = source.schedule.timeout.total_seconds()
            raise JobTimeoutError(f"{source.name} took longer than {seconds:g} s, and was ended") from error
        raise
    brought = content_hash(canonical_json([source.type, told]))
    due = datetime.now(UTC) + timedelta(seconds=spread(source.schedule.frequency.total_seconds()))
    noted = StateWrite(SOURCES, source.name, {**_identity(sourcing, source), "brought": brought}, due=due, expected=row.version)
    if brought == row.value.get("brought"):
        await sourcing.store.write_states([noted])
    else:
        await keep(sourcing.store, source.name, source.type, told, noted)


async def _documents(source: SearchSource) -> Sequence[CollatedDocument]:
    """What the source brings, of one key the last, and of too many the first."""
    documents: dict[str, CollatedDocument] = {}
    async for each in source.read():
        document = cleaned(each)
        if len(documents) >= MOST_DOCUMENTS and document.key not in documents:
            _log.warning("%s brings more than %d documents; those beyond are not found", source.name, MOST_DOCUMENTS)
            break
        documents[document.key] = document
    return list(documents.values())


async def _note_failure(sourcing: Sourcing, source: SearchSource, row: StateRow, error: Exception) -> None:
    """Have the source read again before its time; what it brought before stays."""
    failures = int(row.value.get("failures", 0)) + 1
    asked = error.retry_after_seconds or 0.0 if isinstance(error, SourceError) else 0.0
    usual = min(source.schedule.frequency.total_seconds(), _FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 20))
    value = {**row.value, **_identity(sourcing, source), "failures": failures}
    due = datetime.now(UTC) + timedelta(seconds=spread(max(asked, usual)))
    await sourcing.store.write_states([StateWrite(SOURCES, source.name, value, due=due, expected=row.version)])


def _taken_over(sourcing: Sourcing, source: SearchSource, row: StateRow | None, now: datetime) -> StateWrite | None:
    """The row of a source: a new one waits as its schedule says, one that was gone, failed, or is another by now, is read at once."""
    identity = _identity(sourcing, source)
    if row is None:
        return StateWrite(SOURCES, source.name, identity, due=now + source.schedule.initial_delay, expected=0)
    if not row.value.get("gone") and not row.value.get("failures") and row.due is not None and row.value.get("told") == identity["told"]:
        return None
    kept = {key: value for key, value in row.value.items() if key != "gone"}
    return StateWrite(SOURCES, source.name, {**kept, **identity}, due=now, expected=row.version)


def _identity(sourcing: Sourcing, source: SearchSource) -> dict[str, Any]:
    """Stands for what the source is and how it behaves."""
    told = content_hash(canonical_json([source.type, source.version, source.schedule.frequency.total_seconds()]))
    return {"told": told, "plugin": sourcing.owners.get(source.name)}


def _missing(sourcing: Sourcing, row: StateRow, now: datetime) -> StateWrite | None:
    """The row of a source that no plugin has any more."""
    if row.value.get("gone") or row.value.get("plugin") in sourcing.broken:
        return None
    return StateWrite(SOURCES, row.id, {**row.value, "gone": True}, due=now, expected=row.version)
