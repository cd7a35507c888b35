"""`callboard worker`: background jobs from the configured queue, until stopped."""

import asyncio
import logging
import signal
from contextlib import suppress
from pathlib import Path

import click
from redis import RedisError

from cli.exits import FINDINGS, OK
from cli.logs import log_to_stderr
from cli.options import config_option
from config import Config, ConfigurationError, load
from graph.configured import registry_from
from graph.errors import StoreUnavailableError
from graph.store import Store
from graph.stores import store_from
from workers.composition import run_worker
from workers.health import has_worker

_RETRY_SECONDS = 5

_log = logging.getLogger("callboard.worker")


@click.command("worker")
@click.option("--check", is_flag=True, help="Only say whether a worker runs: exit with 0 if one does, with 1 if none does.")
@config_option
def command(check: bool, configs: tuple[Path, ...]) -> int:
    """Run background jobs from the Redis of `backend.queue.url`, until stopped by Ctrl-C.

    Without a configured queue there is no need for it: `callboard serve` runs the jobs itself.
    """
    config = load(configs)
    queue = config.backend.queue
    if queue is None:
        raise ConfigurationError("backend.queue.url", "is required for workers; without it `callboard serve` runs the jobs itself")
    try:
        if check:
            return OK if asyncio.run(has_worker(queue.url)) else FINDINGS
        log_to_stderr(config)
        asyncio.run(_until_stopped(config))
    except (RedisError, OSError) as error:
        raise click.ClickException(f"Redis can't be reached: {error}") from error
    return OK


async def _until_stopped(config: Config) -> None:
    registry = registry_from(config.catalog.relations)
    store = store_from(config.backend.database, registry)

    async def work() -> None:
        await _open(store)
        _log.info("the worker runs")
        await run_worker(config, store, registry)

    working = asyncio.create_task(work())
    for stop in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(stop, working.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await working
    finally:
        await store.close()


async def _open(store: Store) -> None:
    """Wait for the store as long as it takes. StoreError if it can never be opened."""
    while True:
        try:
            return await store.open()
        except StoreUnavailableError as error:
            _log.warning("%s; trying again in %d s", error, _RETRY_SECONDS)
            await asyncio.sleep(_RETRY_SECONDS)
