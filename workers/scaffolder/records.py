"""What is kept of a task while it runs: in the store for real tasks, in memory for dry runs."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from graph.entities import content_hash
from plugins.actions import Effect
from workers.scaffolder.effects import Use
from workers.scaffolder.ledger import Ledger
from workers.scaffolder.renderings import Rendering, Renderings
from workers.scaffolder.task_store import TaskStore
from workers.scaffolder.tasks import Event, EventType, StepState, event_now

MOST_EVENTS = 20_000
"""How many lines the log of a task may have."""


class Record(Protocol):
    """Where a run writes what it does. StoreUnavailableError while that can't be kept."""

    async def log(self, events: Sequence[Event]) -> None:
        """Add events to the log."""
        ...

    async def write_step(self, state: StepState, output: Mapping[str, Any] | None = None) -> None:
        """Keep how a step is; `output`, if given, is what later steps read of it."""
        ...

    async def checkpoint(self, place: str) -> Mapping[str, Any] | None:
        """What is known of a checkpoint: {done, value}; None if it was never begun."""
        ...

    async def write_checkpoint(self, place: str, *, done: bool, value: Any = None) -> None:
        """Keep that a checkpoint was begun, or done with that value."""
        ...

    async def forget_checkpoint(self, place: str) -> None:
        """Let the checkpoint be as if it was never begun."""
        ...

    async def add_effect(self, state: StepState, effect: Effect) -> None:
        """Keep an effect of a step."""
        ...

    async def keep_workspace(self, archive: bytes) -> str | None:
        """Keep a packed workspace; the name under which it is there, None if nobody will need it."""
        ...

    async def keep_published(self, rendering: Rendering) -> None:
        """Keep what a step published, for when the template changes."""
        ...


class StoredRecord:
    """Writes to the store; what the task makes goes into the ledger, as made by the use, and what it publishes to the renderings."""

    def __init__(self, tasks: TaskStore, ledger: Ledger, renderings: Renderings, use: Use) -> None:
        self._tasks, self._ledger, self._renderings = tasks, ledger, renderings
        self._use, self._task_id, self._last = use, use.task_id, 0
        self._writing = asyncio.Lock()
        self._kept = ("", "")

    async def log(self, events: Sequence[Event]) -> None:
        async with self._writing:
            left = max(0, MOST_EVENTS - self._last)
            told = [
                event for place, event in enumerate(events) if place < left or event.type is not EventType.LOG or event.body.get("status")
            ]
            if left and len(told) < len(events):
                told.append(event_now(EventType.LOG, f"The log has {MOST_EVENTS:,} lines; what follows is left out of it."))
            if told:
                self._last = await self._tasks.add_events(self._task_id, told, self._last)

    async def write_step(self, state: StepState, output: Mapping[str, Any] | None = None) -> None:
        await self._tasks.write_step(self._task_id, state, output)
        if state.snapshot is not None:
            await self._tasks.drop_workspaces(self._task_id, but=state.snapshot)

    async def checkpoint(self, place: str) -> Mapping[str, Any] | None:
        return await self._tasks.checkpoint(self._task_id, place)

    async def write_checkpoint(self, place: str, *, done: bool, value: Any = None) -> None:
        await self._tasks.write_checkpoint(self._task_id, place, done=done, value=value)

    async def forget_checkpoint(self, place: str) -> None:
        await self._tasks.forget_checkpoint(self._task_id, place)

    async def add_effect(self, state: StepState, effect: Effect) -> None:
        await self._ledger.add(self._use, state.id, effect)

    async def keep_workspace(self, archive: bytes) -> str | None:
        digest = content_hash(archive)
        if self._kept[0] != digest:
            self._kept = (digest, await self._tasks.keep_workspace(self._task_id, archive))
        return self._kept[1]

    async def keep_published(self, rendering: Rendering) -> None:
        # What an upgrade proposes is a difference only; of what that makes the whole its merge keeps.
        if self._use.upgrade_of is None:
            await self._renderings.keep(self._task_id, rendering)


@dataclass(slots=True)
class RehearsedRecord:
    """Keeps what a dry run is asked for: its log, and how its steps are."""

    events: list[Event] = field(default_factory=list[Event])
    states: dict[int, StepState] = field(default_factory=dict[int, StepState])

    async def log(self, events: Sequence[Event]) -> None:
        left = max(0, MOST_EVENTS - len(self.events))
        self.events += [event.numbered(len(self.events) + place) for place, event in enumerate(events[:left], 1)]

    async def write_step(self, state: StepState, output: Mapping[str, Any] | None = None) -> None:
        self.states[state.index] = state

    async def checkpoint(self, place: str) -> Mapping[str, Any] | None:
        return None

    async def write_checkpoint(self, place: str, *, done: bool, value: Any = None) -> None:
        pass

    async def forget_checkpoint(self, place: str) -> None:
        pass

    async def add_effect(self, state: StepState, effect: Effect) -> None:
        pass

    async def keep_workspace(self, archive: bytes) -> str | None:
        return None

    async def keep_published(self, rendering: Rendering) -> None:
        pass
