"""The job that removes the documentation of entities that are gone: what was built here, once the entity has been gone for long."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from arq import cron
from arq.cron import CronJob
from arq.worker import Function

from config import Config
from graph.conditions import EVERYTHING
from graph.errors import StoreUnavailableError
from graph.refs import Ref, parse_ref
from graph.state_rows import rows_below
from graph.store import StateWrite, Store
from workers.due import is_due, put_off
from workers.jobs import job
from workers.leases import BusyError, holding
from workers.queue import Queue
from workers.techdocs.jobs import Docs
from workers.techdocs.publishing import Site
from workers.techdocs.states import LOGS, PROBLEMS, STATES, state_of

GONE = "docs-gone"
"""The sites whose entities are gone, by id; each is due when it is to be removed."""

_LOOK, _LEASE = "docs-removal", "docs-removal"
_EVERY_SECONDS = 3600.0
_LIMIT_SECONDS = 900
_MOST_AT_ONCE = 100
_AT_ONCE = 500

_log = logging.getLogger("callboard.techdocs")


def functions() -> Sequence[Function]:
    """The job, by the name under which it is asked for."""
    return [job(remove_docs_of_gone, time_limit_seconds=_LIMIT_SECONDS)]


def cron_jobs() -> Sequence[CronJob]:
    """The tick that asks for it once an hour; the store knows when."""
    return [cron(request_removal, name=request_removal.__name__, second={41})]


async def request_removal(ctx: Mapping[str, Any]) -> None:
    """Ask for the job if sites are built here, and its time has come."""
    docs: Docs = ctx["docs"]
    queue: Queue = ctx["queue"]
    if not removes(docs.config):
        return
    try:
        due = await is_due(docs.store, _LOOK, _LOOK)
    except StoreUnavailableError as error:
        _log.warning("whether documentation has to be removed is not known: %s", error)
        return
    if due:
        await queue.request(remove_docs_of_gone.__name__)


def removes(config: Config) -> bool:
    """Whether sites of entities that are gone are removed. What CI publishes is its own, and in the declared case nobody knows any more
    where the site of an entity was that is gone.
    """
    techdocs = config.techdocs
    is_ours = techdocs.builder == "local" and not techdocs.legacy_use_case_sensitive_triplet_paths
    return is_ours and techdocs.keep_removed is not None and config.blob_storage is not None


async def remove_docs_of_gone(ctx: Mapping[str, Any]) -> None:
    """Look which entities are gone, remove what is due, and look again in about an hour."""
    docs: Docs = ctx["docs"]
    if docs.config.techdocs.keep_removed is not None and removes(docs.config):
        await holding(docs.store, _LEASE, partial(remove_as_of, docs, datetime.now(UTC), docs.config.techdocs.keep_removed))
    await put_off(docs.store, _LOOK, _LOOK, _EVERY_SECONDS)


async def remove_as_of(docs: Docs, now: datetime, kept: timedelta) -> None:
    """Note which entities are gone as of `now` and which are back; of those gone for as long as `kept`, remove some sites."""
    await _note(docs.store, now + kept)
    for row in await docs.store.states(GONE, due_by=now, limit=_MOST_AT_ONCE):
        # One that is built just now has an entity again.
        with suppress(BusyError):
            await holding(docs.store, f"docs:{row.id}", partial(_remove, docs, row.id))


async def _note(store: Store, due: datetime) -> None:
    noted = {row.id async for row in rows_below(store, GONE)}
    sites = [row.id async for row in rows_below(store, STATES)]
    for start in range(0, len(sites), _AT_ONCE):
        some = sites[start : start + _AT_ONCE]
        found = await store.entities_by_ref(list({_ref(site) for site in some}), visible=EVERYTHING)
        gone = {site for site in some if _ref(site) not in found}
        new = [StateWrite(GONE, site, {}, due=due) for site in sorted(gone - noted)]
        back = [StateWrite(GONE, site, None) for site in some if site in noted - gone]
        if new or back:
            await store.write_states([*new, *back])


async def _remove(docs: Docs, site_id: str) -> None:
    store, ref = docs.store, _ref(site_id)
    if ref in await store.entities_by_ref([ref], visible=EVERYTHING):
        return
    # A site that nothing was ever built for was put there by somebody else.
    if (await state_of(store, site_id)).etag is not None:
        await docs.publisher().remove(_site(site_id))
        _log.info("removed the documentation of %s, which is gone", site_id)
    # The files go first, so that who is killed in between begins anew.
    await store.write_states([StateWrite(collection, site_id, None) for collection in (LOGS, PROBLEMS, STATES, GONE)])


def _ref(site_id: str) -> Ref:
    return Ref(site_id.partition("@")[0])


def _site(site_id: str) -> Site:
    parsed, version = parse_ref(_ref(site_id)), site_id.partition("@")[2]
    return Site(parsed.kind, parsed.namespace, parsed.name, version or None)
