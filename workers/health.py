"""Whether a worker runs on a queue, for whoever watches over it."""

from arq.constants import health_check_key_suffix

from workers.queue import QUEUE, connected


async def has_worker(url: str) -> bool:
    """Whether a worker told the Redis of the URL within the last seconds that it runs. redis.RedisError if that can't be reached."""
    async with connected(url) as queue:
        return await queue.redis.exists(QUEUE + health_check_key_suffix) == 1
