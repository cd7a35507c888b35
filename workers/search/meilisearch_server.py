"""A Meilisearch server, asked by its official client, which waits in threads: calls, tasks, and what went wrong as our errors."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast
from urllib.parse import urlsplit

from meilisearch import Client
from meilisearch.errors import MeilisearchApiError, MeilisearchError
from meilisearch.models.task import TaskInfo
from requests import RequestException

from workers.search.index import IndexUnavailableError

PARALLEL_CALLS = 16
"""How many calls wait for the server at once; further ones queue."""

_FIRST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.5

Answer = TypeVar("Answer")


class RefusedCallError(IndexUnavailableError):
    """The server answered that it can't do this; `reason` is its error code."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class MeilisearchServer:
    """The server at `url`. A call is given up after `timeout_seconds`, and a task that is not done after `task_timeout_seconds`.

    No message of an error says the key or what a proxy on the way may have answered.
    """

    def __init__(self, url: str, api_key: str, *, timeout_seconds: int = 10, task_timeout_seconds: float = 900) -> None:
        self._url = url.rstrip("/")
        self._key = api_key
        self._timeout = timeout_seconds
        self._task_timeout = task_timeout_seconds
        self._threads: ThreadPoolExecutor | None = None
        self._name = f"Meilisearch at {urlsplit(url).hostname}"

    @property
    def is_open(self) -> bool:
        """Whether calls can be made."""
        return self._threads is not None

    def open(self) -> None:
        """Let calls be made. The server need not be there."""
        self._threads = self._threads or ThreadPoolExecutor(PARALLEL_CALLS, thread_name_prefix="meilisearch")

    def close(self) -> None:
        """Begin no further call. Safe to call twice."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._threads = None

    async def ask(self, call: Callable[[Client], Answer]) -> Answer:
        """What the call answers. RefusedCallError with the server's reason; IndexUnavailableError without an answer."""
        if self._threads is None:
            raise IndexUnavailableError("the search index is closed")
        try:
            async with asyncio.timeout(2 * self._timeout):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._called, call)
        except MeilisearchApiError as refused:
            raise self._refused(refused) from None
        except (MeilisearchError, RequestException, TimeoutError) as failure:
            what = "does not answer in time" if "Timeout" in type(failure).__name__ else "can't be reached"
            raise IndexUnavailableError(f"{self._name} {what}; see that it runs and that search.meilisearch.url leads to it") from None
        except (ValueError, KeyError, TypeError, AttributeError) as odd:
            message = f"{self._name} answers something else than Meilisearch does ({type(odd).__name__}); check search.meilisearch.url"
            raise IndexUnavailableError(message) from None

    def _called(self, call: Callable[[Client], Answer]) -> Answer:
        # A client of its own for each call: clients change their headers by call, and threads would share them.
        return call(Client(self._url, self._key, timeout=self._timeout))

    def _refused(self, refused: MeilisearchApiError) -> RefusedCallError:
        code = cast(str | None, refused.code)
        reason = code or f"HTTP {refused.status_code}"
        if refused.status_code in {401, 403}:
            how = "see that search.meilisearch.apiKey is valid there and has the rights that docs/meilisearch.md lists"
        elif code == "index_not_found":
            how = "the index is not there; it is built anew by the next run of the indexing job"
        elif refused.status_code >= 500:
            how = "see the server's log"
        else:
            how = "see that the server's version is one that docs/meilisearch.md names"
        return RefusedCallError(f"{self._name} refuses ({reason}): {how}", reason)

    async def do(self, call: Callable[[Client], TaskInfo]) -> None:
        """Enqueue a task and wait until it is done. RefusedCallError if it fails; IndexUnavailableError if it takes too long."""
        await self.finish([(await self.ask(call)).task_uid])

    async def finish(self, tasks: Sequence[int]) -> None:
        """Wait until these tasks are done. RefusedCallError if one fails; IndexUnavailableError if it takes too long."""
        for uid in tasks:

            def is_over(client: Client, uid: int = uid) -> bool:
                task = client.get_task(uid)
                if task.status in {"failed", "canceled"}:
                    reason = str((task.error or {}).get("code", task.status))
                    raise RefusedCallError(f"{self._name} could not carry out {task.type} ({reason}); see the server's log", reason)
                return task.status == "succeeded"

            await self._wait_until(is_over)

    async def settle(self, index: str) -> None:
        """Wait until no task of the index is left, as a process that was stopped may have left some."""

        def is_idle(client: Client) -> bool:
            return not client.get_tasks({"indexUids": [index], "statuses": ["enqueued", "processing"], "limit": 1}).results

        await self._wait_until(is_idle)

    async def _wait_until(self, is_true: Callable[[Client], bool]) -> None:
        pause = _FIRST_PAUSE_SECONDS
        try:
            async with asyncio.timeout(self._task_timeout):
                while not await self.ask(is_true):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        except TimeoutError:
            message = f"{self._name} has not carried out a task within {self._task_timeout:g} s; see what else it is doing"
            raise IndexUnavailableError(message) from None
