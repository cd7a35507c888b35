"""Opens the store beside the serving of requests, however long that takes, and then keeps the background work going."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from graph.errors import StoreUnavailableError
from graph.store import Store
from ingest.lifecycle import Actions
from workers.beside import Beside
from workers.figures import BackgroundWork
from workers.scaffolder.port import Scaffolder
from workers.search.finding import Search
from workers.waiting import set_within

Background = Callable[[], AbstractAsyncContextManager[Beside | None]]
"""What runs while the store is open, such as the refreshing of locations. It gives what changes the catalog, and what is known of it."""

_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 2.0

_log = logging.getLogger("callboard.store")


class StoreOpening:
    """Whether the store has been opened. `run` is cancelled to stop."""

    def __init__(self, store: Store, background: Background) -> None:
        self._store = store
        self._background = background
        self._opened = False
        self._beside: Beside | None = None
        self._tried = asyncio.Event()

    @property
    def work(self) -> BackgroundWork | None:
        """The background work, while it goes on."""
        return self._beside.work if self._beside else None

    @property
    def opened(self) -> bool:
        return self._opened

    @property
    def actions(self) -> Actions | None:
        """What changes the catalog on request; None while the background work does not run."""
        return self._beside.actions if self._beside else None

    @property
    def search(self) -> Search | None:
        """What answers searches; None while the background work does not run, or where no search is configured."""
        return self._beside.search if self._beside else None

    @property
    def scaffolder(self) -> Scaffolder | None:
        """What runs templates on request; None while the background work does not run."""
        return self._beside.scaffolder if self._beside else None

    async def wait_for_first_try(self, seconds: float) -> None:
        """Return after the first attempt to open the store, successful or not, or after `seconds`."""
        await set_within(self._tried, seconds)

    async def run(self) -> None:
        """Try until the store opens, then run the background work until cancelled. StoreError if it can never be opened."""
        delay, told = _FIRST_DELAY_SECONDS, ""
        while True:
            try:
                await self._open()
                async with self._background() as self._beside:
                    await asyncio.get_running_loop().create_future()
            except StoreUnavailableError as error:
                self._tried.set()
                reason = " ".join(str(error).split())
                if reason != told:
                    _log.warning("the store does not open and is tried again until it does: %s", reason)
                told = reason
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)

    async def _open(self) -> None:
        if not self._opened:
            await self._store.open()
            self._opened = True
            self._tried.set()
            _log.info("the store is open")
