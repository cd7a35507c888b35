"""Asking the workers of other processes for jobs, now and then."""

import logging

from redis import RedisError

from workers.queue import connected

_log = logging.getLogger("callboard.lifecycle")


class Requested:
    """Asks by a connection of its own each time: it happens when people act, and needs no Redis to begin with."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def request(self, function: str, *args: str) -> None:
        """Have the job run soon. Where Redis can't be reached, the workers find by the store what is due."""
        try:
            async with connected(self._url) as queue:
                await queue.request(function, *args)
        except (RedisError, OSError) as error:
            _log.warning("%s waits for the next look at what is due, since Redis can't be reached: %s", function, error)
