"""Work in stages that go on beside one another."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

Item = TypeVar("Item")


async def ahead(items: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
    """The items, of which the next one is already being made while one is used. Errors of the items reach whoever uses them."""
    following = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await following) is not None:
            following = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await items.aclose()
