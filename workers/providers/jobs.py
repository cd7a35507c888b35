"""The jobs of providers: taking over which are configured, running one that is due, and removing what one gave that is gone."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from arq import cron
from arq.cron import CronJob
from arq.worker import Function

from config import Config
from config.sections import Section
from graph.entities import canonical_json, content_hash
from graph.errors import ConflictError, StaleWriteError, StoreUnavailableError
from graph.state_rows import rows_of
from graph.store import CatalogError, StateRow, StateWrite, Store
from ingest.providers import StoredConnection, other_failure, source_failure
from plugins.contract import Provider, SourceError
from plugins.hosts import Hosts
from plugins.loading import load_plugins
from plugins.providers import providers_from
from workers.due import request_due
from workers.jobs import job, spread
from workers.leases import holding
from workers.providers.work import QueuedLocations
from workers.refresh.jobs import TICK_SECONDS, Refreshing

PROVIDERS = "providers"
"""The collection of states in which each provider has a row: when it read last, how that went, and when it reads next."""

_RUN_LIMIT_SECONDS = 6 * 3600
_START_LIMIT_SECONDS = 600
_FIRST_RETRY_SECONDS = 30.0

_log = logging.getLogger("callboard.providers")


@dataclass(frozen=True)
class Providing:
    """What the jobs work with: the providers, and how long what those gave that are gone stays, None for ever.

    `owners` names the plugin of each provider that is one's; what those of `broken` plugins gave stays until they are mended or removed.
    """

    providers: Sequence[Provider]
    grace: timedelta | None
    owners: Mapping[str, str] = field(default_factory=dict[str, str])
    broken: Collection[str] = ()
    by_name: Mapping[str, Provider] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {provider.name: provider for provider in self.providers})


def providing_from(config: Config, hosts: Hosts) -> Providing:
    """The providers of the configuration and of the installed plugins. ConfigurationError as of `providers_from`."""
    plugins = load_plugins(config.plugins)
    owners = {provider.name: plugin for plugin, provided in plugins.providers.items() for provider in provided}
    theirs = [provider for provided in plugins.providers.values() for provider in provided]
    return Providing([*theirs, *providers_from(config, hosts)], config.catalog.provider_grace, owners, tuple(plugins.broken))


def functions() -> Sequence[Function]:
    """The jobs, by the names under which they are asked for."""
    return [job(take_over_providers, time_limit_seconds=_START_LIMIT_SECONDS), job(run_provider, time_limit_seconds=_RUN_LIMIT_SECONDS)]


def cron_jobs() -> Sequence[CronJob]:
    """The tick that asks for what is due."""
    return [cron(request_due_providers, name="request_due_providers", second=set(range(0, 60, TICK_SECONDS)))]


def connection_of(ctx: Mapping[str, Any], name: str) -> StoredConnection:
    """What the provider of that name writes through, in a job's context."""
    refreshing: Refreshing = ctx["refreshing"]
    return StoredConnection(refreshing.store, refreshing.settings, name, QueuedLocations(ctx))


def lease_of(name: str) -> str:
    """The lease that whoever writes what the provider gives holds meanwhile."""
    return f"provider:{name}"


async def take_over_providers(ctx: Mapping[str, Any]) -> None:
    """Give each configured provider its next run, and each that is no longer configured the time at which what it gave goes."""
    providing: Providing = ctx["providing"]
    refreshing: Refreshing = ctx["refreshing"]
    now = datetime.now(UTC)
    rows = await all_rows(refreshing.store)
    writes = [_taken_over(providing, provider, rows.get(provider.name), now) for provider in providing.providers]
    writes += [_missing(row, providing, now) for name, row in rows.items() if name not in providing.by_name]
    changed = [write for write in writes if write is not None]
    if changed:
        await refreshing.store.write_states(changed)
    await request_due_providers(ctx)


async def request_due_providers(ctx: Mapping[str, Any]) -> None:
    """Ask for every provider whose time has come and that nobody runs now."""
    await request_due(_store(ctx), ctx["queue"], PROVIDERS, run_provider.__name__, lease_of)


async def run_provider(ctx: Mapping[str, Any], name: str) -> None:
    """Have the provider read, or remove what it gave if it is gone for long enough. One that is not due any more needs nothing."""
    store = _store(ctx)
    await holding(store, lease_of(name), lambda: _run(ctx, name))


async def ask_for_run(store: Store, name: str) -> None:
    """Have the provider read soon, whatever its schedule says; nothing for one that is unknown."""
    row = (await all_rows(store)).get(name)
    if row:
        await store.write_states([StateWrite(PROVIDERS, name, row.value, due=datetime.now(UTC))])


async def all_rows(store: Store) -> Mapping[str, StateRow]:
    """The row of every provider that is configured or was, by name."""
    return await rows_of(store, PROVIDERS)


