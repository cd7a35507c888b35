"""Asking the workers of other processes for jobs, whether or not Redis can be reached."""

import logging

from redis import RedisError

from workers.queue import Queue

_log = logging.getLogger("callboard.lifecycle")


class Requested:
    """Asks through a queue that may be out of reach."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def request(self, function: str, *args: str) -> None:
        """Have the job run soon. Where Redis can't be reached, the workers find by the store what is due."""
        try:
            await self._queue.request(function, *args)
        except (RedisError, OSError) as error:
            _log.warning("%s waits for the next look at what is due, since Redis can't be reached: %s", function, error)
