"""What discovering catalog files is alike for, on GitLab, Bitbucket, Azure DevOps and Gitea: providing them, and following events."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from config.provider import ProviderConfig
from plugins.contract import DeltaMutation, FullMutation, Place, ProvidedLocation, ProviderConnection, RepositoryHost, Touched
from plugins.schedule import schedule_of

_AT_ONCE = 8

Found = TypeVar("Found")
Told = TypeVar("Told")


class Search(Protocol):
    """Looks for catalog files on one host. Every method raises SourceError."""

    @property
    def host(self) -> RepositoryHost:
        """The host that is searched."""
        ...

    def covers(self, repository: str) -> bool:
        """Whether the repository may be among those that are looked at, by its full name alone."""
        ...

    async def everywhere(self) -> Sequence[Place]:
        """Every catalog file that the configuration asks for."""
        ...

    async def within(self, repository: str) -> Sequence[Place]:
        """Those of one repository; none if it is gone, or the configuration does not ask for it."""
        ...


class Discovery:
    """Provides one location for each catalog file that a search finds."""

    def __init__(self, name: str, config: ProviderConfig, search: Search) -> None:
        self.name = name
        self.schedule = schedule_of(config.schedule)
        self._search = search
        self._provided: dict[str, Sequence[Place]] | None = None

    async def read(self, connection: ProviderConnection) -> None:
        """Provide the catalog files as they are now."""
        places = await self._search.everywhere()
        await connection.apply(FullMutation(locations=self._locations(places)))
        provided: dict[str, Sequence[Place]] = {}
        for place in places:
            name = place.repository.lower()
            provided[name] = [*provided.get(name, ()), place]
        self._provided = provided

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        """Look again at the repository that the event is about, and at that alone."""
        names = [name for name in (touched.repository, touched.renamed_from) if name and self._search.covers(name)]
        if touched.host not in {"", self._search.host.host} or not names:
            return False
        if self._provided is None and (touched.deleted or touched.renamed_from):
            # What has to go is known only after a read.
            await self.read(connection)
            return True
        provided = self._provided or {}
        before = [place for name in names for place in provided.get(name.lower(), ())]
        revisions = {place.revision for place in before}
        if touched.event == "push" and before and None not in {touched.revision, *revisions} and touched.revision not in revisions:
            # What is on another branch does not matter.
            return True
        gone = touched.deleted or touched.repository not in names
        now = () if gone else await self._search.within(names[0])
        await connection.apply(
            DeltaMutation(
                locations=self._locations(now), removed_locations=self._locations([place for place in before if place not in now])
            )
        )
        for name in names:
            provided.pop(name.lower(), None)
        if now:
            provided[names[0].lower()] = now
        return True

    def _locations(self, places: Sequence[Place]) -> Sequence[ProvidedLocation]:
        urls = dict.fromkeys(self._search.host.url(place) for place in places)
        return [ProvidedLocation("url", url) for url in urls]


async def each(found: Sequence[Found], ask: Callable[[Found], Awaitable[Told]]) -> Sequence[Told]:
    """What is told of each, in their order; a few are asked for at once. The first error ends all of it."""
    some = asyncio.Semaphore(_AT_ONCE)

    async def look(one: Found) -> Told:
        async with some:
            return await ask(one)

    try:
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(look(one)) for one in found]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in asked]


class SeenFiles:
    """Which repositories have their file. Where one was seen once, reading it tells soon enough when it goes."""

    def __init__(self, exists: Callable[[Place], Awaitable[bool]]) -> None:
        self._exists = exists
        self._seen: set[Place] = set()

    async def has(self, place: Place) -> bool:
        """Whether the file is there, or was when it was looked for last."""
        if place not in self._seen and await self._exists(place):
            self._seen.add(place)
        return place in self._seen

    async def among(self, places: Sequence[Place]) -> Sequence[Place]:
        """Those of the places whose file is there, or was when it was looked for last."""
        return [place for place, is_there in zip(places, await each(places, self.has), strict=True) if is_there]

    async def has_now(self, place: Place) -> bool:
        """Whether the file is there."""
        self._seen.discard(place)
        return await self.has(place)