async def _run(ctx: Mapping[str, Any], name: str) -> None:
    providing: Providing = ctx["providing"]
    store = _store(ctx)
    rows = await store.states(PROVIDERS, ids=[name])
    now = datetime.now(UTC)
    if not rows or rows[0].due is None or rows[0].due > now:
        return
    provider = providing.by_name.get(name)
    connection = connection_of(ctx, name)
    if provider is None:
        if rows[0].value.get("missingSince"):
            await connection.remove_everything()
            await store.write_states([StateWrite(PROVIDERS, name, None)])
            _log.info("removed what %s gave: it is no longer configured", name)
        return
    failure, wait = await _read(provider, connection)
    await connection.report(failure)
    await _note_run(store, providing, provider, rows[0], failure, wait)


async def _read(provider: Provider, connection: StoredConnection) -> tuple[CatalogError | None, float]:
    """Why the provider could not read, None if it could, and for how many seconds its source asks to be left alone."""
    limit = asyncio.timeout(provider.schedule.timeout.total_seconds())
    try:
        async with limit:
            await provider.read(connection)
    except SourceError as error:
        _log.warning("%s: %s", provider.name, error.message)
        return source_failure(provider.name, error), error.retry_after_seconds or 0.0
    except (StoreUnavailableError, ConflictError):
        raise
    except Exception as error:
        if limit.expired():
            seconds = provider.schedule.timeout.total_seconds()
            return other_failure(provider.name, f"it took longer than {seconds:g} s, and was ended"), 0.0
        error_id = uuid4().hex[:12]
        _log.error("%s failed, id %s", provider.name, error_id, exc_info=error)
        return other_failure(provider.name, f"it failed by {type(error).__name__}; the worker's log has the details"), 0.0
    return None, 0.0


async def _note_run(
    store: Store, providing: Providing, provider: Provider, before: StateRow, failure: CatalogError | None, wait: float
) -> None:
    """Write down how the run went and when the next one is. If another was asked for meanwhile, it is at once."""
    now = datetime.now(UTC)
    failures = int(before.value.get("failures", 0)) + 1 if failure else 0
    seconds = provider.schedule.frequency.total_seconds()
    if failures:
        seconds = max(wait, min(seconds, _FIRST_RETRY_SECONDS * 2 ** (failures - 1)))
    value: dict[str, Any] = {
        **_identity(providing, provider),
        "lastRun": now.isoformat(),
        "lastError": failure.message if failure else None,
        "failures": failures,
    }
    due = now + timedelta(seconds=spread(seconds))
    try:
        await store.write_states([StateWrite(PROVIDERS, provider.name, value, due=due, expected=before.version)])
    except StaleWriteError:
        await store.write_states([StateWrite(PROVIDERS, provider.name, value, due=now)])


def _taken_over(providing: Providing, provider: Provider, row: StateRow | None, now: datetime) -> StateWrite | None:
    """The row of a configured provider: a new one waits as its schedule says, one that was missing, failed, or is configured otherwise,
    runs at once.
    """
    if row is None:
        return StateWrite(PROVIDERS, provider.name, _identity(providing, provider), due=now + provider.schedule.initial_delay, expected=0)
    is_well = not row.value.get("missingSince") and not row.value.get("failures")
    if is_well and row.due is not None and row.value.get("told") == _told(provider):
        return None
    value = {key: kept for key, kept in row.value.items() if key != "missingSince"} | _identity(providing, provider)
    return StateWrite(PROVIDERS, provider.name, value, due=now, expected=row.version)


def _identity(providing: Providing, provider: Provider) -> dict[str, Any]:
    return {"told": _told(provider), "plugin": providing.owners.get(provider.name)}


def _told(provider: Provider) -> str:
    """Stands for what the configuration says of the provider, secrets left out."""
    config = getattr(provider, "config", None)
    section = config.model_dump(mode="json") if isinstance(config, Section) else {}
    return content_hash(canonical_json([provider.schedule.frequency.total_seconds(), section]))


def _missing(row: StateRow, providing: Providing, now: datetime) -> StateWrite | None:
    """The row of a provider that is no longer configured."""
    if row.value.get("plugin") in providing.broken:
        return None
    since = datetime.fromisoformat(row.value["missingSince"]) if row.value.get("missingSince") else now
    due = since + providing.grace if providing.grace is not None else None
    if row.value.get("missingSince") and row.due == due:
        return None
    return StateWrite(PROVIDERS, row.id, {**row.value, "missingSince": since.isoformat()}, due=due, expected=row.version)


def _store(ctx: Mapping[str, Any]) -> Store:
    refreshing: Refreshing = ctx["refreshing"]
    return refreshing.store
