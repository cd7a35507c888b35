"""Telling providers of the events of other systems, so that what they know is up to date at once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from graph.errors import ConflictError, StoreUnavailableError
from graph.store import Store
from plugins.contract import Provider, SourceError, Touched
from workers.leases import BusyError, holding
from workers.providers.jobs import Providing, ask_for_run, connection_of, lease_of

_LIMIT_SECONDS = 120.0

_log = logging.getLogger("callboard.providers")


async def tell_providers(ctx: Mapping[str, Any], store: Store, touched: Sequence[Touched]) -> None:
    """Have every provider follow the events. One that reads just now, or that can't follow, reads once more afterwards.

    StoreUnavailableError, and StaleWriteError if others kept writing the same entities.
    """
    providing: Providing = ctx["providing"]
    for provider in providing.providers:
        for one in touched:
            try:
                await holding(store, lease_of(provider.name), lambda provider=provider, one=one: _tell(ctx, provider, one))
            except BusyError:
                await ask_for_run(store, provider.name)


async def _tell(ctx: Mapping[str, Any], provider: Provider, touched: Touched) -> None:
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            await provider.on_event(touched, connection_of(ctx, provider.name))
    except (StoreUnavailableError, ConflictError):
        raise
    except Exception as error:
        if isinstance(error, SourceError | TimeoutError):
            _log.warning("%s could not follow %s: %s", provider.name, touched.event, error)
        else:
            _log.error("%s failed on %s, id %s", provider.name, touched.event, uuid4().hex[:12], exc_info=error)
        await ask_for_run(connection_of(ctx, provider.name).store, provider.name)
