"""The job that builds documentation: one entity at a time, by one worker at a time, and only what has changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from arq.worker import Function

from config import Config
from graph.conditions import EVERYTHING
from graph.entities import Entity
from graph.errors import InputError
from graph.refs import Ref
from graph.store import Store
from ingest.touching import touch
from plugins.hosts import Hosts
from workers.jobs import job
from workers.leases import holding
from workers.techdocs.publishing import Publisher, Site, site_of
from workers.techdocs.references import LocalFolder, RepositoryFolder, docs_source, root_of
from workers.techdocs.results import BuiltSite, FailedBuild, NoDocs, UnchangedSite
from workers.techdocs.site_builds import SiteBuilds, Wanted
from workers.techdocs.states import SiteState, state_of, write_state
from workers.techdocs.storing import publisher_from

FORCED = "forced"
"""The argument with which a build is done although nothing seems to have changed."""

_PUBLISHING_SECONDS = 600

Touch = Callable[[Ref], Awaitable[None]]
"""Tells whoever keeps what is found up to date that the documentation of an entity is another."""

_log = logging.getLogger("callboard.techdocs")


@dataclass(frozen=True, slots=True)
class Docs:
    """What the job works with. `publisher` opens the storage, once; `touched` is told of every entity whose site is another."""

    config: Config
    store: Store
    hosts: Hosts
    builds: SiteBuilds
    publisher: Callable[[], Publisher]
    touched: Sequence[Touch] = ()


def docs_from(config: Config, store: Store, hosts: Hosts) -> Docs:
    """What the configuration comes to."""
    return Docs(config, store, hosts, SiteBuilds(config), cache(partial(publisher_from, config)), [lambda ref: touch(store, [ref])])


def functions(config: Config) -> Sequence[Function]:
    """The job, by the name under which it is asked for."""
    seconds = config.techdocs.generator.limits.time.total_seconds()
    return [job(build_docs, time_limit_seconds=2 * seconds + _PUBLISHING_SECONDS, tries=3)]


async def build_docs(ctx: Mapping[str, Any], ref: str, version: str = "", forced: str = "") -> None:
    """Build the documentation of an entity, or of a branch or tag of it, if it has changed, and put it in place of what is there.

    A build that gives no site leaves the last one. An entity that is gone by now, or has no documentation of its own, needs nothing.
    """
    docs: Docs = ctx["docs"]
    entity = (await docs.store.entities_by_ref([Ref(ref)], visible=EVERYTHING)).get(Ref(ref))
    if entity is None:
        return
    with suppress(InputError):
        site = site_of(entity, version or None)
        await holding(docs.store, f"docs:{site.id}", lambda: _build(docs, entity, site, forced=forced == FORCED))


async def _build(docs: Docs, entity: Entity, site: Site, *, forced: bool) -> None:
    state = await state_of(docs.store, site.id)
    locations = await docs.store.locations()
    location = next((one for one in locations if one.id == entity.origin.location_id), None)
    # Hosts and links are looked up on the disk.
    source = await asyncio.to_thread(docs_source, entity, docs.hosts, root_of(location), site.version)
    if isinstance(source, NoDocs):
        await write_state(docs.store, site.id, state.failed((source.message, source.remedy), None), problems=(), log="")
    elif isinstance(source, LocalFolder | RepositoryFolder):
        await _build_from(docs, entity, site, source, state, forced=forced)


async def _build_from(
    docs: Docs, entity: Entity, site: Site, source: LocalFolder | RepositoryFolder, state: SiteState, *, forced: bool
) -> None:
    title = entity.metadata.get("title")
    wanted = Wanted(site.ref, title if isinstance(title, str) and title else entity.name, source)
    known = None if forced else state.failed_etag or state.etag
    async with docs.builds.build(wanted, known) as result:
        now = datetime.now(UTC)
        match result:
            case UnchangedSite():
                await write_state(docs.store, site.id, replace(state, checked_at=now))
            case FailedBuild():
                failed = state.failed((result.reason, result.remedy), result.etag, result.left_out)
                await write_state(docs.store, site.id, failed, log=result.log)
                _log.info("the documentation of %s was not built: %s", site.id, result.reason)
            case BuiltSite():
                await docs.publisher().publish(site, result.folder)
                built = SiteState(result.etag, None, now, now, None, result.left_out, len(result.problems))
                await write_state(docs.store, site.id, built, problems=result.problems, log=result.log)
                for tell in docs.touched if site.version is None else ():
                    await tell(site.ref)
                _log.info("built the documentation of %s", site.id)
