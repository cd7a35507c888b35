"""The jobs that run tasks, go on with those whose worker was lost, and forget those that ended long ago."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from arq import cron
from arq.cron import CronJob
from arq.worker import Function

from graph.errors import CallboardError, NotFoundError, StaleWriteError, StoreError, StoreUnavailableError
from workers.jobs import job
from workers.leases import BusyError, LeaseLostError, drop_lease, holding
from workers.queue import Queue
from workers.scaffolder.context import StepFailedError
from workers.scaffolder.effects import Skeleton, Use
from workers.scaffolder.records import StoredRecord
from workers.scaffolder.running import Run
from workers.scaffolder.scaffolding import Scaffolding
from workers.scaffolder.snapshots import restore
from workers.scaffolder.tasks import EventType, StepStatus, Task, TaskStatus, event_now, fetched_by
from workers.scaffolder.upgrading import upgrading_actions

TICK_SECONDS = 5

_LIMIT_SECONDS = 24 * 3600
_TIDY_SECONDS = 600
_SKELETONS_SECONDS = 1800
_LOOK_SECONDS = 0.5
_ALIVE_SECONDS = 10.0
_MOST_AT_ONCE = 100

_log = logging.getLogger("callboard.scaffolder")


def functions() -> Sequence[Function]:
    """The jobs, by the names under which they are asked for."""
    return [
        job(run_task, time_limit_seconds=_LIMIT_SECONDS),
        job(remove_tasks, time_limit_seconds=_TIDY_SECONDS),
        job(look_at_skeletons, time_limit_seconds=_SKELETONS_SECONDS),
    ]


def cron_jobs() -> Sequence[CronJob]:
    """The tick that asks for what is due."""
    return [cron(request_tasks, name=request_tasks.__name__, second=set(range(2, 60, TICK_SECONDS)))]


async def request_tasks(ctx: Mapping[str, Any]) -> None:
    """Ask for the tasks that nobody runs although somebody should, and for the end of those that are kept no longer."""
    scaffolding: Scaffolding = ctx["scaffolding"]
    queue: Queue = ctx["queue"]
    try:
        due = await scaffolding.tasks.due(_MOST_AT_ONCE)
        changing = await scaffolding.skeletons.are_due()
    except StoreUnavailableError as error:
        _log.warning("which tasks have to be run is not known: %s", error)
        return
    if changing:
        await queue.request(look_at_skeletons.__name__)
    for task in due:
        if not task.status.is_over:
            await queue.request(run_task.__name__, task.id)
    if any(task.status.is_over for task in due):
        await queue.request(remove_tasks.__name__)


async def look_at_skeletons(ctx: Mapping[str, Any]) -> None:
    """Look whether what tasks fetched is another by now."""
    scaffolding: Scaffolding = ctx["scaffolding"]
    await scaffolding.skeletons.look()


async def remove_tasks(ctx: Mapping[str, Any]) -> None:
    """Forget the tasks that ended longer ago than they are kept."""
    scaffolding: Scaffolding = ctx["scaffolding"]
    for task in await scaffolding.tasks.due(_MOST_AT_ONCE):
        if task.status.is_over:
            await scaffolding.tasks.remove(task.id)
            await drop_lease(scaffolding.store, _lease(task.id))


async def run_task(ctx: Mapping[str, Any], task_id: str) -> None:
    """Run the task to its end, from where it is. One that is over needs nothing."""
    scaffolding: Scaffolding = ctx["scaffolding"]
    if scaffolding.running >= scaffolding.workshop.config.scaffolder.concurrent_tasks_limit:
        raise BusyError("this process runs as many tasks as it may")
    scaffolding.running += 1
    try:
        await holding(scaffolding.store, _lease(task_id), lambda: _Running(scaffolding, task_id).complete())
    except NotFoundError:
        _log.info("the task %s is gone", task_id)
    finally:
        scaffolding.running -= 1


def _lease(task_id: str) -> str:
    return f"task:{task_id}"


class _CancelledError(CallboardError):
    """Somebody cancelled the task."""


class _TimedOutError(CallboardError):
    """The task took longer than it may."""

    code = "BAD_USER_INPUT"


class _Running:
    """One task while this worker runs it."""

    def __init__(self, scaffolding: Scaffolding, task_id: str) -> None:
        self._scaffolding, self._tasks, self._id = scaffolding, scaffolding.tasks, task_id

    async def complete(self) -> None:
        task = await self._tasks.change(self._id, _begun)
        if task.status.is_over:
            return
        if task.is_cancelled:
            return await self._end(TaskStatus.CANCELLED, None, {})
        _log.info("task %s of %s runs, attempt %d", task.id, task.template, task.attempt)
        try:
            output = await self._watched(task)
        except asyncio.CancelledError:
            # It is not over: whoever takes it over next goes on from here, at once.
            with suppress(StoreError, StaleWriteError):
                await asyncio.shield(self._tasks.change(self._id, _paused))
            raise
        except (StoreError, StaleWriteError, LeaseLostError):
            raise
        except _CancelledError:
            await self._end(TaskStatus.CANCELLED, None, {})
        except Exception as error:
            if not isinstance(error, CallboardError):
                _log.exception("task %s failed by a mistake of Callboard or of an action", self._id)
            await self._end(TaskStatus.FAILED, error, {})
        else:
            await self._end(TaskStatus.COMPLETED, None, output)

    async def _watched(self, task: Task) -> Mapping[str, Any]:
        """The task's output. _CancelledError, _TimedOutError, or what the run raises."""
        with TemporaryDirectory(prefix="callboard-task-", ignore_cleanup_errors=True) as folder:
            running = asyncio.create_task(self._run(task, Path(folder)))
            watching = asyncio.create_task(self._watch(task))
            try:
                await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
                if not running.done():
                    running.cancel()
                    with suppress(asyncio.CancelledError, Exception):
                        await running
                    watching.result()
                if running.cancelled():
                    # Whoever ends this worker cancels the waiting above, not what it waits for.
                    raise StepFailedError("an action ended the task by a cancellation of its own")
                return running.result()
            finally:
                for one in (running, watching):
                    one.cancel()
                await asyncio.gather(running, watching, return_exceptions=True)

    async def _watch(self, task: Task) -> None:
        """Say that the task goes on, until it is cancelled or takes too long: _CancelledError, _TimedOutError."""
        loop = asyncio.get_running_loop()
        told = loop.time()
        limit = self._scaffolding.workshop.config.scaffolder.task_timeout
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = await self._tasks.task(self._id)
            if now is None or now.is_cancelled:
                raise _CancelledError("the task was cancelled")
            if datetime.now(UTC) - (task.began_at or task.created_at) > limit:
                raise _TimedOutError(f"The task took longer than {limit} (scaffolder.taskTimeout), and was ended.")
            if loop.time() - told > _ALIVE_SECONDS:
                told = loop.time()
                await self._tasks.change(self._id, lambda stored: replace(stored, looked_at=datetime.now(UTC)))

    async def _run(self, task: Task, folder: Path) -> Mapping[str, Any]:
        run = await self._prepared(task, folder)
        if run.done or run.interrupted:
            await run.record.log([event_now(EventType.LOG, "Task recovered - resuming from last known good state.")])
        return await run.complete()

    async def _keep_version(self, fetched: Sequence[Skeleton]) -> None:
        """Keep what the task fetched, if it made something."""
        spec, ledger = await self._tasks.spec(self._id), self._scaffolding.ledger
        use = await ledger.use(spec.template.ref, self._id)
        if use and fetched and spec.upgrade is None:
            await ledger.keep_version(use, use.digest, fetched)
            await self._scaffolding.skeletons.keep(use.template, fetched)

    async def _prepared(self, task: Task, folder: Path) -> Run:
        tasks, spec = self._tasks, await self._tasks.spec(task.id)
        secrets, states = await tasks.secrets(task.id), await tasks.steps(task.id)
        access = self._scaffolding.policy(spec.principal)
        use = Use(task.id, task.template, spec.template.digest, task.created_at, task.created_by)
        if spec.upgrade:
            use = replace(use, upgrade_of=spec.upgrade.task_id, upgraded=spec.upgrade.url)
        record = StoredRecord(tasks, self._scaffolding.ledger, self._scaffolding.renderings, use)
        run = self._scaffolding.workshop.run_of(task.id, spec, access, secrets, record, folder, is_dry_run=False)
        if spec.upgrade:
            run.actions = upgrading_actions(self._scaffolding, spec.upgrade)
        over = {index: state for index, state in states.items() if state.status is not StepStatus.PROCESSING}
        run.done = {index: (state, tasks.output_of(task.id, state)) for index, state in over.items()}
        run.interrupted = states.keys() - over.keys()
        kept = [states[index].snapshot for index in sorted(over) if states[index].snapshot]
        archive = await tasks.workspace(task.id, kept[-1]) if kept and kept[-1] else None
        await asyncio.to_thread(restore, run.workspace, archive)
        return run

    async def _end(self, status: TaskStatus, error: Exception | None, output: Mapping[str, Any]) -> None:
        steps = await self._tasks.steps(self._id)
        for state in steps.values():
            if state.status is StepStatus.PROCESSING:
                ended = StepStatus.CANCELLED if status is TaskStatus.CANCELLED else StepStatus.FAILED
                await self._tasks.write_step(self._id, replace(state, status=ended, ended_at=datetime.now(UTC)))
        await self._keep_version(fetched_by(steps[index] for index in sorted(steps)))
        message = str(error) if error else None
        told: dict[str, Any] = {"error": {"name": type(error).__name__, "message": message}} if error else {"output": dict(output)}
        event = event_now(EventType.COMPLETION, f"Run completed with status: {status}", **told)
        now = datetime.now(UTC)
        await self._tasks.finish(
            self._id, lambda task: replace(task, status=status, error=message, output=output, ended_at=now, looked_at=now), event
        )
        await self._tasks.drop_secrets(self._id)
        if status is TaskStatus.COMPLETED:
            await self._tasks.drop_workspaces(self._id)
        _log.info("task %s is %s", self._id, status)


def _paused(task: Task) -> Task | None:
    return None if task.status.is_over else replace(task, status=TaskStatus.OPEN)


def _begun(task: Task) -> Task | None:
    if task.status.is_over:
        return None
    now = datetime.now(UTC)
    return replace(task, status=TaskStatus.PROCESSING, began_at=task.began_at or now, looked_at=now)
