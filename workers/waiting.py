"""Waiting for something to happen, but not for ever."""

import asyncio
from contextlib import suppress


async def set_within(event: asyncio.Event, seconds: float) -> None:
    """Return once the event is set, or after so many seconds."""
    # asyncio.wait_for of Python 3.11 loses a cancellation that comes as the wait ends.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
