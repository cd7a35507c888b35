"""Takes pages apart in a process beside this one, within bounds of time and size, whoever built them."""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from graph.errors import LimitExceededError
from workers.techdocs.page_process import LENGTH
from workers.techdocs.pages import Page, PageLink

_SECONDS = 3.0
_MOST_BYTES = 8 * 1024 * 1024
_TOO_SLOW = "The page is made so that it can't be shown within a few seconds. Build it from plainer HTML."


class PageReader:
    """Reads one page after the other; one for each process that shows pages. The process beside is there while pages come in."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def page(self, html: bytes) -> Page:
        """The parts of a built page. LimitExceededError if it is too large, or takes too long."""
        if len(html) > _MOST_BYTES:
            raise LimitExceededError(f"The page has more than {_MOST_BYTES:,} bytes. Split it into several.")
        async with self._turn:
            answer = await self._answer(html)
        found: dict[str, Any] = orjson.loads(answer)
        if "page" not in found:
            raise LimitExceededError(str(found["refused"]))
        return _page(found["page"])

    async def close(self) -> None:
        """End the process beside. Safe to call twice."""
        async with self._turn:
            await self._end()

    async def _answer(self, html: bytes) -> bytes:
        for is_last in (False, True):
            process = await self._started()
            try:
                return await asyncio.wait_for(_exchanged(process, html), _SECONDS)
            except TimeoutError as error:
                await self._end()
                raise LimitExceededError(_TOO_SLOW) from error
            except (OSError, asyncio.IncompleteReadError) as error:
                # A process that had nothing to do may have ended by itself just now.
                await self._end()
                if is_last:
                    raise LimitExceededError(_TOO_SLOW) from error
            except BaseException:
                # The answer under way would be taken for that to the next page.
                await self._end()
                raise
        raise AssertionError("the last try returns or raises")

    async def _started(self) -> asyncio.subprocess.Process:
        # One that had nothing to do ends by itself.
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            command = (sys.executable, "-I", "-m", "workers.techdocs.page_process")
            self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env={"PATH": os.defpath})
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _exchanged(process: asyncio.subprocess.Process, html: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the process was started with both")
    process.stdin.write(LENGTH.pack(len(html)) + html)
    await process.stdin.drain()
    header = await process.stdout.readexactly(LENGTH.size)
    return await process.stdout.readexactly(LENGTH.unpack(header)[0])


def _page(found: Mapping[str, Any]) -> Page:
    contents, navigation = (_links(found[name]) for name in ("contents", "navigation"))
    return Page(found["title"], found["article"], contents, navigation, found["edit_url"], found["redirect"])


def _links(found: list[dict[str, Any]]) -> list[PageLink]:
    return [PageLink(link["title"], link["href"], link["active"], _links(link["below"])) for link in found]
