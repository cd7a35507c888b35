"""Tasks in the store: small rows that are written when something happens and never as a whole, and that go together in the end."""

import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from graph.errors import NotFoundError, StaleWriteError
from graph.state_rows import rows_below
from graph.store import StateRow, StateWrite, Store
from workers.leases import LEASE_SECONDS
from workers.scaffolder.sealing import Seal
from workers.scaffolder.tasks import Event, EventType, StepState, StepStatus, Task, TaskSpec, TaskStatus, spec_of, step_state_of, task_of

TASKS = "scaffolder-tasks"
SPECS = "scaffolder-specs"
SECRETS = "scaffolder-secrets"
STEPS = "scaffolder-steps"
EVENTS = "scaffolder-events"
CHECKPOINTS = "scaffolder-checkpoints"
WORKSPACES = "scaffolder-workspaces"
"""The collections. The ids of all but the first three begin with that of their task."""

LOOK_AGAIN = timedelta(seconds=LEASE_SECONDS)
"""How long after its worker last told of it a task is looked after by others."""

_PAGE = 1000
_CHUNK_BYTES = 256 * 1024
_TRIES = 20
_CUT_OFF = (StepStatus.PROCESSING, StepStatus.CANCELLED)


class TaskStore:
    """Reads and writes tasks. Every method raises StoreUnavailableError while the store can't be reached."""

    def __init__(self, store: Store, seal: Callable[[], Seal], retention: timedelta) -> None:
        """`seal` is asked for when something has to be sealed for the first time, and may raise ConflictError then."""
        self._store, self._make_seal, self._retention = store, seal, retention

    @cached_property
    def _seal(self) -> Seal:
        return self._make_seal()

    async def add(self, task: Task, spec: TaskSpec, secrets: Mapping[str, str]) -> None:
        """Keep a new task, to be run at once. ConflictError where nothing can be sealed."""
        writes = [
            StateWrite(SPECS, task.id, spec.encoded(), expected=0),
            StateWrite(SECRETS, task.id, self._sealed(task.id, secrets), expected=0),
            StateWrite(TASKS, task.id, task.encoded(), due=datetime.now(UTC), expected=0),
        ]
        await self._store.write_states(writes)

    async def task(self, id: str) -> Task | None:
        """The task; None if there is none."""
        rows = await self._store.states(TASKS, ids=[id])
        return _task(rows[0]) if rows else None

    async def tasks_by_id(self, ids: Sequence[str]) -> Sequence[Task]:
        """The tasks of these ids, at most 1,000; a missing one is absent."""
        return [_task(row) for row in await self._store.states(TASKS, ids=ids)] if ids else []

    async def spec(self, id: str) -> TaskSpec:
        """What the task does. NotFoundError if there is none."""
        rows = await self._store.states(SPECS, ids=[id])
        if not rows:
            raise _missing(id)
        return spec_of(rows[0].value)

    async def specs(self, ids: Sequence[str]) -> Mapping[str, TaskSpec]:
        """What these tasks do, at most 1,000; a missing one is absent."""
        return {row.id: spec_of(row.value) for row in await self._store.states(SPECS, ids=ids)} if ids else {}

    async def tasks(self, after: str = "") -> AsyncIterator[Task]:
        """All tasks, newest first, after the one of that id."""
        async for row in rows_below(self._store, TASKS, after=after):
            yield _task(row)

    async def due(self, limit: int = 100) -> Sequence[Task]:
        """Tasks that somebody has to look at: to run them, or to go on with them, or because they are kept no longer."""
        return [_task(row) for row in await self._store.states(TASKS, due_by=datetime.now(UTC), limit=limit)]

    async def change(self, id: str, change: Callable[[Task], Task | None], *besides: StateWrite) -> Task:
        """The task as `change` made it of what is stored, written with `besides`; unwritten where that gives None. NotFoundError."""
        for _ in range(_TRIES):
            task = await self.task(id)
            if task is None:
                raise _missing(id)
            changed = change(task)
            if changed is None:
                return task
            try:
                await self._store.write_states([self._write(changed, task.version), *besides])
            except StaleWriteError:
                continue
            return replace(changed, version=task.version + 1)
        raise StaleWriteError(f"the task {id} is changed by others all the time")

    async def finish(self, id: str, change: Callable[[Task], Task | None], event: Event) -> Task:
        """As `change`, with the event in the same transaction, so that either is there or neither."""
        for _ in range(_TRIES):
            task, last = await self.task(id), await self._last_event(id, 0)
            if task is None:
                raise _missing(id)
            changed = change(task)
            if changed is None:
                return task
            written = StateWrite(EVENTS, _event_id(id, last + 1), _event(event), expected=0)
            try:
                await self._store.write_states([self._write(changed, task.version), written])
            except StaleWriteError:
                continue
            return replace(changed, version=task.version + 1)
        raise StaleWriteError(f"the task {id} is changed by others all the time")

    async def secrets(self, id: str) -> Mapping[str, str]:
        """The task's secrets; none once it has ended. UnsealableError if the key is another one by now."""
        rows = await self._store.states(SECRETS, ids=[id])
        return self._seal.open_json(rows[0].value["sealed"], f"secrets {id}") if rows else {}

    def _sealed(self, id: str, secrets: Mapping[str, str]) -> Mapping[str, str]:
        return {"sealed": self._seal.close_json(dict(secrets), f"secrets {id}")}

    async def steps(self, id: str) -> Mapping[int, StepState]:
        """The steps that were begun, by their place, counted from 0."""
        return {(index := int(row.id.rpartition(":")[2])): step_state_of(index, row.value) async for row in self._rows(STEPS, id)}

    async def write_step(self, id: str, state: StepState, output: Mapping[str, Any] | None = None) -> None:
        """Keep how a step is; `output`, if given, is what later steps read of it, and sealed."""
        if output is not None:
            state = replace(state, sealed_output=self._seal.close_json(output, f"output {id} {state.index}"))
        await self._store.write_states([StateWrite(STEPS, _step_id(id, state.index), state.encoded())])

    def output_of(self, id: str, state: StepState) -> Mapping[str, Any]:
        """What later steps read of a step that is done."""
        return self._seal.open_json(state.sealed_output, f"output {id} {state.index}") if state.sealed_output else {}

    async def reopen(self, id: str, change: Callable[[Task], Task | None], secrets: Mapping[str, str]) -> Task:
        """As `change`, with new secrets, and with all forgotten from the first step on that failed or was cut off, and that it was over."""
        states = await self.steps(id)
        broken = (index for index, state in states.items() if state.fails_task or state.status in _CUT_OFF)
        first = min(broken, default=len(states))
        forgotten = [StateWrite(STEPS, _step_id(id, index), None) for index in states if index >= first]
        over = [
            StateWrite(EVENTS, row.id, None)
            async for row in self._rows(EVENTS, id)
            if row.value["type"] in (EventType.COMPLETION, EventType.CANCELLED)
        ]
        return await self.change(id, change, *forgotten, *over, StateWrite(SECRETS, id, self._sealed(id, secrets)))

    async def add_events(self, id: str, events: Sequence[Event], last: int = 0) -> int:
        """Write the events after those that are there, and return the last one's number. `last` is the number known of the last one."""
        for _ in range(_TRIES):
            last = await self._last_event(id, last)
            numbered = [event.numbered(last + place) for place, event in enumerate(events, 1)]
            try:
                await self._store.write_states(
                    [StateWrite(EVENTS, _event_id(id, event.id), _event(event), expected=0) for event in numbered]
                )
            except StaleWriteError:
                continue
            return last + len(events)
        raise StaleWriteError(f"others write the log of the task {id} all the time")

    async def events(self, id: str, after: int = 0, limit: int = _PAGE) -> Sequence[Event]:
        """At most `limit` (1,000) events with a greater number, in order."""
        rows = await self._store.states(EVENTS, after=_event_id(id, after), limit=limit)
        return [_event_of(row) for row in rows if row.id.startswith(f"{id}:")]

    async def _last_event(self, id: str, known: int) -> int:
        while events := await self.events(id, known):
            known = events[-1].id
        return known

    async def checkpoint(self, id: str, key: str) -> Mapping[str, Any] | None:
        """What is known of a checkpoint: {done, value}; None if it was never begun."""
        row_id = _checkpoint_id(id, key)
        rows = await self._store.states(CHECKPOINTS, ids=[row_id])
        if not rows:
            return None
        sealed = rows[0].value["sealed"]
        return {"done": sealed is not None, "value": self._seal.open_json(sealed, row_id) if sealed else None}

    async def write_checkpoint(self, id: str, key: str, *, done: bool, value: Any = None) -> None:
        """Keep that a checkpoint was begun, or done with that value."""
        row_id = _checkpoint_id(id, key)
        sealed = self._seal.close_json(value, row_id) if done else None
        await self._store.write_states([StateWrite(CHECKPOINTS, row_id, {"sealed": sealed})])

    async def forget_checkpoint(self, id: str, key: str) -> None:
        """Let a checkpoint be as if it was never begun."""
        await self._store.write_states([StateWrite(CHECKPOINTS, _checkpoint_id(id, key), None)])

    async def keep_workspace(self, id: str, archive: bytes) -> str:
        """Keep a packed workspace, sealed; the name under which it is there."""
        name = uuid4().hex
        sealed = self._seal.close(archive, f"workspace {id} {name}")
        for number, start in enumerate(range(0, len(sealed), _CHUNK_BYTES)):
            chunk = base64.b85encode(sealed[start : start + _CHUNK_BYTES]).decode()
            await self._store.write_states([StateWrite(WORKSPACES, f"{id}:{name}:{number:06d}", {"chunk": chunk})])
        return name

    async def workspace(self, id: str, name: str) -> bytes:
        """The packed workspace of that name. UnsealableError if it can't be read, or is not whole."""
        sealed = b"".join([base64.b85decode(row.value["chunk"]) async for row in self._rows(WORKSPACES, f"{id}:{name}")])
        return self._seal.open(sealed, f"workspace {id} {name}")

    async def drop_workspaces(self, id: str, *, but: str | None = None) -> None:
        """Forget the workspaces of a task, but the one of that name."""
        await self._remove([row.id async for row in self._rows(WORKSPACES, id) if but is None or f":{but}:" not in row.id], WORKSPACES)

    async def drop_secrets(self, id: str) -> None:
        """Forget the secrets of a task."""
        await self._store.write_states([StateWrite(SECRETS, id, None)])

    async def remove(self, id: str) -> None:
        """Forget the task and all that belongs to it, itself last. Its effects stay."""
        for collection in (STEPS, EVENTS, CHECKPOINTS, WORKSPACES):
            await self._remove([row.id async for row in self._rows(collection, id)], collection)
        await self._store.write_states([StateWrite(collection, id, None) for collection in (SECRETS, SPECS, TASKS)])

    async def _remove(self, ids: Sequence[str], collection: str) -> None:
        for start in range(0, len(ids), _PAGE):
            await self._store.write_states([StateWrite(collection, each, None) for each in ids[start : start + _PAGE]])

    def _rows(self, collection: str, id: str) -> AsyncIterator[StateRow]:
        # Few at once, since rows of workspaces are large.
        return rows_below(self._store, collection, f"{id}:", limit=20 if collection == WORKSPACES else _PAGE)

    def _write(self, task: Task, version: int) -> StateWrite:
        now = datetime.now(UTC)
        if task.status.is_over:
            due = (task.ended_at or now) + self._retention
        else:
            due = now + (LOOK_AGAIN if task.status is TaskStatus.PROCESSING else timedelta(0))
        return StateWrite(TASKS, task.id, task.encoded(), due=due, expected=version)


def _task(row: StateRow) -> Task:
    return task_of(row.id, row.value, row.version)


def _missing(id: str) -> NotFoundError:
    return NotFoundError(f"Task with id {id} does not exist")


def _step_id(id: str, index: int) -> str:
    return f"{id}:{index:04d}"


def _event_id(id: str, number: int) -> str:
    return f"{id}:{number:09d}"


def _checkpoint_id(id: str, key: str) -> str:
    return f"{id}:{blake2b(key.encode(), digest_size=16).hexdigest()}"


def _event(event: Event) -> dict[str, Any]:
    return {"type": event.type, "body": dict(event.body), "at": event.at.isoformat()}


def _event_of(row: StateRow) -> Event:
    number = int(row.id.rpartition(":")[2])
    return Event(EventType(row.value["type"]), row.value["body"], datetime.fromisoformat(row.value["at"]), number)
