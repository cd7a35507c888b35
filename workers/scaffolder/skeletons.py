"""Skeletons: what tasks fetched for what they made, and whether that is another by now."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from graph.conditions import EVERYTHING
from graph.errors import InputError, LimitExceededError, StaleWriteError
from graph.refs import Ref
from graph.store import StateRow, StateWrite, Store
from plugins.contract import SourceError
from workers.scaffolder.effects import Skeleton, skeleton_of
from workers.scaffolder.sources import Sources, base_url_of

SKELETONS = "scaffolder-skeletons"
"""The collection: by template what was fetched for it, due when it is to be looked at."""

_MOST = 100
_AT_ONCE = 10
_LOOK_SECONDS = 120
_TRIES = 20

_log = logging.getLogger("callboard.scaffolder")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A skeleton as it was when it was looked at; `commit` is that of its repository then, None if it lies in none."""

    skeleton: Skeleton
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Skeletons:
    """Knows skeletons of templates as they are now: of each template the 100 that were fetched last. Every method raises
    StoreUnavailableError while the store can't be reached.
    """

    store: Store
    sources: Sources
    interval: timedelta

    async def keep(self, template: Ref, fetched: Sequence[Skeleton]) -> None:
        """Keep what a task of the template fetched. What is known of it already stays as it was seen last, and is looked at soon."""
        for _ in range(_TRIES):
            row, seen = await self._row(template)
            known = {one.skeleton.source: one for one in seen}
            differs = any(one.source in known and known[one.source].skeleton != one for one in fetched)
            again = [known.get(one.source, _Seen(one)) for one in fetched]
            kept = [*(one for one in seen if one not in again), *again][-_MOST:]
            due = datetime.now(UTC) if differs or row is None or row.due is None else row.due
            with suppress(StaleWriteError):
                await self._write(template, kept, row, due if row else datetime.now(UTC) + self.interval)
                return

    async def known(self, templates: Sequence[Ref]) -> Mapping[Ref, Mapping[tuple[str, bool], str]]:
        """The digests of skeletons as they were seen last, by where they are, of each of at most 1,000 templates."""
        rows = await self.store.states(SKELETONS, ids=templates) if templates else ()
        return {Ref(row.id): {one.skeleton.source: one.skeleton.digest for one in _seen(row)} for row in rows}

    async def are_due(self) -> bool:
        """Whether there are some to be looked at."""
        return bool(await self.store.states(SKELETONS, due_by=datetime.now(UTC), limit=1))

    async def look(self) -> None:
        """Look at those that are due, of a few templates."""
        for row in await self.store.states(SKELETONS, due_by=datetime.now(UTC), limit=_AT_ONCE):
            await self._look(row)

    async def look_at(self, template: Ref) -> None:
        """Look at those of the template now."""
        row, _ = await self._row(template)
        if row:
            await self._look(row)

    async def _look(self, row: StateRow) -> None:
        template, seen = Ref(row.id), list(_seen(row))
        found = (await self.store.entities_by_ref([template], visible=EVERYTHING)).get(template)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                for place, one in enumerate(seen):
                    if found is not None:
                        seen[place] = await self._seen_now(base_url_of(found), one)
        # Somebody else kept or saw some meanwhile: theirs stays.
        with suppress(StaleWriteError):
            await self._write(template, seen, row, datetime.now(UTC) + self.interval)

    async def _seen_now(self, base_url: str | None, one: _Seen) -> _Seen:
        skeleton = one.skeleton
        try:
            found = await self.sources.look(base_url, skeleton.url, one.commit, is_file=skeleton.is_file)
        except (InputError, SourceError, LimitExceededError) as error:
            _log.info("whether the skeleton %s has changed is not known: %s", skeleton.url, error)
            return one
        return one if found is None else _Seen(Skeleton(skeleton.url, skeleton.is_file, found.digest), found.commit)

    async def _row(self, template: Ref) -> tuple[StateRow | None, Sequence[_Seen]]:
        rows = await self.store.states(SKELETONS, ids=[template])
        return (rows[0], _seen(rows[0])) if rows else (None, ())

    async def _write(self, template: Ref, seen: Sequence[_Seen], row: StateRow | None, due: datetime) -> None:
        value: dict[str, Any] = {"skeletons": [{**one.skeleton.encoded(), "commit": one.commit} for one in seen]}
        await self.store.write_states([StateWrite(SKELETONS, template, value, due=due, expected=row.version if row else 0)])


def _seen(row: StateRow) -> Sequence[_Seen]:
    return [_Seen(skeleton_of(one), one["commit"]) for one in row.value["skeletons"]]
